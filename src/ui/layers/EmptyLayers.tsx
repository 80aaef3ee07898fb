/** What the Layers view shows while no overlay is mounted: the slabs that there would be, and the commands that make them. */
import { useSession } from "../context.tsx";
import { EDGE, layoutLayers } from "./layout.ts";

const LAYERS = [
  { index: 0, label: "upper", directory: "what is written goes here", upper: true },
  { index: 1, label: "lower", directory: "what is there already, never changed", upper: false },
] as const;

/** In the order in which they are to be typed. */
const COMMANDS = [
  "mkdir -p /tmp/o/{lower,upper,work,merged}",
  "cp -r /etc/{hosts,passwd,profile} /tmp/o/lower",
  "mount -t overlay overlay -o lowerdir=/tmp/o/lower,upperdir=/tmp/o/upper,workdir=/tmp/o/work /tmp/o/merged",
  "cd /tmp/o/merged; echo more >> hosts; rm profile; touch new",
];

export function EmptyLayers({ width }: { readonly width: number }) {
  const session = useSession();
  const shapes = layoutLayers({ layers: LAYERS, entries: [], focus: undefined, selected: undefined, width, height: 0 });
  return (
    <div className="empty-layers">
      <svg width={shapes.width} height={Math.max(...shapes.slabs.map(({ bottom }) => bottom)) + EDGE + 8} aria-hidden="true">
        {[...shapes.slabs].reverse().map(({ layer, x, right, slant, top, bottom, label, labelY, layered }) => (
          <g key={String(layer)} className="slab planned">
            <path className="face" d={`M${x} ${bottom}H${right}L${right + slant} ${top}H${x + slant}z`} />
            <text className="slab-name" x={x} y={labelY}>
              {label.toUpperCase()}
            </text>
            <text className="small" x={x + label.length * 7.6 + 8} y={labelY}>
              {layered?.directory ?? "what a process sees: both at once"}
            </text>
          </g>
        ))}
      </svg>
      <p>No overlay is mounted. These commands stack one, and change something in it:</p>
      <ol>
        {COMMANDS.map((command) => (
          <li key={command}>
            <button type="button" className="chip" onClick={() => session.typeCommand(command)}>
              {command}
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}
