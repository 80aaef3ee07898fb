/** vi's command line: addresses and the commands that only change the text. What touches files is left to `session.ts`. Pure. */

import { RegexError, regcomp } from "../libc/regex.ts";
import { firstNonBlank } from "./buffer.ts";
import type { Editor } from "./editor.ts";
import type { Options } from "./editor-state.ts";
import { shiftLine } from "./operators.ts";

export interface ExCommand {
  /** Lines from 0; undefined where no address was given. */
  readonly range: { readonly from: number; readonly to: number } | undefined;
  readonly name: string;
  readonly bang: boolean;
  readonly args: string;
}

/** Why a command line cannot be obeyed: vim's message. */
export class ExError {
  constructor(readonly message: string) {}
}

/** Takes a command line apart. Throws ExError. */
export function parseEx(editor: Editor, text: string): ExCommand {
  const { buffer } = editor;
  let rest = text.replace(/^[\s:]+/, "");
  const last = buffer.lines.length - 1;
  const addresses: number[] = [];
  let current = buffer.cursor.line;

  function address(): number | undefined {
    let at: number | undefined;
    const take = (pattern: RegExp): RegExpExecArray | null => {
      const match = pattern.exec(rest);
      if (match !== null) rest = rest.slice(match[0].length);
      return match;
    };
    let match = take(/^[0-9]+/);
    if (match !== null) at = Number(match[0]) - 1;
    else if (take(/^\./) !== null) at = current;
    else if (take(/^\$/) !== null) at = last;
    else if ((match = take(/^'(.)/)) !== null) {
      const mark = editor.marks.get(match[1] as string);
      if (mark === undefined) throw new ExError("E20: Mark not set");
      at = mark.line;
    } else if ((match = take(/^([/?])((?:\\.|(?!\1).)*)\1?/)) !== null) {
      const regex = editor.compile(match[2] as string);
      if (regex === undefined) throw new ExError(editor.message);
      const step = match[1] === "/" ? 1 : -1;
      for (let i = 1; i <= buffer.lines.length && at === undefined; i++) {
        const line = (((current + step * i) % buffer.lines.length) + buffer.lines.length) % buffer.lines.length;
        if (regex.test(buffer.line(line))) at = line;
      }
      if (at === undefined) throw new ExError(`E486: Pattern not found: ${match[2]}`);
    }
    for (let offset = take(/^\s*([-+])([0-9]*)/); offset !== null; offset = take(/^\s*([-+])([0-9]*)/)) {
      at = (at ?? current) + (offset[1] === "+" ? 1 : -1) * (offset[2] === "" ? 1 : Number(offset[2]));
    }
    return at;
  }

  if (rest.startsWith("%")) {
    addresses.push(0, last);
    rest = rest.slice(1);
  } else {
    for (;;) {
      const at = address();
      if (at === undefined && !/^[,;]/.test(rest) && addresses.length === 0) break;
      addresses.push(at ?? current);
      const separator = /^\s*([,;])/.exec(rest);
      if (separator === null) break;
      rest = rest.slice(separator[0].length).trimStart();
      if (separator[1] === ";") current = addresses.at(-1) ?? current;
    }
  }
  rest = rest.trimStart();
  const match = /^([a-zA-Z]+|[<>]+|[!=&@#~*])?(!?)\s*([\s\S]*)$/.exec(rest) as RegExpExecArray;
  let name = match[1] ?? "";
  let bang = match[2] === "!";
  let args = match[3] ?? "";
  // s, g, k and the like need no blank before what follows.
  const short = /^(s|g|v|k)([^a-zA-Z0-9].*|[a-z]?)$/.exec(rest);
  if (short !== null && !/^(set?|sp|so|sh|vi?|ve)/.test(rest)) {
    name = short[1] as string;
    args = (short[2] ?? "").trimStart();
    bang = name === "g" && args.startsWith("!");
    if (bang) args = args.slice(1);
  }
  let range: ExCommand["range"];
  if (addresses.length > 0) {
    const to = addresses.at(-1) as number;
    const from = addresses.length > 1 ? (addresses.at(-2) as number) : to;
    if (from > to) throw new ExError("E493: Backwards range given");
    // A line 0 is allowed only as a place to put something after.
    if (to > last && name !== "") throw new ExError("E16: Invalid range");
    range = { from: Math.max(-1, from), to: Math.min(to, last) };
  }
  return { range, name, bang, args };
}

/** Obeys a command that needs no files; false if it is none of these. Throws ExError. */
export function runEx(editor: Editor, command: ExCommand): boolean {
  const b = editor.buffer;
  const { name, args } = command;
  const here = b.cursor.line;
  const { from, to } = command.range ?? { from: here, to: here };
  const first = Math.max(0, from);
  const goto = (line: number): void => {
    const at = Math.max(0, Math.min(b.lines.length - 1, line));
    b.cursor = { line: at, col: firstNonBlank(b.line(at)) };
  };
  const register = (text: string): string => (/^["a-zA-Z]/.exec(text)?.[0] ?? '"').toLowerCase();
  switch (name) {
    case "":
      goto(to);
      return true;
    case "d":
    case "de":
    case "delete": {
      const gone = b.deleteLines(first, to - first + 1);
      editor.registers.set(register(args), { text: gone, linewise: true });
      editor.registers.set('"', { text: gone, linewise: true });
      goto(first);
      if (gone.length > 2) editor.message = `${gone.length} fewer lines`;
      return true;
    }
    case "y":
    case "ya":
    case "yank": {
      const text = b.lines.slice(first, to + 1);
      editor.registers.set(register(args), { text, linewise: true });
      editor.registers.set('"', { text, linewise: true });
      if (text.length > 2) editor.message = `${text.length} lines yanked`;
      return true;
    }
    case "pu":
    case "put": {
      const kept = editor.registers.get(register(args));
      if (kept === undefined) throw new ExError(`E353: Nothing in register ${register(args)}`);
      b.insertLines(to + 1, kept.text);
      goto(to + kept.text.length);
      return true;
    }
    case "m":
    case "move":
    case "co":
    case "copy":
    case "t":
      moveOrCopy(editor, first, to, args, name.startsWith("m"));
      return true;
    case "j":
    case "join":
      editor.join(first, command.range !== undefined && to > from ? to - first + 1 : 2, !command.bang);
      goto(first);
      return true;
    case "k":
    case "ma":
    case "mark":
      editor.marks.set(args[0] ?? "", { line: to, col: 0 });
      return true;
    case "s":
    case "su":
    case "substitute":
    case "&":
    case "~":
      substitute(editor, first, to, args);
      return true;
    case "g":
    case "global":
    case "v":
    case "vglobal":
      global(editor, command);
      return true;
    case "normal":
    case "norm":
      for (let line = first; line <= to; line++) {
        b.cursor = { line, col: 0 };
        for (const key of Array.from(args)) editor.feed(key);
        editor.feed("\x1b");
      }
      return true;
    case "set":
    case "se":
      setOptions(editor, args);
      return true;
    case "noh":
    case "nohlsearch":
      editor.highlightOff = true;
      return true;
    case "u":
    case "undo":
      if (!b.undo()) editor.message = "Already at oldest change";
      return true;
    case "red":
    case "redo":
      if (!b.redo()) editor.message = "Already at newest change";
      return true;
    case "=":
      editor.message = `${command.range === undefined ? b.lines.length : to + 1}`;
      return true;
    case "p":
    case "print":
    case "P":
      goto(to);
      editor.message = b.line(to);
      return true;
    case "nu":
    case "number":
    case "#":
      goto(to);
      editor.message = `${`${to + 1}`.padStart(3)} ${b.line(to)}`;
      return true;
  }
  if (/^[<>]+$/.test(name)) {
    for (let line = first; line <= to; line++)
      b.setLine(line, shiftLine(b.line(line), name[0] === ">" ? name.length : -name.length, editor.options));
    goto(to);
    return true;
  }
  return false;
}

function moveOrCopy(editor: Editor, from: number, to: number, args: string, move: boolean): void {
  const b = editor.buffer;
  const target = /^0\s*$/.test(args) ? -1 : parseEx(editor, args).range?.to;
  if (target === undefined) throw new ExError("E14: Invalid address");
  if (move && target >= from && target < to) throw new ExError("E134: Cannot move a range of lines into itself");
  const text = b.lines.slice(from, to + 1);
  if (move) {
    b.deleteLines(from, text.length);
    const at = target > to ? target - text.length + 1 : target + 1;
    // Where everything was moved away an empty line stands.
    b.insertLines(at, text);
    b.cursor = { line: at + text.length - 1, col: firstNonBlank(text.at(-1) ?? "") };
  } else {
    b.insertLines(target + 1, text);
    b.cursor = { line: target + text.length, col: firstNonBlank(text.at(-1) ?? "") };
  }
}

interface Substitution {
  readonly pattern: string;
  readonly replacement: string;
  readonly flags: string;
}

/** The last substitution, for `:s` and `:&` without a pattern. */
const lastSubstitutions = new WeakMap<Editor, Substitution>();

function parseSubstitution(editor: Editor, args: string): Substitution {
  const mark = args[0];
  if (mark === undefined || /[\w\s"|\\]/.test(mark)) {
    const last = lastSubstitutions.get(editor);
    if (last === undefined) throw new ExError("E35: No previous regular expression");
    return { ...last, flags: args.trim() };
  }
  const parts: string[] = [""];
  let at = 1;
  for (; at < args.length && parts.length < 3; at++) {
    const ch = args[at] as string;
    if (ch === "\\" && at + 1 < args.length) {
      parts[parts.length - 1] += args[at + 1] === mark ? mark : ch + args[at + 1];
      at++;
    } else if (ch === mark) parts.push("");
    else parts[parts.length - 1] += ch;
  }
  return { pattern: parts[0] ?? "", replacement: parts[1] ?? "", flags: parts.length < 3 ? "" : (parts[2] ?? "") + args.slice(at) };
}

function substitute(editor: Editor, first: number, last: number, args: string): void {
  const b = editor.buffer;
  const parsed = parseSubstitution(editor, args);
  // A number behind the flags: so many lines from the last one on.
  const lines = /^([^0-9]*?)\s*([0-9]+)\s*$/.exec(parsed.flags);
  const s = lines === null ? parsed : { ...parsed, flags: lines[1] as string };
  const from = lines === null ? first : last;
  const to = lines === null ? last : Math.min(b.lines.length, last + Number(lines[2])) - 1;
  if (/[^giIen&]/.test(s.flags)) throw new ExError("E488: Trailing characters");
  lastSubstitutions.set(editor, s);
  let regex = editor.compile(s.pattern);
  if (regex === undefined) throw new ExError(editor.message);
  if (s.flags.includes("i") || s.flags.includes("I")) {
    try {
      regex = regcomp(s.pattern, { icase: s.flags.includes("i") });
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      throw new ExError(`E383: Invalid search string: ${s.pattern}`);
    }
  }
  let count = 0;
  let touched = 0;
  let end = to;
  for (let line = from; line <= end; line++) {
    const text = b.line(line);
    let out = "";
    let at = 0;
    let hits = 0;
    while (at <= text.length) {
      const match = regex.exec(text, at);
      if (match === undefined) break;
      hits++;
      out += text.slice(at, match.start) + expand(s.replacement, match.groups);
      if (match.end === match.start) {
        out += text.slice(match.end, match.end + 1);
        at = match.end + 1;
      } else at = match.end;
      if (!s.flags.includes("g")) break;
    }
    if (hits === 0) continue;
    count += hits;
    touched++;
    if (s.flags.includes("n")) continue;
    const pieces = (out + text.slice(at)).split("\n");
    b.deleteLines(line, 1);
    // The line that always stays is replaced, not added to.
    if (b.lines.length === 1 && b.line(0) === "" && line === 0 && end === 0) b.lines.splice(0, 1, ...pieces);
    else b.insertLines(line, pieces);
    line += pieces.length - 1;
    end += pieces.length - 1;
    b.cursor = { line, col: firstNonBlank(b.line(line)) };
  }
  if (count === 0 && !s.flags.includes("e")) throw new ExError(`E486: Pattern not found: ${s.pattern}`);
  if (s.flags.includes("n")) editor.message = `${count} match${count === 1 ? "" : "es"} on ${touched} line${touched === 1 ? "" : "s"}`;
  else if (count > 2) editor.message = `${count} substitutions on ${touched} line${touched === 1 ? "" : "s"}`;
}

/** The replacement with `&`, `\1`, `\r`, `\n`, `\t`, `\u \l \U \L \E`. */
function expand(replacement: string, groups: readonly (string | undefined)[]): string {
  let out = "";
  let once: "u" | "l" | undefined;
  let all: "U" | "L" | undefined;
  const put = (text: string): void => {
    let t = all === "U" ? text.toUpperCase() : all === "L" ? text.toLowerCase() : text;
    if (once !== undefined && t !== "") {
      t = (once === "u" ? t.charAt(0).toUpperCase() : t.charAt(0).toLowerCase()) + t.slice(1);
      once = undefined;
    }
    out += t;
  };
  for (let i = 0; i < replacement.length; i++) {
    const ch = replacement[i] as string;
    if (ch === "&") put(groups[0] ?? "");
    else if (ch !== "\\") put(ch);
    else {
      const next = replacement[++i] ?? "";
      if (/[0-9]/.test(next)) put(groups[Number(next)] ?? "");
      else if (next === "r" || next === "\r") out += "\n";
      else if (next === "n") out += "\0";
      else if (next === "t") out += "\t";
      else if (next === "u" || next === "l") once = next;
      else if (next === "U" || next === "L") all = next;
      else if (next === "E" || next === "e") all = undefined;
      else put(next);
    }
  }
  return out;
}

function global(editor: Editor, command: ExCommand): void {
  const b = editor.buffer;
  const mark = command.args[0];
  if (mark === undefined || /[\w\s]/.test(mark)) throw new ExError("E148: Regular expression missing from global");
  const match = new RegExp(`^\\${mark}((?:\\\\.|[^\\${mark}\\\\])*)(?:\\${mark}(.*))?$`, "s").exec(command.args);
  const regex = editor.compile(match?.[1] ?? "");
  if (regex === undefined) throw new ExError(editor.message);
  const body = (match?.[2] ?? "").trim() || "p";
  const invert = command.bang || command.name.startsWith("v");
  const { from, to } = command.range ?? { from: 0, to: b.lines.length - 1 };
  const marked: string[] = [];
  // Lines are found again by identity of place: what was marked moves as lines above are added or go.
  const total = b.lines.length;
  let delta = 0;
  let count = 0;
  const lines = b.lines.slice(from, to + 1).map((text, i) => ({ text, at: from + i }));
  for (const { text, at } of lines) {
    if (regex.test(text) === invert) continue;
    marked.push(text);
    const line = at + delta;
    if (line < 0 || line >= b.lines.length) continue;
    b.cursor = { line, col: 0 };
    const before = b.lines.length;
    const sub = parseEx(editor, body);
    const wentEmpty = before === 1;
    try {
      if (!runEx(editor, { ...sub, range: sub.range ?? { from: line, to: line } }))
        throw new ExError(`E492: Not an editor command: ${body}`);
    } catch (e) {
      // A substitution that matches nothing on one of the lines is no error here.
      if (!(e instanceof ExError) || !e.message.startsWith("E486")) throw e;
    }
    // A move to the top leaves the lines below where they are.
    if (!/^(m|move)/.test(sub.name)) delta += b.lines.length - before - (wentEmpty && b.line(0) === "" ? 1 : 0);
    count++;
  }
  if (count === 0) throw new ExError(`E486: Pattern not found: ${match?.[1] ?? ""}`);
  if (total - b.lines.length > 2) editor.message = `${total - b.lines.length} fewer lines`;
}

const NAMES: Readonly<Record<string, keyof Options>> = {
  nu: "number",
  ic: "ignorecase",
  scs: "smartcase",
  hls: "hlsearch",
  ai: "autoindent",
  et: "expandtab",
  ws: "wrapscan",
  ts: "tabstop",
  sw: "shiftwidth",
  ro: "readonly",
};

function setOptions(editor: Editor, args: string): void {
  const options = editor.options as unknown as Record<string, boolean | number>;
  for (const word of args.split(/\s+/).filter((w) => w !== "")) {
    const match = /^(no|inv)?([a-z]+)([?!=]?)(.*)$/.exec(word);
    const find = (text: string): string | undefined => (text in options ? text : NAMES[text]);
    let name = find(match?.[2] ?? "");
    let negated = match?.[1] === "no";
    if (name === undefined && match?.[1] !== undefined) {
      name = find(match[1] + match[2]);
      negated = false;
    }
    if (match === null || name === undefined) throw new ExError(`E518: Unknown option: ${word}`);
    const value = options[name];
    if (match[3] === "?" || (typeof value === "number" && match[3] === "")) {
      editor.message = typeof value === "number" ? `  ${name}=${value}` : `${value ? "  " : "no"}${name}`;
    } else if (typeof value === "number") {
      if (match[3] !== "=" || !/^[1-9][0-9]*$/.test(match[4] ?? "")) throw new ExError(`E521: Number required after =: ${word}`);
      options[name] = Number(match[4]);
    } else if (match[3] === "=") throw new ExError(`E474: Invalid argument: ${word}`);
    else options[name] = match[3] === "!" || match[1] === "inv" ? !value : !negated;
  }
}
