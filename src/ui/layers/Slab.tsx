/** A layer as a slab in oblique projection, the words above it, and the hatchings of its edges. */
import { formatBytes } from "../format.ts";
import { cutStart, showName } from "../files/names.ts";
import { DiffMark } from "./DiffMark.tsx";
import { EDGE, type Layered, type SlabShape } from "./layout.ts";
import { toggleFocus, useLayers } from "./state.ts";

const SMALL_ADVANCE = 6.3;

function describeSlab({ layer, label, names, counts }: SlabShape): string {
  if (layer === "merged") return `merged view, ${names} names`;
  const parts = (["added", "changed", "removed", "opaque"] as const)
    .filter((change) => counts[change] > 0)
    .map((change) => `${counts[change]} ${change}`);
  return `${label}: ${parts.length === 0 ? "nothing here" : parts.join(", ")}`;
}

export function Slab({ slab, writing }: { readonly slab: SlabShape; readonly writing: boolean }) {
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
  if (layered?.made !== undefined) {
    const letters = Math.floor(most / SMALL_ADVANCE);
    return layered.made.length <= letters ? layered.made : `${layered.made.slice(0, letters - 1)}…`;
  }
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
export function SlabWords({ slab, workdir, coveredBytes }: SlabWordsProps) {
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

export function Hatches() {
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
