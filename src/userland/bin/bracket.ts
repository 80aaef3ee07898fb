/** `[` of coreutils and busybox: test(1) with a closing bracket. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { runTest, testUsage } from "./test.ts";

function* run(c: Command): Proc<number> {
  if (c.args.length === 1 && c.args[0] === "--help" && c.voice === "gnu") yield* c.help();
  if (c.args[c.args.length - 1] !== "]") return yield* c.fail(c.voice === "busybox" ? "missing ]" : "missing ‘]’", 2);
  return yield* runTest(c, c.args.slice(0, -1));
}

export const bracket: Executable = {
  name: "[",
  paths: ["/usr/bin/["],
  sizeBytes: 68496,
  applet: "/usr/bin/[",
  main: command({ help: help(testUsage) }, run),
};
