/** tac(1) of coreutils 9.1, and busybox tac: files with their lines in reverse order. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { InputFiles, latin1, printBytes, toByteString } from "../libc/lines.ts";
import { quotef } from "../libc/quotearg.ts";
import { RegexError, regcomp } from "../libc/regex.ts";
import { concat } from "../libc/stdio.ts";

const usage = `tac [OPTION]... [FILE]...
Write each FILE with its last line first. With no FILE, or when FILE is -, read standard input.

  -b, --before             the separator stands before, not after
  -r, --regex              the separator is a regular expression
  -s, --separator=STRING   STRING separates, not newline
      --help               show this help and exit`;
const busyboxUsage = `tac [FILE]...

Concatenate FILEs and print them in reverse`;

/** The records with what separates them. */
function split(text: string, separator: string, isRegex: boolean, before: boolean): string[] {
  const cuts: number[] = [];
  if (isRegex) {
    const regex = regcomp(separator);
    for (let from = 0; from < text.length; ) {
      const match = regex.exec(text, from);
      if (match === undefined || match.end === match.start) break;
      cuts.push(before ? match.start : match.end);
      from = match.end;
    }
  } else {
    for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + separator.length))
      cuts.push(before ? at : at + separator.length);
  }
  const records: string[] = [];
  let start = 0;
  for (const cut of cuts) {
    records.push(text.slice(start, cut));
    start = cut;
  }
  records.push(text.slice(start));
  return records;
}

export const tac: Executable = {
  name: "tac",
  paths: ["/usr/bin/tac"],
  sizeBytes: 113712,
  applet: "/usr/bin/tac",
  main: command({ help: help(usage, busyboxUsage), writeError: { during: () => ["write error"] } }, function* (c) {
    const gnu = c.voice === "gnu";
    const { options, operands } = yield* c.getopt({
      short: gnu ? "brs:" : "",
      long: gnu
        ? [
            { name: "before", as: "b" },
            { name: "regex", as: "r" },
            { name: "separator", arg: "required", as: "s" },
          ]
        : [],
    });
    const has = (name: string): boolean => options.some((o) => o.name === name);
    const given = toByteString(options.findLast((o) => o.name === "s")?.arg ?? "\n");
    const separator = given === "" ? "\0" : given;
    const files = new InputFiles(c, operands, (name) =>
      gnu ? `failed to open ${quotef(name).startsWith("'") ? quotef(name) : `'${name}'`} for reading` : name,
    );
    for (let file = yield* files.next(); file !== undefined; file = yield* files.next()) {
      const parts: Uint8Array[] = [];
      for (let part = yield* file.read(); part !== undefined; part = yield* file.read()) parts.push(part.slice());
      const text = latin1(concat(parts));
      yield* c.sys.spend(text.length * 3);
      try {
        yield* printBytes(c, split(text, separator, has("r"), has("b")).reverse().join(""));
      } catch (e) {
        if (e instanceof RegexError) return yield* c.fail(e.message);
        throw e;
      }
    }
    return files.status;
  }),
};
