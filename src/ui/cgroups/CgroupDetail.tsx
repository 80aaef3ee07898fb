/** What is known of the selected cgroup, and commands about it that are typed into the terminal. */
import type { CgroupEntity } from "../../bridge/messages.ts";
import { useSession } from "../context.tsx";
import { formatBytes, formatCount, formatSpan } from "../format.ts";
import type { LiveKind } from "../live.ts";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { formatCpus, formatLimit, getDirectory } from "./words.ts";

const SEEN: readonly LiveKind[] = ["cgroups", "tasks"];
const MEMBERS_SHOWN = 12;
const KILLS_SHOWN = 4;

export function CgroupDetail() {
  const id = useStore(({ selection }) => (selection?.kind === "cgroup" ? selection.id : undefined));
  useLiveVersion(250, SEEN);
  if (id === undefined) return null;
  const cgroup = live.cgroups.get(id);
  return (
    <section className="detail" aria-label={cgroup === undefined ? `Cgroup ${id}` : `Cgroup ${cgroup.path}`}>
      <div className="detail-head">
        <span className="label">Detail</span>
        <h3>{cgroup === undefined ? `cgroup ${id}` : cgroup.path}</h3>
        <button type="button" className="plain-button" onClick={() => useStore.setState({ selection: undefined })}>
          Close
        </button>
      </div>
      {cgroup === undefined ? <p className="detail-state">There is no such cgroup any more.</p> : <Facts cgroup={cgroup} />}
    </section>
  );
}

function listFacts(cgroup: CgroupEntity): readonly (readonly [string, string])[] {
  const { cpu, memory, pids } = cgroup;
  const isRoot = cgroup.parent === undefined;
  const facts: (readonly [string, string])[] = [
    ["Type", cgroup.type],
    ["CPU time", formatSpan(cpu.usageNs)],
  ];
  if (!isRoot && cgroup.controllers.includes("cpu")) {
    const limit = Number.isFinite(cpu.quotaUsec) ? `${formatCpus(cpu.quotaUsec / cpu.periodUsec)} CPU` : "max";
    facts.push(["cpu.max", limit], ["cpu.weight", String(cpu.weight)]);
    if (cpu.periods > 0)
      facts.push(
        ["Throttled", `${formatCount(cpu.throttledPeriods)} of ${formatCount(cpu.periods)}`],
        ["For", formatSpan(cpu.throttledNs)],
      );
  }
  facts.push(["CPU stall", `${cpu.pressure.toFixed(1)}%`]);
  if (memory !== undefined) {
    facts.push(["Memory", formatBytes(memory.currentBytes)], ["Peak", formatBytes(memory.peakBytes)]);
    if (!isRoot)
      facts.push(["memory.max", formatLimit(memory.maxBytes, formatBytes)], ["memory.high", formatLimit(memory.highBytes, formatBytes)]);
    if (memory.lowBytes > 0) facts.push(["memory.low", formatBytes(memory.lowBytes)]);
    if (memory.minBytes > 0) facts.push(["memory.min", formatBytes(memory.minBytes)]);
    facts.push(
      ["Anon", formatBytes(memory.anonBytes)],
      ["File", formatBytes(memory.fileBytes)],
      ["Kernel", formatBytes(memory.kernelBytes)],
    );
    facts.push(["OOM kills", formatCount(memory.oomKills)], ["Mem. stall", `${memory.pressure.toFixed(1)}%`]);
  }
  if (pids !== undefined) facts.push(["Tasks", formatCount(pids.current)], ["pids.max", formatLimit(pids.max, formatCount)]);
  return facts;
}

function Facts({ cgroup }: { readonly cgroup: CgroupEntity }) {
  const session = useSession();
  const members = [...live.tasks.values()].filter((task) => task.cgroup === cgroup.id);
  const kills = live.oomKills.filter((kill) => kill.cgroup === cgroup.id).slice(-KILLS_SHOWN);
  const passed = cgroup.subtreeControl.length === 0 ? "none" : cgroup.subtreeControl.join(" ");
  return (
    <>
      <p className="detail-state">
        {cgroup.frozen ? "It is frozen. " : ""}
        It has the controllers {cgroup.controllers.length === 0 ? "of none" : cgroup.controllers.join(", ")}; those below it get: {passed}.
      </p>
      <dl>
        {listFacts(cgroup).map(([name, value]) => (
          <div key={name}>
            <dt className={/^[a-z]/.test(name) ? "label verbatim" : "label"}>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {kills.length > 0 && (
          <div className="wide">
            <dt className="label">Killed for memory</dt>
            <dd>
              {kills
                .map((kill) => `${kill.comm} ${kill.pid} (${formatBytes(kill.rssBytes)}) at ${(kill.atNs / 1e9).toFixed(2)} s`)
                .join(", ")}
            </dd>
          </div>
        )}
        <div className="wide">
          <dt className="label">{members.length === 1 ? "1 process" : `${formatCount(members.length)} processes`}</dt>
          <dd className="members">
            {members.slice(0, MEMBERS_SHOWN).map((task) => (
              <button key={task.pid} type="button" className="link-button" onClick={() => toggleSelection({ kind: "task", pid: task.pid })}>
                {task.comm} {task.pid}
              </button>
            ))}
            {members.length > MEMBERS_SHOWN && <span>and {formatCount(members.length - MEMBERS_SHOWN)} more</span>}
            {members.length === 0 && "none in it itself"}
          </dd>
        </div>
      </dl>
      <div className="chips">
        {listCommands(cgroup).map(({ command, danger }) => (
          <button type="button" key={command} className={`chip${danger ? " danger" : ""}`} onClick={() => session.typeCommand(command)}>
            {command}
          </button>
        ))}
      </div>
    </>
  );
}

function listCommands(cgroup: CgroupEntity): readonly { readonly command: string; readonly danger: boolean }[] {
  const directory = getDirectory(cgroup);
  const has = (controller: string): boolean => cgroup.controllers.includes(controller);
  const quiet = (commands: readonly string[]) => commands.map((command) => ({ command, danger: false }));
  if (cgroup.parent === undefined)
    return quiet([`echo "+cpu +memory +pids" > ${directory}/cgroup.subtree_control`, `mkdir ${directory}/lab`, `ls ${directory}`]);
  return [
    ...quiet([
      `echo $$ > ${directory}/cgroup.procs`,
      `cat ${directory}/cpu.stat`,
      ...(has("cpu") ? [`echo "20000 100000" > ${directory}/cpu.max`] : []),
      ...(has("memory") ? [`echo 64M > ${directory}/memory.max`, `cat ${directory}/memory.events`] : []),
      ...(has("pids") ? [`echo 20 > ${directory}/pids.max`] : []),
      `echo ${cgroup.frozen ? 0 : 1} > ${directory}/cgroup.freeze`,
    ]),
    { command: `echo 1 > ${directory}/cgroup.kill`, danger: true },
  ];
}
