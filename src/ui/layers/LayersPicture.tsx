/** An overlay as a stack of slabs: measures its room, asks `layout.ts` for shapes, and draws them. */
import "../styles/layers.css";
import { type KeyboardEvent, useRef, useState } from "react";
import { formatBytes, formatCount } from "../format.ts";
import { cutEnd, cutStart, joinPath, showName } from "../files/names.ts";
import { findNeighbour } from "../picture/navigate.ts";
import { live, useStore } from "../store.ts";
import { useLiveVersion, useSize } from "../use-live.ts";
import { DiffMark } from "./DiffMark.tsx";
import { EmptyLayers } from "./EmptyLayers.tsx";
import { LayersBar } from "./LayersBar.tsx";
import {
  type CellShape,
  EDGE,
  type Layered,
  layoutLayers,
  type LayersShapes,
  ROW_PITCH,
  type SightShape,
  type SlabShape,
} from "./layout.ts";
import { getEntries, listLayered, openDirectory, toggleFocus, toggleName, useFreshLayers, useLayers, useShownOverlay } from "./state.ts";
import { type Flight, useFlights } from "./use-flights.ts";
import { WhySheet } from "./WhySheet.tsx";

const REDRAW_MS = 120;
const KINDS = ["overlays", "mounts"] as const;
const NAME_ADVANCE = 7.2;
const SMALL_ADVANCE = 6.3;

export function LayersPicture() {
  const drawing = useRef<HTMLElement>(null);
  const { width, height } = useSize(drawing);
  useLiveVersion(REDRAW_MS, KINDS);
  const overlay = useShownOverlay();
  useFreshLayers(overlay);
  const state = useLayers();
  const { flights, writing } = useFlights(overlay?.id, state.path);
  const [pointed, setPointed] = useState<string | undefined>(undefined);
  const layers = overlay === undefined ? [] : listLayered(overlay);
  const shapes = layoutLayers({
    layers,
    entries: getEntries(state),
    focus: state.focus,
    selected: state.name,
    looked: pointed ?? state.name,
    width,
    height: height - 1,
  });
  return (
    <>
      <LayersBar overlay={overlay} />
      <section
        className="drawing layers"
        ref={drawing}
        aria-label="Layers as a picture"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
      >
        {overlay === undefined ? (
          live.tasks.size > 0 && <EmptyLayers width={width} />
        ) : (
          <Stack shapes={shapes} workdir={overlay.workdir} flights={flights} writing={writing} pointed={pointed} onPoint={setPointed} />
        )}
      </section>
      <WhySheet overlay={overlay} />
      <Legend shown={overlay !== undefined && state.name === undefined} />
    </>
  );
}

interface StackProps {
  readonly shapes: LayersShapes;
  readonly workdir: string | undefined;
  readonly flights: readonly Flight[];
  readonly writing: boolean;
  readonly pointed: string | undefined;
  readonly onPoint: (name: string | undefined) => void;
}

