/** An overlay as a stack of slabs: measures its room, asks `layout.ts` for shapes, and draws them. */
import "../styles/layers.css";
import { type KeyboardEvent, useRef, useState } from "react";
import { formatCount } from "../format.ts";
import { findNeighbour } from "../picture/navigate.ts";
import { live, useStore } from "../store.ts";
import { useLiveVersion, useSize } from "../use-live.ts";
import { Cell, FlightMark, Sight } from "./Cell.tsx";
import { DiffMark } from "./DiffMark.tsx";
import { EmptyLayers } from "./EmptyLayers.tsx";
import { LayersBar } from "./LayersBar.tsx";
import { layoutLayers, type LayersShapes } from "./layout.ts";
import { Hatches, Slab, SlabWords } from "./Slab.tsx";
import { getEntries, listLayered, useFreshLayers, useLayers, useShownOverlay } from "./state.ts";
import { type Flight, useFlights } from "./use-flights.ts";
import { WhySheet } from "./WhySheet.tsx";

const REDRAW_MS = 120;
const KINDS = ["overlays", "mounts"] as const;

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
