/** nologin(8) of util-linux: politely refuses a login; the shell of users who are none. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { readText } from "../libc/unistd.ts";

function* run(c: Command): Proc<number> {
  let text = "This account is currently not available.\n";
  if (c.voice === "gnu") {
    try {
      text = yield* readText(c.sys, "/etc/nologin.txt");
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }
  yield* c.print(text);
  return 1;
}

export const nologin: Executable = {
  name: "nologin",
  main: command({ help: "Usage: nologin" }, run),
  paths: ["/usr/sbin/nologin"],
  sizeBytes: 14568,
  applet: "/sbin/nologin",
};
