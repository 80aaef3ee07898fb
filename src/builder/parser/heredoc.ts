/** Here-documents of RUN, COPY and ADD: `<<EOF`, `<<-EOF`, `<<"EOF"`. BuildKit `frontend/dockerfile/parser/parser.go`. */

import { expandWord, LexError } from "../shell/lex.ts";
import type { Heredoc } from "./node.ts";

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** One here-document that a word announces, its content still to come; undefined for other words. */
export function parseHeredoc(word: string): Omit<Heredoc, "content"> | undefined {
  const match = /^(\d*)<<(-?)([^<]*)$/su.exec(word);
  const rest = match?.[3];
  if (match === null || rest === undefined || rest === "") return undefined;
  const { words } = expandWord(rest, NO_VARIABLES, { escape: "\\", skipUnset: true });
  const [name] = words;
  if (name === undefined || words.length !== 1) return undefined;
  // Read again with quotes and escapes left in: where that makes a difference, something was quoted.
  const raw = expandWord(rest, NO_VARIABLES, { escape: "\\", skipUnset: true, rawQuotes: true, rawEscapes: true });
  return { name, expand: raw.words[0] === name, chomp: match[2] === "-", fileDescriptor: Number(match[1] ?? 0) };
}

/** The here-documents that a line announces, in order. */
export function heredocsOf(line: string): Omit<Heredoc, "content">[] {
  if (!line.includes("<<")) return [];
  let words: readonly string[];
  try {
    words = expandWord(line, NO_VARIABLES, { escape: "\\", rawQuotes: true, rawEscapes: true, skipUnset: true }).words;
  } catch (e) {
    // A line that this lexer cannot read is a shell's affair.
    if (e instanceof LexError) return [];
    throw e;
  }
  return words.flatMap((word) => parseHeredoc(word) ?? []);
}
