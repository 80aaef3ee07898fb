/** gosu(1), for the images of redis: becomes another user and runs a program in its own place. */

import { Errno } from "../../abi/errno.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { getgrnam, getgrouplist, getpwnam, getpwuid } from "../libc/passwd.ts";
import { execvp } from "../libc/unistd.ts";

const usage = `Usage: gosu user-spec command [args]
   eg: gosu tianon bash
       gosu nobody:root bash -c 'whoami && id'
       gosu 1000:1 id

`;

export const gosu: Executable = {
  name: "gosu",
  main: command({ help: usage }, function* (c) {
    const { sys } = c;
    const [spec = "", file, ...args] = c.args;
    if (spec === "--version" || spec === "-v") {
      yield* c.print("1.17\n");
      return 0;
    }
    if (file === undefined) {
      yield* c.eprint(usage);
      return 1;
    }
    const [userName = "", groupName] = spec.split(":");
    const user = /^\d+$/.test(userName) ? yield* getpwuid(sys, Number(userName)) : yield* getpwnam(sys, userName);
    const group = groupName === undefined || /^\d+$/.test(groupName) ? undefined : yield* getgrnam(sys, groupName);
    if (user === undefined && !/^\d+$/.test(userName))
      return yield* failed(`failed switching to "${spec}": unable to find user ${userName}`);
    if (groupName !== undefined && group === undefined && !/^\d+$/.test(groupName))
      return yield* failed(`failed switching to "${spec}": unable to find group ${groupName}`);
    const gid = group?.gid ?? (groupName === undefined ? (user?.gid ?? 0) : Number(groupName));
    try {
      yield* sys.setgroups(groupName === undefined && user !== undefined ? yield* getgrouplist(sys, user.name, gid) : [gid]);
      yield* sys.setgid(gid);
      yield* sys.setuid(user?.uid ?? Number(userName));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* failed(`failed switching to "${spec}": ${e.message.toLowerCase()}`);
    }
    const env = new Map(c.env).set("HOME", user?.dir ?? "/");
    try {
      return yield* execvp(sys, file, [file, ...args], env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* failed(`exec: "${file}": ${file.includes("/") ? e.message.toLowerCase() : "executable file not found in $PATH"}`);
    }

    function* failed(why: string) {
      yield* c.eprint(`error: ${why}\n`);
      return 1;
    }
  }),
};