function Stack({ shapes, workdir, flights, writing, pointed, onPoint }: StackProps) {
  const [focused, setFocused] = useState<string | undefined>(undefined);
  const name = useLayers((state) => state.name);
  const path = useLayers((state) => state.path);
  const { slabs, sight } = shapes;
  const cells = slabs.flatMap((slab) => slab.cells);
  const entry = cells.some(({ key }) => key === focused) ? focused : (cells.find((cell) => cell.name === name) ?? cells[0])?.key;
  const onKeyDown = (event: KeyboardEvent<SVGSVGElement>): void => {
    const next = findNeighbour(cells, entry, event.key);
    if (next === undefined) return;
    event.preventDefault();
    event.currentTarget.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.key)}"]`)?.focus();
  };
  const arriving = new Set(flights.map((flight) => flight.name));
  const upper = slabs.find((slab) => slab.layered?.upper === true)?.layer;
  const first = slabs[0];
  const last = slabs.at(-1);
  return (
    <svg
      width={shapes.width}
      height={shapes.height}
      onKeyDown={onKeyDown}
      className={`${sight === undefined ? "" : "looking"}${pointed === undefined ? "" : " pointing"}`}
      onPointerLeave={() => onPoint(undefined)}
    >
      <title>Stack of layers</title>
      <Hatches />
      {first !== undefined && last !== undefined && <path className="explosion" d={`M${first.x} ${first.bottom}V${last.bottom}`} />}
      {[...slabs].reverse().map((slab) => (
        <Slab key={String(slab.layer)} slab={slab} writing={writing && slab.layered?.upper === true} />
      ))}
      {sight !== undefined && <Sight sight={sight} />}
      {slabs.map((slab) => (
        <SlabWords key={String(slab.layer)} slab={slab} workdir={workdir} coveredBytes={shapes.coveredBytes} />
      ))}
      {cells.map((cell) => (
        <Cell
          key={cell.key}
          cell={cell}
          selected={cell.name === name}
          tabbable={cell.key === entry}
          path={path}
          onFocus={setFocused}
          pointed={cell.name === pointed}
          onPoint={onPoint}
          arriving={arriving.has(cell.name) && upper === cell.layer}
        />
      ))}
      {sight !== undefined && (
        <ellipse className={`sight-target${sight.blocked ? " blocked" : ""}`} cx={sight.x} cy={sight.to} rx={10} ry={8.5} />
      )}
      {flights.map((flight) => (
        <FlightMark key={flight.seq} flight={flight} slabs={slabs} />
      ))}
      {cells.length === 0 && first !== undefined && (
        <text className="soft" x={first.x + first.slant + 14} y={(first.top + first.bottom) / 2 + 4} fontSize="11.5">
          nothing is in this directory
        </text>
      )}
      {shapes.hiddenNames > 0 && (
        <text className="soft" x={22} y={shapes.height - 9} fontSize="11">
          {`and ${formatCount(shapes.hiddenNames)} more names: choose one layer to see them`}
        </text>
      )}
    </svg>
  );
}

function describeSlab({ layer, label, names, counts }: SlabShape): string {
  if (layer === "merged") return `merged view, ${names} names`;
  const parts = (["added", "changed", "removed", "opaque"] as const)
    .filter((change) => counts[change] > 0)
    .map((change) => `${counts[change]} ${change}`);
  return `${label}: ${parts.length === 0 ? "nothing here" : parts.join(", ")}`;
}

function Slab({ slab, writing }: { readonly slab: SlabShape; readonly writing: boolean }) {
  const { x, right, top, bottom, slant } = slab;
  const upper = slab.layered?.upper === true;
  const kind = slab.layer === "merged" ? "merged" : upper ? "upper" : "lower";
  const face = `M${x} ${bottom}H${right}L${right + slant} ${top}H${x + slant}z`;
  return (
    <g className={`slab ${kind}${slab.thin ? " thin" : ""}${writing ? " writing" : ""}`}>
      <path className="edge" d={`M${x} ${bottom}H${right}L${right + slant} ${top}v${EDGE}L${right} ${bottom + EDGE}H${x}z`} />
      <path className="corner" d={`M${right} ${bottom}v${EDGE}`} />
      <path className="face" d={face} />
      {upper && <path className="face wet" d={face} />}
    </g>
  );
}

/** Where a layer is; of the upper one also where its files are prepared, if there is room for it. */
function describePlace(layered: Layered | undefined, workdir: string | undefined, room: number): string {
  const most = Math.max(60, room);
  const place = showName(layered?.directory ?? "");
  const whole = layered?.upper === true && workdir !== undefined ? `${place} · work ${showName(workdir)}` : place;
  return whole.length * SMALL_ADVANCE <= most ? whole : cutStart(place, most, SMALL_ADVANCE);
}

interface SlabWordsProps {
  readonly slab: SlabShape;
  readonly workdir: string | undefined;
  readonly coveredBytes: number;
}

