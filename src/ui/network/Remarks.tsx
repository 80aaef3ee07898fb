/** What rules did to packets, noted where it happened: the ends before and after, and below them the rule. Notes at one place stand above each other. */
import { tellPacketEvent } from "./NetworkFacts.tsx";
import type { Remark } from "./use-packets.ts";

export interface Spot {
  readonly x: number;
  readonly y: number;
}

export interface NoteShape {
  readonly remark: Remark;
  readonly spot: Spot;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const CHAR = 6.35;
const RULE_CHAR = 5.9;
const LINE = 13;
/** Between a note and its place, and between notes. */
const AWAY = 11;
const GAP = 3;

/** Notes above their places, out of each other's way as far as there is room. Pure. */
export function stackRemarks(
  remarks: readonly Remark[],
  placeOf: (remark: Remark) => Spot | undefined,
  width: number,
): readonly NoteShape[] {
  const notes: NoteShape[] = [];
  for (const remark of remarks) {
    const spot = placeOf(remark);
    if (spot === undefined) continue;
    const wide = Math.max(remark.text.length * CHAR, remark.rule.length * RULE_CHAR) + 16;
    const height = remark.rule === "" ? LINE + 5 : 2 * LINE + 6;
    const x = Math.max(4, Math.min(spot.x - wide / 2, width - wide - 4));
    let y = spot.y - AWAY - height;
    const covers = (note: NoteShape): boolean =>
      x < note.x + note.width + GAP && note.x < x + wide + GAP && y < note.y + note.height + GAP && note.y < y + height + GAP;
    for (let other = notes.find(covers); other !== undefined && y > 2; other = notes.find(covers)) y = other.y - GAP - height - 0.01;
    notes.push({ remark, spot, x, y: Math.max(2, y), width: wide, height });
  }
  return notes;
}

export function RemarkNote({ note }: { readonly note: NoteShape }) {
  const { remark, spot, x, y, width, height } = note;
  const foot = Math.min(Math.max(spot.x, x + 6), x + width - 6);
  return (
    <g className={`remark${remark.danger ? " danger" : ""}`} style={{ animationDelay: `${remark.delayMs}ms` }}>
      <title>{tellPacketEvent(remark.packet)}</title>
      <path className="pointer" d={`M${foot} ${y + height}L${spot.x} ${spot.y - 4}`} />
      {remark.danger && <path className="cross" d={`M${spot.x - 6} ${spot.y - 6}l12 12m0 -12l-12 12`} />}
      <rect x={x} y={y} width={width} height={height} />
      <text x={x + 8} y={y + LINE}>
        {remark.text}
      </text>
      {remark.rule !== "" && (
        <text className="rule" x={x + 8} y={y + 2 * LINE}>
          {remark.rule}
        </text>
      )}
    </g>
  );
}
