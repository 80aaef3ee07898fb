/** The instruments of a strip: a vessel with its past, a bar that lies, a field of squares. */
import { type InstrumentShape, type PidsShape, SQUARE } from "./layout.ts";

interface Props {
  readonly shape: InstrumentShape;
  readonly kind: "cpu" | "memory";
}

/** A vessel, open at the top, that fills; beside it what it held before; the limit across both. */
export function Instrument({ shape, kind }: Props) {
  const { x, y, width, height, vessel, contents, limitY, highY, area, edge, throttled, kills } = shape;
  let level = height;
  const fills = contents.map(({ part, height: tall }) => {
    level -= tall;
    return (
      <rect
        // A vessel of another height is another vessel: what is in it does not move from the one to the other.
        key={`${part} ${height}`}
        className="gauge-fill"
        x={1.5}
        width={vessel - 3}
        style={{ y: `${level}px`, height: `${tall}px`, fill: `url(#hatch-${part})` }}
      />
    );
  });
  const top = limitY ?? 0;
  const marks = throttled.map((mark) => `M${mark.x} ${top - 2}v${-2 - 4 * mark.share}h${mark.width}v${2 + 4 * mark.share}z`).join("");
  return (
    <g className={`instrument ${kind}`} transform={`translate(${x} ${y})`}>
      <path className="axis" d={`M${vessel + 6} ${height + 0.5}H${width}`} />
      {area !== "" && <path className="past" d={area} />}
      {edge !== "" && <path className="past-edge" d={edge} />}
      {fills}
      <path key={height} className="surface" style={{ transform: `translate(0, ${level}px)` }} d={`M1 0H${vessel - 1}`} />
      {/* Without a limit the walls go on: they are broken off, as drawings do. */}
      {limitY === undefined ? (
        <path
          className="vessel"
          d={`M.5 -1v1.500l-2.500 1.500l5 2l-2.500 1.500V${height + 0.5}H${vessel - 0.5}V5.500l-2.500 -1.500l5 -2l-2.500 -1.500v-1.500`}
          strokeLinejoin="bevel"
        />
      ) : (
        <path className="vessel" d={`M-2.500 .5H.5V${height + 0.5}H${vessel - 0.5}V.5H${vessel + 2.5}`} />
      )}
      {highY !== undefined && <path className="high" d={`M0 ${highY}H${width}`} />}
      {limitY !== undefined && <path className="limit-line" d={`M-3 ${limitY}H${width}`} />}
      {marks !== "" && <path className="throttled" d={marks} />}
      {kills.map((at) => (
        <path key={at} className="kill" d={`M${at} ${height}V11M${at - 3.5} 2.500l7 7m0-7l-7 7`} />
      ))}
    </g>
  );
}

/** A vessel on its side, for a single line. */
export function Lying({ shape, kind }: Props) {
  const { x, y, width, height, contents, limitY } = shape;
  let filled = 0;
  const fills = contents.map(({ part, height: long }) => {
    const at = filled;
    filled += long;
    return (
      <rect
        key={part}
        className="gauge-fill"
        x={at}
        y={1.5}
        height={height - 3}
        style={{ width: `${long}px`, fill: `url(#hatch-${part})` }}
      />
    );
  });
  return (
    <g className={`instrument ${kind}`} transform={`translate(${x} ${y})`}>
      {fills}
      <path className="vessel" d={`M${width} .5H.5V${height - 0.5}H${width}`} />
      {limitY !== undefined && <path className="limit-line" d={`M${limitY} -3V${height + 3}`} />}
    </g>
  );
}

/** A square for each task, an empty one for each that may still come; a bar where they are too many. */
export function Squares({ shape }: { readonly shape: PidsShape }) {
  const { x, y, width, height, squares, filled } = shape;
  if (squares === undefined) {
    return (
      <g transform={`translate(${x} ${y})`}>
        <rect className="gauge-fill tasks" x={0} y={height - 12} height={12} style={{ width: `${width * (filled ?? 1)}px` }} />
        {filled !== undefined && <path className="vessel" d={`M.5 ${height - 13}V${height + 0.5}H${width}`} />}
        {filled !== undefined && <path className="limit-line" d={`M${width} ${height - 16}V${height + 3}`} />}
      </g>
    );
  }
  const { columns, used, all } = squares;
  const place = (i: number): string => {
    const left = (i % columns) * SQUARE.pitch + 0.5;
    const top = height - (Math.floor(i / columns) + 1) * SQUARE.pitch + 2.5;
    return `M${left} ${top}h${SQUARE.size - 1}v${SQUARE.size - 1}h${1 - SQUARE.size}z`;
  };
  const list = (from: number, to: number): string => Array.from({ length: Math.max(0, to - from) }, (_, i) => place(from + i)).join("");
  return (
    <g transform={`translate(${x} ${y})`}>
      <path className="task-free" d={list(used, all)} />
      <path className="task-used" d={list(0, used)} />
    </g>
  );
}
