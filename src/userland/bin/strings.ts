/** strings(1) of binutils 2.40, and busybox strings: runs of printable characters. Left out: -e other than s, -d, -T, -U. */

import type { Proc } from "../../abi/sys.ts";
import { Errno } from "../../abi/errno.ts";
import { isDir } from "../../abi/stat.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { latin1 } from "../libc/lines.ts";
import { Input } from "../libc/stdio.ts";
import { open, stat } from "../libc/unistd.ts";

const usage = `strings [option(s)] [file(s)]
Show the printable strings in files (or in standard input).

  -a, --all                   the whole file (default)
  -f, --print-file-name       the name of the file before each string
  -n, --bytes=<number>        strings of at least that many characters (4)
  -t, --radix={o,d,x}         the place of each string in base 8, 10 or 16
  -o                          the same as -t o
  -w, --include-all-whitespace  all white space counts as printable
  -s, --output-separator=<string>  what comes after each string
      --help                  show this help and exit`;
const busyboxUsage = `strings [-fo] [-t o|d|x] [-n LEN] [FILE]...

Display printable strings in a binary file

\t-f\t\tPrecede strings with filenames
\t-o\t\tPrecede strings with octal offsets
\t-t o|d|x\tPrecede strings with offsets in base 8/10/16
\t-n LEN\t\tAt least LEN characters form a string (default 4)`;

interface Plan {
  readonly least: number;
  readonly radix: "o" | "d" | "x" | undefined;
  readonly names: boolean;
  readonly separator: string;
  readonly pattern: RegExp;
}

function* search(c: Command, plan: Plan, input: Input, name: string): Proc<void> {
  let rest = "";
  let offset = 0;
  const show = (text: string, at: number): string => {
    const place = plan.radix === undefined ? "" : `${at.toString(plan.radix === "o" ? 8 : plan.radix === "d" ? 10 : 16).padStart(7)} `;
    return `${plan.names ? `${name}: ` : ""}${place}${text}${plan.separator}`;
  };
  for (let bytes = yield* input.read(); ; bytes = yield* input.read()) {
    const text = rest + (bytes === undefined ? "" : latin1(bytes));
    const start = offset - rest.length;
    yield* c.sys.spend(text.length * 2);
    const out: string[] = [];
    rest = "";
    for (const found of text.matchAll(plan.pattern)) {
      // A run that reaches the block's end may go on in the next one.
      if (bytes !== undefined && found.index + found[0].length === text.length) rest = found[0];
      else if (found[0].length >= plan.least) out.push(show(found[0], start + found.index));
    }
    yield* c.print(out.join(""));
    if (bytes === undefined) return;
    offset += bytes.length;
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const args = c.args.map((a) => (/^-[0-9]+$/.test(a) ? `-n${a.slice(1)}` : a));
  const { options, operands } = yield* c.getopt(
    {
      short: gnu ? "afn:t:ows:e:" : "afon:t:",
      long: gnu
        ? [
            { name: "all", as: "a" },
            { name: "print-file-name", as: "f" },
            { name: "bytes", arg: "required", as: "n" },
            { name: "radix", arg: "required", as: "t" },
            { name: "include-all-whitespace", as: "w" },
            { name: "output-separator", arg: "required", as: "s" },
          ]
        : [],
    },
    args,
  );
  let least = 4;
  let radix: Plan["radix"];
  let separator = "\n";
  for (const { name, arg } of options) {
    if (name === "n") {
      if (!/^[0-9]+$/.test(arg)) return yield* c.fail(gnu ? `invalid integer argument ${arg}` : `invalid number '${arg}'`);
      if (Number(arg) === 0) return yield* c.fail(gnu ? "minimum string length is too small: 0" : "number 0 is not in 1..2147483647 range");
      least = Number(arg);
    } else if (name === "t") {
      if (!/^[odx]$/.test(arg)) return yield* c.fail(`invalid radix ${arg}`);
      radix = arg as Plan["radix"];
    } else if (name === "o") radix = "o";
    else if (name === "s") separator = arg;
    else if (name === "e" && arg !== "s") return yield* c.fail(`the encoding ${arg} is not supported`);
  }
  const names = options.some((o) => o.name === "f");
  const whitespace = options.some((o) => o.name === "w");
  const plan: Plan = { least, radix, names, separator, pattern: whitespace ? /[\t-\r -~]+/g : /[\t -~]+/g };
  if (operands.length === 0) {
    yield* search(c, plan, c.stdin, "{standard input}");
    return 0;
  }
  let status = 0;
  for (const name of operands) {
    try {
      if (gnu && isDir((yield* stat(c.sys, name)).mode)) {
        yield* c.warn(`Warning: '${name}' is a directory`);
        status = 1;
        continue;
      }
      const input = new Input(c.sys, yield* open(c.sys, name));
      yield* search(c, plan, input, name);
      yield* c.sys.close(input.fd);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      status = 1;
      if (gnu && e.name === "ENOENT") yield* c.warn(`'${name}': No such file`);
      else yield* c.perror(name, e);
    }
  }
  return status;
}

export const strings: Executable = {
  name: "strings",
  paths: ["/usr/bin/x86_64-linux-gnu-strings", "/usr/bin/strings"],
  needed: ["libbfd-2.40-system.so", "libc.so.6", "libz.so.1", "libzstd.so.1", "libsframe.so.0"],
  sizeBytes: 31728,
  applet: "/usr/bin/strings",
  main: command({ help: help(usage, busyboxUsage) }, run),
};
