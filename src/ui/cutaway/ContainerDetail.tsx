/** What is known of the selected container, its last output, and docker's commands about it, which are typed into the terminal. */
import { useEffect, useState } from "react";
import type { ContainerEntity } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { formatBytes, formatShare } from "../format.ts";
import type { LiveKind } from "../live.ts";
import { findFirst } from "../relations.ts";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { findContainers, isAlive } from "./layout.ts";
import { tellPorts, tellState } from "./words.ts";

const SEEN: readonly LiveKind[] = ["containers", "tasks", "cgroups", "mounts"];
/** Characters that a narrow cell has room for. */
const MOST_SHORT = 9;
const LOG_LINES = 8;
const LOG_BYTES = 16 * 1024;
const LOG_EVERY_MS = 1000;

interface Command {
  readonly command: string;
  readonly danger?: boolean;
}

/** What one would type about it as it is. */
function listCommands({ name, state, tty }: ContainerEntity): readonly Command[] {
  const always: readonly Command[] = [
    { command: `docker logs ${name}` },
    { command: `docker inspect ${name}` },
    { command: `docker diff ${name}` },
  ];
  if (state === "paused") return [{ command: `docker unpause ${name}` }, ...always, { command: `docker rm -f ${name}`, danger: true }];
  if (state === "running" || state === "restarting")
    return [
      { command: `docker exec -it ${name} sh` },
      ...(tty ? [{ command: `docker attach ${name}` }] : []),
      { command: `docker top ${name}` },
      { command: `docker stats --no-stream ${name}` },
      ...always,
      { command: `docker pause ${name}` },
      { command: `docker restart ${name}` },
      { command: `docker stop ${name}`, danger: true },
      { command: `docker kill ${name}`, danger: true },
      { command: `docker rm -f ${name}`, danger: true },
    ];
  return [{ command: `docker start ${name}` }, ...always, { command: `docker rm ${name}`, danger: true }];
}

export function ContainerDetail() {
  const id = useStore(({ selection }) => (selection?.kind === "container" ? selection.id : undefined));
  useLiveVersion(250, SEEN);
  if (id === undefined) return null;
  const container = live.containers.get(id) ?? [...live.containers.values()].find((each) => each.id.startsWith(id));
  return (
    <section className="detail" aria-label={`Container ${container?.name ?? id.slice(0, 12)}`}>
      <div className="detail-head">
        <span className="label">Detail</span>
        <h3>{container === undefined ? `container ${id.slice(0, 12)}` : container.name}</h3>
        <button type="button" className="plain-button" onClick={() => useStore.setState({ selection: undefined })}>
          Close
        </button>
      </div>
      {container === undefined ? <p className="detail-state">There is no such container any more.</p> : <Facts container={container} />}
    </section>
  );
}

function Facts({ container }: { readonly container: ContainerEntity }) {
  const session = useSession();
  const { ofCgroup, cgroupOf } = findContainers(live.cgroups);
  const cgroup = cgroupOf.get(container.id);
  let share = 0;
  for (const { pid, cgroup: at } of live.tasks.values()) if (ofCgroup.get(at) === container.id) share += live.shares.get(pid) ?? 0;
  const { limits } = container;
  const facts: readonly (readonly [string, string])[] = [
    ["Id", container.id.slice(0, 12)],
    ["Image", container.image],
    ["CPU now", `${formatShare(share)}${limits.cpus > 0 ? ` of ${formatShare(limits.cpus)}` : ""}`],
    [
      "Memory",
      cgroup?.memory === undefined
        ? "none"
        : `${formatBytes(cgroup.memory.currentBytes)}${limits.memoryBytes > 0 ? ` of ${formatBytes(limits.memoryBytes)}` : ""}`,
    ],
    ["Tasks", cgroup?.pids === undefined ? "0" : `${cgroup.pids.current}${limits.pids > 0 ? ` of ${limits.pids}` : ""}`],
    ["OOM kills", String(cgroup?.memory?.oomKills ?? (container.oomKilled ? 1 : 0))],
    ["Restarts", String(container.restartCount)],
    [
      "Network",
      container.networks.map(({ name, address }) => (address === "" ? name : `${address} (${name})`)).join(", ") || container.networkMode,
    ],
    ["Ports", tellPorts(container) || "none published"],
    [
      "Mounts",
      container.mounts
        .map(
          ({ name, source, destination, writable }) => `${name === "" ? source : name.slice(0, 12)}:${destination}${writable ? "" : ":ro"}`,
        )
        .join(", ") || "none",
    ],
  ];
  return (
    <>
      <p className="detail-state">It is {tellState(container)}.</p>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name} className={value.length > MOST_SHORT ? "half" : undefined}>
            <dt className="label">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div className="wide">
          <dt className="label">Command</dt>
          <dd>{container.command}</dd>
        </div>
        {isAlive(container) && (
          <div className="wide">
            <dt className="label">Is made of</dt>
            <dd className="members">
              <Parts container={container} />
            </dd>
          </div>
        )}
      </dl>
      <Log id={container.id} />
      <div className="chips">
        {listCommands(container).map(({ command, danger }) => (
          <button
            type="button"
            key={command}
            className={`chip${danger === true ? " danger" : ""}`}
            onClick={() => session.typeCommand(command)}
          >
            {command}
          </button>
        ))}
      </div>
    </>
  );
}

