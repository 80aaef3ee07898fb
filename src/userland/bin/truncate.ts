/** truncate(1) of coreutils: sets, grows or shrinks the size of files. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { O_CREAT, O_NONBLOCK, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { missingOperand } from "../libc/operands.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { open, stat } from "../libc/unistd.ts";
import { parseSize } from "../libc/xstrtol.ts";

const usage = `truncate OPTION... FILE...
Shrink or extend each FILE to a size. A FILE that is absent is created; what is added reads as zeros.

  -c, --no-create       do not create files
  -o, --io-blocks       SIZE counts I/O blocks, not bytes
  -r, --reference=FILE  take the size of FILE
  -s, --size=SIZE       set or change by SIZE
      --help            show this help and exit

SIZE may have a suffix (K, KB, M, MB, …) and a prefix: + extend by, - reduce by, < at most, > at least,
/ round down to a multiple of, % round up to a multiple of.`;

interface Size {
  readonly op: string;
  readonly amount: number;
}

function* parse(c: Command, text: string): Proc<Size> {
  const match = /^\s*([-+<>/%]?)\s*(.*)$/.exec(text);
  const op = match?.[1] ?? "";
  const amount = parseSize(match?.[2] ?? "", "B");
  if (amount === undefined)
    return yield* c.fail(c.voice === "gnu" ? `Invalid number: ${quote(match?.[2] ?? text)}` : `invalid number '${text}'`);
  if (/[/%]/.test(op) && amount === 0) return yield* c.fail("division by zero");
  return { op, amount };
}

function resized(now: number, size: Size): number {
  const { op, amount } = size;
  if (op === "+") return now + amount;
  if (op === "-") return Math.max(0, now - amount);
  if (op === "<") return Math.min(now, amount);
  if (op === ">") return Math.max(now, amount);
  if (op === "/") return now - (now % amount);
  if (op === "%") return Math.ceil(now / amount) * amount;
  return amount;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "cor:s:" : "cs:",
    long: [
      { name: "no-create", as: "c" },
      { name: "io-blocks", as: "o" },
      { name: "reference", arg: "required", as: "r" },
      { name: "size", arg: "required", as: "s" },
    ],
  });
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const reference = arg("r");
  const text = arg("s");
  const size = text === undefined ? undefined : yield* parse(c, text);
  if (size === undefined && reference === undefined) {
    throw new UsageError(gnu ? `you must specify either ${quote("--size")} or ${quote("--reference")}` : "");
  }
  if (size !== undefined && size.op === "" && reference !== undefined) {
    throw new UsageError(`you must specify a relative ${quote("--size")} with ${quote("--reference")}`);
  }
  if (has("o") && size === undefined) throw new UsageError(`${quote("--io-blocks")} was specified but ${quote("--size")} was not`);
  if (operands.length === 0) throw gnu ? new UsageError("missing file operand") : missingOperand(c);
  let base: number | undefined;
  if (reference !== undefined) {
    try {
      base = (yield* stat(c.sys, reference)).size;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(`cannot stat ${quoteaf(reference)}`, e);
      return 1;
    }
  }
  let status = 0;
  for (const file of operands) {
    try {
      const fd = yield* open(c.sys, file, O_WRONLY | O_NONBLOCK | (has("c") ? 0 : O_CREAT));
      const st = yield* c.sys.fstat(fd);
      const scaled = size !== undefined && has("o") ? { op: size.op, amount: size.amount * st.blksize } : size;
      const now = base ?? st.size;
      const want = scaled === undefined ? now : resized(now, scaled);
      try {
        yield* c.sys.ftruncate(fd, want);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.perror(`failed to truncate ${quoteaf(file)} at ${want} bytes`, e);
        status = 1;
      }
      yield* c.sys.close(fd);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (has("c") && e === ENOENT) continue;
      yield* c.perror(gnu ? `cannot open ${quoteaf(file)} for writing` : `${file}: open`, e);
      status = 1;
    }
  }
  return status;
}

export const truncate: Executable = {
  name: "truncate",
  paths: ["/usr/bin/truncate"],
  sizeBytes: 43920,
  applet: "/usr/bin/truncate",
  main: command({ version: COREUTILS, help: help(usage, "truncate [-c] -s SIZE FILE...\n\nSet the size of FILEs") }, run),
};
