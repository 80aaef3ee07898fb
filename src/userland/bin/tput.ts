/** tput(1) of ncurses: capabilities of the terminal, printed for the terminal or for a script. */

import { Errno } from "../../abi/errno.ts";
import type { Winsize } from "../../abi/termios.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { findTerminal, isCapability, tparm } from "../libc/terminfo.ts";

const usage = `tput [options] [command]

Options:
  -S <<       read commands from standard input
  -T TERM     use this instead of $TERM
  -V          print curses-version
  -x          do not try to clear scrollback

Commands:
  clear       clear the screen
  init        initialize the terminal
  reset       reinitialize the terminal
  capname     unlike clear/init/reset, print value for capability "capname"`;

/** The window's size: of the first stream that is a terminal; LINES and COLUMNS come first. */
function* windowSize(c: Command): Proc<Partial<Winsize>> {
  const lines = Number(c.env.get("LINES") ?? 0);
  const columns = Number(c.env.get("COLUMNS") ?? 0);
  let size: Partial<Winsize> = {};
  for (const fd of [2, 1, 0]) {
    try {
      const { rows, cols } = yield* c.sys.ioctl(fd, "TIOCGWINSZ");
      size = { ...(rows > 0 ? { rows } : {}), ...(cols > 0 ? { cols } : {}) };
      break;
    } catch (e) {
      if (!(e instanceof Errno)) throw e; // Not a terminal: the next one.
    }
  }
  return { ...size, ...(lines > 0 ? { rows: lines } : {}), ...(columns > 0 ? { cols: columns } : {}) };
}

/** Prints one capability; returns tput's status. */
function* show(
  c: Command,
  terminal: NonNullable<ReturnType<typeof findTerminal>>,
  words: readonly string[],
  scrollback: boolean,
): Proc<number> {
  const [name = "", ...params] = words;
  const text = (cap: string): string => (typeof terminal[cap] === "string" ? tparm(terminal[cap], []) : "");
  if (name === "clear" && typeof terminal.clear === "string") {
    yield* c.print(text("clear") + (scrollback ? text("E3") : ""));
    return 0;
  }
  if (name === "init" || name === "reset") {
    const strings = name === "init" ? ["is1", "is2", "is3"] : ["rs1", "rs2", "rs3"];
    yield* c.print(strings.map((cap) => text(cap) || (name === "reset" ? text(cap.replace("r", "i")) : "")).join("") + text("mgc"));
    return 0;
  }
  if (name === "longname") {
    yield* c.print(c.env.get("TERM") ?? "");
    return 0;
  }
  if (!isCapability(name)) {
    yield* c.eprint(`${c.name}: unknown terminfo capability '${name}'\n`);
    return 4;
  }
  const value = terminal[name];
  if (value === true) return 0;
  if (name === "cols" || name === "lines") {
    const size = yield* windowSize(c);
    yield* c.print(`${(name === "cols" ? size.cols : size.rows) ?? value ?? -1}\n`);
    return 0;
  }
  if (typeof value === "number") yield* c.print(`${value}\n`);
  else if (value === undefined && ["colors", "it", "pairs"].includes(name)) yield* c.print("-1\n");
  else if (value === undefined) return 1;
  else
    yield* c.print(
      tparm(
        value,
        params.map((p) => (/^-?[0-9]+$/.test(p) ? Number(p) : p)),
      ),
    );
  return 0;
}

function* run(c: Command): Proc<number> {
  const complain = function* (): Proc<number> {
    yield* c.eprint(`Usage: ${usage}\n`);
    return 2;
  };
  let parsed: { options: readonly { name: string; arg: string }[]; operands: readonly string[] };
  try {
    parsed = yield* c.getopt({ short: "+ST:Vx" });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    return yield* complain();
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("V")) {
    yield* c.print("ncurses 6.4.20221231\n");
    return 0;
  }
  const term = options.findLast((o) => o.name === "T")?.arg ?? c.env.get("TERM") ?? "";
  if (operands.length === 0 && !has("S")) return yield* complain();
  if (term === "") {
    yield* c.eprint("tput: No value for $TERM and no -T specified\n");
    return 2;
  }
  const terminal = findTerminal(term);
  if (terminal === undefined) {
    yield* c.eprint(`tput: unknown terminal "${term}"\n`);
    return 3;
  }
  if (!has("S")) return yield* showAll(c, terminal, operands, !has("x"));
  let status = 0;
  for (let line = yield* c.stdin.readLine(); line !== undefined; line = yield* c.stdin.readLine()) {
    const words = line.split(/\s+/).filter((w) => w !== "");
    if (words.length > 0) status = Math.max(status, yield* show(c, terminal, words, !has("x")));
  }
  return status;
}

/** Several capabilities in one call, each followed by as many parameters as its string takes. */
function* showAll(
  c: Command,
  terminal: NonNullable<ReturnType<typeof findTerminal>>,
  operands: readonly string[],
  scrollback: boolean,
): Proc<number> {
  for (let i = 0; i < operands.length; ) {
    const value = terminal[operands[i] ?? ""];
    const needs = typeof value === "string" ? Math.max(0, ...[...value.matchAll(/%p([1-9])/g)].map((m) => Number(m[1]))) : 0;
    const status = yield* show(c, terminal, operands.slice(i, i + 1 + needs), scrollback);
    if (status !== 0) return status;
    i += 1 + needs;
  }
  return 0;
}

export const tput: Executable = {
  name: "tput",
  paths: ["/usr/bin/tput"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 26896,
  main: command({ help: help(usage), usageStatus: 2 }, run),
};
