/** Tab stops of expand(1) and unexpand(1): `8`, `4,8,12`, `2,/4`, `2,+4`. */

export interface TabStops {
  readonly stops: readonly number[];
  /** After the listed stops: every `size` columns, counted from 0 or from the last stop; 0 for none. */
  readonly size: number;
  readonly fromLast: boolean;
}

/** The stops, or what is wrong with the list. */
export function parseTabStops(lists: readonly string[]): TabStops | string {
  const stops: number[] = [];
  let size = 0;
  let fromLast = false;
  for (const word of lists.flatMap((list) => list.split(/[, \t]/)).filter((w) => w !== "")) {
    const found = /^([/+]?)([0-9]+)$/.exec(word);
    if (found === null) return `tab size contains invalid character(s): ‘${/[^0-9].*/.exec(word)?.[0] ?? word}’`;
    const value = Number(found[2]);
    if (found[1] !== "") {
      size = value;
      fromLast = found[1] === "+";
      continue;
    }
    if (value === 0) return "tab size cannot be 0";
    if (value <= (stops.at(-1) ?? 0)) return "tab sizes must be ascending";
    stops.push(value);
  }
  if (stops.length === 0 && size === 0) return { stops: [], size: 8, fromLast: false };
  if (stops.length === 1 && size === 0) return { stops: [], size: stops[0] as number, fromLast: false };
  return { stops, size, fromLast };
}

/** The stop after `column`; undefined where there is none. */
export function nextStop(tabs: TabStops, column: number): number | undefined {
  for (const stop of tabs.stops) if (stop > column) return stop;
  if (tabs.size === 0) return undefined;
  const base = tabs.fromLast ? (tabs.stops.at(-1) ?? 0) : 0;
  return column + tabs.size - ((column - base) % tabs.size);
}
