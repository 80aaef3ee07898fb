/** The mounts of a namespace as a drawing: measures its room, asks `layout.ts` for shapes, and draws them. */
import "../styles/files.css";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useSession } from "../context.tsx";
import { formatCount } from "../format.ts";
import { hover, live, toggleSelection, useStore } from "../store.ts";
import { useLiveVersion, useRelated, useSize } from "../use-live.ts";
import { TryThese } from "../picture/TryThese.tsx";
import { FilesBar } from "./FilesBar.tsx";
import { FileSheet } from "./FileSheet.tsx";
import { EntryRow, MountRow, NoteRow, PropagationMark } from "./FileRows.tsx";
import { type FilesShapes, layoutFiles, type Propagation, type RowShape, type TieShape } from "./layout.ts";
import { isDirectory } from "./names.ts";
import { chooseNamespace, listNamespaces, showFile, showMore, toggleDirectory, useFiles, useFreshFiles, useShownNs } from "./state.ts";

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
    if (row === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const isOpen = row.kind !== "note" && row.open;
    let next: RowShape | undefined;
    if (event.key === "ArrowDown") next = rows[at + 1];
    else if (event.key === "ArrowUp") next = rows[at - 1];
    else if (event.key === "Home") next = rows[0];
    else if (event.key === "End") next = rows.at(-1);
    else if (event.key === "ArrowRight" && isOpen) next = rows[at + 1];
    else if (event.key === "ArrowLeft" && !isOpen) next = rows.find(({ key }) => key === row.parentKey);
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") toggle(row);
    else if (event.key === "Enter" || event.key === " ") activate(row);
    else return;
    event.preventDefault();
    if (next !== undefined) event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus();
  };
  const drawing = useRef<SVGSVGElement>(null);
  const shownPath = file?.answer === undefined ? undefined : file.path;
  // The sheet takes room below: the row of its file stays in sight.
  useEffect(() => {
    if (shownPath === undefined) return;
    const request = requestAnimationFrame(() => {
      drawing.current?.querySelector(`[data-key="${CSS.escape(`entry:${shownPath}`)}"]`)?.scrollIntoView({ block: "nearest" });
    });
    return () => cancelAnimationFrame(request);
  }, [shownPath]);
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
        // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
        <g
          key={rail.mntNs}
          className="rail-name"
          role="button"
          tabIndex={0}
          aria-label={`Show the mount namespace of ${rail.label}`}
          transform={`translate(${rail.x} ${shapes.top - 10})`}
          onClick={() => chooseNamespace(rail.mntNs)}
          onKeyDown={(event) => event.key === "Enter" && chooseNamespace(rail.mntNs)}
          onPointerEnter={() => hover({ kind: "namespace", ino: rail.mntNs })}
          onPointerLeave={() => hover(undefined)}
        >
          <rect x={-10} y={-66} width={20} height={68} />
          <text transform="rotate(-90)" x={2} y={3.5}>
            {rail.label.length > 10 ? `${rail.label.slice(0, 9)}…` : rail.label}
          </text>
        </g>
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

/** What has to do with a mount: what it sits on, what sits on it, and whom it exchanges changes with. */
function findLit(id: number): ReadonlySet<number> {
  const lit = new Set<number>();
  for (let at = live.mounts.get(id); at !== undefined && !lit.has(at.id); at = live.mounts.get(at.parent ?? -1)) lit.add(at.id);
  const { shared, master, mntNs } = live.mounts.get(id) ?? {};
  const inside = new Set([id]);
  for (const mount of live.mounts.values()) {
    if (mount.mntNs === mntNs && mount.parent !== undefined && inside.has(mount.parent)) inside.add(mount.id);
    const tied =
      (shared !== undefined && (mount.shared === shared || mount.master === shared)) || (master !== undefined && mount.shared === master);
    if (tied || inside.has(mount.id)) lit.add(mount.id);
  }
  return lit;
}

function isTieLit(tie: TieShape, rows: readonly RowShape[], lit: ReadonlySet<number> | undefined): boolean {
  if (lit === undefined) return true;
  const row = rows.find(({ key }) => key === tie.rowKey);
  return row?.kind === "mount" && lit.has(row.mount.id);
}

/** A line of propagation: to peers with rings at its ends, to what only receives with arrows. */
function Tie({ tie, marksX, related }: { readonly tie: TieShape; readonly marksX: number; readonly related: boolean }) {
  const { ends, kind } = tie;
  const tips =
    kind === "to"
      ? ends.map(({ x, y }) => `M${x - 4} ${y}l-7-3.200v6.400z`)
      : ends.slice(0, 1).map(({ y }) => `M${marksX + 9} ${y}l7-3.200v6.400z`);
  return (
    <g className={`tie ${kind}${related ? "" : " faint"}`}>
      <path d={tie.path} />
      {ends.map(({ x, y }) => (
        <circle key={x} cx={x} cy={y} r={3.2} />
      ))}
      {kind !== "peer" && <path className="tip" d={tips.join("")} />}
    </g>
  );
}

function Hatch() {
  return (
    <defs>
      <pattern id="hatch-covered" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="7" height="7" fill="var(--sheet)" />
        <path d="M0 0V7" stroke="var(--line-soft)" strokeWidth=".9" />
      </pattern>
    </defs>
  );
}

/** A dimension line over the tree: how many mounts there are. */
function Dimension({ shapes }: { readonly shapes: FilesShapes }) {
  const left = 16;
  const y = shapes.top - 19;
  const right = Math.max(left + 200, shapes.marksX - 12);
  const covered = shapes.coveredCount > 0 ? ` · ${shapes.coveredCount} covered` : "";
  const text = `${formatCount(shapes.mountCount)} ${shapes.mountCount === 1 ? "mount" : "mounts"}${covered}`;
  const half = text.length * 3.5 + 8;
  const middle = (left + right) / 2;
  return (
    <g>
      <path
        className="dimension"
        d={`M${left} ${y}H${middle - half}M${middle + half} ${y}H${right}M${left}.5 ${y - 6}v12M${right - 0.5} ${y - 6}v12`}
      />
      <path className="dimension-arrow" d={`M${left} ${y}l8-2.500v5zM${right} ${y}l-8-2.500v5z`} />
      <text className="dimension-text" x={middle} y={y + 0.5}>
        {text}
      </text>
    </g>
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
