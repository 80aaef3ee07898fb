/** What stands in a compartment: rows of processes, gauges; and the small vessel that stands for a whole compartment among many. */
import { Shape } from "../picture/Shape.tsx";
import { getStateFace } from "../processes/states.ts";
import { StateMark } from "../processes/StateMark.tsx";
import type { Related } from "../relations.ts";
import { hover, toggleSelection } from "../store.ts";
import type { GaugeShape, PodShape, RowShape } from "./layout.ts";
import { tellContainer } from "./words.ts";

interface RowsProps {
  readonly rows: readonly RowShape[];
  readonly more: number;
  /** Where the gauges begin. */
  readonly width: number;
  readonly related: Related | undefined;
}

export function Rows({ rows, more, width, related }: RowsProps) {
  const last = rows.at(-1);
  return (
    <>
      {rows.map((row) => (
        <Row key={row.pid} row={row} width={width} lit={related?.pids.has(row.pid) === true} />
      ))}
      {more > 0 && last !== undefined && (
        <text className="small" x={10} y={last.y + 17 + 4}>
          {`and ${more} more`}
        </text>
      )}
    </>
  );
}

function Row({ row, width, lit }: { readonly row: RowShape; readonly width: number; readonly lit: boolean }) {
  const { pid, state, inner, serves, x, y, rise } = row;
  const number = inner === undefined || inner === pid ? String(pid) : `${inner} = ${pid}`;
  const letters = (beside: number): number => Math.floor((width - x - 14 - beside * 6.1) / 6.7);
  const told = serves ?? row.comm;
  const numbered = letters(number.length) >= Math.min(told.length + (serves === undefined ? 0 : 2), 6);
  const room = letters(numbered ? number.length : 0);
  const comm = serves === undefined ? row.comm : `${room < serves.length + 7 ? "" : "shim "}▸ ${serves}`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a second way to what the process view and the text twin offer to the keyboard.
    <g
      className={`row${lit ? " related" : ""}`}
      style={{ transform: `translate(${x}px, ${y}px)` }}
      onClick={(event) => {
        event.stopPropagation();
        toggleSelection({ kind: "task", pid });
      }}
      onPointerEnter={(event) => event.pointerType === "mouse" && hover({ kind: "task", pid })}
    >
      <title>
        {serves !== undefined
          ? `process ${pid}, ${row.comm}: the parent of container ${serves} on the host`
          : inner === undefined || inner === pid
            ? `process ${pid}`
            : `process ${pid} of the host, ${inner} in here`}
      </title>
      {rise > 0 && <path className="rigging" d={`M-7 ${5 - rise}V0H-4`} />}
      <rect className="hit" x={-4} y={-9} width={Math.max(0, width - x)} height={17} />
      <StateMark face={getStateFace(state)} x={2} y={0} />
      <text className="comm" x={10} y={4}>
        {room >= comm.length ? comm : `${comm.slice(0, Math.max(2, room - 1))}…`}
      </text>
      {numbered && (
        <text className="small" x={width - x} y={4} textAnchor="end">
          {number}
        </text>
      )}
    </g>
  );
}

/** A vessel that fills from below, or a bar that fills from the left. */
export function Gauge({ shape, kind }: { readonly shape: GaugeShape; readonly kind: "cpu" | "memory" }) {
  const { x, y, width, height, level, limited } = shape;
  const lying = kind === "cpu";
  const full = lying ? level * (width - 2) : level * (height - 2);
  const style = lying ? { width: `${full}px`, height: `${height - 2}px` } : { y: `${height - 1 - full}px`, height: `${full}px` };
  return (
    <g className={`gauge ${kind}${level > 0.9 && limited ? " near" : ""}`} transform={`translate(${x} ${y})`}>
      <rect className="fill" x={1} {...(lying ? { y: 1 } : { width: width - 2 })} style={style} />
      <path className="vessel" d={lying ? `M${width} .5H.5V${height - 0.5}H${width}` : `M.5 0V${height - 0.5}H${width - 0.5}V0`} />
      {limited && <path className="limit" d={lying ? `M${width} -2V${height + 2}` : `M-3 .5H${width + 3}`} />}
    </g>
  );
}

interface PodProps {
  readonly pod: PodShape;
  readonly size: { readonly width: number; readonly height: number };
  readonly tabbable: boolean;
  readonly onFocus: (key: string) => void;
}

/** One of very many: how full it is, how busy, and how it is called. */
export function Pod({ pod, size, tabbable, onFocus }: PodProps) {
  const { container, x, y, level, busy } = pod;
  const named = size.width >= 40;
  const width = size.width - (named ? 8 : 4);
  const height = size.height - (named ? 20 : 4);
  const bar = Math.max(2, Math.min(4, width / 5));
  return (
    <Shape
      id={container.id}
      name={tellContainer(container)}
      selection={{ kind: "container", id: container.id }}
      className={`pod ${container.state}${level > 0.9 && container.limits.memoryBytes > 0 ? " near" : ""}`}
      style={{ transform: `translate(${x}px, ${y}px)` }}
      tabbable={tabbable}
      onFocus={onFocus}
    >
      <rect className="wall" width={width} height={height} />
      <rect
        className="fill memory"
        x={1}
        width={width - 2 - bar}
        style={{ y: `${height - 1 - level * (height - 2)}px`, height: `${level * (height - 2)}px` }}
      />
      <rect
        className="fill cpu"
        x={width - 1 - bar}
        width={bar}
        style={{ y: `${height - 1 - busy * (height - 2)}px`, height: `${busy * (height - 2)}px` }}
      />
      {named && (
        <text className="small" x={0} y={height + 11}>
          {container.name.length > 6 ? `${container.name.slice(0, 5)}…` : container.name}
        </text>
      )}
    </Shape>
  );
}
