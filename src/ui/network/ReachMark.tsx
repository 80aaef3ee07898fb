/** Whether the selected namespace gets to a place: a mark and a word or two; the whole sentence on pointing. */
import { type Reach, tellMark } from "./reach.ts";

const PATHS = {
  both: "M-4 0.500L-1 3.500L4.500 -3.500",
  "one way": "M-4.500 0H4M1 -3L4 0L1 3",
  none: "M-3.500 -3.500L3.500 3.500M3.500 -3.500L-3.500 3.500",
} as const;

interface Props {
  readonly reach: Reach;
  /** The whole of it. */
  readonly words: string;
  /** Where it ends, or begins. */
  readonly right?: number;
  readonly left?: number;
  /** Its middle. */
  readonly y: number;
}

export function ReachMark({ reach, words, right = 0, left, y }: Props) {
  const mark = tellMark(reach);
  const width = mark.length * 6.1 + 28;
  return (
    <g className="reach-mark" transform={`translate(${left ?? right - width} ${y - 9})`}>
      <title>{words}</title>
      <rect width={width} height={18} />
      <path d={PATHS[reach.kind]} transform="translate(12 9)" />
      <text x={22} y={12.5}>
        {mark}
      </text>
    </g>
  );
}
