/** The text twin of the namespaces: who is in which, and what there is of them. */
import type { NamespaceKind } from "../../bridge/messages.ts";
import type { LiveKind } from "../live.ts";
import { findFirst } from "../relations.ts";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { KINDS } from "./kinds.ts";
import { layoutNamespaces, type RowShape } from "./layout.ts";
import { nameRow } from "./NamespacePicture.tsx";
import { listMembers } from "./members.ts";

const SEEN: readonly LiveKind[] = ["tasks", "namespaces"];
/** Tall enough for a row each in any usual machine. */
const HEIGHT = 1400;

export function NamespaceText() {
  useLiveVersion(250, SEEN);
  const { tasks, namespaces } = live;
  const { rows, plates } = layoutNamespaces({ tasks, namespaces, width: 600, height: HEIGHT });
  const cell = (row: RowShape, kind: NamespaceKind): string => {
    if (row.kind === "empty" || row.kind === "fold") {
      const plate = plates.find((one) => one.kind === kind && one.y >= row.y && one.y < row.y + row.height);
      return plate === undefined ? (row.points.includes(kind) ? "first" : "") : plate.count > 1 ? `×${plate.count}` : String(plate.ino);
    }
    if (row.points.includes(kind)) return "first";
    return String(tasks.get(row.pids[0] ?? 0)?.namespaces[kind] ?? "");
  };
  return (
    <section
      className="drawing plain"
      aria-label="Namespaces as text"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
    >
      <table className="twin">
        <caption className="visually-hidden">Processes and the namespaces that they are in</caption>
        <thead>
          <tr>
            {["PID", "Name", ...KINDS.map(({ kind }) => kind)].map((head) => (
              <th key={head} scope="col" className="label">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              <td className="number">{row.kind === "process" ? row.pids[0] : row.pids.length > 0 ? `×${row.pids.length}` : ""}</td>
              <td>{nameRow(row)}</td>
              {KINDS.map(({ kind }) => (
                <td key={kind} className={row.points.includes(kind) ? "soft" : undefined}>
                  {cell(row, kind)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <ListOfAll />
    </section>
  );
}

/** As lsns(8) lists them. */
function ListOfAll() {
  const selected = useStore(({ selection }) => (selection?.kind === "namespace" ? selection.ino : undefined));
  const { tasks, namespaces } = live;
  const first = findFirst(namespaces);
  const order = KINDS.map(({ kind }) => kind);
  const all = [...namespaces.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.ino - b.ino);
  return (
    <table className="twin">
      <caption className="visually-hidden">{`${namespaces.size} namespaces`}</caption>
      <thead>
        <tr>
          {["Namespace", "Kind", "Processes", "Nested in", "Owner", "Known by"].map((head) => (
            <th key={head} scope="col" className="label">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {all.map(({ ino, kind, parent, owner, label }) => (
          <tr key={ino} className={ino === selected ? "selected" : undefined}>
            <td>
              <button type="button" onClick={() => toggleSelection({ kind: "namespace", ino })}>
                {ino}
              </button>
            </td>
            <td>{first.get(kind) === ino ? `${kind} (first)` : kind}</td>
            <td className="number">{listMembers(tasks, namespaces, ino).length}</td>
            <td>{parent ?? ""}</td>
            <td>{owner ?? ""}</td>
            <td>{label}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
