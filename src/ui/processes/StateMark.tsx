/** The mark of a process state: shape and hue. */
import type { StateFace } from "./states.ts";

export function StateMark({ face, x = 0, y = 0 }: { readonly face: StateFace; readonly x?: number; readonly y?: number }) {
  const hue = `var(--state-${face.letter})`;
  return (
    <path
      className="mark"
      d={face.mark}
      transform={`translate(${x} ${y})`}
      style={{ stroke: hue, fill: face.fill === "solid" ? hue : "none" }}
    />
  );
}
