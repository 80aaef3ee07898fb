/** The process tree: measures its room, asks `layout.ts` for shapes, and draws them. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { formatCount } from "../format.ts";
import { Keel } from "../keel/Keel.tsx";
import type { LiveKind } from "../live.ts";
import { TryThese } from "../picture/TryThese.tsx";
import { isSameSelection } from "../selection.ts";
import { hover, live, toggleSelection, useSelectedPid, useStore } from "../store.ts";
import { useLiveVersion, useRelated, useSize } from "../use-live.ts";
import { type CompartmentShape, layoutProcesses, MARGIN, type NodeShape, type ProcessShapes } from "./layout.ts";
import { ProcessNode } from "./ProcessNode.tsx";
import { SeenFrom, useSeenFrom } from "./SeenFrom.tsx";
import { StateMark } from "./StateMark.tsx";
import { STATES } from "./states.ts";

const REDRAW_MS = 110;
export const SEEN: readonly LiveKind[] = ["tasks", "namespaces"];

export function ProcessPicture() {
  const selectedPid = useSelectedPid();
  const selected = useStore((state) => state.selection !== undefined);
  const seenFrom = useSeenFrom();
  const drawing = useRef<HTMLElement>(null);
  const { width, height } = useSize(drawing);
  useLiveVersion(REDRAW_MS, SEEN);
  const shapes = layoutProcesses({
    tasks: live.tasks,
    ghosts: [...live.ghosts.values()].map((ghost) => ghost.task),
    shares: live.shares,
    bornTo: live.bornTo,
    width,
    height: height - 1,
    selected: selectedPid,
    namespaces: live.namespaces,
    seenFrom,
  });
  return (
    <>
      <SeenFrom seenFrom={seenFrom} />
      <section
        className="drawing"
        ref={drawing}
        aria-label="Processes as a picture"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        <Tree shapes={shapes} seenFrom={seenFrom} />
        {live.tasks.size > 0 && live.tasks.size + live.ghosts.size < 5 && (
          <TryThese words="Not much is running. These put something here:" commands={EXAMPLES} />
        )}
      </section>
      <Keel carries />
      {!selected && <Legend />}
    </>
  );
}

const select = (node: NodeShape): void => toggleSelection({ kind: "task", pid: node.task.pid });

function Tree({ shapes, seenFrom }: { readonly shapes: ProcessShapes; readonly seenFrom: number | undefined }) {
  const related = useRelated();
  const [focused, setFocused] = useState<string | undefined>(undefined);
  const selectedPid = useSelectedPid();
  const { nodes, links, compartments } = shapes;
  const drawing = useRef<SVGSVGElement>(null);
  const selectedKey = selectedPid === undefined ? undefined : nodes.find((node) => node.task.pid === selectedPid && node.count === 1)?.key;
  // The detail takes room below: what it is about stays in sight.
  useEffect(() => {
    if (selectedKey !== undefined)
      drawing.current?.querySelector(`[data-key="${CSS.escape(selectedKey)}"]`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [selectedKey]);
  // So does what can be seen from where one looks.
  useEffect(() => {
    if (seenFrom !== undefined)
      drawing.current?.querySelector(".node:not(.unseen)")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [seenFrom]);
  const lit = related === undefined ? undefined : listRelated(nodes, related.pids);
  const unseen = new Set(nodes.filter((node) => node.here < 0).map((node) => node.key));
  const entry = nodes.some((node) => node.key === focused) ? focused : nodes[0]?.key;
  const root = nodes[0];
  const onKeyDown = (event: KeyboardEvent<SVGSVGElement>) => {
    const next = findNeighbour(nodes, entry, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus();
  };
  return (
    <svg ref={drawing} width={shapes.width} height={shapes.height} className={lit === undefined ? "" : "dimmed"} onKeyDown={onKeyDown}>
      <title>Process tree</title>
      <Hatches />
      <Dimension shapes={shapes} />
      {shapes.stations.map((station) => (
        <g className="station" key={station.label}>
          <line x1={station.x} x2={station.x} y1={MARGIN.top - 6} y2={shapes.height} />
          <circle cx={station.x} cy={MARGIN.top - 15} r={8} />
          <text x={station.x} y={MARGIN.top - 14.5}>
            {station.label}
          </text>
        </g>
      ))}
      {root !== undefined && (
        <path className="keel-post" d={`M${root.x} ${root.y + (shapes.detail === "full" ? 21 : 12)}H14V${shapes.height}`} />
      )}
      {compartments.map((shape) => (
        <Compartment key={shape.key} shape={shape} related={related?.namespaces.has(shape.ino) === true} />
      ))}
      {links.map((link) => (
        <path
          key={link.key}
          className={`link${link.orphan ? " orphan" : ""}${unseen.has(link.from) || unseen.has(link.to) ? " unseen" : ""}${lit?.has(link.to) === true && lit.has(link.from) ? " related" : ""}`}
          d={link.path}
          style={{ d: `path("${link.path}")` } as React.CSSProperties}
        />
      ))}
      {nodes.map((node) => (
        <ProcessNode
          key={node.key}
          node={node}
          detail={shapes.detail}
          selected={node.task.pid === selectedPid && node.kind !== "group"}
          related={lit?.has(node.key) === true}
          tabbable={node.key === entry}
          onSelect={select}
          onHover={hoverNode}
          onFocus={setFocused}
        />
      ))}
      {shapes.hidden > 0 && (
        <text className="soft" x={MARGIN.left} y={shapes.height - 6} fontSize="11">
          {`and ${formatCount(shapes.hidden)} more that have no room here`}
        </text>
      )}
    </svg>
  );
}

const hoverNode = (node: NodeShape): void => hover({ kind: "task", pid: node.task.pid });

/** Keys of the nodes that stand for one of these processes. */
function listRelated(nodes: readonly NodeShape[], pids: ReadonlySet<number>): ReadonlySet<string> {
  return new Set(nodes.filter((node) => node.pids.some((pid) => pids.has(pid))).map((node) => node.key));
}

