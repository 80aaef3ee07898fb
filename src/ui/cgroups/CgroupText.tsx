/** The text twin of the cgroups: what their files say, one a row. */
import type { CgroupEntity } from "../../bridge/messages.ts";
import { formatBytes, formatCount } from "../format.ts";
import type { LiveKind } from "../live.ts";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { getCpuLimit } from "./layout.ts";
import { formatCpus, formatLimit, getThrottled } from "./words.ts";

const SEEN: readonly LiveKind[] = ["cgroups", "histories"];
const ROWS_MOST = 1000;

const HEADS = [
  ...["Cgroup", "Processes", "CPU", "CPU limit", "Weight", "Throttled", "Memory", "Memory limit", "Peak"],
  ...["OOM kills", "Tasks", "Task limit", "Controllers"],
] as const;

function listCells(cgroup: CgroupEntity): readonly (string | number)[] {
  const { cpu, memory, pids } = cgroup;
  const cpus = live.sample?.busy.length ?? 4;
  const history = live.histories.get(cgroup.id);
  return [
    cgroup.processes,
    formatCpus(history.at(-1)?.cpus ?? 0),
    Number.isFinite(cpu.quotaUsec) ? formatCpus(getCpuLimit(cgroup, cpus)) : "max",
    cgroup.parent === undefined ? "" : cpu.weight,
    `${Math.round(getThrottled(history) * 100)}%`,
    memory === undefined ? "" : formatBytes(memory.currentBytes),
    memory === undefined ? "" : formatLimit(memory.maxBytes, formatBytes),
    memory === undefined ? "" : formatBytes(memory.peakBytes),
    memory === undefined ? "" : memory.oomKills,
    pids === undefined ? "" : pids.current,
    pids === undefined ? "" : formatLimit(pids.max, formatCount),
  ];
}

export function CgroupText() {
  useLiveVersion(500, SEEN);
  const selected = useStore(({ selection }) => (selection?.kind === "cgroup" ? selection.id : undefined));
  const all = [...live.cgroups.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return (
    <section
      className="drawing plain"
      aria-label="Cgroups as text"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
    >
      <table className="twin">
        <caption className="visually-hidden">{`${formatCount(all.length)} cgroups`}</caption>
        <thead>
          <tr>
            {HEADS.map((head) => (
              <th key={head} scope="col" className="label">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {all.slice(0, ROWS_MOST).map((cgroup) => (
            <tr key={cgroup.id} className={cgroup.id === selected ? "selected" : undefined}>
              <td>
                <button type="button" onClick={() => toggleSelection({ kind: "cgroup", id: cgroup.id })}>
                  {cgroup.path}
                </button>
                {cgroup.frozen ? " (frozen)" : ""}
              </td>
              {listCells(cgroup).map((cell, i) => (
                <td key={HEADS[i + 1]} className="number">
                  {cell}
                </td>
              ))}
              <td>{cgroup.controllers.join(" ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {all.length > ROWS_MOST && <p className="twin-rest">and {formatCount(all.length - ROWS_MOST)} more</p>}
    </section>
  );
}
