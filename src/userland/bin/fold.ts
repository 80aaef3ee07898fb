/** fold(1) of coreutils 9.1, and busybox fold: breaks long lines. Columns are bytes, as in coreutils. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { FileLines, InputFiles, printBytes } from "../libc/lines.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `fold [OPTION]... [FILE]...
Break the lines of each FILE that are too long. With no FILE, or when FILE is -, read standard input.

  -b, --bytes        count bytes, not columns
  -s, --spaces       break at spaces
  -w, --width=WIDTH  WIDTH columns instead of 80
      --help         show this help and exit`;
const busyboxUsage = `fold [-bs] [-w WIDTH] [FILE]...

Wrap input lines in FILEs (or stdin), writing to stdout

\t-b\tCount bytes rather than columns
\t-s\tBreak at spaces
\t-w\tUse WIDTH columns instead of 80`;

function advance(column: number, ch: string, bytes: boolean): number {
  if (bytes) return column + 1;
  if (ch === "\b") return Math.max(column - 1, 0);
  if (ch === "\r") return 0;
  return ch === "\t" ? column + 8 - (column % 8) : column + 1;
}

function foldLine(line: string, width: number, bytes: boolean, spaces: boolean, out: string[]): void {
  if (line.length <= width && !/[\t\b\r]/.test(line)) {
    out.push(line);
    return;
  }
  let part = "";
  let column = 0;
  for (let i = 0; i < line.length; ) {
    const ch = line[i] as string;
    const next = advance(column, ch, bytes);
    if (next <= width || part === "") {
      part += ch;
      column = next;
      i++;
      continue;
    }
    const at = spaces ? Math.max(part.lastIndexOf(" "), part.lastIndexOf("\t")) : -1;
    out.push(at >= 0 ? part.slice(0, at + 1) : part, "\n");
    part = at >= 0 ? part.slice(at + 1) : "";
    column = 0;
    for (const c of part) column = advance(column, c, bytes);
  }
  out.push(part);
}

export const fold: Executable = {
  name: "fold",
  paths: ["/usr/bin/fold"],
  sizeBytes: 43920,
  applet: "/usr/bin/fold",
  main: command({ help: help(usage, busyboxUsage) }, function* (c) {
    const args = c.args.map((a) => (/^-[0-9]+$/.test(a) ? `-w${a.slice(1)}` : a));
    const { options, operands } = yield* c.getopt(
      {
        short: "bsw:",
        long: [
          { name: "bytes", as: "b" },
          { name: "spaces", as: "s" },
          { name: "width", arg: "required", as: "w" },
        ],
      },
      args,
    );
    const text = options.findLast((o) => o.name === "w")?.arg ?? "80";
    const width = Number(text);
    if (!/^[0-9]+$/.test(text) || width === 0) {
      if (c.voice === "busybox") return yield* c.fail(`invalid number '${text}'`);
      return yield* c.fail(`invalid number of columns: ${quote(text)}${/^[0-9]+$/.test(text) ? ": Numerical result out of range" : ""}`);
    }
    const has = (name: string): boolean => options.some((o) => o.name === name);
    const files = new InputFiles(c, operands);
    const input = new FileLines(files);
    for (let lines = yield* input.read(); lines !== undefined; lines = yield* input.read()) {
      const out: string[] = [];
      lines.forEach((line, i) => {
        foldLine(line, width, has("b"), has("s"), out);
        if (i < (lines as string[]).length - 1 || !input.unterminated) out.push("\n");
      });
      yield* printBytes(c, out.join(""));
    }
    return files.status;
  }),
};
