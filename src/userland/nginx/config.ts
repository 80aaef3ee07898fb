/** The configuration language of nginx: ngx_conf_file.c. Words, blocks, includes; what directives mean is in `site.ts`. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { glob } from "../libc/glob.ts";
import { dirname, readText } from "../libc/unistd.ts";

/** What is wrong with a configuration: `nginx: [emerg] MESSAGE`. */
export class ConfigError extends Error {}

export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** Of a block. */
  readonly block: readonly Directive[] | undefined;
  /** ` in FILE:LINE`. */
  readonly place: string;
}

type Token = { readonly kind: "word" | "{" | "}" | ";"; readonly text: string; readonly line: number };

function* tokens(text: string, file: string): Generator<Token> {
  let line = 1;
  for (let i = 0; i < text.length; ) {
    const c = text[i] as string;
    if (c === "\n") line++;
    if (/\s/.test(c)) i++;
    else if (c === "#") while (i < text.length && text[i] !== "\n") i++;
    else if (c === "{" || c === "}" || c === ";") {
      yield { kind: c, text: c, line };
      i++;
    } else if (c === '"' || c === "'") {
      const start = line;
      let word = "";
      for (i++; i < text.length && text[i] !== c; i++) {
        if (text[i] === "\\" && i + 1 < text.length && (text[i + 1] === c || text[i + 1] === "\\")) i++;
        if (text[i] === "\n") line++;
        word += text[i];
      }
      if (i >= text.length) throw new ConfigError(`unexpected end of file, expecting ";" or "}" in ${file}:${line}`);
      i++;
      yield { kind: "word", text: word, line: start };
    } else {
      let word = "";
      for (; i < text.length && !/[\s;{}]/.test(text[i] as string); i++) {
        // A variable in braces is part of the word.
        if (text[i] === "$" && text[i + 1] === "{") {
          const end = text.indexOf("}", i);
          word += text.slice(i, end);
          i = end;
        }
        word += text[i];
      }
      yield { kind: "word", text: word, line };
    }
  }
}

/** The directives of a file with those that it includes. Errors: ConfigError. Blocks. */
export function* readConfig(sys: Sys, file: string): Proc<readonly Directive[]> {
  let text: string;
  try {
    text = yield* readText(sys, file);
  } catch (e) {
    if (e instanceof Errno) throw new ConfigError(`open() "${file}" failed (${e.code}: ${e.message})`);
    throw e;
  }
  const all = [...tokens(text, file)];
  let at = 0;
  function* block(inner: boolean): Proc<Directive[]> {
    const found: Directive[] = [];
    for (;;) {
      const first = all[at++];
      if (first === undefined) {
        const last = text.split("\n").length;
        if (inner) throw new ConfigError(`unexpected end of file, expecting "}" in ${file}:${last}`);
        return found;
      }
      if (first.kind === "}") {
        if (!inner) throw new ConfigError(`unexpected "}" in ${file}:${first.line}`);
        return found;
      }
      if (first.kind !== "word") throw new ConfigError(`unexpected "${first.text}" in ${file}:${first.line}`);
      const args: string[] = [];
      for (; all[at]?.kind === "word"; at++) args.push((all[at] as Token).text);
      const end = all[at++];
      const line = end?.line ?? text.split("\n").length;
      const place = ` in ${file}:${line}`;
      if (end === undefined) throw new ConfigError(`unexpected end of file, expecting ";" or "}"${place}`);
      if (end.kind === "}") throw new ConfigError(`unexpected "}"${place}`);
      if (first.text === "include" && end.kind === ";") for (const d of yield* include(sys, args[0] ?? "", file, place)) found.push(d);
      else found.push({ name: first.text, args, place, block: end.kind === "{" ? yield* block(true) : undefined });
    }
  }
  return yield* block(false);
}

function* include(sys: Sys, pattern: string, file: string, place: string): Proc<readonly Directive[]> {
  const path = pattern.startsWith("/") ? pattern : `${dirname(file)}/${pattern}`;
  const found: Directive[] = [];
  if (!/[*?[]/.test(path)) {
    try {
      return yield* readConfig(sys, path);
    } catch (e) {
      if (e instanceof ConfigError && e.message.includes(`(${ENOENT.code}:`)) throw new ConfigError(`${e.message}${place}`);
      throw e;
    }
  }
  for (const one of yield* glob(sys, path)) for (const d of yield* readConfig(sys, one)) found.push(d);
  return found;
}
