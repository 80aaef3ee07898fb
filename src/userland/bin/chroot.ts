/** chroot(8) of coreutils, and busybox's: runs a command with another root directory. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { findGroup, parseUserSpec } from "../libc/chown.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { checkOperands } from "../libc/operands.ts";
import { getgrouplist, getpwuid } from "../libc/passwd.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { canonicalize } from "../libc/realpath.ts";
import { execvp } from "../libc/unistd.ts";

const usage = `chroot [OPTION] NEWROOT [COMMAND [ARG]...]
Run COMMAND with the root directory NEWROOT; '"$SHELL" -i' without one.

      --groups=G_LIST        supplementary groups g1,g2,…
      --userspec=USER:GROUP  user and group to use, by name or number
      --skip-chdir           do not change the working directory to '/'
      --help                 show this help and exit`;

/** Becomes the user that --userspec and --groups name, as the new root knows them. */
function* becomeUser(c: Command, spec: string | undefined, groups: string | undefined): Proc<void> {
  const owner = spec === undefined ? {} : yield* parseUserSpec(c.sys, spec);
  if (typeof owner === "string") return yield* c.fail(`${owner.replace("spec", "user")}`, 125);
  let gid = owner.gid;
  let list: number[] | undefined;
  if (owner.uid !== undefined) {
    const user = yield* getpwuid(c.sys, owner.uid);
    if (gid === undefined) {
      if (user === undefined) return yield* c.fail(`no group specified for unknown uid: ${owner.uid}`, 125);
      gid = user.gid;
    }
    if (user !== undefined) list = yield* getgrouplist(c.sys, user.name, gid);
  }
  if (groups !== undefined) {
    list = [];
    for (const word of groups.split(",").filter((w) => w !== "")) {
      const id = yield* findGroup(c.sys, word);
      if (id === undefined) return yield* c.fail(`invalid group ${quote(word)}`, 125);
      list.push(id);
    }
  }
  if (list !== undefined) yield* c.sys.setgroups(list);
  if (gid !== undefined) yield* c.sys.setgid(gid);
  if (owner.uid !== undefined) yield* c.sys.setuid(owner.uid);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: "+",
    long: gnu ? [{ name: "groups", arg: "required" }, { name: "userspec", arg: "required" }, { name: "skip-chdir" }] : [],
  });
  checkOperands(c, operands, 1);
  const [root = "", ...rest] = operands;
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const skip = options.some((o) => o.name === "skip-chdir");
  if (skip && (yield* canonicalize(c.sys, root, "missing")) !== "/")
    throw new UsageError(`option --skip-chdir only permitted if NEWROOT is old ${quoteaf("/")}`);
  try {
    yield* c.sys.chroot(root);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(
      gnu ? `cannot change root directory to ${quoteaf(root)}: ${e.message}` : `can't change root directory to '${root}': ${e.message}`,
      gnu ? 125 : 1,
    );
  }
  if (!skip) yield* c.sys.chdir("/");
  const words = rest.length > 0 ? rest : [c.env.get("SHELL") ?? "/bin/sh", "-i"];
  yield* becomeUser(c, arg("userspec"), arg("groups"));
  const [file = ""] = words;
  try {
    return yield* execvp(c.sys, file, words, c.env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(gnu ? `failed to run command ${quote(file)}` : `can't execute '${file}'`, e);
    return e === ENOENT ? 127 : 126;
  }
}

export const chroot: Executable = {
  name: "chroot",
  paths: ["/usr/sbin/chroot"],
  sizeBytes: 48112,
  applet: "/usr/sbin/chroot",
  main: command(
    {
      version: COREUTILS,
      help: help(usage, "chroot NEWROOT [PROG ARGS]\n\nRun PROG with root directory set to NEWROOT"),
      usageStatus: 125,
    },
    run,
  ),
};
