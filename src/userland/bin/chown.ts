/** chown(1) of coreutils, and busybox's: changes owner and group. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { chownLong, changeOwners, type Ownership, parseUserSpec, planOf } from "../libc/chown.ts";
import { type Command, command } from "../libc/command.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { missingOperand } from "../libc/operands.ts";
import { IdNames } from "../libc/passwd.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { stat } from "../libc/unistd.ts";

const usage = `chown [OPTION]... [OWNER][:[GROUP]] FILE...
  or:  chown [OPTION]... --reference=RFILE FILE...
Change the owner and group of each FILE, or take those of RFILE. OWNER: gives the login group too.

  -c, --changes          say what is changed
  -f, --silent, --quiet  suppress most error messages
  -v, --verbose          say what is done with every file
      --dereference      change what a symbolic link points to (the default)
  -h, --no-dereference   change symbolic links themselves
      --from=OWNER:GROUP  only where the present owner and group match
      --no-preserve-root  do not treat '/' specially (the default)
      --preserve-root    refuse to work recursively on '/'
      --reference=RFILE  use the owner and group of RFILE
  -R, --recursive        change directories with what is in them
  -H -L -P               with -R, enter links to directories: operands, all, none (the default)
      --help             show this help and exit`;

/** The ownership that `text` names. Ends the program where it names none. */
function* parse(c: Command, text: string): Proc<Ownership> {
  let owner = yield* parseUserSpec(c.sys, text);
  if (typeof owner === "string" && text.includes(".") && !text.includes(":")) {
    const dotted = yield* parseUserSpec(c.sys, text.replace(".", ":"));
    if (typeof dotted !== "string") {
      if (c.voice === "gnu") yield* c.warn(`warning: '.' should be ':': ${quote(text)}`);
      owner = dotted;
    }
  }
  if (typeof owner !== "string") return owner;
  if (c.voice === "gnu") return yield* c.fail(`${owner}: ${quote(text)}`);
  if (text.startsWith(":")) return yield* c.fail(`unknown group ${text.slice(1)}`);
  return yield* c.fail(text.includes(":") ? `unknown user/group ${text}` : `unknown user ${text}`);
}

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({ short: "RcfhvHLP", long: c.voice === "gnu" ? chownLong : [] });
  const reference = options.findLast((o) => o.name === "reference")?.arg;
  const from = options.findLast((o) => o.name === "from")?.arg;
  const files = reference === undefined ? operands.slice(1) : operands;
  if (files.length === 0) throw missingOperand(c, operands[0]);
  let to: Ownership;
  if (reference === undefined) to = yield* parse(c, operands[0] ?? "");
  else {
    try {
      const st = yield* stat(c.sys, reference);
      const names = new IdNames(c.sys);
      to = {
        uid: st.uid,
        gid: st.gid,
        user: (yield* names.user(st.uid)) ?? `${st.uid}`,
        group: (yield* names.group(st.gid)) ?? `${st.gid}`,
      };
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(`failed to get attributes of ${quoteaf(reference)}`, e);
      return 1;
    }
  }
  const only = from === undefined ? {} : yield* parse(c, from);
  return yield* changeOwners(c, options, files, { ...planOf(options), to, from: only });
}

export const chown: Executable = {
  name: "chown",
  paths: ["/usr/bin/chown"],
  sizeBytes: 72752,
  applet: "/bin/chown",
  main: command(
    {
      version: COREUTILS,
      help: help(usage, "chown [-RhLHPcvf]... USER[:[GRP]] FILE...\n\nChange the owner and/or group of FILEs to USER and/or GRP"),
    },
    run,
  ),
};
