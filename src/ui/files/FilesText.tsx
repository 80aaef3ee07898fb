/** The text twin of the mount tree: the same rows as a table, for screen readers, copying and whoever prefers text. */
import "../styles/files.css";
import { useSession } from "../context.tsx";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion } from "../use-live.ts";
import { FilesBar } from "./FilesBar.tsx";
import { FileSheet } from "./FileSheet.tsx";
import { layoutFiles, type RowShape } from "./layout.ts";
import { formatMode, isDirectory, isRegular, showName } from "./names.ts";
import { listNamespaces, showFile, showMore, toggleDirectory, useFiles, useFreshFiles, useShownNs } from "./state.ts";

const KINDS = ["mounts", "namespaces", "tasks"] as const;

export function FilesText() {
  const { open, shown } = useFiles();
  useLiveVersion(250, KINDS);
  const mntNs = useShownNs();
  useFreshFiles(mntNs);
  const namespaces = listNamespaces();
  const shapes = layoutFiles({ mounts: live.mounts.values(), mntNs: mntNs ?? 0, others: namespaces, open, shown, width: 800 });
  return (
    <>
      <FilesBar mntNs={mntNs} namespaces={namespaces} />
      <section
        className="drawing plain"
        aria-label="Mounts as text"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        <table className="twin">
          <caption className="visually-hidden">{`${shapes.mountCount} mounts of mount namespace ${mntNs ?? ""}`}</caption>
          <thead>
            <tr>
              {["Mount", "Path", "Type", "Propagation", "Source", "Options"].map((head) => (
                <th key={head} scope="col" className="label">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shapes.rows.map((row) => (
              <Row key={row.key} row={row} mntNs={mntNs ?? 0} />
            ))}
          </tbody>
        </table>
      </section>
      <FileSheet />
    </>
  );
}

function describePropagation(row: RowShape & { kind: "mount" }): string {
  const { shared, master } = row.mount;
  const said = [shared === undefined ? "" : `shared:${shared}`, master === undefined ? "" : `master:${master}`].filter(
    (part) => part !== "",
  );
  return said.length === 0 ? row.propagation : said.join(" ");
}

function Row({ row, mntNs }: { readonly row: RowShape; readonly mntNs: number }) {
  const session = useSession();
  const selected = useStore(({ selection }) => row.kind === "mount" && selection?.kind === "mount" && selection.id === row.mount.id);
  const indent = "  ".repeat(row.depth);
  if (row.kind === "mount") {
    const { mount, reachable, coveredBy } = row;
    return (
      <tr className={selected ? "selected" : undefined}>
        <td className="number">{mount.id}</td>
        <td>
          {indent}
          <button type="button" onClick={() => toggleSelection({ kind: "mount", id: mount.id })}>
            {showName(mount.target)}
          </button>{" "}
          {reachable && (
            <button
              type="button"
              aria-expanded={row.open}
              aria-label={`Entries of ${showName(mount.target)}`}
              onClick={() => toggleDirectory(session, mntNs, row.path)}
            >
              {row.open ? "close" : "open"}
            </button>
          )}
          {!reachable && `(covered${coveredBy === undefined ? "" : ` by ${coveredBy}`})`}
        </td>
        <td>{mount.fstype}</td>
        <td>{describePropagation(row)}</td>
        <td>{`${showName(mount.source)}${mount.root === "/" ? "" : `[${showName(mount.root)}]`}`}</td>
        <td>{mount.options}</td>
      </tr>
    );
  }
  if (row.kind === "note") {
    return (
      <tr>
        <td />
        <td colSpan={5}>
          {indent}
          {row.text}{" "}
          {row.more > 0 && (
            <button type="button" onClick={() => showMore(row.path)}>
              show them
            </button>
          )}
        </td>
      </tr>
    );
  }
  const { entry } = row;
  const act = () => (isDirectory(entry.mode) ? toggleDirectory(session, mntNs, row.path) : showFile(session, mntNs, row.path));
  return (
    <tr>
      <td />
      <td>
        {indent}
        <button type="button" aria-expanded={isDirectory(entry.mode) ? row.open : undefined} onClick={act}>
          {showName(entry.name)}
        </button>
        {entry.target === undefined ? "" : ` → ${showName(entry.target)}`}
      </td>
      <td>{entry.bare === true ? "" : formatMode(entry.mode)}</td>
      <td className="number">{isRegular(entry.mode) && entry.bare !== true ? `${entry.sizeBytes} bytes` : ""}</td>
      <td>{entry.bare === true ? "" : `${entry.uid}:${entry.gid}`}</td>
      <td />
    </tr>
  );
}
