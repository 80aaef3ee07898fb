/** Processes × kinds of namespaces: measures its room, asks `layout.ts` for shapes, and draws them. */
import { type CSSProperties, type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { NamespaceEntity, NamespaceKind } from "../../bridge/messages.ts";
import { findContainerOfAll, findOwner } from "../containers.ts";
import { formatCount } from "../format.ts";
import type { LiveKind } from "../live.ts";
import { findNeighbour, type Item } from "../picture/navigate.ts";
import { Shape } from "../picture/Shape.tsx";
import { TryThese } from "../picture/TryThese.tsx";
import { useNews } from "../picture/use-news.ts";
import type { Related } from "../relations.ts";
import { live, useStore } from "../store.ts";
import { useLiveVersion, useRelated, useSize } from "../use-live.ts";
import { KindMark } from "./KindMark.tsx";
import { KINDS } from "./kinds.ts";
import { type ColumnShape, HEAD, layoutNamespaces, type NamespaceShapes, type PlateShape, type RowShape } from "./layout.ts";
import "../styles/namespaces.css";

const REDRAW_MS = 110;
const SEEN: readonly LiveKind[] = ["tasks", "namespaces"];
const EXAMPLES = ["unshare -u bash", "unshare -fp --mount-proc bash", "unshare -Ur bash", "lsns"];

const nameAloud = ({ kind, ino }: NamespaceEntity): string => `${kind} namespace ${ino}`;

export function NamespacePicture() {
  const drawing = useRef<HTMLElement>(null);
  const { width, height } = useSize(drawing);
  const selected = useStore((state) => state.selection !== undefined);
  useLiveVersion(REDRAW_MS, SEEN);
  const { tasks, namespaces } = live;
  useNews(namespaces, live.versions.namespaces, nameAloud);
  const shapes = layoutNamespaces({ tasks, namespaces, width, height: height - 1 });
  return (
    <>
      <section
        className="drawing"
        ref={drawing}
        aria-label="Namespaces as a picture"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        {width > 0 && <Matrix shapes={shapes} />}
        {namespaces.size === KINDS.length && (
          <TryThese words="All share the first namespaces. These give a process some of its own:" commands={EXAMPLES} />
        )}
      </section>
      {!selected && <Legend />}
    </>
  );
}

/** All that the keyboard leads to, with where it stands. */
function listItems({ columns, rows, plates }: NamespaceShapes): Item[] {
  return [
    ...columns.map(({ kind, x, width }) => ({ key: `c${kind}`, x: x + width / 2, y: HEAD / 2 })),
    ...rows.map(({ key, y, height }) => ({ key, x: 0, y: y + height / 2 })),
    ...plates.map(({ key, x, y, width, height, words }) => ({ key, x: x + width / 2, y: words?.y ?? y + height / 2 })),
  ];
}

function Matrix({ shapes }: { readonly shapes: NamespaceShapes }) {
  const [focused, setFocused] = useState<string | undefined>(undefined);
  const related = useRelated();
  const items = listItems(shapes);
  const entry = items.some((item) => item.key === focused) ? focused : shapes.rows[0]?.key;
  const former = useFormerPlaces(shapes);
  const onKeyDown = (event: KeyboardEvent<SVGSVGElement>) => {
    const next = findNeighbour(items, entry, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus();
  };
  const { columns, rows, plates, joins } = shapes;
  const last = columns.at(-1);
  const right = last === undefined ? shapes.width : last.x + last.width;
  return (
    <svg width={shapes.width} height={shapes.height} className={`matrix${related === undefined ? "" : " dimmed"}`} onKeyDown={onKeyDown}>
      <title>Processes and their namespaces</title>
      <Hatches />
      <Dimension shapes={shapes} right={right} />
      {rows.map((row) => (
        <line
          key={row.key}
          className={row.begins ? "row-line begins" : "row-line"}
          x1={12}
          x2={right}
          y1={row.y + (row.begins ? -2.5 : 0)}
          y2={row.y + (row.begins ? -2.5 : 0)}
        />
      ))}
      {columns.map((column) => (
        <FirstLine key={column.kind} column={column} shapes={shapes} related={related} />
      ))}
      <Foot shapes={shapes} right={right} />
      {rows.map((row) => (
        <Row key={row.key} row={row} shapes={shapes} former={former} related={related} tabbable={row.key === entry} onFocus={setFocused} />
      ))}
      {joins.map(({ key, kind, ino, x, y1, y2 }) => (
        <line
          key={key}
          className={`join${related?.namespaces.has(ino) === true ? " related" : ""}`}
          style={{ stroke: `var(--ns-${kind})` }}
          x1={x}
          x2={x}
          y1={y1}
          y2={y2}
        />
      ))}
      {plates.map((plate) => (
        <Plate key={plate.key} plate={plate} related={related} tabbable={plate.key === entry} onFocus={setFocused} />
      ))}
      {columns.map((column) => (
        <Head key={column.kind} column={column} related={related} tabbable={`c${column.kind}` === entry} onFocus={setFocused} />
      ))}
      {shapes.hidden > 0 && (
        <text className="soft" x={12} y={shapes.height - 6} fontSize="11">
          {`and ${formatCount(shapes.hidden)} processes more that have no room here`}
        </text>
      )}
    </svg>
  );
}

/** Where the processes of the rows stood before: a row that is new slides out of the one that its process was in. */
function useFormerPlaces({ rows }: NamespaceShapes): ReadonlyMap<number, number> {
  const places = useRef<ReadonlyMap<number, number>>(new Map());
  const former = places.current;
  useEffect(() => {
    places.current = new Map(rows.flatMap((row) => row.pids.map((pid) => [pid, row.y] as const)));
  });
  return former;
}

interface PartProps {
  readonly related: Related | undefined;
  readonly tabbable: boolean;
  readonly onFocus: (key: string) => void;
}

/** The line of the namespace that the machine booted with: from the foot to its topmost process. */
function FirstLine({
  column,
  shapes,
  related,
}: { readonly column: ColumnShape; readonly shapes: NamespaceShapes } & Pick<PartProps, "related">) {
  const { firstIno, kind, x, width, top } = column;
  const selected = useStore(({ selection }) => selection?.kind === "namespace" && selection.ino === firstIno);
  const middle = x + width / 2;
  const lit = firstIno !== undefined && related?.namespaces.has(firstIno) === true;
  return (
    <g
      className={`first-line${selected ? " selected" : ""}${lit ? " related" : ""}`}
      style={{ "--hue": `var(--ns-${kind})` } as CSSProperties}
    >
      <line x1={middle} x2={middle} y1={top} y2={shapes.foot} />
    </g>
  );
}

function Head({ column, related, tabbable, onFocus }: { readonly column: ColumnShape } & PartProps) {
  const { kind, x, width, firstIno, others } = column;
  if (firstIno === undefined) return null;
  const middle = x + width / 2;
  const more = others === 0 ? "" : `, ${others} more beside it`;
  return (
    <Shape
      id={`c${kind}`}
      name={`${kind}: first namespace ${firstIno}${more}`}
      selection={{ kind: "namespace", ino: firstIno }}
      className={`column-head${related?.namespaces.has(firstIno) === true ? " related" : ""}`}
      tabbable={tabbable}
      onFocus={onFocus}
    >
      <rect className="halo" x={x + 1} y={19} width={width - 2} height={HEAD - 24} />
      <rect className="hit" x={x} y={18} width={width} height={HEAD - 22} />
      <KindMark kind={kind} x={middle} y={29} />
      <text className={width < 40 ? "kind-name tight" : "kind-name"} x={middle} y={47}>
        {kind}
      </text>
    </Shape>
  );
}

/** Characters that fit, in the mono face of the labels. */
function cut(text: string, room: number): string {
  const most = Math.max(1, Math.floor(room / 7.3));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function describeRow(row: RowShape): string {
  if (row.kind === "fold") return `${row.pids.length} processes in ${row.sets} sets of namespaces: ${row.label}`;
  if (row.kind === "set") return `${row.pids.length} processes in the same namespaces: ${row.label}`;
  const own = KINDS.filter(({ kind }) => !row.points.includes(kind)).map(({ kind }) => kind);
  return `${row.label}, process ${row.pids[0]}, ${own.length === 0 ? "in the first namespaces" : `in others of ${own.join(", ")}`}`;
}

interface RowProps extends PartProps {
  readonly row: RowShape;
  readonly shapes: NamespaceShapes;
  readonly former: ReadonlyMap<number, number>;
}

function Row({ row, shapes, former, related, tabbable, onFocus }: RowProps) {
  const [pid] = row.pids;
  const number = row.kind === "process" ? String(pid) : row.kind === "empty" ? "" : `×${formatCount(row.pids.length)}`;
  const lit = related !== undefined && row.pids.some((one) => related.pids.has(one));
  const from = pid === undefined ? undefined : former.get(pid);
  const style = { transform: `translate(0, ${row.y}px)`, "--from": `${(from ?? row.y) - row.y}px` } as CSSProperties;
  const middle = row.height / 2;
  const content = (
    <>
      <rect className="halo" x={8} y={1.5} width={shapes.labelWidth - 4} height={row.height - 3} />
      <rect className="hit" x={8} y={0} width={shapes.labelWidth - 4} height={row.height} />
      <text className="comm" x={14} y={middle + 4}>
        {cut(nameRow(row), shapes.labelWidth - 22 - number.length * 6.6)}
      </text>
      <text className="small" x={shapes.labelWidth} y={middle + 4} textAnchor="end">
        {number}
      </text>
      {shapes.columns
        .filter((column) => row.points.includes(column.kind))
        .map(({ kind, x, width }) => (
          <circle key={kind} className="point" cx={x + width / 2} cy={middle} r={3} style={{ stroke: `var(--ns-${kind})` }} />
        ))}
    </>
  );
  const className = `row ${row.kind}${lit ? " related" : ""}`;
  if (pid === undefined)
    return (
      <g className={className} style={style}>
        {content}
      </g>
    );
  return (
    <Shape
      id={row.key}
      name={describeRow(row)}
      selection={{ kind: "task", pid }}
      className={className}
      style={style}
      tabbable={tabbable}
      onFocus={onFocus}
    >
      {content}
    </Shape>
  );
}

/** With the container's name before it, where all its processes are in one. */
export function nameRow({ label, pids }: RowShape): string {
  const container = findContainerOfAll(pids);
  return container === undefined ? label : `${container.name}: ${label}`;
}

function describePlate({ kind, ino, count, level, words }: PlateShape): string {
  if (count > 1) return `${count} ${kind} namespaces`;
  const nested = level > 1 ? `, nested ${level - 1} deep` : "";
  const owner = ino === undefined ? undefined : findOwner(ino);
  const whose = owner === undefined ? "" : ` of container ${owner.name}`;
  return `${kind} namespace ${ino}${whose}${words?.label === undefined ? "" : ` (${words.label})`}${nested}`;
}

function Plate({ plate, related, tabbable, onFocus }: { readonly plate: PlateShape } & PartProps) {
  const { kind, ino, x, y, width, height, words, count } = plate;
  const box = { x: `${x}px`, y: `${y}px`, width: `${width}px`, height: `${height}px` } as CSSProperties;
  const marked = words !== undefined && words.label === undefined && width >= words.text.length * 6.1 + 17;
  const middle = x + width / 2;
  return (
    <Shape
      id={plate.key}
      name={describePlate(plate)}
      selection={{ kind: "namespace", ino }}
      className={`plate${related?.namespaces.has(ino) === true ? " related" : ""}`}
      style={{ "--hue": `var(--ns-${kind})`, transformOrigin: `${middle}px ${y}px` } as CSSProperties}
      tabbable={tabbable}
      onFocus={onFocus}
    >
      {count > 1 && <rect className="plate-behind" x={x + 3} y={y - 3} width={width} height={height} />}
      <rect className="plate-ground" style={box} />
      <rect className="plate-hatch" style={{ ...box, fill: `url(#hatch-ns-${kind})` }} />
      <rect className="plate-flash" style={box} />
      <rect className="halo" style={{ ...box, x: `${x - 2.5}px`, y: `${y - 2.5}px`, width: `${width + 5}px`, height: `${height + 5}px` }} />
      {marked && <KindMark kind={kind} x={middle - words.text.length * 3.1 - 2} y={words.y} />}
      {words !== undefined && (
        <text className="plate-text" x={marked ? middle + 7 : middle} y={words.y + (words.label === undefined ? 3.7 : 9)}>
          {words.text}
        </text>
      )}
      {words?.label !== undefined && (
        <text className="plate-text label-of" x={middle} y={words.y - 2}>
          {words.label}
        </text>
      )}
    </Shape>
  );
}

/** What the first namespaces stand on. */
function Foot({ shapes, right }: { readonly shapes: NamespaceShapes; readonly right: number }) {
  const [column] = shapes.columns;
  const left = column === undefined ? 12 : column.x;
  return (
    <g className="foot">
      <line x1={left} x2={right} y1={shapes.foot + 0.5} y2={shapes.foot + 0.5} />
      <rect x={left} y={shapes.foot + 2} width={right - left} height={9} fill="url(#hatch-foot)" />
      <text x={left - 10} y={shapes.foot + 9} textAnchor="end">
        {shapes.labelWidth > 120 ? "FIRST NAMESPACES" : "FIRST"}
      </text>
    </g>
  );
}

function Dimension({ shapes, right }: { readonly shapes: NamespaceShapes; readonly right: number }) {
  const { processes, sets } = shapes;
  const text = `${formatCount(processes)} ${processes === 1 ? "process" : "processes"} · ${sets === 1 ? "one set" : `${formatCount(sets)} sets`} of namespaces`;
  const half = text.length * 3.4 + 8;
  const middle = (12 + right) / 2;
  return (
    <g>
      <path className="dimension" d={`M12 9H${middle - half}M${middle + half} 9H${right}M12.5 3V15M${right - 0.5} 3V15`} />
      <path className="dimension-arrow" d={`M12 9l8-2.500v5zM${right} 9l-8-2.500v5z`} />
      <text className="dimension-text" x={middle} y={9.5}>
        {text}
      </text>
    </g>
  );
}

/** One hatching a kind, told apart without its hue. */
const HATCHES: Readonly<Record<NamespaceKind, { readonly size: number; readonly turn: number; readonly path: string }>> = {
  user: { size: 5, turn: 0, path: "M0 2.5H5M2.5 0V5" },
  mnt: { size: 4, turn: 0, path: "M2 0V4" },
  pid: { size: 5, turn: 45, path: "M2.5 0V5" },
  uts: { size: 4, turn: 0, path: "M0 2H4" },
  ipc: { size: 5, turn: -45, path: "M2.5 0V5" },
  net: { size: 6, turn: 45, path: "M0 3H6M3 0V6" },
  cgroup: { size: 6, turn: 0, path: "M0 3H3.500" },
  time: { size: 5, turn: 0, path: "M2.5 1.500V3.500" },
};

function Hatches() {
  return (
    <defs>
      {KINDS.map(({ kind }) => {
        const { size, turn, path } = HATCHES[kind];
        return (
          <pattern
            key={kind}
            id={`hatch-ns-${kind}`}
            width={size}
            height={size}
            patternUnits="userSpaceOnUse"
            patternTransform={`rotate(${turn})`}
          >
            <path d={path} stroke={`var(--ns-${kind})`} strokeWidth=".9" fill="none" opacity=".5" />
          </pattern>
        );
      })}
      <pattern id="hatch-foot" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path d="M0 0V6" stroke="var(--line)" strokeWidth="1.200" />
      </pattern>
    </defs>
  );
}

function Legend() {
  return (
    <div className="legend">
      <span className="label">Key</span>
      <span className="legend-entry">
        <svg width="26" height="12" viewBox="-13 -6 26 12" aria-hidden="true">
          <path d="M-13 0H13" stroke="var(--ink-soft)" />
          <circle r="3" fill="var(--sheet)" stroke="var(--ink-soft)" strokeWidth="1.400" />
        </svg>
        in the first namespace
      </span>
      <span className="legend-entry">
        <svg width="26" height="14" viewBox="-13 -7 26 14" aria-hidden="true">
          <rect x="-12" y="-6" width="24" height="12" fill="url(#hatch-ns-pid)" stroke="var(--ns-pid)" strokeWidth="1.200" />
        </svg>
        in one of its own, with the last digits of its number
      </span>
    </div>
  );
}
