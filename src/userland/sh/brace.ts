/** Brace expansion, on source text before anything else: bash's braces.c. Quotes and expansions inside stay as they are. */

/** The end of the quoted or expanded stretch that starts at `i`, or `i` itself if there is none. */
function skip(text: string, i: number): number {
  const c = text[i];
  if (c === "\\") return i + 2;
  if (c === "'") {
    const end = text.indexOf("'", i + 1);
    return end < 0 ? text.length : end + 1;
  }
  if (c === '"' || c === "`") {
    let k = i + 1;
    while (k < text.length && text[k] !== c) k = text[k] === "\\" ? k + 2 : text[k] === "$" ? Math.max(skip(text, k), k + 1) : k + 1;
    return k + 1;
  }
  if (c === "$" && (text[i + 1] === "{" || text[i + 1] === "(")) {
    const open = text[i + 1] as string;
    const close = open === "{" ? "}" : ")";
    let depth = 0;
    for (let k = i + 1; k < text.length; ) {
      if (text[k] === open) depth++;
      else if (text[k] === close && --depth === 0) return k + 1;
      const next = text[k] === open || text[k] === close ? k + 1 : skip(text, k);
      k = next === k ? k + 1 : next;
    }
    return text.length;
  }
  return i;
}

/** All words that the braces of `text` stand for; just `text` where there are none. */
export function expandBraces(text: string): string[] {
  for (let i = 0; i < text.length; ) {
    const next = skip(text, i);
    if (next > i) {
      i = next;
      continue;
    }
    if (text[i] === "{") {
      const group = readGroup(text, i);
      if (group !== undefined) {
        const tails = expandBraces(text.slice(group.end));
        const before = text.slice(0, i);
        const out: string[] = [];
        for (const middle of group.words) for (const tail of tails) out.push(before + middle + tail);
        return out;
      }
    }
    i++;
  }
  return [text];
}

function readGroup(text: string, open: number): { words: string[]; end: number } | undefined {
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let i = open + 1; i < text.length; ) {
    const next = skip(text, i);
    if (next > i) {
      i = next;
      continue;
    }
    const c = text[i];
    if (c === "{") depth++;
    else if (c === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    } else if (c === "}") {
      if (depth === 0) {
        parts.push(text.slice(start, i));
        if (parts.length > 1) return { words: parts.flatMap(expandBraces), end: i + 1 };
        const sequence = readSequence(parts[0] as string);
        return sequence === undefined ? undefined : { words: sequence, end: i + 1 };
      }
      depth--;
    }
    i++;
  }
  return undefined;
}

const SEQUENCE_MAX = 1_000_000;

function readSequence(body: string): string[] | undefined {
  const numbers = /^(-?[0-9]+)\.\.(-?[0-9]+)(?:\.\.(-?[0-9]+))?$/.exec(body);
  const letters = numbers === null ? /^([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?[0-9]+))?$/.exec(body) : null;
  const m = numbers ?? letters;
  if (m === null) return undefined;
  const [, from, to, by] = m as unknown as [string, string, string, string | undefined];
  const first = numbers ? Number(from) : from.charCodeAt(0);
  const last = numbers ? Number(to) : to.charCodeAt(0);
  const step = Math.abs(Number(by ?? 1)) || 1;
  if (Math.abs(last - first) / step > SEQUENCE_MAX) return undefined;
  const padded = numbers !== null && (/^-?0[0-9]/.test(from) || /^-?0[0-9]/.test(to));
  const width = padded ? Math.max(from.length, to.length) : 0;
  const out: string[] = [];
  for (let n = first; first <= last ? n <= last : n >= last; n += first <= last ? step : -step) {
    if (!numbers) out.push(String.fromCharCode(n));
    else out.push(n < 0 ? `-${String(-n).padStart(width - 1, "0")}` : String(n).padStart(width, "0"));
  }
  return out;
}
