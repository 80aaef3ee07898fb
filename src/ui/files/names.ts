/** How names and modes of files are written: as ls writes them, and so that no name can dress up as something else. */

/** Characters that would break a line, hide, or turn the direction of what follows; and bytes that are no UTF-8. */
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function escape(character: string): string {
  const code = character.charCodeAt(0);
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  // A byte that is not valid UTF-8, as the machine keeps it.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A name of a file with all that is not seen written as an escape. */
export function showName(name: string): string {
  return name.replace(UNSEEN, escape);
}

const TYPES: Readonly<Record<number, string>> = { 0o14: "s", 0o12: "l", 0o10: "-", 0o6: "b", 0o4: "d", 0o2: "c", 0o1: "p" };
const WORDS: Readonly<Record<number, string>> = {
  0o14: "socket",
  0o12: "symbolic link",
  0o10: "file",
  0o6: "block device",
  0o4: "directory",
  0o2: "character device",
  0o1: "FIFO",
};

export const isDirectory = (mode: number): boolean => (mode & 0o170000) === 0o040000;
export const isRegular = (mode: number): boolean => (mode & 0o170000) === 0o100000;
export const isLink = (mode: number): boolean => (mode & 0o170000) === 0o120000;

/** `-rwsr-xr-x`. */
export function formatMode(mode: number): string {
  const bits = (shift: number, special: number, letter: string): string => {
    const x = (mode >> shift) & 1;
    const last = (mode & special) === 0 ? (x === 1 ? "x" : "-") : x === 1 ? letter : letter.toUpperCase();
    return `${(mode >> shift) & 4 ? "r" : "-"}${(mode >> shift) & 2 ? "w" : "-"}${last}`;
  };
  return `${TYPES[mode >> 12] ?? "?"}${bits(6, 0o4000, "s")}${bits(3, 0o2000, "s")}${bits(0, 0o1000, "t")}`;
}

/** What kind of thing it is, in a word. */
export function describeType(mode: number): string {
  return WORDS[mode >> 12] ?? "file";
}

/** Joins a directory and a name. */
export function joinPath(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** Whether `path` is `above` or below it. */
export function isWithin(path: string, above: string): boolean {
  return path === above || above === "/" || path.startsWith(`${above}/`);
}

/** As much of a text as has room, by the advance of its face; its end is cut. */
export function cutEnd(text: string, room: number, advance: number): string {
  const most = Math.max(1, Math.floor(room / advance));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** As cutEnd, of a path, whose end says most. */
export function cutStart(text: string, room: number, advance: number): string {
  const most = Math.max(1, Math.floor(room / advance));
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`;
}

/** A path as a word that can be typed into bash: no character of it is taken for a key, such as Control C. */
export function quote(path: string): string {
  if (/^[\w@%+=:,./-]+$/.test(path)) return path;
  if (!new RegExp(UNSEEN).test(path)) return `'${path.replaceAll("'", `'\\''`)}'`;
  return `$'${path.replace(/['\\]/g, "\\$&").replace(UNSEEN, escape)}'`;
}
