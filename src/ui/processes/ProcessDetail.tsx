/** What is known of the selected process, in words and figures, and commands about it that are typed into the terminal. */
import { useSession } from "../context.tsx";
import { formatBytes, formatShare, formatSpan } from "../format.ts";
import { findFirst } from "../relations.ts";
import { live, toggleSelection, useSelectedPid, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import type { NamespaceKind, TaskEntity } from "../../bridge/messages.ts";
import { getStateFace } from "./states.ts";

/** Commands about a process, as the shell takes them; those that end it are marked. */
function listCommands(task: TaskEntity): readonly { readonly command: string; readonly danger: boolean }[] {
  const stopped = task.state === "T";
  return [
    { command: `kill -${stopped ? "CONT" : "STOP"} ${task.pid}`, danger: false },
    { command: `kill ${task.pid}`, danger: true },
    { command: `kill -KILL ${task.pid}`, danger: true },
    { command: `cat /proc/${task.pid}/status`, danger: false },
    { command: `ls -l /proc/${task.pid}/fd`, danger: false },
  ];
}

/** How a wait status reads: exit code or signal. */
export function describeWaitStatus(status: number): string {
  const signal = status & 0x7f;
  return signal === 0 ? `exit status ${status >> 8}` : `ended by signal ${signal}`;
}

export function ProcessDetail() {
  const pid = useSelectedPid();
  useLiveVersion(250);
  if (pid === undefined) return null;
  const task = live.tasks.get(pid);
  return (
    <section className="detail" aria-label={`Process ${pid}`}>
      <div className="detail-head">
        <span className="label">Detail</span>
        <h3>{task === undefined ? `process ${pid}` : `${task.comm} ${pid}`}</h3>
        <button type="button" className="plain-button" onClick={() => useStore.setState({ selection: undefined })}>
          Close
        </button>
      </div>
      {task === undefined ? <p className="detail-state">There is no process {pid} any more.</p> : <Facts task={task} />}
    </section>
  );
}

/** Its cgroup, and its namespaces beside the first. */
function Places({ task }: { readonly task: TaskEntity }) {
  const cgroup = live.cgroups.get(task.cgroup);
  const first = findFirst(live.namespaces);
  const own = (Object.entries(task.namespaces) as [NamespaceKind, number][]).filter(([kind, ino]) => first.get(kind) !== ino);
  return (
    <>
      {cgroup !== undefined && (
        <button type="button" className="link-button" onClick={() => toggleSelection({ kind: "cgroup", id: cgroup.id })}>
          cgroup {cgroup.path}
        </button>
      )}
      {own.map(([kind, ino]) => (
        <button key={kind} type="button" className="link-button" onClick={() => toggleSelection({ kind: "namespace", ino })}>
          {kind}:[{ino}]
        </button>
      ))}
      {own.length === 0 && <span>the first namespaces</span>}
    </>
  );
}

function Facts({ task }: { readonly task: TaskEntity }) {
  const session = useSession();
  const bornTo = live.bornTo.get(task.pid);
  const parent = bornTo !== undefined && bornTo !== task.ppid ? `${task.ppid} (born to ${bornTo})` : String(task.ppid);
  const facts: readonly (readonly [string, string])[] = [
    ["PID", [task.pid, ...task.innerPids].join(" / ")],
    ["Parent", parent],
    ["Group", String(task.pgid)],
    ["Session", String(task.sid)],
    ["Terminal", task.tty === "" ? "none" : task.tty],
    ["User", task.uid === 0 ? "0 root" : String(task.uid)],
    ["CPU now", formatShare(live.shares.get(task.pid) ?? 0)],
    ["CPU time", formatSpan(task.cpuNs)],
    ["Memory", formatBytes(task.rssBytes)],
    ["Nice", String(task.nice)],
    ["Threads", String(task.threads)],
    ["Started", `${(task.startNs / 1e9).toFixed(2)} s`],
  ];
  return (
    <>
      <p className="detail-state">
        It is {getStateFace(task.state).words}
        {task.waitStatus === undefined ? "" : ` (${describeWaitStatus(task.waitStatus)})`}.
      </p>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="label">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div className="wide">
          <dt className="label">Is in</dt>
          <dd className="members">
            <Places task={task} />
          </dd>
        </div>
        <div className="wide">
          <dt className="label">Arguments</dt>
          <dd>{task.argv.length === 0 ? "none" : task.argv.join(" ")}</dd>
        </div>
      </dl>
      <div className="chips">
        {listCommands(task).map(({ command, danger }) => (
          <button type="button" key={command} className={`chip${danger ? " danger" : ""}`} onClick={() => session.typeCommand(command)}>
            {command}
          </button>
        ))}
      </div>
    </>
  );
}
