/**
 * which(1) of debianutils, and busybox's: where in PATH a command is.
 * Differs from Linux: Debian's is a shell script; ours is a program with its words.
 */

import { Errno } from "../../abi/errno.ts";
import { AT_EACCESS, AT_FDCWD, X_OK } from "../../abi/fcntl.ts";
import { isReg } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { DEFAULT_PATH, stat } from "../libc/unistd.ts";

function* isCommand(sys: Sys, path: string): Proc<boolean> {
  try {
    if (!isReg((yield* stat(sys, path)).mode)) return false;
    yield* sys.faccessat2(AT_FDCWD, path, X_OK, AT_EACCESS);
    return true;
  } catch (e) {
    if (e instanceof Errno) return false;
    throw e;
  }
}

export const which: Executable = {
  name: "which",
  paths: ["/usr/bin/which"],
  sizeBytes: 946,
  applet: "/usr/bin/which",
  main: command(
    { help: help("which [-a] args\nPrint the path of each command; all of them with -a.", "which [-a] COMMAND...\n\nLocate COMMAND") },
    function* (c) {
      let parsed: { options: readonly unknown[]; operands: readonly string[] };
      try {
        parsed = yield* c.getopt({ short: "+a" });
      } catch (e) {
        if (!(e instanceof UsageError) || c.voice === "busybox") throw e;
        yield* c.eprint(`${e.message.replace(/^invalid option -- '(.)'$/, "Illegal option -$1")}\n`);
        yield* c.print(`Usage: ${c.auxv.execfn} [-a] args\n`);
        return 2;
      }
      const { options, operands } = parsed;
      if (operands.length === 0 && c.voice === "busybox") throw new UsageError("");
      let status = operands.length === 0 ? 1 : 0;
      const dirs = (c.env.get("PATH") ?? DEFAULT_PATH).split(":");
      for (const name of operands) {
        let found = false;
        for (const path of name.includes("/") ? [name] : dirs.map((dir) => `${dir === "" ? "." : dir}/${name}`)) {
          if (!(yield* isCommand(c.sys, path))) continue;
          yield* c.print(`${path}\n`);
          found = true;
          if (options.length === 0) break;
        }
        if (!found) status = 1;
      }
      return status;
    },
  ),
};
