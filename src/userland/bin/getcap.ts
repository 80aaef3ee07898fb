/** getcap(8) of libcap: the capabilities of files. */

import { EACCES, ENODATA, EOPNOTSUPP, Errno } from "../../abi/errno.ts";
import { isDir, isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { CAP_XATTR, capToText, decodeFileCaps } from "../caps/text.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { lstat, optional, readDir } from "../libc/unistd.ts";

const usage = `usage: getcap [-h] [-l] [-n] [-r] [-v] <filename> [<filename> ...]

	displays the capabilities on the queried file(s).
`;

interface Options {
  readonly verbose: boolean;
  readonly recursive: boolean;
  readonly rootId: boolean;
}

function* show(c: Command, path: string, o: Options): Proc<void> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = yield* c.sys.getxattr(path, CAP_XATTR);
  } catch (e) {
    if (e !== ENODATA && e !== EOPNOTSUPP) {
      if (!(e instanceof Errno)) throw e;
      yield* c.eprint(`Failed to get capabilities of file '${path}' (${e.message})\n`);
      return;
    }
  }
  const caps = bytes === undefined ? undefined : decodeFileCaps(bytes);
  if (caps !== undefined) yield* c.print(`${path} ${capToText(caps)}${o.rootId && caps.rootUid > 0 ? ` [rootid=${caps.rootUid}]` : ""}\n`);
  else if (o.verbose) yield* c.print(`${path}\n`);
}

function* visit(c: Command, path: string, o: Options): Proc<void> {
  const { mode } = yield* lstat(c.sys, path);
  if (o.recursive && isDir(mode)) {
    if (o.verbose) yield* c.print(`${path} (Not a regular file)\n`);
    for (const { name } of (yield* optional(readDir(c.sys, path), [EACCES])) ?? [])
      if (name !== "." && name !== "..") yield* visit(c, `${path.replace(/\/$/, "")}/${name}`, o);
  } else if (isReg(mode)) yield* show(c, path, o);
  else if (o.verbose) yield* c.print(`${path} (Not a regular file)\n`);
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: "rvhnl" }, "gnu");
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    yield* c.eprint(usage);
    return 1;
  }
  const has = (name: string): boolean => parsed.options.some((o) => o.name === name);
  if (has("h") || parsed.operands.length === 0) {
    yield* c.eprint(usage);
    return has("h") ? 0 : 1;
  }
  const o = { verbose: has("v"), recursive: has("r"), rootId: has("n") };
  for (const path of parsed.operands) {
    try {
      yield* visit(c, path, o);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.eprint(`${path} (${e.message})\n`);
    }
  }
  return 0;
}

export const getcap: Executable = {
  name: "getcap",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/getcap"],
  needed: ["libcap.so.2", "libc.so.6"],
  sizeBytes: 14576,
};
