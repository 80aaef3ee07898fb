/** setcap(8) of libcap: sets or removes the capabilities of files. Left out: -n (attributes for one user namespace). */

import { CAP_SETFCAP, capBit } from "../../abi/capability.ts";
import { EINVAL, ENODATA, EOPNOTSUPP, Errno } from "../../abi/errno.ts";
import { isReg } from "../../abi/stat.ts";
import type { CapData, Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { CAP_XATTR, capFromText, decodeFileCaps, encodeFileCaps } from "../caps/text.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { lstat, optional } from "../libc/unistd.ts";

const usage = `usage: setcap [-h] [-q] [-v] [-n <rootid>] (-r|-|<caps>) <filename> [ ... (-r|-|<capsN>) <filenameN> ]

 Note <filename> must be a regular (non-symlink) file.
 -r          remove capability from file
 -           read capability text from stdin
 <capsN>     cap_from_text(3) formatted file capability
 [ Note: capsh --suggest="something..." might help you pick. ]
 -h          this message and exit status 0
 -q          quietly
 -v          validate supplied capability matches file
 -n <rootid> write a user namespace (!= 0) limited capability
 --license   display the license info
`;

const NONE: CapData = { effective: 0n, permitted: 0n, inheritable: 0n };

function* badUsage(c: Command): Proc<never> {
  yield* c.eprint(usage);
  throw new Exit(1);
}

/** The capabilities that a word stands for; undefined for none at all (-r). */
function* parse(c: Command, word: string, quiet: boolean): Proc<CapData | undefined> {
  if (word === "-r") return undefined;
  let text = word;
  if (word === "-") {
    if (!quiet) yield* c.eprint("Please enter caps for file [empty line to end]:\n");
    text = "";
    for (;;) {
      const line = yield* c.stdin.readLine();
      if (line === undefined || line.trim() === "") break;
      text += ` ${line.trim()}`;
    }
  }
  const caps = capFromText(text);
  if (caps !== undefined) return caps;
  yield* c.eprint("fatal error: Invalid argument\n");
  return yield* badUsage(c);
}

/** -v: says whether the file has just these. */
function* verify(c: Command, path: string, caps: CapData, quiet: boolean): Proc<boolean> {
  const bytes = yield* optional(c.sys.getxattr(path, CAP_XATTR), [ENODATA, EOPNOTSUPP]);
  const now = (bytes === undefined ? undefined : decodeFileCaps(bytes)) ?? NONE;
  const p = now.permitted !== caps.permitted;
  const i = now.inheritable !== caps.inheritable;
  const e = now.effective !== caps.effective;
  const differs = p || i || e;
  if (!quiet) yield* c.print(differs ? `${path} differs in [${p ? "p" : ""}${i ? "i" : ""}${e ? "e" : ""}]\n` : `${path}: OK\n`);
  return !differs;
}

function* apply(c: Command, path: string, caps: CapData | undefined): Proc<void> {
  const { permitted } = yield* c.sys.capget(0);
  if ((permitted & capBit(CAP_SETFCAP)) === 0n) {
    yield* c.eprint("unable to set CAP_SETFCAP effective capability: Operation not permitted\n");
    throw new Exit(1);
  }
  try {
    if (!isReg((yield* lstat(c.sys, path)).mode)) throw EINVAL;
    if (caps === undefined) {
      yield* c.sys.removexattr(path, CAP_XATTR);
      return;
    }
    const bytes = encodeFileCaps(caps);
    if (bytes === undefined) throw EINVAL;
    yield* c.sys.setxattr(path, CAP_XATTR, bytes, 0);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (e === EINVAL) yield* c.eprint(`Invalid file '${path}' for capability operation\n`);
    else if (e === ENODATA) yield* c.eprint(`File '${path}' has no capablity to remove\n`);
    else yield* c.eprint(`Failed to set capabilities on file '${path}': ${e.message}\n`);
    throw new Exit(1);
  }
}

function* run(c: Command): Proc<number> {
  const words = [...c.args];
  let quiet = false;
  let check = false;
  let status = 0;
  if (words.length === 0) return yield* badUsage(c);
  for (;;) {
    const word = words.shift();
    if (word === undefined) return status;
    if (word === "-h") {
      yield* c.eprint(usage);
      return 0;
    }
    if (word === "-q") quiet = true;
    else if (word === "-v") check = true;
    else if (word === "-n" || word === "--license") return yield* c.fail(`${word} is not built into this machine`);
    else {
      const caps = yield* parse(c, word, quiet);
      const path = words.shift();
      if (path === undefined) return yield* badUsage(c);
      if (!check) yield* apply(c, path, caps);
      else if (!(yield* verify(c, path, caps ?? NONE, quiet))) status = 1;
    }
  }
}

export const setcap: Executable = {
  name: "setcap",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/setcap"],
  needed: ["libcap.so.2", "libc.so.6"],
  sizeBytes: 14576,
};
