/** `!` expansion: history(3), as far as prompts use it: events, word designators, modifiers, `^old^new`. */

import type { History } from "./history.ts";

/** `!foo: event not found`. */
export class HistoryError {
  constructor(readonly message: string) {}
}

/** The words of a line, as the shell would cut them. */
function wordsOf(line: string): string[] {
  return line.match(/(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|`[^`]*`|\$\([^)]*\)|[^\s|&;<>()'"\\]|\\)+|\|\||&&|;;|>>|<<|[|&;<>()]/g) ?? [];
}

/** The expanded line, or undefined where nothing was to be expanded. Throws HistoryError. `print` for `:p`. */
export function expandHistory(history: History, line: string): { text: string; print: boolean } | undefined {
  if (line.startsWith("^")) {
    const m = /^\^([^^]+)\^([^^]*)\^?(.*)$/s.exec(line);
    const last = history.entries[history.entries.length - 1];
    if (m === null || last === undefined || !last.includes(m[1] as string)) throw new HistoryError(`:s${line}: substitution failed`);
    return { text: last.replace(m[1] as string, () => m[2] as string) + (m[3] as string), print: false };
  }
  if (!line.includes("!")) return undefined;
  let out = "";
  let changed = false;
  let print = false;
  let double = false;
  for (let i = 0; i < line.length; ) {
    const c = line[i] as string;
    if (c === "\\" && i + 1 < line.length) {
      out += c + line[i + 1];
      i += 2;
    } else if (c === "'" && !double) {
      const end = line.indexOf("'", i + 1);
      const stop = end < 0 ? line.length : end + 1;
      out += line.slice(i, stop);
      i = stop;
    } else if (c === "!" && !/^!($|[\s=(]|"$)/.test(line.slice(i)) && !(double && line[i + 1] === '"')) {
      const r = expandEvent(history, line, i, out);
      out += r.text;
      i = r.end;
      print ||= r.print;
      changed = true;
    } else {
      if (c === '"') double = !double;
      out += c;
      i++;
    }
  }
  return changed ? { text: out, print } : undefined;
}

function expandEvent(history: History, line: string, start: number, before: string): { text: string; end: number; print: boolean } {
  const rest = line.slice(start + 1);
  let event: string | undefined;
  let used = 0;
  const m = /^(!|#|-?[0-9]+|\?([^?\n]+)\??|(?=[$^*:])|[^\s:$^*"';|&()<>]+)/.exec(rest);
  const spec = m?.[0] ?? "";
  used = spec.length;
  const { entries } = history;
  if (spec === "!" || spec === "") event = entries[entries.length - 1];
  else if (spec === "#") event = before;
  else if (/^-[0-9]+$/.test(spec)) event = entries[entries.length + Number(spec)];
  else if (/^[0-9]+$/.test(spec)) event = history.get(Number(spec));
  else if (spec.startsWith("?")) event = entries.findLast((e) => e.includes(m?.[2] as string));
  else event = entries.findLast((e) => e.startsWith(spec));
  if (event === undefined) throw new HistoryError(`!${spec}: event not found`);
  let text = event;
  const w = /^(?::([0-9]+-[0-9]+|[0-9]+-\$?|[0-9]+\*|[0-9]+|[$^*%]|-[0-9]+)|([$^*]))/.exec(rest.slice(used));
  if (w !== null) {
    used += w[0].length;
    text = selectWords(text, (w[1] ?? w[2]) as string);
  }
  let print = false;
  for (;;) {
    const mod = /^:(g?)(?:([htrepq])|s(.)([\s\S]*?)\3([\s\S]*?)(?:\3|$))/.exec(rest.slice(used));
    if (mod === null) break;
    used += mod[0].length;
    if (mod[2] === "p") print = true;
    else text = modify(text, mod);
  }
  return { text, end: start + 1 + used, print };
}

function selectWords(event: string, spec: string): string {
  const words = wordsOf(event);
  const last = words.length - 1;
  const bad = (): HistoryError => new HistoryError(`:${spec}: bad word specifier`);
  let from: number;
  let to: number;
  const range = /^([0-9]*)-([0-9]*|\$)$/.exec(spec);
  if (spec === "$") from = to = last;
  else if (spec === "^") from = to = 1;
  else if (spec === "*") {
    from = 1;
    to = last;
  } else if (range !== null) {
    from = Number(range[1] || 0);
    to = range[2] === "$" ? last : range[2] === "" ? last - 1 : Number(range[2]);
  } else if (spec.endsWith("*")) {
    from = Number(spec.slice(0, -1));
    to = last;
  } else from = to = Number(spec);
  if (from > last + 1 || to > last || (from > last && spec !== "*" && !spec.endsWith("*"))) throw bad();
  return words.slice(from, to + 1).join(" ");
}

function modify(text: string, m: RegExpExecArray): string {
  switch (m[2]) {
    case "h":
      return text.includes("/") ? text.slice(0, text.lastIndexOf("/")) : text;
    case "t":
      return text.slice(text.lastIndexOf("/") + 1);
    case "r":
      return text.replace(/\.[^./]*$/, "");
    case "e":
      return /\.[^./]*$/.exec(text)?.[0] ?? text;
    case "q":
      return `'${text.replaceAll("'", "'\\''")}'`;
    default: {
      const [, global, , , old, fresh] = m as unknown as [string, string, string, string, string, string];
      if (!text.includes(old)) throw new HistoryError(`${m[0]}: substitution failed`);
      return global === "g" ? text.replaceAll(old, () => fresh) : text.replace(old, () => fresh);
    }
  }
}
