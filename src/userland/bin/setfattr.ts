/** setfattr(1) of the attr package 2.5.1: sets and removes extended attributes. Left out: --restore. */

import { ENODATA, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { decodeValue } from "../attr/encoding.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";

const brief = `Usage: setfattr {-n name} [-v value] [-h] file...
       setfattr {-x name} [-h] file...
`;

const help = `setfattr 2.5.1 -- set extended attributes
${brief}  -n, --name=name         set the value of the named extended attribute
  -x, --remove=name       remove the named extended attribute
  -v, --value=value       use value as the attribute value
  -h, --no-dereference    do not dereference symbolic links
      --raw               attribute value is not encoded
      --version           print version and exit
      --help              this help text
`;

const LONG = [
  { name: "name", arg: "required", as: "n" },
  { name: "remove", arg: "required", as: "x" },
  { name: "value", arg: "required", as: "v" },
  { name: "no-dereference", as: "h" },
  { name: "raw" },
  { name: "version" },
  { name: "help" },
] as const;

function* badUsage(c: Command): Proc<number> {
  yield* c.eprint(`${brief}Try \`setfattr --help' for more information.\n`);
  return 2;
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: "n:x:v:h", long: LONG });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    return yield* badUsage(c);
  }
  const find = (name: string): string | undefined => parsed.options.find((o) => o.name === name)?.arg;
  if (find("help") !== undefined) return yield* c.help();
  if (find("version") !== undefined) {
    yield* c.print("setfattr 2.5.1\n");
    return 0;
  }
  const name = find("n");
  const removed = find("x");
  const text = find("v");
  // One of the two; a value goes with a name.
  if ((name === undefined) === (removed === undefined) || (removed !== undefined && text !== undefined) || parsed.operands.length === 0)
    return yield* badUsage(c);
  const value = text === undefined ? new Uint8Array() : find("raw") === undefined ? decodeValue(text) : encodeUtf8(text);
  let failed = false;
  for (const path of parsed.operands) {
    if (value === undefined) {
      yield* c.eprint("bad input encoding\n");
      return 1;
    }
    const follow = find("h") === undefined;
    try {
      if (removed === undefined) yield* c.sys.setxattr(path, name as string, value, 0, follow);
      else yield* c.sys.removexattr(path, removed, follow);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.warn(`${path}: ${e === ENODATA ? "No such attribute" : e.message}`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}

export const setfattr: Executable = {
  name: "setfattr",
  main: command({ help }, run),
  paths: ["/usr/bin/setfattr"],
  needed: ["libc.so.6"],
  sizeBytes: 18968,
};
