/** Go's strconv.Quote(). */

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\x07": "\\a" },
};

export function quoteGo(text: string): string {
  const escaped = text.replace(/[\\"\p{Cc}]/gu, (ch) => ESCAPES[ch] ?? `\\x${(ch.codePointAt(0) as number).toString(16).padStart(2, "0")}`);
  return `"${escaped}"`;
}
