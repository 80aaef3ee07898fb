/**
 * reset(1), tset(1) of ncurses: puts the terminal and its line discipline back into a usable state.
 * Left out: the options other than -I -q -Q -s -V; the mapping of terminal types.
 */

import { ENOTTY, Errno } from "../../abi/errno.ts";
import {
  BRKINT,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  IMAXBEL,
  INLCR,
  ISIG,
  ISTRIP,
  IXON,
  ONLCR,
  OPOST,
  type Termios,
  VDISCARD,
  VEOF,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VWERASE,
} from "../../abi/termios.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { findTerminal, tparm } from "../libc/terminfo.ts";

const usage = `reset [options] [terminal]

Options:
  -I          no initialization strings
  -q          display term only, do no changes
  -Q          do not output control key settings
  -s          output TERM set command
  -V          print curses-version`;

const defaults: readonly (readonly [number, number])[] = [
  [VINTR, 3],
  [VQUIT, 28],
  [VERASE, 127],
  [VKILL, 21],
  [VEOF, 4],
  [VSTART, 17],
  [VSTOP, 19],
  [VSUSP, 26],
  [VREPRINT, 18],
  [VDISCARD, 15],
  [VWERASE, 23],
  [VLNEXT, 22],
];

/** Sane flags, and the usual control characters where none is set. */
function sane(t: Termios): Termios {
  const cc = [...t.cc];
  for (const [index, value] of defaults) if (cc[index] === 0) cc[index] = value;
  return {
    iflag: (t.iflag & ~(INLCR | IGNCR | ISTRIP)) | BRKINT | ICRNL | IXON | IMAXBEL,
    oflag: t.oflag | OPOST | ONLCR,
    cflag: t.cflag,
    lflag: t.lflag | ISIG | ICANON | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE,
    cc,
  };
}

function* setSane(c: Command): Proc<boolean> {
  for (const fd of [2, 1, 0]) {
    try {
      yield* c.sys.ioctl(fd, "TCSETSW", sane(yield* c.sys.ioctl(fd, "TCGETS")));
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e; // Not a terminal: the next one.
    }
  }
  return false;
}

function* run(c: Command): Proc<number> {
  if (c.voice === "busybox") {
    yield* setSane(c);
    yield* c.print("\x1bc\x1b(B\x1b[m\x1b[J\x1b[?25h");
    return 0;
  }
  let parsed: { options: readonly { name: string }[]; operands: readonly string[] };
  try {
    parsed = yield* c.getopt({ short: "IQqsV" });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint(`${c.name}: ${e.message}\nUsage: ${usage}\n`);
    return 1;
  }
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("V")) {
    yield* c.print("ncurses 6.4.20221231\n");
    return 0;
  }
  const term = parsed.operands[0] ?? c.env.get("TERM") ?? "unknown";
  const terminal = findTerminal(term);
  if (terminal === undefined) {
    yield* c.eprint(`${c.name}: unknown terminal type ${term}\n`);
    return 1;
  }
  if (has("q")) {
    yield* c.print(`${term}\n`);
    return 0;
  }
  if (!(yield* setSane(c))) yield* c.fail(`terminal attributes: ${ENOTTY.message}`);
  if (!has("I")) {
    const strings = c.name === "reset" ? (["rs1", "rs2"] as const) : (["is1", "is2"] as const);
    let text = "";
    for (const name of [...strings, "mgc"]) {
      const value = terminal[name];
      if (typeof value === "string") text += tparm(value, []);
    }
    yield* c.eprint(`${text}\r`);
  }
  if (has("s")) yield* c.print(`TERM=${term};\n`);
  return 0;
}

export const reset: Executable = {
  name: "reset",
  paths: ["/usr/bin/tset", "/usr/bin/reset"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 30968,
  applet: "/usr/bin/reset",
  main: command({ help: help(usage, "reset\n\nReset the screen") }, run),
};
