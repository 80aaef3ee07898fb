/** Version order of names: gnulib's filevercmp (`sort -V`, `ls -v`). Numbers within compare as numbers, `~` before everything. */

const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isAlpha = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 97 && c <= 122);

/** Where the suffix like `.tar.gz` begins. */
function prefixLength(name: string): number {
  const suffix = /(?:\.[A-Za-z~][A-Za-z0-9~]*)*$/.exec(name);
  const at = suffix?.index ?? name.length;
  // A name that is all suffix keeps its first character.
  return at === 0 ? name.length : at;
}

function order(text: string, at: number, end: number): number {
  if (at === end) return -1;
  const c = text.charCodeAt(at);
  if (isDigit(c)) return 0;
  if (isAlpha(c)) return c;
  return c === 126 ? -2 : c + 256;
}

function compareParts(a: string, aEnd: number, b: string, bEnd: number): number {
  let i = 0;
  let j = 0;
  while (i < aEnd || j < bEnd) {
    let firstDifference = 0;
    while ((i < aEnd && !isDigit(a.charCodeAt(i))) || (j < bEnd && !isDigit(b.charCodeAt(j)))) {
      const difference = order(a, i, aEnd) - order(b, j, bEnd);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    while (i < aEnd && a.charCodeAt(i) === 48) i++;
    while (j < bEnd && b.charCodeAt(j) === 48) j++;
    while (i < aEnd && j < bEnd && isDigit(a.charCodeAt(i)) && isDigit(b.charCodeAt(j))) {
      if (firstDifference === 0) firstDifference = a.charCodeAt(i) - b.charCodeAt(j);
      i++;
      j++;
    }
    if (i < aEnd && isDigit(a.charCodeAt(i))) return 1;
    if (j < bEnd && isDigit(b.charCodeAt(j))) return -1;
    if (firstDifference !== 0) return firstDifference;
  }
  return 0;
}

/** Negative, zero or positive. */
export function filevercmp(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "") return -1;
  if (b === "") return 1;
  const dots = (name: string): number => (name === "." ? 0 : name === ".." ? 1 : name.startsWith(".") ? 2 : 3);
  const kinds = dots(a) - dots(b);
  if (kinds !== 0) return kinds;
  const [aPrefix, bPrefix] = [prefixLength(a), prefixLength(b)];
  const prefixes = compareParts(a, aPrefix, b, bPrefix);
  if (prefixes !== 0 || (aPrefix === a.length && bPrefix === b.length)) return prefixes;
  return compareParts(a, a.length, b, b.length);
}
