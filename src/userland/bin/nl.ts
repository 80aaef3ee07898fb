/** nl(1) of coreutils 9.1, and busybox nl: numbers lines. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { FileLines, InputFiles, printBytes, toByteString } from "../libc/lines.ts";
import { quote } from "../libc/quotearg.ts";
import { type Regex, RegexError, regcomp } from "../libc/regex.ts";

const usage = `nl [OPTION]... [FILE]...
Write each FILE with line numbers. With no FILE, or when FILE is -, read standard input.

  -b, --body-numbering=STYLE    which lines of bodies are numbered
  -d, --section-delimiter=CC    CC instead of \\: begins logical pages
  -f, --footer-numbering=STYLE  which lines of footers
  -h, --header-numbering=STYLE  which lines of headers
  -i, --line-increment=NUMBER   step from line to line
  -l, --join-blank-lines=NUMBER that many empty lines count as one
  -n, --number-format=FORMAT    ln, rn or rz
  -p, --no-renumber             numbers go on at new pages
  -s, --number-separator=STRING STRING after the number
  -v, --starting-line-number=NUMBER  first number of a page
  -w, --number-width=NUMBER     columns of the number
      --help                    show this help and exit

STYLE is a (all lines), t (lines that are not empty), n (none) or pBRE (lines that match BRE).`;

const busyboxUsage = `nl [OPTIONS] [FILE]...

Write FILEs to standard output with line numbers added

\t-b STYLE\tWhich lines to number - a: all, t: nonempty, n: none
\t-i N\t\tLine number increment
\t-s STRING\tUse STRING as line number separator
\t-v N\t\tStart from N
\t-w N\t\tWidth of line numbers`;

type Style = "all" | "nonempty" | "none" | Regex;

function* style(c: Command, text: string, what: string): Proc<Style> {
  if (text === "a") return "all";
  if (text === "t") return "nonempty";
  if (text === "n") return "none";
  if (text.startsWith("p") && c.voice === "gnu") {
    try {
      return regcomp(text.slice(1));
    } catch (e) {
      if (e instanceof RegexError) return yield* c.fail(e.message);
      throw e;
    }
  }
  yield* c.warn(`invalid ${what} numbering style: ${quote(text)}`);
  if (c.voice === "gnu") yield* c.eprint(`Try '${c.name} --help' for more information.\n`);
  throw new Exit(1);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "b:d:f:h:i:l:n:ps:v:w:" : "ps:v:i:w:b:",
    long: [
      { name: "body-numbering", arg: "required", as: "b" },
      { name: "section-delimiter", arg: "required", as: "d" },
      { name: "footer-numbering", arg: "required", as: "f" },
      { name: "header-numbering", arg: "required", as: "h" },
      { name: "line-increment", arg: "required", as: "i" },
      { name: "join-blank-lines", arg: "required", as: "l" },
      { name: "number-format", arg: "required", as: "n" },
      { name: "no-renumber", as: "p" },
      { name: "number-separator", arg: "required", as: "s" },
      { name: "starting-line-number", arg: "required", as: "v" },
      { name: "number-width", arg: "required", as: "w" },
    ],
  });
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const number = function* (name: string, or: number, what: string, least: number): Proc<number> {
    const text = arg(name);
    if (text === undefined) return or;
    if (/^-?[0-9]+$/.test(text) && Number(text) >= least) return Number(text);
    const range = /^-?[0-9]+$/.test(text) ? ": Numerical result out of range" : "";
    return yield* c.fail(gnu ? `invalid ${what}: ${quote(text)}${range}` : `invalid number '${text}'`);
  };
  const styles = {
    body: yield* style(c, arg("b") ?? "t", "body"),
    header: yield* style(c, arg("h") ?? "n", "header"),
    footer: yield* style(c, arg("f") ?? "n", "footer"),
  };
  const start = yield* number("v", 1, "starting line number", Number.NEGATIVE_INFINITY);
  const step = yield* number("i", 1, "line number increment", Number.NEGATIVE_INFINITY);
  const width = yield* number("w", 6, "line number field width", 1);
  const blanks = yield* number("l", 1, "line number of blank lines", 1);
  const format = arg("n") ?? "rn";
  if (!["ln", "rn", "rz"].includes(format)) throw new UsageError(`invalid line numbering format: ${quote(format)}`);
  const separator = toByteString(arg("s") ?? "\t");
  const cc = arg("d") ?? "\\:";
  const mark = cc.length === 1 ? `${cc}:` : cc;
  const noRenumber = options.some((o) => o.name === "p");
  const files = new InputFiles(c, operands);
  const input = new FileLines(files);
  let current: Style = styles.body;
  let n = start;
  let empties = 0;
  const show = (value: number): string => {
    const text = `${value}`;
    if (format === "ln") return text.padEnd(width);
    if (format === "rn") return text.padStart(width);
    return value < 0 ? `-${text.slice(1).padStart(width - 1, "0")}` : text.padStart(width, "0");
  };
  for (let lines = yield* input.read(); lines !== undefined; lines = yield* input.read()) {
    const out: string[] = [];
    for (const line of lines) {
      const section = gnu && mark !== "" ? [mark.repeat(3), mark.repeat(2), mark].indexOf(line) : -1;
      if (section >= 0) {
        current = section === 0 ? styles.header : section === 1 ? styles.body : styles.footer;
        if (!noRenumber) n = start;
        out.push("\n");
        continue;
      }
      let numbered: boolean;
      if (current === "all") {
        if (line === "" && blanks > 1) {
          numbered = ++empties === blanks;
          if (numbered) empties = 0;
        } else {
          numbered = true;
          empties = 0;
        }
      } else numbered = current === "nonempty" ? line !== "" : current === "none" ? false : current.test(line);
      if (numbered) {
        out.push(show(n), separator, line, "\n");
        n += step;
      } else if (line === "" && !gnu) out.push(" ".repeat(width), " ".repeat(separator.length), "\n");
      else out.push(" ".repeat(width + separator.length), line, "\n");
    }
    yield* printBytes(c, out.join(""));
  }
  return files.status;
}

export const nl: Executable = {
  name: "nl",
  paths: ["/usr/bin/nl"],
  sizeBytes: 113776,
  applet: "/usr/bin/nl",
  main: command({ help: help(usage, busyboxUsage) }, run),
};
