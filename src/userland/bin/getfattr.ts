/** getfattr(1) of the attr package 2.5.1: extended attributes of files. Left out: --one-file-system. */

import { ENODATA, Errno } from "../../abi/errno.ts";
import { isDir, isLnk } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Encoding, encodeValue } from "../attr/encoding.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { type Regex, regcomp, RegexError } from "../libc/regex.ts";
import { lstat, readDir, stat } from "../libc/unistd.ts";

const brief = "Usage: getfattr [-hRLP] [-n name|-d] [-e en] [-m pattern] path...\n";

const help = `getfattr 2.5.1 -- get extended attributes
${brief}  -n, --name=name         get the named extended attribute value
  -d, --dump              get all extended attribute values
  -e, --encoding=...      encode values (as 'text', 'hex' or 'base64')
      --match=pattern     only get attributes with names matching pattern
      --only-values       print the bare values only
  -h, --no-dereference    do not dereference symbolic links
      --absolute-names    don't strip leading '/' in pathnames
  -R, --recursive         recurse into subdirectories
  -L, --logical           logical walk, follow symbolic links
  -P  --physical          physical walk, do not follow symbolic links
      --version           print version and exit
      --help              this help text
`;

const LONG = [
  { name: "name", arg: "required", as: "n" },
  { name: "dump", as: "d" },
  { name: "encoding", arg: "required", as: "e" },
  { name: "match", arg: "required", as: "m" },
  { name: "only-values" },
  { name: "no-dereference", as: "h" },
  { name: "absolute-names" },
  { name: "recursive", as: "R" },
  { name: "logical", as: "L" },
  { name: "physical", as: "P" },
  { name: "version" },
  { name: "help" },
] as const;

const reason = (e: Errno): string => (e === ENODATA ? "No such attribute" : e.message);

class Getfattr {
  private readonly dump: boolean;
  private readonly onlyValues: boolean;
  private readonly absolute: boolean;
  private readonly follow: boolean;
  private readonly name: string | undefined;
  private stripped = false;
  failed = false;

  constructor(
    private readonly c: Command,
    private readonly parsed: Parsed,
    private readonly encoding: Encoding | undefined,
    private readonly pattern: Regex | undefined,
  ) {
    this.dump = this.has("d");
    this.onlyValues = this.has("only-values");
    this.absolute = this.has("absolute-names");
    this.follow = !this.has("h");
    this.name = parsed.options.filter((o) => o.name === "n").at(-1)?.arg;
  }

  private has(name: string): boolean {
    return this.parsed.options.some((o) => o.name === name);
  }

  *visit(path: string, top: boolean): Proc<void> {
    const { sys } = this.c;
    try {
      const own = yield* lstat(sys, path);
      const descend = this.has("L") || (top && !this.has("P"));
      // A physical walk leaves links out.
      if (isLnk(own.mode) && this.has("P") && !top) return;
      const { mode } = isLnk(own.mode) && (descend || this.follow) ? yield* stat(sys, path) : own;
      yield* this.show(path);
      if (!this.has("R") || !isDir(mode) || (isLnk(own.mode) && !descend)) return;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.c.perror(path, e);
      this.failed = true;
      return;
    }
    for (const { name } of yield* readDir(sys, path))
      if (name !== "." && name !== "..") yield* this.visit(path.endsWith("/") ? path + name : `${path}/${name}`, false);
  }

  private *show(path: string): Proc<void> {
    const lines: string[] = [];
    const names = this.name === undefined ? yield* this.names(path) : [this.name];
    for (const name of names) {
      if (this.name === undefined && !this.dump && !this.onlyValues) {
        lines.push(`${name}\n`);
        continue;
      }
      try {
        const value = yield* this.c.sys.getxattr(path, name, this.follow);
        if (this.onlyValues) yield* this.c.stdout.write(value);
        else lines.push(`${name}=${encodeValue(value, this.encoding)}\n`);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* this.c.eprint(`${path}: ${name}: ${reason(e)}\n`);
        this.failed = true;
      }
    }
    if (lines.length > 0) yield* this.c.print(`# file: ${yield* this.shown(path)}\n${lines.join("")}\n`);
  }

  private *names(path: string): Proc<readonly string[]> {
    const all = yield* this.c.sys.listxattr(path, this.follow);
    return all.filter((name) => this.pattern === undefined || this.pattern.test(name)).sort();
  }

  private *shown(path: string): Proc<string> {
    let name = path;
    if (!this.absolute) {
      if (name.startsWith("/") && !this.stripped) {
        this.stripped = true;
        yield* this.c.warn("Removing leading '/' from absolute path names");
      }
      name = name.replace(/^(?:\.\/+)+/, "").replace(/^\/+/, "");
      if (name === "") name = ".";
    }
    return name.replace(/[\n\r\\]/g, (ch) => `\\${ch.charCodeAt(0).toString(8).padStart(3, "0")}`);
  }
}

function* badUsage(c: Command): Proc<number> {
  yield* c.eprint(`${brief}Try \`getfattr --help' for more information.\n`);
  return 2;
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: "n:de:m:hRLP", long: LONG });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    return yield* badUsage(c);
  }
  const last = (name: string): string | undefined => parsed.options.filter((o) => o.name === name).at(-1)?.arg;
  if (last("help") !== undefined) return yield* c.help();
  if (last("version") !== undefined) {
    yield* c.print("getfattr 2.5.1\n");
    return 0;
  }
  const encoding = last("e");
  if (encoding !== undefined && encoding !== "text" && encoding !== "hex" && encoding !== "base64") return yield* badUsage(c);
  if (parsed.operands.length === 0) return yield* badUsage(c);
  const match = last("m") ?? "^user\\.";
  let pattern: Regex | undefined;
  try {
    pattern = match === "-" ? undefined : regcomp(match, { extended: true });
  } catch (e) {
    if (!(e instanceof RegexError)) throw e;
    yield* c.warn(`invalid regular expression "${match}"`);
    return 1;
  }
  const all = new Getfattr(c, parsed, encoding, pattern);
  for (const path of parsed.operands) yield* all.visit(path, true);
  return all.failed ? 1 : 0;
}

export const getfattr: Executable = {
  name: "getfattr",
  main: command({ help }, run),
  paths: ["/usr/bin/getfattr"],
  needed: ["libc.so.6"],
  sizeBytes: 23256,
};
