/** The text twin of the process tree: the same shapes as a table, for screen readers, copying and whoever prefers text. */
import { formatBytes, formatCount, formatShare } from "../format.ts";
import { live, toggleSelection, useSelectedPid } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { layoutProcesses } from "./layout.ts";
import { SEEN } from "./ProcessPicture.tsx";
import { SeenFrom, useSeenFrom } from "./SeenFrom.tsx";
import { getStateFace } from "./states.ts";

const REDRAW_MS = 250;

export function ProcessText() {
  const selectedPid = useSelectedPid();
  const seenFrom = useSeenFrom();
  useLiveVersion(REDRAW_MS, SEEN);
  const ghosts = [...live.ghosts.values()].map((ghost) => ghost.task);
  const { tasks, shares, bornTo, namespaces } = live;
  const shapes = layoutProcesses({ tasks, ghosts, shares, bornTo, width: 0, height: 0, selected: selectedPid, namespaces, seenFrom });
  // As `ps` in there would list them.
  const nodes = shapes.nodes.filter((node) => node.here >= 0);
  const nested = nodes.some((node) => node.numbers.length > 1);
  return (
    <>
      <SeenFrom seenFrom={seenFrom} />
      <section
        className="drawing plain"
        aria-label="Processes as text"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        <table className="twin">
          <caption className="visually-hidden">{`${formatCount(shapes.processes)} processes`}</caption>
          <thead>
            <tr>
              {["PID", ...(nested ? ["All PIDs"] : []), "Name", "State", "CPU", "Memory", "Command"].map((head) => (
                <th key={head} scope="col" className="label">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.key} className={node.task.pid === selectedPid ? "selected" : undefined}>
                <td className="number">{node.kind === "group" ? `×${formatCount(node.count)}` : node.numbers[node.here]}</td>
                {nested && <td>{node.kind === "group" ? "" : node.numbers.join(" / ")}</td>}
                <td>
                  {"  ".repeat(node.depth)}
                  <button type="button" onClick={() => toggleSelection({ kind: "task", pid: node.task.pid })}>
                    {node.comm}
                  </button>
                </td>
                <td>
                  {node.kind === "group"
                    ? node.states.map(([state, count]) => `${count} ${getStateFace(state).label}`).join(", ")
                    : `${node.task.state} ${getStateFace(node.task.state).label}${node.orphanOf === undefined ? "" : `, orphan of ${node.orphanOf}`}`}
                </td>
                <td className="number">{formatShare(node.share)}</td>
                <td className="number">{formatBytes(node.rssBytes)}</td>
                <td>
                  {node.kind === "group" ? (node.generations > 1 ? `${node.generations} generations` : "") : node.task.argv.join(" ")}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
