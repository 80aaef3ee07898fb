/**
 * The frame of a drawing sheet after ISO 5457: an outer trimming line, the frame, and between them the zones by which one names a place on
 * the sheet (numbers along the top, letters down the sides), with centring marks.
 */

export interface FrameShapes {
  readonly outer: Rect;
  readonly inner: Rect;
  /** Zone borders and centring marks. */
  readonly ticks: string;
  readonly labels: readonly { readonly x: number; readonly y: number; readonly text: string }[];
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Zones have at least this length; their number is even, so that the middle is a border. */
const ZONE_LEAST = 130;

function countZones(length: number): number {
  return Math.max(2, Math.floor(length / ZONE_LEAST / 2) * 2);
}

export function layoutFrame(width: number, height: number, margin: number): FrameShapes {
  const outer = { x: 4.5, y: 4.5, width: width - 9, height: height - 9 };
  const inner = { x: margin - 0.5, y: margin - 0.5, width: width - 2 * margin + 1, height: height - 2 * margin + 1 };
  const columns = countZones(inner.width);
  const rows = countZones(inner.height);
  const right = inner.x + inner.width;
  const bottom = inner.y + inner.height;
  const near = (outer.x + inner.x) / 2;
  let ticks = "";
  const labels: { x: number; y: number; text: string }[] = [];
  for (let i = 0; i < columns; i++) {
    const x = inner.x + (inner.width * i) / columns;
    const reach = i === columns / 2 ? 6 : 0;
    if (i > 0) ticks += `M${x} ${outer.y}V${inner.y + reach}M${x} ${bottom - reach}V${outer.y + outer.height}`;
    const middle = x + inner.width / columns / 2;
    for (const y of [near, height - near]) labels.push({ x: middle, y, text: String(i + 1) });
  }
  for (let i = 0; i < rows; i++) {
    const y = inner.y + (inner.height * i) / rows;
    const reach = i === rows / 2 ? 6 : 0;
    if (i > 0) ticks += `M${outer.x} ${y}H${inner.x + reach}M${right - reach} ${y}H${outer.x + outer.width}`;
    const middle = y + inner.height / rows / 2;
    for (const x of [near, width - near]) labels.push({ x, y: middle, text: String.fromCharCode(65 + i) });
  }
  return { outer, inner, ticks, labels };
}