/** The things of the kernel that a container is: each leads to the views that draw it. */
function Parts({ container }: { readonly container: ContainerEntity }) {
  const task = live.tasks.get(container.pid);
  const cgroup = task === undefined ? undefined : live.cgroups.get(task.cgroup);
  const first = findFirst(live.namespaces);
  const overlay = [...live.mounts.values()].find((mount) => mount.mntNs === task?.namespaces.mnt && mount.overlay !== undefined)?.overlay;
  const spaces =
    task === undefined
      ? []
      : (Object.entries(task.namespaces) as [keyof typeof task.namespaces, number][]).filter(([kind, ino]) => first.get(kind) !== ino);
  return (
    <>
      {task !== undefined && (
        <button type="button" className="link-button" onClick={() => toggleSelection({ kind: "task", pid: task.pid })}>
          process {task.pid}
        </button>
      )}
      {cgroup !== undefined && (
        <button type="button" className="link-button" onClick={() => toggleSelection({ kind: "cgroup", id: cgroup.id })}>
          its cgroup
        </button>
      )}
      {overlay !== undefined && (
        <button
          type="button"
          className="link-button"
          onClick={() => useStore.setState({ selection: { kind: "overlay", id: overlay }, view: "layers" })}
        >
          its layers
        </button>
      )}
      {spaces.map(([kind, ino]) => (
        <button key={kind} type="button" className="link-button" onClick={() => toggleSelection({ kind: "namespace", ino })}>
          {kind}:[{ino}]
        </button>
      ))}
    </>
  );
}

interface LogLine {
  readonly stream: string;
  readonly text: string;
}

/** The last lines of its log file, as docker keeps it. */
function Log({ id }: { readonly id: string }) {
  const session = useSession();
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  useEffect(() => {
    let over = false;
    const mntNs = findFirst(live.namespaces).get("mnt") ?? 0;
    const path = `/var/lib/docker/containers/${id}/${id}-json.log`;
    const look = async (): Promise<void> => {
      const size = await session.ask({ kind: "file", mntNs, path, maxBytes: 0 });
      if (size.kind !== "file") return;
      const offset = Math.max(0, size.sizeBytes - LOG_BYTES);
      const answer = await session.ask({ kind: "file", mntNs, path, maxBytes: LOG_BYTES, offset });
      if (!over && answer.kind === "file") setLines(readLog(new TextDecoder().decode(answer.bytes), offset > 0));
    };
    void look();
    const timer = setInterval(() => void look(), LOG_EVERY_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [id, session]);
  if (lines.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <pre className="container-log" role="log" aria-label="Its last output" aria-live="off" tabIndex={0}>
      {lines.map(({ stream, text }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have nothing else.
        <span key={i} className={stream}>{`${text}\n`}</span>
      ))}
    </pre>
  );
}

/** Lines of JSON; the first may be cut off. Control characters are left out: it is text, not a terminal. */
function readLog(text: string, cutOff: boolean): LogLine[] {
  const lines: LogLine[] = [];
  for (const line of text.split("\n").slice(cutOff ? 1 : 0)) {
    try {
      const { log, stream } = JSON.parse(line) as { log?: unknown; stream?: unknown };
      if (typeof log === "string")
        lines.push({ stream: String(stream), text: log.replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]|\n$/g, "") });
    } catch {
      // The end of a line that is being written.
    }
  }
  return lines.slice(-LOG_LINES);
}
