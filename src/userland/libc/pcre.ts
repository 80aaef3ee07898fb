/**
 * Perl-compatible patterns (`grep -P`) for JavaScript's RegExp: what differs in writing is translated.
 * Differs from Linux: possessive quantifiers, atomic groups, recursion, conditionals and callouts are refused, and backtracking has
 * no limit of steps.
 */

import { RegexError } from "./regex-syntax.ts";

export interface PcrePattern {
  readonly source: string;
  readonly flags: string;
  /** `\K` was met: the match begins where its group starts. */
  readonly keepGroup: string | undefined;
}

const classes: Readonly<Record<string, string>> = {
  alpha: "a-zA-Z",
  digit: "0-9",
  alnum: "a-zA-Z0-9",
  upper: "A-Z",
  lower: "a-z",
  space: "\\s",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`{-~",
  cntrl: "\\x00-\\x1f\\x7f",
  graph: "!-~",
  print: " -~",
  xdigit: "0-9A-Fa-f",
  word: "\\w",
};

const escapes: Readonly<Record<string, string>> = {
  A: "(?<![^])",
  z: "(?![^])",
  Z: "(?=\\n?(?![^]))",
  h: "[ \\t\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]",
  H: "[^ \\t\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]",
  R: "(?:\\r\\n|[\\n\\v\\f\\r\\x85\\u2028\\u2029])",
  N: "[^\\n]",
  a: "\\x07",
  e: "\\x1b",
};

const unsupported = (what: string): RegexError => new RegexError(`${what} is not supported here`);

/** Translates. Errors: RegexError in the words of pcre2. */
export function translatePcre(pattern: string, icase: boolean): PcrePattern {
  let flags = icase ? "iu" : "u";
  let rest = pattern;
  const inline = /^\(\?([imsx]+)\)/.exec(rest);
  let extendedSyntax = false;
  if (inline !== null) {
    for (const letter of inline[1] ?? "") {
      if (letter === "x") extendedSyntax = true;
      else if (!flags.includes(letter)) flags += letter;
    }
    rest = rest.slice(inline[0].length);
  }
  let out = "";
  let keep = false;
  for (let i = 0; i < rest.length; ) {
    const c = rest[i] as string;
    if (c === "\\") {
      const next = rest[i + 1];
      if (next === undefined) throw new RegexError("\\ at end of pattern");
      if (next === "Q") {
        const end = rest.indexOf("\\E", i);
        out += rest.slice(i + 2, end < 0 ? undefined : end).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
        i = end < 0 ? rest.length : end + 2;
      } else if (next === "K") {
        if (keep) throw unsupported("a second \\K");
        keep = true;
        out = `(?:${out})(?<keep>`;
        i += 2;
      } else [out, i] = [out + escape(rest, i), i + escapeLength(rest, i)];
    } else if (c === "[") {
      const [text, end] = bracket(rest, i);
      out += text;
      i = end;
    } else if (c === "(" && rest.startsWith("(?", i)) {
      if (/^\(\?(?:[>|&R0-9(+]|-[0-9])/.test(rest.slice(i))) throw unsupported("this kind of group");
      if (rest.startsWith("(?#", i)) {
        i = rest.indexOf(")", i) + 1 || rest.length;
        continue;
      }
      const named = /^\(\?P?['<](\w+)['>]/.exec(rest.slice(i));
      const back = /^\(\?P=(\w+)\)/.exec(rest.slice(i));
      if (named !== null) [out, i] = [`${out}(?<${named[1]}>`, i + named[0].length];
      else if (back !== null) [out, i] = [`${out}\\k<${back[1]}>`, i + back[0].length];
      else [out, i] = [`${out}(?`, i + 2];
    } else if (/[*+?}]/.test(c) && rest[i + 1] === "+") throw unsupported("a possessive quantifier");
    else if (c === "{" && !/^\{[0-9]+(?:,[0-9]*)?\}/.test(rest.slice(i))) [out, i] = [`${out}\\{`, i + 1];
    else if (c === "}" && !/\{[0-9]+(?:,[0-9]*)?$/.test(rest.slice(0, i))) [out, i] = [`${out}\\}`, i + 1];
    else if (c === "]") [out, i] = [`${out}\\]`, i + 1];
    else if (extendedSyntax && /\s/.test(c)) i++;
    else if (extendedSyntax && c === "#") i = rest.indexOf("\n", i) + 1 || rest.length;
    else [out, i] = [out + c, i + 1];
  }
  return { source: keep ? `${out})` : out, flags, keepGroup: keep ? "keep" : undefined };
}

/** Compiles for a line. Errors: RegexError. */
export function compilePcre(
  pattern: string,
  icase: boolean,
  wrap: (source: string) => string,
): { regex: RegExp; keepGroup: string | undefined } {
  const { source, flags, keepGroup } = translatePcre(pattern, icase);
  try {
    return { regex: new RegExp(wrap(source), `${flags}gd`), keepGroup };
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e;
    throw new RegexError(words.find(([part]) => e.message.includes(part))?.[1] ?? "this pattern is not supported here");
  }
}

const words: readonly (readonly [string, string])[] = [
  ["Unterminated group", "missing closing parenthesis"],
  ["Unmatched ')'", "unmatched closing parenthesis"],
  ["Unterminated character class", "missing terminating ] for character class"],
  ["Nothing to repeat", "quantifier does not follow a repeatable item"],
  ["numbers out of order", "numbers out of order in {} quantifier"],
  ["Range out of order", "range out of order in character class"],
  ["Invalid named capture referenced", "reference to non-existent subpattern"],
  ["Invalid escape", "unrecognized character follows \\"],
];

function escapeLength(text: string, at: number): number {
  const rest = text.slice(at);
  return (
    /^\\(?:x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{0,2}|[pP]\{[^}]*\}|[pP].|k['<{]\w+['>}]|g\{?-?\w+\}?|o\{[0-7]+\}|0[0-7]{0,2}|[\s\S])/u.exec(
      rest,
    )?.[0] ?? "\\"
  ).length;
}

function escape(text: string, at: number): string {
  const whole = text.slice(at, at + escapeLength(text, at));
  const letter = whole[1] as string;
  const simple = escapes[letter];
  if (simple !== undefined && whole.length === 2) return simple;
  if (letter === "x") return `\\u{${/[0-9a-fA-F]+/.exec(whole.slice(2))?.[0] ?? "0"}}`;
  if (letter === "o" || letter === "0") return `\\u{${Number.parseInt(/[0-7]+/.exec(whole)?.[0] ?? "0", 8).toString(16)}}`;
  if (letter === "p" || letter === "P") return whole.length === 3 ? `\\${letter}{${whole[2]}}` : whole;
  if (letter === "k") return `\\k<${whole.slice(3, -1)}>`;
  if (letter === "g") {
    const reference = whole.slice(2).replace(/[{}]/g, "");
    if (/^[0-9]+$/.test(reference)) return `(?:\\${reference})`;
    throw unsupported("this kind of reference");
  }
  if (/[\\^$.*+?()[\]{}|/]|[bBdDsSwWnrtfv1-9]/.test(letter)) return whole;
  if (/[a-zA-Z]/.test(letter)) throw new RegexError("unrecognized character follows \\");
  return letter === "-" ? "\\x2d" : letter;
}

function bracket(text: string, at: number): [string, number] {
  let i = at + 1;
  let out = "[";
  if (text[i] === "^") {
    out += "^";
    i++;
  }
  for (let first = true; ; first = false) {
    const c = text[i];
    if (c === undefined) throw new RegexError("missing terminating ] for character class");
    if (c === "]" && !first) return [`${out}]`, i + 1];
    const named = /^\[:(\^?)(\w+):\]/.exec(text.slice(i));
    if (named !== null) {
      const set = classes[named[2] ?? ""];
      if (set === undefined || named[1] === "^") throw new RegexError("unknown POSIX class name");
      out += set;
      i += named[0].length;
    } else if (c === "\\") {
      const length = escapeLength(text, i);
      const next = text[i + 1];
      if (next === "h") out += " \\t";
      else if (next === "-" || next === "b") out += `\\${next}`;
      else out += escape(text, i);
      i += length;
    } else {
      out += /[[\]^]/.test(c) ? `\\${c}` : c;
      i++;
    }
  }
}
