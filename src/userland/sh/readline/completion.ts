/** Tab: finds the word at the cursor, what it may become, and what to insert. */

import type { Proc } from "../../../abi/sys.ts";
import type { Shell } from "../shell.ts";
import { completeCommand, completeFile, completeUser, completeVariable } from "./candidates.ts";
import { askProgram, completesItself } from "./self-completing.ts";

/** Completes the words of one command; undefined leaves it to file names. `words` end with the one at the cursor. */
export type CompletionHook = (sh: Shell, words: readonly string[]) => Proc<readonly string[] | undefined>;

/** Commands that know their own arguments. Filled where the machine is put together. */
export const completionHooks = new Map<string, CompletionHook>();

export interface Completion {
  /** Where the word begins in the line. */
  readonly start: number;
  readonly candidates: readonly string[];
  /** How the candidates are shown: file names without their directory. */
  readonly shown: readonly string[];
  /** What a single candidate is followed by. */
  readonly suffix: string;
  /** The quote that is open at the cursor. */
  readonly quote: string;
  /** Candidates are file names, whose special characters need a backslash. */
  readonly files: boolean;
}

interface Word {
  readonly start: number;
  readonly text: string;
  readonly quote: string;
}

/** Cuts the text before the cursor into the words of the command that is being typed. */
function cut(text: string): Word[] {
  let words: Word[] = [];
  let current: { start: number; text: string } | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quote !== "") {
      if (c === quote) quote = "";
      else if (c === "\\" && quote === '"' && i + 1 < text.length) (current as { text: string }).text += text[++i];
      else (current as { text: string }).text += c;
      continue;
    }
    if (/\s/.test(c)) {
      if (current !== undefined) words.push({ ...current, quote: "" });
      current = undefined;
      continue;
    }
    if (/[|&;()<>]/.test(c) || (c === "`" && current === undefined)) {
      if (current !== undefined) words.push({ ...current, quote: "" });
      current = undefined;
      // After a redirection a file follows, after the others a new command.
      if (c === "<" || c === ">") words.push({ start: i, text: c, quote: "" });
      else words = [];
      continue;
    }
    current ??= { start: i, text: "" };
    if (c === "'" || c === '"') quote = c;
    else if (c === "\\" && i + 1 < text.length) current.text += text[++i];
    else current.text += c;
  }
  words.push(current === undefined ? { start: text.length, text: "", quote: "" } : { ...current, quote });
  return words;
}

const OPENERS = new Set(["then", "do", "else", "elif", "if", "while", "until", "!", "{", "time", "sudo", "exec", "command"]);

/** What can stand at the cursor. */
export function* findCompletion(sh: Shell, before: string): Proc<Completion> {
  const words = cut(before);
  const word = words[words.length - 1] as Word;
  const { text, start, quote } = word;
  const common = { start, quote };
  const variable = quote === "'" ? null : /\$(\{?)([A-Za-z_][A-Za-z0-9_]*)?$/.exec(before.slice(start));
  if (variable !== null) {
    const brace = variable[1] === "{";
    const names = completeVariable(sh, variable[2] ?? "");
    const head = start + variable.index;
    return {
      start: head,
      quote: "",
      candidates: names.map((n) => (brace ? `\${${n}}` : `$${n}`)),
      shown: names,
      suffix: brace ? "" : " ",
      files: false,
    };
  }
  if (/^~[^/]*$/.test(text)) {
    const users = yield* completeUser(sh, text.slice(1));
    return { ...common, candidates: users, shown: users.map((u) => u.slice(0, -1)), suffix: "", files: false };
  }
  const leading = words.slice(0, -1).filter((w) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(w.text));
  const previous = leading[leading.length - 1]?.text;
  if ((leading.length === 0 || (previous !== undefined && OPENERS.has(previous))) && previous !== "<" && previous !== ">") {
    if (!text.includes("/")) {
      const names = yield* completeCommand(sh, text);
      if (names.length > 0) return { ...common, candidates: names, shown: names, suffix: " ", files: false };
    }
    return yield* fileCompletion(sh, common, text, false);
  }
  const name = leading[0]?.text ?? "";
  const hook = completionHooks.get(name) ?? (completesItself(sh, name) ? askProgram : undefined);
  if (hook !== undefined && previous !== ">" && previous !== "<") {
    const own = yield* hook(sh, [...leading.map((w) => w.text), text]);
    if (own !== undefined) {
      const fitting = own.filter((c) => c.startsWith(text));
      return { ...common, candidates: fitting, shown: fitting, suffix: " ", files: false };
    }
  }
  const option = /^(--[\w-]+=)(.*)$/.exec(text);
  if (option !== null) {
    const inner = yield* fileCompletion(sh, { start: start + (option[1] as string).length, quote }, option[2] as string, false);
    if (inner.candidates.length > 0) return inner;
  }
  const command = leading[0]?.text;
  return yield* fileCompletion(sh, common, text, command === "cd" || command === "rmdir" || command === "pushd");
}

function* fileCompletion(sh: Shell, common: { start: number; quote: string }, text: string, directories: boolean): Proc<Completion> {
  const files = yield* completeFile(sh, text, directories);
  const shown = files.map((f) => {
    const bare = f.endsWith("/") ? f.slice(0, -1) : f;
    return bare.slice(bare.lastIndexOf("/") + 1) + (f.endsWith("/") ? "/" : "");
  });
  return { ...common, candidates: files, shown, suffix: " ", files: true };
}

/** The longest beginning that all share. */
export function commonPrefix(candidates: readonly string[]): string {
  let prefix = candidates[0] ?? "";
  for (const c of candidates) while (!c.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}

/** A file name as it must be typed. */
export function quoteName(name: string, quote: string): string {
  if (quote === "'") return name;
  if (quote === '"') return name.replace(/[$`"\\!]/g, "\\$&");
  return name.replace(/[^A-Za-z0-9_./~:,@%^+=\u0080-\uffff-]/g, "\\$&");
}
