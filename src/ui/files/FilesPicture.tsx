/** The mounts of a namespace as a drawing: measures its room, asks `layout.ts` for shapes, and draws them. */
import "../styles/files.css";
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from "react";
import { useSession } from "../context.tsx";
import { formatCount } from "../format.ts";
import { live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion, useRelated, useSize } from "../use-live.ts";
import { TryThese } from "../picture/TryThese.tsx";
import { FilesBar } from "./FilesBar.tsx";
import { FileSheet } from "./FileSheet.tsx";
import { EntryRow, MountRow, NoteRow, PropagationMark } from "./FileRows.tsx";
import { decideKey } from "./keys.ts";
import { type FilesShapes, layoutFiles, type Propagation, type RowShape } from "./layout.ts";
import { isDirectory } from "./names.ts";
import { Dimension, findLit, Hatch, isTieLit, RailName, Tie } from "./Propagation.tsx";
import { listNamespaces, type ShownFile, showFile, showMore, toggleDirectory, useFiles, useFreshFiles, useShownNs } from "./state.ts";

const REDRAW_MS = 150;
const KINDS = ["mounts", "namespaces", "tasks"] as const;

export function FilesPicture() {
  const drawing = useRef<HTMLElement>(null);
  const { width } = useSize(drawing);
  const { open, shown } = useFiles();
  useLiveVersion(REDRAW_MS, KINDS);
  const mntNs = useShownNs();
  useFreshFiles(mntNs);
  const namespaces = listNamespaces();
  const shapes = layoutFiles({
    mounts: live.mounts.values(),
    mntNs: mntNs ?? 0,
    others: namespaces,
    open,
    shown,
    width,
  });
  return (
    <>
      <FilesBar mntNs={mntNs} namespaces={namespaces} />
      <section
        className="drawing"
        ref={drawing}
        aria-label="Mounts as a picture"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        {mntNs !== undefined && <Tree shapes={shapes} mntNs={mntNs} />}
        {shapes.mountCount > 0 && namespaces.length < 2 && (
          <div className="files-try">
            <TryThese words="Open a mount to look inside, or change the tree:" commands={EXAMPLES} />
          </div>
        )}
      </section>
      <FileSheet />
      <Legend shapes={shapes} />
    </>
  );
}

function canOpen(row: RowShape): boolean {
  return row.kind === "mount" ? row.reachable : row.kind === "entry" && isDirectory(row.entry.mode);
}

/** The sheet of a file takes room below: the row of the file stays in sight. */
function useShownFileInSight(file: ShownFile | undefined): RefObject<SVGSVGElement | null> {
  const drawing = useRef<SVGSVGElement>(null);
  const path = file?.answer === undefined ? undefined : file.path;
  useEffect(() => {
    if (path === undefined) return;
    const request = requestAnimationFrame(() => {
      drawing.current?.querySelector(`[data-key="${CSS.escape(`entry:${path}`)}"]`)?.scrollIntoView({ block: "nearest" });
    });
    return () => cancelAnimationFrame(request);
  }, [path]);
  return drawing;
}