/** What stands above a slab: its name, which shows it alone, where it is, and what it does. */
function SlabWords({ slab, workdir, coveredBytes }: SlabWordsProps) {
  const { x, right, slant, layer, layered, label, labelY } = slab;
  const focus = useLayers((state) => state.focus);
  const words = label.toUpperCase();
  const labelWidth = words.length * 7.6 + 8;
  const counts = (["added", "changed", "removed", "opaque"] as const).filter((change) => slab.counts[change] > 0);
  const room = right + slant - x - labelWidth - 16 - counts.length * 34;
  return (
    <g className={`slab-words${focus === layer ? " chosen" : ""}`}>
      {/* biome-ignore lint/a11y/useSemanticElements: SVG has no button. */}
      <g
        className="slab-label"
        role="button"
        tabIndex={0}
        aria-pressed={focus === layer}
        aria-label={`Only ${describeSlab(slab)}`}
        onClick={() => toggleFocus(layer)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          toggleFocus(layer);
        }}
      >
        <rect x={x + 4} y={labelY - 12} width={labelWidth} height={17} />
        <text className="slab-name" x={x + 8} y={labelY}>
          {words}
        </text>
      </g>
      <text className="small" x={x + 14 + labelWidth} y={labelY}>
        {layer === "merged" ? "what a process sees" : describePlace(layered, workdir, room)}
      </text>
      {layer !== "merged" &&
        counts.map((change, i) => (
          <g key={change} transform={`translate(${right + slant - (counts.length - i) * 34 + 8} ${labelY - 4})`}>
            <DiffMark change={change} />
            <text className="small" x={9} y={4}>
              {slab.counts[change]}
            </text>
          </g>
        ))}
      {layer === "merged" && coveredBytes > 0 && (
        <text className="small" x={right + slant} y={labelY} textAnchor="end">
          {`${formatBytes(coveredBytes)} covered below`}
        </text>
      )}
      {layer !== "merged" && slab.thin && focus === undefined && (
        <text className="small" x={right + slant} y={labelY} textAnchor="end">
          nothing here
        </text>
      )}
    </g>
  );
}

interface CellProps {
  readonly cell: CellShape;
  readonly selected: boolean;
  readonly tabbable: boolean;
  readonly path: string;
  /** Its mark is on its way here. */
  readonly arriving: boolean;
  readonly pointed: boolean;
  readonly onPoint: (name: string | undefined) => void;
  readonly onFocus: (key: string) => void;
}

function describeCell({ name, layer, change, hidden, directory, sizeBytes }: CellShape): string {
  const what = `${showName(name)}, ${directory ? "directory" : formatBytes(sizeBytes)}`;
  if (layer === "merged") return `${what}, as seen`;
  return `${what}, ${change} in layer ${layer}${hidden ? ", covered" : ""}`;
}

function Cell({ cell, selected, tabbable, path, arriving, pointed, onPoint, onFocus }: CellProps) {
  const { change, directory, hidden } = cell;
  const marked = change !== undefined;
  const text = `${showName(cell.name)}${directory ? "/" : ""}`;
  const label = cutEnd(text, cell.width - (marked ? 16 : 6), NAME_ADVANCE);
  const width = Math.min(cell.width, label.length * NAME_ADVANCE + 20);
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button.
    <g
      className={`cell${change === undefined ? "" : ` ${change}`}${hidden ? " hidden" : ""}${arriving ? " arriving" : ""}${pointed ? " pointed" : ""}${selected ? " selected" : ""}`}
      style={{ transform: `translate(${cell.x}px, ${cell.y}px)` }}
      role="button"
      aria-label={describeCell(cell)}
      aria-pressed={selected}
      data-key={cell.key}
      tabIndex={tabbable ? 0 : -1}
      onClick={() => {
        onPoint(undefined);
        toggleName(cell.name);
      }}
      onDoubleClick={() => directory && openDirectory(joinPath(path, cell.name))}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggleName(cell.name);
      }}
      onFocus={() => onFocus(cell.key)}
      // What the layout moves under a mouse that stands still is not pointed at.
      onPointerMove={(event) => event.pointerType === "mouse" && event.movementX ** 2 + event.movementY ** 2 > 0 && onPoint(cell.name)}
      onPointerLeave={() => onPoint(undefined)}
    >
      <rect className="halo" x={-8} y={-ROW_PITCH / 2 + 1} width={width + 4} height={ROW_PITCH - 2} />
      {change === undefined ? <circle className="seen" r={2.2} /> : <DiffMark change={change} />}
      <text x={12} y={4}>
        {label}
      </text>
    </g>
  );
}

