/** Draws the frame around the page. */
import { useLayoutEffect, useState } from "react";
import { layoutFrame } from "./frame.ts";

function measure() {
  const margin = Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--margin"));
  return { width: innerWidth, height: innerHeight, margin };
}

export function SheetFrame() {
  const [size, setSize] = useState(measure);
  useLayoutEffect(() => {
    const follow = (): void => setSize(measure());
    addEventListener("resize", follow);
    return () => removeEventListener("resize", follow);
  }, []);
  if (size.margin === 0) return null;
  const { outer, inner, ticks, labels } = layoutFrame(size.width, size.height, size.margin);
  return (
    <svg className="sheet-frame" aria-hidden="true">
      <rect className="outer" {...outer} />
      <rect {...inner} />
      <path d={ticks} />
      {labels.map(({ x, y, text }) => (
        <text key={`${x},${y}`} x={x} y={y}>
          {text}
        </text>
      ))}
    </svg>
  );
}
