/** groups(1) of coreutils: the groups of this process, or of users. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { getgrouplist, getpwnam, IdNames } from "../libc/passwd.ts";
import { quote } from "../libc/quotearg.ts";

export const groups: Executable = {
  name: "groups",
  paths: ["/usr/bin/groups"],
  sizeBytes: 43920,
  applet: "/usr/bin/groups",
  main: command(
    { version: COREUTILS, help: help("groups [OPTION]... [USERNAME]...\nPrint the groups of each USERNAME, or of this process.") },
    function* (c) {
      const { operands } = yield* c.getopt({ short: "" });
      const names = new IdNames(c.sys);
      let status = 0;
      function* show(prefix: string, gids: readonly number[]) {
        const words: string[] = [];
        for (const gid of gids) {
          const name = yield* names.group(gid);
          if (name === undefined) {
            yield* c.warn(c.voice === "gnu" ? `cannot find name for group ID ${gid}` : `unknown ID ${gid}`);
            status = 1;
          }
          words.push(name ?? `${gid}`);
        }
        yield* c.print(`${prefix}${words.join(" ")}\n`);
      }
      if (operands.length === 0) {
        const [rgid, egid] = yield* c.sys.getresgid();
        yield* show("", [...new Set([rgid, egid, ...(yield* c.sys.getgroups())])]);
      }
      for (const operand of operands) {
        const user = yield* getpwnam(c.sys, operand);
        if (user === undefined) {
          yield* c.warn(c.voice === "gnu" ? `${quote(operand)}: no such user` : `unknown user ${operand}`);
          status = 1;
        } else yield* show(c.voice === "gnu" ? `${operand} : ` : "", yield* getgrouplist(c.sys, user.name, user.gid));
      }
      return status;
    },
  ),
};
