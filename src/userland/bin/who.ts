/**
 * who(1) of coreutils: who is logged in, from /var/run/utmp. Nothing here writes that file, so it has nobody to name.
 * Left out: reading a utmp file given by name.
 */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";

const usage = `who [OPTION]... [ FILE | ARG1 ARG2 ]
Show who is logged in.

  -a, --all       everything: -b -d --login -p -r -t -T -u
  -b, --boot      time of the last boot
  -d, --dead      dead processes
  -H, --heading   headings
  -l, --login     login processes
  -m              only the user of standard input
  -p, --process   what init started
  -q, --count     names and their number
  -r, --runlevel  the run level
  -s, --short     name, line and time (the default)
  -t, --time      the last change of the clock
  -T, -w, --mesg  whether messages are accepted
  -u, --users     those logged in
      --help      show this help`;

const letters = "abdlmpqrstuwHT";

function* run(c: Command): Proc<number> {
  const names = ["all", "boot", "dead", "heading", "login", "process", "count", "runlevel", "short", "time", "mesg", "users"];
  const long = names.map((name) => ({ name, as: name === "heading" ? "H" : name === "count" ? "q" : (name[0] as string) }));
  const { options, operands } = yield* c.getopt({ short: c.voice === "busybox" ? "aH" : letters, long: c.voice === "busybox" ? [] : long });
  checkOperands(c, operands, 0, 2);
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (operands.length === 1) return yield* c.fail("reading a utmp file is not supported");
  if (has("q")) yield* c.print("\n# users=0\n");
  else if (has("H")) yield* c.print(c.voice === "busybox" ? "USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n" : heading(has));
  return 0;
}

function heading(has: (name: string) => boolean): string {
  const all = has("a");
  const idle = all || has("u") || has("l");
  return `NAME     ${all || has("T") || has("w") ? "  " : ""}LINE         TIME             ${idle ? "IDLE          PID " : ""}COMMENT${all || has("d") ? "  EXIT" : ""}\n`;
}

export const who: Executable = {
  name: "who",
  main: command({ help: help(usage, "who [-aH]\n\nShow who is logged on\n\n\t-a\tShow all\n\t-H\tPrint column headers") }, run),
  paths: ["/usr/bin/who"],
  sizeBytes: 60432,
  applet: "/usr/bin/who",
};
