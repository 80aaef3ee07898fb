/** paste(1) of coreutils 9.1, and busybox paste: lines of files side by side. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { InputFiles, LineReader, printBytes, toByteString } from "../libc/lines.ts";
import { quotef } from "../libc/quotearg.ts";
import { Input } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

const usage = `paste [OPTION]... [FILE]...
Write lines made of the corresponding lines of each FILE, with TABs between. With no FILE, or when FILE is -, read standard input.

  -d, --delimiters=LIST   characters of LIST in turn instead of TABs
  -s, --serial            one file after the other, each as one line
  -z, --zero-terminated   lines end in a zero byte
      --help              show this help and exit`;

const busyboxUsage = `paste [-d LIST] [-s] [FILE]...

Paste lines from each input file together using TAB

\t-d LIST\tUse delimiters from LIST, not TAB
\t-s      Serial: one file at a time`;

/** The delimiters of -d; `\\0` is none. Undefined where the list ends in a lone backslash. */
function parseDelimiters(list: string): string[] | undefined {
  const out: string[] = [];
  const special: Readonly<Record<string, string>> = { "0": "", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\" };
  for (let i = 0; i < list.length; i++) {
    if (list[i] !== "\\") {
      out.push(list[i] as string);
      continue;
    }
    const next = list[++i];
    if (next === undefined) return undefined;
    out.push(special[next] ?? next);
  }
  return out.length === 0 ? [""] : out;
}

/** Lines one at a time. */
class Lines {
  private lines: readonly string[] = [];
  private at = 0;

  constructor(private readonly reader: LineReader) {}

  *next(): Proc<string | undefined> {
    if (this.at >= this.lines.length) {
      const lines = yield* this.reader.read();
      if (lines === undefined) return undefined;
      this.lines = lines;
      this.at = 0;
    }
    return this.lines[this.at++];
  }
}

function* serial(c: Command, operands: readonly string[], delimiters: readonly string[], end: string): Proc<number> {
  const files = new InputFiles(c, operands);
  for (let file = yield* files.next(); file !== undefined; file = yield* files.next()) {
    const reader = new LineReader(c.sys, file, { delimiter: end.charCodeAt(0) });
    let text = "";
    let n = 0;
    for (let lines = yield* reader.read(); lines !== undefined; lines = yield* reader.read()) {
      for (const line of lines) {
        text += n === 0 ? line : (delimiters[(n - 1) % delimiters.length] as string) + line;
        n++;
      }
    }
    yield* printBytes(c, text + end);
  }
  return files.status;
}

function* parallel(c: Command, operands: readonly string[], delimiters: readonly string[], end: string): Proc<number> {
  const sources: (Lines | undefined)[] = [];
  let stdin: Lines | undefined;
  for (const name of operands) {
    if (name === "-") {
      stdin ??= new Lines(new LineReader(c.sys, c.stdin, { delimiter: end.charCodeAt(0) }));
      sources.push(stdin);
      continue;
    }
    try {
      const input = new Input(c.sys, yield* open(c.sys, name));
      sources.push(new Lines(new LineReader(c.sys, input, { delimiter: end.charCodeAt(0) })));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(c.voice === "gnu" ? `${quotef(name)}: ${e.message}` : `${name}: ${e.message}`);
    }
  }
  let out: string[] = [];
  for (;;) {
    let any = false;
    let text = "";
    for (let i = 0; i < sources.length; i++) {
      const line = yield* sources[i]?.next() ?? none();
      if (line === undefined) sources[i] = undefined;
      else any = true;
      text += line ?? "";
      if (i < sources.length - 1) text += delimiters[i % delimiters.length] as string;
    }
    if (!any) break;
    out.push(text, end);
    if (out.length >= 1000) {
      yield* printBytes(c, out.join(""));
      out = [];
    }
  }
  yield* printBytes(c, out.join(""));
  return 0;
}

function* none(): Proc<undefined> {
  return undefined;
}

export const paste: Executable = {
  name: "paste",
  paths: ["/usr/bin/paste"],
  sizeBytes: 43920,
  applet: "/usr/bin/paste",
  main: command({ help: help(usage, busyboxUsage) }, function* (c) {
    const { options, operands } = yield* c.getopt({
      short: c.voice === "gnu" ? "d:sz" : "d:s",
      long: [
        { name: "delimiters", arg: "required", as: "d" },
        { name: "serial", as: "s" },
        { name: "zero-terminated", as: "z" },
      ],
    });
    const list = options.findLast((o) => o.name === "d")?.arg ?? "\t";
    const delimiters = parseDelimiters(toByteString(list));
    if (delimiters === undefined) return yield* c.fail(`delimiter list ends with an unescaped backslash: ${list}`);
    const end = options.some((o) => o.name === "z") ? "\0" : "\n";
    const names = operands.length === 0 ? ["-"] : operands;
    return yield* options.some((o) => o.name === "s") ? serial(c, names, delimiters, end) : parallel(c, names, delimiters, end);
  }),
};
