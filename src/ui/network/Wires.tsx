/** Wires between cards, what moves on them, and the world outside that one of them leads to. */
import type { CSSProperties } from "react";
import { formatCount } from "../format.ts";
import { toggleSelection } from "../store.ts";
import type { RackShape, WireShape } from "./shapes.ts";
import { tellPath } from "./wire-layout.ts";
import { PACKET_MARKS } from "./marks.ts";
import { type Reach, tellReach } from "./reach.ts";
import { ReachMark } from "./ReachMark.tsx";
import { BUSY_RATE, FLIGHT_MS, type Flight } from "./use-packets.ts";

interface WireProps {
  readonly wire: WireShape;
  /** Packets a second. */
  readonly rate: number;
  readonly lit: boolean;
  readonly related: boolean;
  readonly onPoint: (key: string | undefined) => void;
}

export function WireLine({ wire, rate, lit, related, onPoint }: WireProps) {
  const d = tellPath(wire.points);
  const busy = rate > BUSY_RATE;
  const [x = 0, y = 0] = wire.points.at(-1) ?? [];
  return (
    <g
      className={`wire ${wire.kind}${wire.works ? "" : " off"}${lit ? "" : " unlit"}${related ? " related" : ""}`}
      onPointerEnter={(event) => event.pointerType === "mouse" && onPoint(wire.key)}
      onPointerLeave={() => onPoint(undefined)}
    >
      <path className="hit" d={d} />
      <path className="line" d={d} />
      {wire.kind === "uplink" && <path className="core" d={d} />}
      {busy && <path className={`density${rate > 1000 ? " dense" : ""}`} d={d} />}
      {busy && (
        <text className="rate" x={x + 9} y={y - 10}>
          {`${rate >= 1e4 ? `${formatCount(Math.round(rate / 1000))}k` : formatCount(Math.round(rate))}/s`}
        </text>
      )}
    </g>
  );
}

/** Its way, in the direction in which the packet goes. */
function findWay({ from, to }: Flight, wires: readonly WireShape[]): string | undefined {
  for (const wire of wires) {
    const is = (a: WireShape["from"], b: WireShape["from"]): boolean => a.netNs === b.netNs && (a.ifindex === b.ifindex || a.netNs === 0);
    if (is(from, wire.from) && is(to, wire.to)) return tellPath(wire.points);
    if (is(from, wire.to) && is(to, wire.from)) return tellPath([...wire.points].reverse());
  }
  return undefined;
}

export function FlightMark({ flight, wires }: { readonly flight: Flight; readonly wires: readonly WireShape[] }) {
  const way = findWay(flight, wires);
  if (way === undefined) return null;
  const { protocol, header } = flight.packet;
  const style = {
    offsetPath: `path("${way}")`,
    animationDelay: `${flight.delayMs}ms`,
    animationDuration: `${FLIGHT_MS}ms`,
  } as CSSProperties;
  return (
    <g className="packet-flight" style={style}>
      <title>{header}</title>
      <path className={`packet-mark ${protocol}`} d={PACKET_MARKS[protocol]} />
    </g>
  );
}

/** Namespaces that are too many to be drawn in full. */
export function RackDrawing({ rack }: { readonly rack: RackShape }) {
  return (
    <g className="net-rack">
      <rect className="hull" x={rack.x} y={rack.y} width={rack.width} height={rack.height} />
      <text className="small" x={rack.x + 11} y={rack.y + 16}>
        {`${rack.title}${rack.left > 0 ? `, ${rack.left} of them not drawn` : ""}`}
      </text>
      {rack.cells.map((cell) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: one of hundreds; the text twin has a button for each.
        <rect
          key={cell.ino}
          className={`cell${cell.works ? "" : " off"}`}
          x={cell.x}
          y={cell.y}
          width={8}
          height={8}
          onClick={() => toggleSelection({ kind: "namespace", ino: cell.ino })}
        >
          <title>{cell.title}</title>
        </rect>
      ))}
    </g>
  );
}

const WAVE = 16;

interface WaterProps {
  readonly y: number;
  readonly width: number;
  /** Whether the selected namespace gets there. */
  readonly reach: Reach | undefined;
  readonly nameOf: (ino: number) => string;
}

/** The water line: beyond it is what the machine does not see. */
export function Water({ y, width, reach, nameOf }: WaterProps) {
  const waves = Array.from({ length: Math.ceil(width / WAVE) }, () => `q${WAVE / 4} -4 ${WAVE / 2} 0t${WAVE / 2} 0`).join("");
  return (
    <g className={`water${reach === undefined ? "" : ` reach-${reach.kind.replace(" ", "-")}`}`}>
      <path d={`M0 ${y}${waves}`} />
      <path className="deep" d={`M0 ${y + 6}${waves}`} />
      <text x={22} y={y + 25}>
        THE WORLD OUTSIDE
      </text>
      {reach !== undefined && <ReachMark reach={reach} words={tellReach(reach, nameOf)} left={168} y={y + 21} />}
    </g>
  );
}
