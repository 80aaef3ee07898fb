/** The arguments of each instruction, by its own syntax. BuildKit `frontend/dockerfile/parser/line_parsers.go`. */

/** What one instruction's rest is read as. */
export interface Arguments {
  readonly args: readonly string[];
  readonly json: boolean;
}

/** Errors: Error with BuildKit's message. */
type ArgumentParser = (rest: string, escape: string) => Arguments;

const plain = (args: readonly string[]): Arguments => ({ args, json: false });
const isSpace = (ch: string): boolean => /^\s$/u.test(ch);
const BLANKS = /[\t\v\f\r ]+/;

/** By instruction in lower case; ONBUILD, which holds another one, is the parser's. */
export const argumentParsers: Readonly<Record<string, ArgumentParser>> = {
  add: jsonOrWords,
  arg: (rest, escape) => plain(splitWords(rest, escape)),
  cmd: jsonOrText,
  copy: jsonOrWords,
  entrypoint: jsonOrText,
  env: (rest, escape) => pairs(rest, escape, "ENV"),
  expose: words,
  from: words,
  healthcheck: healthcheck,
  label: (rest, escape) => pairs(rest, escape, "LABEL"),
  maintainer: text,
  run: jsonOrText,
  shell: jsonOrText,
  stopsignal: text,
  user: text,
  volume: jsonOrWords,
  workdir: text,
};

function text(rest: string): Arguments {
  return plain(rest === "" ? [] : [rest]);
}

function words(rest: string): Arguments {
  return plain(rest === "" ? [] : rest.split(BLANKS));
}

/** Undefined for what is no JSON array. Errors: an array of other things than strings. */
function jsonArray(rest: string): Arguments | undefined {
  const trimmed = rest.trimStart();
  if (!trimmed.startsWith("[")) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  const list = parsed as unknown[];
  if (!list.every((item): item is string => typeof item === "string"))
    throw new Error("when using JSON array syntax, arrays must be comprised of strings only");
  return { args: list, json: true };
}

function jsonOrText(rest: string): Arguments {
  return rest === "" ? plain([]) : (jsonArray(rest) ?? plain([rest]));
}

function jsonOrWords(rest: string): Arguments {
  return rest === "" ? plain([]) : (jsonArray(rest) ?? words(rest));
}

function healthcheck(rest: string): Arguments {
  const match = /^(\S+)\s*(.*)$/su.exec(rest);
  if (match === null) return plain([]);
  const command = jsonOrText(match[2] as string);
  return { args: [match[1] as string, ...command.args], json: command.json };
}

/** `KEY value` or `KEY=value …`: each as name, value, separator. */
function pairs(rest: string, escape: string, name: string): Arguments {
  const split = splitWords(rest, escape);
  const [first] = split;
  if (first === undefined) return plain([]);
  if (!first.includes("=")) {
    const at = BLANKS.exec(rest);
    if (at === null) throw new Error(`${name} must have two arguments`);
    return plain([rest.slice(0, at.index), rest.slice(at.index + at[0].length), ""]);
  }
  return plain(
    split.flatMap((word) => {
      const equals = word.indexOf("=");
      if (equals < 0) throw new Error(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
      return [word.slice(0, equals), word.slice(equals + 1), "="];
    }),
  );
}

/** Words with their quotes and escapes still in them. */
export function splitWords(rest: string, escape: string): string[] {
  const found: string[] = [];
  const chars = [...rest];
  let word = "";
  let begun = false;
  let quote = "";
  for (let i = 0; i < chars.length; i++) {
    const ch = chars[i] as string;
    if (quote === "" && isSpace(ch)) {
      if (begun) found.push(word);
      word = "";
      begun = false;
      continue;
    }
    if (ch === escape && quote !== "'") {
      // An escape character at the very end counts for nothing.
      const next = chars[++i];
      if (next === undefined) break;
      word += ch + next;
      begun = true;
      continue;
    }
    if (quote === "" && (ch === "'" || ch === '"')) quote = ch;
    else if (ch === quote) quote = "";
    word += ch;
    begun = true;
  }
  if (begun) found.push(word);
  return found;
}

/** The flags in front of an instruction's arguments, and the rest. BuildKit `split_command.go`. */
export function splitFlags(line: string): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = [];
  const chars = [...line];
  let i = 0;
  for (;;) {
    while (i < chars.length && isSpace(chars[i] as string)) i++;
    if (chars[i] !== "-" || chars[i + 1] !== "-") return { flags, rest: chars.slice(i).join("") };
    let word = "";
    let quoted = false;
    let quote = "";
    for (; i < chars.length; i++) {
      const ch = chars[i] as string;
      if (ch === "\\") {
        if (i + 1 < chars.length) word += chars[++i];
      } else if (quote !== "") {
        if (ch === quote) quote = "";
        else word += ch;
      } else if (isSpace(ch)) break;
      else if (ch === "'" || ch === '"') {
        quote = ch;
        quoted = true;
      } else word += ch;
    }
    if (word === "--") return { flags, rest: chars.slice(i).join("") };
    if (quoted || word !== "") flags.push(word);
  }
}