function Tree({ shapes, mntNs }: { readonly shapes: FilesShapes; readonly mntNs: number }) {
  const session = useSession();
  const [focused, setFocused] = useState<string | undefined>(undefined);
  const selection = useStore((state) => state.selection);
  const hovered = useStore((state) => state.hovered);
  const file = useFiles((state) => state.file);
  const { rows } = shapes;
  const entry = rows.some((row) => row.key === focused) ? focused : rows[0]?.key;
  const toggle = (row: RowShape): void => {
    if (canOpen(row)) toggleDirectory(session, mntNs, row.path);
  };
  const activate = (row: RowShape): void => {
    if (row.kind === "mount") toggleSelection({ kind: "mount", id: row.mount.id });
    else if (row.kind === "note") showMore(row.path);
    else if (canOpen(row)) toggle(row);
    else showFile(session, mntNs, row.path);
  };
  const onKeyDown = (event: KeyboardEvent<SVGSVGElement>): void => {
    const at = rows.findIndex((row) => row.key === entry);
    const row = rows[at];
    const inTree = (event.target as Element).closest('[role="treeitem"]') !== null;
    if (row === undefined || !inTree || event.altKey || event.ctrlKey || event.metaKey) return;
    const effect = decideKey(rows, at, event.key);
    if (effect === undefined) return;
    event.preventDefault();
    if (effect === "toggle") toggle(row);
    else if (effect === "activate") activate(row);
    else if (effect.to !== undefined) event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(effect.to.key)}"]`)?.focus();
  };
  const drawing = useShownFileInSight(file);
  const common = { onFocus: setFocused, onActivate: activate, onToggle: toggle };
  const related = useRelated();
  const lit = hovered?.kind === "mount" ? findLit(hovered.id) : related?.mounts;
  return (
    <svg ref={drawing} width={shapes.width} height={shapes.height} onKeyDown={onKeyDown}>
      <title>Tree of mounts</title>
      <Hatch />
      <Dimension shapes={shapes} />
      <g>
        {shapes.links.map(({ key, path, kind }) => (
          <path
            key={key}
            className={kind === "trunk" ? "link trunk" : "link"}
            d={path}
            style={{ d: `path("${path}")` } as React.CSSProperties}
          />
        ))}
        {shapes.rails.map(({ mntNs: ns, x }) => (
          <path key={ns} className="rail-line" d={`M${x} ${shapes.top - 6}V${shapes.height}`} />
        ))}
        {shapes.ties.map((tie) => (
          <Tie key={tie.key} tie={tie} marksX={shapes.marksX} related={isTieLit(tie, rows, lit)} />
        ))}
      </g>
      <g role="tree" aria-label="Mounts and open directories">
        {rows.map((row) => {
          const tabbable = row.key === entry;
          if (row.kind === "mount") {
            const selected = selection?.kind === "mount" && selection.id === row.mount.id;
            const dim = lit?.has(row.mount.id) === false;
            return (
              <MountRow key={row.key} row={row} dim={dim} tabbable={tabbable} selected={selected} marksX={shapes.marksX} {...common} />
            );
          }
          if (row.kind === "entry")
            return <EntryRow key={row.key} row={row} tabbable={tabbable} selected={file?.path === row.path} {...common} />;
          return <NoteRow key={row.key} row={row} tabbable={tabbable} {...common} />;
        })}
      </g>
      {shapes.rails.map((rail) => (
        <RailName key={rail.mntNs} rail={rail} top={shapes.top} />
      ))}
      {shapes.hiddenRows + shapes.hiddenRails > 0 && (
        <text className="soft" x={16} y={shapes.height - 8} fontSize="11">
          {[
            shapes.hiddenRows > 0 ? `${formatCount(shapes.hiddenRows)} more rows` : "",
            shapes.hiddenRails > 0 ? `${formatCount(shapes.hiddenRails)} more namespaces` : "",
          ]
            .filter((part) => part !== "")
            .join(" and ")}{" "}
          have no room here
        </text>
      )}
    </svg>
  );
}

const PROPAGATIONS: readonly (readonly [Propagation, string])[] = [
  ["shared", "shared: both ways"],
  ["slave", "slave: receives only"],
  ["private", "private"],
  ["unbindable", "unbindable"],
];

function Legend({ shapes }: { readonly shapes: FilesShapes }) {
  const selected = useStore((state) => state.selection !== undefined);
  const file = useFiles((state) => state.file);
  if (selected || file !== undefined) return null;
  return (
    <div className="legend">
      <span className="label">Key</span>
      {PROPAGATIONS.map(([propagation, words]) => (
        <span className="legend-entry" key={propagation}>
          <svg width="20" height="14" viewBox="-10 -7 20 14" aria-hidden="true">
            <PropagationMark propagation={propagation} />
          </svg>
          {words}
        </span>
      ))}
      {shapes.coveredCount > 0 && (
        <span className="legend-entry">
          <svg width="20" height="14" aria-hidden="true">
            <Hatch />
            <rect x=".5" y="1.500" width="19" height="11" fill="url(#hatch-covered)" stroke="var(--line-soft)" strokeDasharray="4 3" />
          </svg>
          covered
        </span>
      )}
    </div>
  );
}

const EXAMPLES = ["mount -t tmpfs tmpfs /mnt", "mount --make-shared /tmp", "unshare -m sleep 1000 &", "mount --bind /etc /mnt"];
