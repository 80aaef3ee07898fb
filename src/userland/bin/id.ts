/** id(1) of coreutils: user and group ids of this process, or of users. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { getgrouplist, getpwent, IdNames } from "../libc/passwd.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `id [OPTION]... [USER]...
Print user and group information of each USER, or of this process.

  -a             ignored, for compatibility
  -g, --group    print only the effective group ID
  -G, --groups   print all group IDs
  -n, --name     print names instead of numbers, with -ugG
  -r, --real     print the real ID instead of the effective one, with -ugG
  -u, --user     print only the effective user ID
  -z, --zero     delimit entries with NUL, not whitespace; not in the default format
      --help     show this help and exit`;

interface Ids {
  readonly ruid: number;
  readonly euid: number;
  readonly rgid: number;
  readonly egid: number;
  readonly groups: readonly number[];
}

class Printer {
  private readonly names: IdNames;
  status = 0;

  constructor(private readonly c: Command) {
    this.names = new IdNames(c.sys);
  }

  /** A number, or its name where `named`. */
  *word(id: number, kind: "user" | "group", named: boolean): Proc<string> {
    if (!named) return `${id}`;
    const name = kind === "user" ? yield* this.names.user(id) : yield* this.names.group(id);
    if (name !== undefined) return name;
    yield* this.c.warn(this.c.voice === "gnu" ? `cannot find name for ${kind} ID ${id}` : `unknown ID ${id}`);
    this.status = 1;
    return `${id}`;
  }

  *full(ids: Ids): Proc<string> {
    const user = (id: number): Proc<string> => this.labelled(id, "user");
    const group = (id: number): Proc<string> => this.labelled(id, "group");
    let out = `uid=${yield* user(ids.ruid)} gid=${yield* group(ids.rgid)}`;
    if (ids.euid !== ids.ruid) out += ` euid=${yield* user(ids.euid)}`;
    if (ids.egid !== ids.rgid) out += ` egid=${yield* group(ids.egid)}`;
    const all: string[] = [];
    for (const gid of ids.groups) all.push(yield* group(gid));
    return `${out}${all.length > 0 ? ` groups=${all.join(",")}` : ""}`;
  }

  private *labelled(id: number, kind: "user" | "group"): Proc<string> {
    const name = kind === "user" ? yield* this.names.user(id) : yield* this.names.group(id);
    return name === undefined ? `${id}` : `${id}(${name})`;
  }
}

function* findIds(c: Command, operand: string): Proc<Ids | undefined> {
  const users = yield* getpwent(c.sys);
  const user = users.find((u) => u.name === operand) ?? users.find((u) => `${u.uid}` === operand.replace(/^\+/, ""));
  if (user === undefined) return undefined;
  const groups = yield* getgrouplist(c.sys, user.name, user.gid);
  return { ruid: user.uid, euid: user.uid, rgid: user.gid, egid: user.gid, groups };
}

function* ownIds(c: Command): Proc<Ids> {
  const [ruid, euid] = yield* c.sys.getresuid();
  const [rgid, egid] = yield* c.sys.getresgid();
  const groups = [...new Set([rgid, egid, ...(yield* c.sys.getgroups())])];
  return { ruid, euid, rgid, egid, groups };
}

function* refuse(c: Command, message: string): Proc<never> {
  if (c.voice === "busybox") throw new UsageError("");
  return yield* c.fail(message);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({
    short: gnu ? "agnruzGZ" : "ugGnr",
    long: gnu
      ? [
          { name: "group", as: "g" },
          { name: "groups", as: "G" },
          { name: "name", as: "n" },
          { name: "real", as: "r" },
          { name: "user", as: "u" },
          { name: "zero", as: "z" },
          { name: "context", as: "Z" },
        ]
      : [],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("Z")) yield* c.fail("--context (-Z) works only on an SELinux/SMACK-enabled kernel");
  const kinds = ["u", "g", "G"].filter(has);
  if (kinds.length > 1) yield* refuse(c, 'cannot print "only" of more than one choice');
  const [kind] = kinds;
  if (kind === undefined && (has("r") || has("n"))) {
    yield* refuse(c, "cannot print only names or real IDs in default format");
  }
  if (kind === undefined && has("z")) yield* refuse(c, "option --zero not permitted in default format");
  const printer = new Printer(c);
  const end = has("z") ? "\0" : "\n";
  for (const operand of operands.length === 0 ? [undefined] : operands) {
    const ids = operand === undefined ? yield* ownIds(c) : yield* findIds(c, operand);
    if (ids === undefined) {
      yield* c.warn(gnu ? `${quote(operand ?? "")}: no such user` : `unknown user ${operand}`);
      printer.status = 1;
      continue;
    }
    if (kind === undefined) yield* c.print(`${yield* printer.full(ids)}\n`);
    else if (kind === "u") yield* c.print((yield* printer.word(has("r") ? ids.ruid : ids.euid, "user", has("n"))) + end);
    else if (kind === "g") yield* c.print((yield* printer.word(has("r") ? ids.rgid : ids.egid, "group", has("n"))) + end);
    else {
      const words: string[] = [];
      for (const gid of ids.groups) words.push(yield* printer.word(gid, "group", has("n")));
      yield* c.print(words.join(has("z") ? "\0" : " ") + (has("z") && operands.length > 1 ? "\0\0" : end));
    }
  }
  return printer.status;
}

export const id: Executable = {
  name: "id",
  paths: ["/usr/bin/id"],
  needed: ["libselinux.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 48144,
  applet: "/usr/bin/id",
  main: command(
    { version: COREUTILS, help: help(usage, "id [-ugGnr] [USER]\n\nPrint user and group ids of USER or of this process") },
    run,
  ),
};
