/** lsmod(8) of kmod: the kernel's modules. A kernel without modules has no /proc/modules, and this says so. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { readText } from "../libc/unistd.ts";

function* run(c: Command): Proc<number> {
  yield* c.getopt({ short: "" });
  let text: string;
  try {
    text = yield* readText(c.sys, "/proc/modules");
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (c.voice === "busybox") return yield* c.fail(`can't open '/proc/modules': ${e.message}`);
    yield* c.eprint(
      `libkmod: ERROR ../libkmod/libkmod-module.c:1829 kmod_module_new_from_loaded: could not open /proc/modules: ${e.message}\nError: could not get list of modules: ${e.message}\n`,
    );
    return 1;
  }
  yield* c.print("Module                  Size  Used by\n");
  for (const line of text.split("\n")) {
    const [name, size = "", uses = "", users = "-"] = line.split(" ");
    if (name) yield* c.print(`${name.padEnd(19)} ${size.padStart(8)}  ${uses}${users === "-" ? "" : ` ${users.replace(/,$/, "")}`}\n`);
  }
  return 0;
}

export const lsmod: Executable = {
  name: "lsmod",
  main: command({ help: "Usage: lsmod" }, run),
  paths: ["/usr/sbin/lsmod"],
  sizeBytes: 174424,
  applet: "/sbin/lsmod",
};
