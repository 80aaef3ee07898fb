/** Draws the keel under the picture. */
import { useRef } from "react";
import { formatShare } from "../format.ts";
import { live } from "../store.ts";
import { useLiveTick, useSize } from "../use-live.ts";
import { GAUGE, type GaugeShape, layoutKeel } from "./layout.ts";

/** `carries`: a tree stands on it, whose post comes down from above. */
export function Keel({ carries }: { readonly carries: boolean }) {
  const area = useRef<HTMLDivElement>(null);
  const { width } = useSize(area);
  useLiveTick(250);
  const shapes = layoutKeel(live.sample, width);
  const kernel = `KERNEL${shapes.load === "" ? "" : ` · ${shapes.load.toUpperCase()}`}`;
  const words = `Kernel: ${shapes.gauges.map((gauge) => `${gauge.label} ${formatShare(gauge.filled)}`).join(", ")}; ${shapes.memory.label}; ${shapes.load}`;
  return (
    <div ref={area}>
      <svg className="keel" width="100%" height={shapes.height} role="img" aria-label={words}>
        <defs>
          <pattern id="keel-section" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0V7" stroke="var(--line)" strokeWidth="1.400" />
          </pattern>
          <pattern id="keel-busy" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
            <path d="M0 0V4" stroke="var(--state-R)" strokeWidth="4" />
          </pattern>
          <pattern id="keel-memory" width="4" height="4" patternUnits="userSpaceOnUse">
            <path d="M0 2H4" stroke="var(--state-S)" strokeWidth="2" />
          </pattern>
        </defs>
        {shapes.gauges.map((gauge) => (
          <Gauge key={gauge.key} gauge={gauge} fill="url(#keel-busy)" />
        ))}
        <Gauge gauge={shapes.memory} fill="url(#keel-memory)" />
        <line
          className="limit"
          x1={shapes.memory.x + shapes.memory.width}
          x2={shapes.memory.x + shapes.memory.width}
          y1={GAUGE.top - 5}
          y2={GAUGE.top + GAUGE.height + 5}
        />
        {carries && <path className="keel-post" d="M14 0V50" />}
        <rect className="keel-line" x={0} y={49} width="100%" height={3} />
        <rect className="keel-section" x={0} y={52} width="100%" height={17} fill="url(#keel-section)" />
        <line className="keel-edge" x1={0} x2="100%" y1={69.5} y2={69.5} />
        <rect x={28} y={53} width={14 + kernel.length * 7.4} height={16} fill="var(--sheet)" />
        <text className="keel-label" x={35} y={64.5}>
          {kernel}
        </text>
        {shapes.blocks.map((x) => (
          <path key={x} className="keel-block" d={`M${x - 7} 69.5H${x + 7}L${x + 10} 83.5H${x - 10}z`} />
        ))}
        <line className="keel-edge" x1={0} x2="100%" y1={83.5} y2={83.5} />
      </svg>
    </div>
  );
}

function Gauge({ gauge, fill }: { readonly gauge: GaugeShape; readonly fill: string }) {
  return (
    <g>
      <text className="keel-label" x={gauge.x} y={GAUGE.top - 6}>
        {gauge.label}
      </text>
      <rect className="gauge" x={gauge.x + 0.5} y={GAUGE.top + 0.5} width={gauge.width - 1} height={GAUGE.height - 1} />
      <rect
        className="gauge-fill"
        x={gauge.x + 2}
        y={GAUGE.top + 2}
        height={GAUGE.height - 4}
        style={{ fill, width: `${Math.max(0, (gauge.width - 4) * gauge.filled)}px` }}
      />
    </g>
  );
}
