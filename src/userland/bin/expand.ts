/** expand(1) and unexpand(1) of coreutils 9.1, and busybox's: tabs to blanks and back. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { FileLines, InputFiles, printBytes } from "../libc/lines.ts";
import { nextStop, parseTabStops, type TabStops } from "../libc/tabstops.ts";

const expandUsage = `expand [OPTION]... [FILE]...
Convert the tabs of each FILE to spaces. With no FILE, or when FILE is -, read standard input.

  -i, --initial    only tabs before the first other character
  -t, --tabs=N     tabs N columns apart, not 8
  -t, --tabs=LIST  tab stops at these columns; /N or +N at the end: then every N columns
      --help       show this help and exit`;
const unexpandUsage = `unexpand [OPTION]... [FILE]...
Convert the blanks of each FILE to tabs. With no FILE, or when FILE is -, read standard input.

  -a, --all        all blanks, not just those at the beginning of lines
      --first-only only leading blanks (overrides -a)
  -t, --tabs=N     tabs N columns apart, not 8 (turns -a on)
  -t, --tabs=LIST  tab stops at these columns; /N or +N at the end: then every N columns
      --help       show this help and exit`;
const busyboxExpand = `expand [-i] [-t N] [FILE]...

Convert tabs to spaces, writing to stdout

\t-i\tDon't convert tabs after non blanks
\t-t\tTabstops every N chars`;
const busyboxUnexpand = `unexpand [-fa][-t N] [FILE]...

Convert spaces to tabs, writing to stdout

\t-a\tConvert all blanks
\t-f\tConvert only leading blanks
\t-t N\tTabstops every N chars`;

/** -8 and the like are old forms of -t. */
const oldForms = (args: readonly string[]): string[] => args.map((a) => (/^-[0-9][0-9,]*$/.test(a) ? `-t${a.slice(1)}` : a));

function* tabStops(c: Command, lists: readonly string[]): Proc<TabStops> {
  const tabs = parseTabStops(lists);
  return typeof tabs === "string" ? yield* c.fail(tabs) : tabs;
}

function expandLine(line: string, tabs: TabStops, initial: boolean): string {
  if (!line.includes("\t")) return line;
  let out = "";
  let column = 0;
  for (let i = 0; i < line.length; i++) {
    const ch = line[i] as string;
    if (ch === "\t") {
      const stop = nextStop(tabs, column) ?? column + 1;
      out += " ".repeat(stop - column);
      column = stop;
    } else {
      if (initial && ch !== " ") return out + line.slice(i);
      out += ch;
      column = ch === "\b" ? Math.max(column - 1, 0) : column + 1;
    }
  }
  return out;
}

function unexpandLine(line: string, tabs: TabStops, all: boolean): string {
  let out = "";
  let column = 0;
  let pending = "";
  let pendingStart = 0;
  let previousBlank = true;
  for (let i = 0; i < line.length; i++) {
    const ch = line[i] as string;
    if (ch === " " || ch === "\t") {
      const stop = nextStop(tabs, column);
      if (stop === undefined) return out + pending + line.slice(i);
      if (ch === "\t") {
        // A single space before a tab is swallowed by it.
        pending = "";
        out += "\t";
        column = stop;
      } else {
        if (pending === "") pendingStart = column;
        column++;
        pending += " ";
        if (column === stop) {
          // One blank alone that reaches a stop stays a blank, unless blanks stood before it.
          out += pending.length === 1 && column - pendingStart === 1 && !previousBlank ? " " : "\t";
          pending = "";
        }
      }
      previousBlank = true;
      continue;
    }
    out += pending + ch;
    pending = "";
    column = ch === "\b" ? Math.max(column - 1, 0) : column + 1;
    previousBlank = false;
    if (!all) return out + line.slice(i + 1);
  }
  return out + pending;
}

function* convert(c: Command, operands: readonly string[], line: (text: string) => string): Proc<number> {
  const files = new InputFiles(c, operands);
  const input = new FileLines(files);
  for (let lines = yield* input.read(); lines !== undefined; lines = yield* input.read()) {
    yield* printBytes(c, lines.map(line).join("\n") + (input.unterminated ? "" : "\n"));
  }
  return files.status;
}

export const expand: Executable = {
  name: "expand",
  paths: ["/usr/bin/expand"],
  sizeBytes: 43952,
  applet: "/usr/bin/expand",
  main: command({ help: help(expandUsage, busyboxExpand) }, function* (c) {
    const { options, operands } = yield* c.getopt(
      {
        short: "it:",
        long: [
          { name: "initial", as: "i" },
          { name: "tabs", arg: "required", as: "t" },
        ],
      },
      oldForms(c.args),
    );
    const tabs = yield* tabStops(
      c,
      options.filter((o) => o.name === "t").map((o) => o.arg),
    );
    const initial = options.some((o) => o.name === "i");
    return yield* convert(c, operands, (line) => expandLine(line, tabs, initial));
  }),
};

export const unexpand: Executable = {
  name: "unexpand",
  paths: ["/usr/bin/unexpand"],
  sizeBytes: 43952,
  applet: "/usr/bin/unexpand",
  main: command({ help: help(unexpandUsage, busyboxUnexpand) }, function* (c) {
    const { options, operands } = yield* c.getopt(
      {
        short: c.voice === "gnu" ? "at:" : "aft:",
        long: [
          { name: "all", as: "a" },
          { name: "first-only", as: "f" },
          { name: "tabs", arg: "required", as: "t" },
        ],
      },
      oldForms(c.args),
    );
    const tabs = yield* tabStops(
      c,
      options.filter((o) => o.name === "t").map((o) => o.arg),
    );
    const all = options.some((o) => o.name === "a" || o.name === "t") && !options.some((o) => o.name === "f");
    return yield* convert(c, operands, (line) => unexpandLine(line, tabs, all));
  }),
};
