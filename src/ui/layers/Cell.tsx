/** A name on a slab, what is on its way there, and the line of sight down to it. */
import { formatBytes } from "../format.ts";
import { cutEnd, joinPath, showName } from "../files/names.ts";
import { DiffMark } from "./DiffMark.tsx";
import { type CellShape, ROW_PITCH, type SightShape, type SlabShape } from "./layout.ts";
import { openDirectory, toggleName } from "./state.ts";
import type { Flight } from "./use-flights.ts";

const NAME_ADVANCE = 7.2;

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

export function Cell({ cell, selected, tabbable, path, arriving, pointed, onPoint, onFocus }: CellProps) {
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
export function Sight({ sight }: { readonly sight: SightShape }) {
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
export function FlightMark({ flight, slabs }: { readonly flight: Flight; readonly slabs: readonly SlabShape[] }) {
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
