/** uname(1) of coreutils: what uname(2) says. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";

const usage = `uname [OPTION]...
Print system information; -s without an option.

  -a, --all                everything, in this order, except -p and -i where unknown
  -s, --kernel-name        the name of the kernel
  -n, --nodename           the host name
  -r, --kernel-release     the kernel's release
  -v, --kernel-version     the kernel's version
  -m, --machine            the machine's hardware name
  -p, --processor          the type of processor
  -i, --hardware-platform  the hardware platform
  -o, --operating-system   the operating system
      --help               show this help and exit`;

const letters = "snrvmpio";

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "asnrvmpio",
    long: [
      { name: "all", as: "a" },
      { name: "kernel-name", as: "s" },
      { name: "sysname", as: "s" },
      { name: "nodename", as: "n" },
      { name: "kernel-release", as: "r" },
      { name: "release", as: "r" },
      { name: "kernel-version", as: "v" },
      { name: "machine", as: "m" },
      { name: "processor", as: "p" },
      { name: "hardware-platform", as: "i" },
      { name: "operating-system", as: "o" },
    ],
  });
  checkOperands(c, operands, 0, 0);
  const asked = new Set(options.map((o) => o.name));
  const all = asked.has("a");
  const u = yield* c.sys.uname();
  const values: Record<string, string> = {
    s: u.sysname,
    n: u.nodename,
    r: u.release,
    v: u.version,
    m: u.machine,
    p: "unknown",
    i: "unknown",
    o: c.voice === "gnu" ? "GNU/Linux" : "Linux",
  };
  const shown = [...letters].filter((l) => (all ? values[l] !== "unknown" : asked.size === 0 ? l === "s" : asked.has(l)));
  yield* c.print(`${shown.map((l) => values[l]).join(" ")}\n`);
  return 0;
}

export const uname: Executable = {
  name: "uname",
  paths: ["/usr/bin/uname"],
  sizeBytes: 43888,
  applet: "/bin/uname",
  main: command({ version: COREUTILS, help: help(usage) }, run),
};
