/** The text twin of the cutaway: containers one a row, with the same numbers; then the images. */
import { formatBytes, formatShare } from "../format.ts";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { SEEN } from "./CutawayPicture.tsx";
import { findContainers, isAlive } from "./layout.ts";
import { tellPorts, tellState } from "./words.ts";

const REDRAW_MS = 400;
const ROWS_MOST = 1000;

export function CutawayText() {
  useLiveVersion(REDRAW_MS, SEEN);
  const selected = useStore(({ selection }) => (selection?.kind === "container" ? selection.id : undefined));
  const { ofCgroup, cgroupOf } = findContainers(live.cgroups);
  const members = new Map<string, { processes: number; share: number }>();
  for (const { pid, cgroup } of live.tasks.values()) {
    const id = ofCgroup.get(cgroup);
    if (id === undefined) continue;
    const { processes, share } = members.get(id) ?? { processes: 0, share: 0 };
    members.set(id, { processes: processes + 1, share: share + (live.shares.get(pid) ?? 0) });
  }
  const containers = [...live.containers.values()].sort(
    (a, b) => Number(isAlive(b)) - Number(isAlive(a)) || (a.created < b.created ? 1 : -1),
  );
  return (
    <section
      className="drawing plain"
      aria-label="Cutaway as text"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
    >
      <table className="twin">
        <caption className="label">Containers</caption>
        <Head names={["Name", "Image", "State", "Processes", "CPU", "Memory", "Address", "Ports", "Command"]} />
        <tbody>
          {containers.slice(0, ROWS_MOST).map((container) => {
            const memory = cgroupOf.get(container.id)?.memory?.currentBytes;
            const { processes, share } = members.get(container.id) ?? { processes: 0, share: 0 };
            const { memoryBytes } = container.limits;
            return (
              <tr key={container.id} className={container.id === selected ? "selected" : undefined}>
                <td>
                  <button type="button" onClick={() => toggleSelection({ kind: "container", id: container.id })}>
                    {container.name}
                  </button>
                </td>
                <td>{container.image}</td>
                <td>{tellState(container)}</td>
                <td className="number">{processes}</td>
                <td className="number">{formatShare(share)}</td>
                <td className="number">
                  {memory === undefined ? "" : `${formatBytes(memory)}${memoryBytes > 0 ? ` of ${formatBytes(memoryBytes)}` : ""}`}
                </td>
                <td>{container.networks.map(({ address }) => address).join(" ")}</td>
                <td>{tellPorts(container)}</td>
                <td>{container.command}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {containers.length > ROWS_MOST && <p className="twin-rest">{`and ${containers.length - ROWS_MOST} more`}</p>}
      <table className="twin">
        <caption className="label">Images</caption>
        <Head names={["Id", "Names", "Layers"]} />
        <tbody>
          {[...live.images.values()].map(({ id, tags, diffIds }) => (
            <tr key={id}>
              <td>{id.slice(0, 12)}</td>
              <td>{tags.join(", ")}</td>
              <td className="number">{diffIds.length}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Head({ names }: { readonly names: readonly string[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col" className="label">
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}
