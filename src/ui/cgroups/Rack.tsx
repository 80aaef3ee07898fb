/** Many siblings at once: a small vessel each. Drawn as a few paths, however many they are. */
import { type PointerEvent, useState } from "react";
import { formatCount } from "../format.ts";
import type { Related } from "../relations.ts";
import { hover, live, toggleSelection } from "../store.ts";
import { CELL, type RackShape } from "./layout.ts";

/** Above the cells: what they are. */
const HEAD = 18;

export function Rack({ rack, related }: { readonly rack: RackShape; readonly related: Related | undefined }) {
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const { x, y, post, ids, levels, alarmed, columns, hidden, width, height } = rack;
  const left = (i: number): number => (i % columns) * CELL.pitchX;
  const top = (i: number): number => HEAD + Math.floor(i / columns) * CELL.pitchY;
  const outline = (i: number): string => `M${left(i) + 0.5} ${top(i)}v${CELL.height}h${CELL.width - 1}v${-CELL.height}`;
  const fill = (i: number): string => {
    const tall = Math.round((levels[i] ?? 0) * (CELL.height - 1) * 2) / 2;
    return tall === 0 ? "" : `M${left(i) + 1.5} ${top(i) + CELL.height - tall}h${CELL.width - 3}v${tall}h${3 - CELL.width}z`;
  };
  const list = (draw: (i: number) => string, which: (i: number) => boolean): string =>
    ids.map((_, i) => (which(i) ? draw(i) : "")).join("");
  const isLit = (i: number): boolean => related === undefined || related.cgroups.has(ids[i] ?? -1);
  const findIndex = (event: PointerEvent<SVGGElement>): number | undefined => {
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / CELL.pitchX);
    const index = Math.floor((event.clientY - box.top) / CELL.pitchY) * columns + column;
    return column < columns && index >= 0 && index < ids.length ? index : undefined;
  };
  const name = pointed === undefined ? undefined : live.cgroups.get(ids[pointed] ?? -1)?.path;
  const more = hidden === 0 ? "" : `, ${formatCount(hidden)} more without room`;
  const words = `${formatCount(ids.length)} cgroups${more}`;
  return (
    <g className="rack" style={{ transform: `translate(${x}px, ${y}px)` }}>
      {post !== undefined && <path className="rigging" d={`M${post.x} ${post.y}V9H-3`} />}
      <text className="small" x={0} y={12}>
        {name ?? words}
      </text>
      <path className="rack-fill" d={list(fill, (i) => isLit(i) && alarmed[i] !== true)} />
      <path className="rack-fill alarm" d={list(fill, (i) => isLit(i) && alarmed[i] === true)} />
      <path className="rack-vessel" d={list(outline, isLit)} />
      <path className="rack-vessel unlit" d={list(outline, (i) => !isLit(i))} />
      {pointed !== undefined && (
        <rect className="rack-point" x={left(pointed) - 1.5} y={top(pointed) - 2} width={CELL.width + 3} height={CELL.height + 4} />
      )}
      <g
        onPointerMove={(event) => {
          const index = findIndex(event);
          setPointed(index);
          const id = index === undefined ? undefined : ids[index];
          hover(id === undefined ? undefined : { kind: "cgroup", id });
        }}
        onPointerLeave={() => setPointed(undefined)}
        onPointerUp={(event) => {
          const id = ids[findIndex(event) ?? -1];
          if (id !== undefined) toggleSelection({ kind: "cgroup", id });
        }}
      >
        <rect className="hit" x={0} y={HEAD} width={width} height={height - HEAD} />
      </g>
    </g>
  );
}
