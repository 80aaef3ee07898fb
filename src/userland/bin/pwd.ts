/** pwd(1) of coreutils and busybox. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { quote } from "../libc/quotearg.ts";
import { optional, stat } from "../libc/unistd.ts";

const usage = `pwd [OPTION]...
Print the full name of the working directory.

  -L, --logical   take PWD from the environment, even if it holds symbolic links
  -P, --physical  avoid all symbolic links (the default)
      --help      show this help and exit`;

function* logical(c: Command): Proc<string | undefined> {
  const claimed = c.env.get("PWD");
  if (claimed === undefined || !claimed.startsWith("/") || /\/\.\.?(\/|$)/.test(claimed)) return undefined;
  const there = yield* optional(stat(c.sys, claimed));
  const here = yield* optional(stat(c.sys, "."));
  return there !== undefined && here !== undefined && there.ino === here.ino && there.dev === here.dev ? claimed : undefined;
}

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "LP",
    long: [
      { name: "logical", as: "L" },
      { name: "physical", as: "P" },
    ],
  });
  if (operands.length > 0 && c.voice === "gnu") yield* c.warn("ignoring non-option arguments");
  const last = options[options.length - 1]?.name;
  const wanted = last === "L" ? yield* logical(c) : undefined;
  try {
    const dir = wanted ?? (yield* c.sys.getcwd());
    // "(unreachable)…": glibc does not give that out, and looking through the parents leads nowhere.
    if (!dir.startsWith("/")) throw ENOENT;
    yield* c.print(`${dir}\n`);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`couldn't find directory entry in ${quote("..")} with matching i-node`);
  }
}

export const pwd: Executable = {
  name: "pwd",
  paths: ["/usr/bin/pwd"],
  sizeBytes: 43952,
  applet: "/bin/pwd",
  main: command({ help: help(usage) }, run),
};
