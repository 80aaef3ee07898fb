/** Order of names in which `a2` comes before `a10`. Real counterpart: fvbommel/sortorder. */

/** For Array.sort(). */
export function naturalLess(a: string, b: string): number {
  const [x, y] = [a, b].map((text): string[] => text.match(/\d+|\D/g) ?? []) as [string[], string[]];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const [p, q] = [x[i] as string, y[i] as string];
    if (p === q) continue;
    const numbers = /^\d/.test(p) && /^\d/.test(q);
    const [m, n] = [p.replace(/^0+(?=\d)/, ""), q.replace(/^0+(?=\d)/, "")];
    if (numbers && m.length !== n.length) return m.length - n.length;
    if (numbers && m !== n) return m < n ? -1 : 1;
    return p < q ? -1 : 1;
  }
  return x.length - y.length;
}