/** The bulkheads round a PID namespace, and its name in the upper one. */
function Compartment({ shape, related }: { readonly shape: CompartmentShape; readonly related: boolean }) {
  const { ino, x, y, width, height, seen } = shape;
  const selection = { kind: "namespace", ino } as const;
  const selected = useStore((state) => isSameSelection(state.selection, selection));
  const name = width > 190 ? `PID NAMESPACE ${ino}` : width > 130 ? `PID NS ${ino}` : `PID ${String(ino).slice(-4)}`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keyboard selects it in the view of the namespaces and above the drawing.
    <g
      className={`compartment${seen ? "" : " unseen"}${selected ? " selected" : ""}${related ? " related" : ""}`}
      onClick={() => toggleSelection(selection)}
      onPointerEnter={(event) => event.pointerType === "mouse" && hover(selection)}
    >
      <rect className="bulkhead" style={{ x: `${x}px`, y: `${y}px`, width: `${width}px`, height: `${height}px` }} />
      <rect className="bulkhead-hatch" x={x + 1} y={y + 1} width={width - 2} height={9} fill="url(#hatch-bulkhead)" />
      <rect className="text-ground" x={x + 8} y={y - 3} width={name.length * 6.4 + 10} height={14} />
      <text className="bulkhead-name" x={x + 13} y={y + 8.5}>
        {name}
      </text>
    </g>
  );
}

/** The box that an arrow key leads to. */
function findNeighbour(nodes: readonly NodeShape[], from: string | undefined, key: string): NodeShape | undefined {
  const at = nodes.findIndex((node) => node.key === from);
  const node = nodes[at];
  if (node === undefined) return undefined;
  if (key === "ArrowLeft") return nodes.find((other) => other.key === node.parentKey);
  if (key === "ArrowRight") return nodes.find((other) => other.parentKey === node.key);
  const column = nodes.filter((other) => other.depth === node.depth);
  const row = column.indexOf(node);
  if (key === "ArrowDown") return column[row + 1];
  if (key === "ArrowUp") return column[row - 1];
  return undefined;
}

/** A dimension line over the tree: how many processes there are. */
function Dimension({ shapes }: { readonly shapes: ProcessShapes }) {
  const left = MARGIN.left;
  const right = Math.max(left + 200, Math.min(...[shapes.width - MARGIN.right]));
  const grouped = shapes.grouped > 0 ? ` · ${formatCount(shapes.grouped)} of them drawn together` : "";
  const count = `${formatCount(shapes.processes)} ${shapes.processes === 1 ? "process" : "processes"}`;
  const text = shapes.seen < shapes.processes ? `${formatCount(shapes.seen)} of ${count} seen from there` : `${count}${grouped}`;
  const half = text.length * 3.5 + 8;
  const middle = (left + right) / 2;
  return (
    <g>
      <path className="dimension" d={`M${left} 9H${middle - half}M${middle + half} 9H${right}M${left}.5 3V15M${right - 0.5} 3V15`} />
      <path className="dimension-arrow" d={`M${left} 9l8-2.500v5zM${right} 9l-8-2.500v5z`} />
      <text className="dimension-text" x={middle} y={9.5}>
        {text}
      </text>
    </g>
  );
}

function Hatches() {
  return (
    <defs>
      <pattern id="hatch-zombie" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="6" height="6" fill="var(--sheet)" />
        <path d="M0 0V6M0 3H6" stroke="var(--state-Z)" strokeWidth=".9" opacity=".55" />
      </pattern>
      <pattern id="hatch-stopped" width="5" height="5" patternUnits="userSpaceOnUse">
        <rect width="5" height="5" fill="var(--sheet)" />
        <path d="M.5 0V5" stroke="var(--state-T)" strokeWidth=".9" opacity=".55" />
      </pattern>
      <pattern id="hatch-bulkhead" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path d="M0 0V5" stroke="var(--ns-pid)" strokeWidth=".9" opacity=".7" />
      </pattern>
    </defs>
  );
}

function Legend() {
  return (
    <div className="legend">
      <span className="label">Key</span>
      {STATES.filter((face) => face.letter !== "t" && face.letter !== "I").map((face) => (
        <span className="legend-entry" key={face.letter}>
          <svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true">
            <StateMark face={face} />
          </svg>
          <b>{face.letter}</b> {face.label}
        </span>
      ))}
    </div>
  );
}

const EXAMPLES = ["sleep 100 &", "yes > /dev/null &", "(sleep 60 &)", "ps f"];