/** The line of sight: from the eye above the stack through the slabs that have nothing of the name. */
function Sight({ sight }: { readonly sight: SightShape }) {
  const { x, eye, segments, holes, blocked } = sight;
  return (
    <g className={`sight${blocked ? " blocked" : ""}`}>
      {segments.map(({ from, to, hidden }) => (
        <path key={`${from} ${hidden}`} className={`sight-line${hidden ? " behind" : ""}`} d={`M${x} ${from}V${to}`} />
      ))}
      <path className="eye" d={`M${x - 9} ${eye}q9-7 18 0q-9 7-18 0z`} />
      <circle className="pupil" cx={x} cy={eye} r={2.2} />
      {holes.map((y) => (
        <ellipse key={y} className="hole" cx={x} cy={y} rx={8} ry={4.5} />
      ))}
    </g>
  );
}

/** A copy-up rises from its lower slab to the upper one; a whiteout comes down on it. */
function FlightMark({ flight, slabs }: { readonly flight: Flight; readonly slabs: readonly SlabShape[] }) {
  const known = slabs.flatMap((slab) => slab.cells.map((cell) => ({ slab, cell }))).find(({ cell }) => cell.name === flight.name);
  const upper = slabs.find((slab) => slab.layered?.upper === true);
  const from = slabs.find((slab) => slab.layer === (flight.kind === "copy-up" ? flight.layer : "merged")) ?? known?.slab;
  if (known === undefined || upper === undefined || from === undefined || upper.thin) return null;
  const offset = known.cell.y - known.slab.top;
  const y = upper.top + offset;
  const rise = (from.thin ? from.top : from.top + offset) - y;
  const style = { transform: `translate(${known.cell.x}px, ${y}px)`, "--rise": `${rise}px` } as React.CSSProperties;
  return (
    <g className={`flight ${flight.kind}`} style={style}>
      <g className="flight-body">
        <ellipse rx={11} ry={9} />
        <DiffMark change={flight.kind === "copy-up" ? "changed" : "removed"} />
        <text x={13} y={4}>
          {cutEnd(showName(flight.name), known.cell.width - 14, NAME_ADVANCE)}
        </text>
      </g>
    </g>
  );
}

function Hatches() {
  return (
    <defs>
      <pattern id="hatch-lower" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="5" height="5" fill="var(--sheet)" />
        <path d="M0 0V5" stroke="var(--line)" strokeWidth=".9" />
      </pattern>
      <pattern id="hatch-upper" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
        <rect width="5" height="5" fill="var(--sheet)" />
        <path d="M0 0V5M2.500 0V5" stroke="var(--line)" strokeWidth=".7" />
      </pattern>
      <pattern id="hatch-writing" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
        <path d="M0 0V7" stroke="var(--diff-changed)" strokeWidth="1.400" />
      </pattern>
    </defs>
  );
}

const CHANGES = [
  ["added", "added"],
  ["changed", "changed"],
  ["removed", "removed: a whiteout"],
  ["opaque", "opaque directory"],
  ["merged", "merged directory"],
] as const;

function Legend({ shown }: { readonly shown: boolean }) {
  const selected = useStore(({ selection }) => selection !== undefined && selection.kind !== "overlay");
  if (!shown || selected) return null;
  return (
    <div className="legend layers-legend">
      <span className="label">Key</span>
      {CHANGES.map(([change, words]) => (
        <span className="legend-entry" key={change}>
          <svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true">
            <DiffMark change={change} />
          </svg>
          {words}
        </span>
      ))}
    </div>
  );
}
