/** What the Layers view shows while no overlay is mounted: the slabs that there would be, and the commands that make them. */
import { useSession } from "../context.tsx";
import type { LayerEntry } from "../../bridge/messages.ts";
import { DiffMark } from "./DiffMark.tsx";
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

/** What these commands will have done. */
const file = { uid: 0, gid: 0, sizeBytes: 0, ino: 0, mode: 0o100644 };
const own = (layer: number, change: LayerEntry["layers"][number]["change"], hidden = false) => ({
  layer,
  change,
  hidden,
  mode: file.mode,
  sizeBytes: 0,
});
const PLANNED: readonly LayerEntry[] = [
  { name: "hosts", merged: { ...file, name: "hosts" }, layers: [own(0, "changed"), own(1, "added", true)] },
  { name: "new", merged: { ...file, name: "new" }, layers: [own(0, "added")] },
  { name: "passwd", merged: { ...file, name: "passwd" }, layers: [own(1, "added")] },
  { name: "profile", layers: [own(0, "removed"), own(1, "added", true)] },
];

export function EmptyLayers({ width }: { readonly width: number }) {
  const session = useSession();
  const shapes = layoutLayers({
    layers: LAYERS,
    entries: PLANNED,
    focus: undefined,
    selected: undefined,
    looked: undefined,
    width,
    height: 0,
  });
  return (
    <div className="empty-layers">
      <svg width={shapes.width} height={Math.max(...shapes.slabs.map(({ bottom }) => bottom)) + EDGE + 8} aria-hidden="true">
        {[...shapes.slabs].reverse().map(({ layer, x, right, slant, top, bottom, label, labelY, layered, cells }) => (
          <g key={String(layer)} className="slab planned">
            <path className="face" d={`M${x} ${bottom}H${right}L${right + slant} ${top}H${x + slant}z`} />
            <text className="slab-name" x={x + 8} y={labelY}>
              {label.toUpperCase()}
            </text>
            <text className="small" x={x + label.length * 7.6 + 16} y={labelY}>
              {layered?.directory ?? "what a process sees: both at once"}
            </text>
            {cells.map((cell) => (
              <g
                key={cell.key}
                className={`cell${cell.change === undefined ? "" : ` ${cell.change}`}${cell.hidden ? " hidden" : ""}`}
                transform={`translate(${cell.x} ${cell.y})`}
              >
                {cell.change === undefined ? <circle className="seen" r={2.2} /> : <DiffMark change={cell.change} />}
                <text x={10} y={4}>
                  {cell.name}
                </text>
              </g>
            ))}
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
