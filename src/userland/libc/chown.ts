/** Changing owners and groups: coreutils `src/chown-core.c` and gnulib's userspec, for chown, chgrp and install. */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../../abi/fcntl.ts";
import { isDir, isLnk, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import type { Command } from "./command.ts";
import { joinPath } from "./copy.ts";
import { getgrgid, getgrnam, getpwnam, getpwuid, IdNames } from "./passwd.ts";
import { quoteaf } from "./quotearg.ts";
import { lstat, readDir, stat } from "./unistd.ts";

/** What `user:group` means; ids are undefined where it says nothing of them. */
export interface Ownership {
  readonly uid?: number;
  readonly gid?: number;
  /** How the user and the group are called in messages. */
  readonly user?: string;
  readonly group?: string;
}

const maxId = 4294967294;
const numeric = (text: string): number | undefined => (/^\+?[0-9]+$/.test(text) && Number(text) <= maxId ? Number(text) : undefined);

/** Reads `user`, `user:group`, `user:`, `:group`; a string says what is wrong with it. */
export function* parseUserSpec(sys: Sys, text: string): Proc<Ownership | "invalid user" | "invalid group" | "invalid spec"> {
  const at = text.indexOf(":");
  const userText = at < 0 ? text : text.slice(0, at);
  const groupText = at < 0 ? undefined : text.slice(at + 1);
  let owner: Ownership = {};
  if (userText !== "") {
    const found = userText.startsWith("+") ? undefined : yield* getpwnam(sys, userText);
    const uid = found?.uid ?? numeric(userText);
    if (uid === undefined) return "invalid user";
    owner = { uid, user: userText.replace(/^\+/, "") };
    if (groupText === "") {
      if (found === undefined) return "invalid spec";
      const group = yield* getgrgid(sys, found.gid);
      owner = { ...owner, gid: found.gid, group: group?.name ?? `${found.gid}` };
    }
  }
  if (groupText !== undefined && groupText !== "") {
    const gid = yield* findGroup(sys, groupText);
    if (gid === undefined) return "invalid group";
    owner = { ...owner, gid, group: groupText.replace(/^\+/, "") };
  }
  if (userText === "" && groupText === "") owner = {};
  return owner;
}

/** The id of a group by name or number. */
export function* findGroup(sys: Sys, text: string): Proc<number | undefined> {
  const found = text.startsWith("+") ? undefined : yield* getgrnam(sys, text);
  return found?.gid ?? numeric(text);
}

/** The id of a user by name or number. */
export function* findUser(sys: Sys, text: string): Proc<number | undefined> {
  return (yield* getpwnam(sys, text))?.uid ?? numeric(text);
}

export function* userName(sys: Sys, uid: number): Proc<string> {
  return (yield* getpwuid(sys, uid))?.name ?? `${uid}`;
}

export interface ChownPlan {
  readonly to: Ownership;
  /** Only files with these ids are changed (--from). */
  readonly from: Ownership;
  readonly recursive: boolean;
  /** Which links to directories are entered: none (-P), operands (-H), all (-L). */
  readonly enter: "never" | "operands" | "always";
  /** -h: links themselves are changed. */
  readonly nofollow: boolean;
  readonly say: "errors" | "nothing" | "changes" | "all";
}

export class Chowner {
  private readonly names: IdNames;

  constructor(
    private readonly c: Command,
    private readonly plan: ChownPlan,
  ) {
    this.names = new IdNames(c.sys);
  }

  private *complain(what: string, e: Errno): Proc<false> {
    if (this.plan.say !== "nothing") yield* this.c.perror(what, e);
    return false;
  }

  /** Changes `path` and what is in it; says what failed and returns false. */
  *change(path: string, operand = true): Proc<boolean> {
    const { c, plan } = this;
    const gnu = c.voice === "gnu";
    let link: Stat;
    let st: Stat;
    try {
      link = yield* lstat(c.sys, path);
      const follow =
        isLnk(link.mode) && (plan.recursive ? plan.enter === "always" || (plan.enter === "operands" && operand) : !plan.nofollow);
      st = follow ? yield* stat(c.sys, path) : link;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      const dangling = e === ENOENT && (yield* this.exists(path));
      return yield* this.complain(gnu ? `cannot ${dangling ? "dereference" : "access"} ${quoteaf(path)}` : path, e);
    }
    let good = true;
    if (plan.recursive && isDir(st.mode)) {
      try {
        for (const { name } of yield* readDir(c.sys, path)) {
          if (name !== "." && name !== "..") good = (yield* this.change(joinPath(path, name), false)) && good;
        }
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* this.complain(gnu ? `cannot read directory ${quoteaf(path)}` : `can't open '${path}'`, e);
      }
    }
    return (yield* this.changeOne(path, link, st)) && good;
  }

  private *exists(path: string): Proc<boolean> {
    try {
      yield* lstat(this.c.sys, path);
      return true;
    } catch (e) {
      if (e instanceof Errno) return false;
      throw e;
    }
  }

  private *changeOne(path: string, link: Stat, st: Stat): Proc<boolean> {
    const { c, plan } = this;
    if (isLnk(link.mode) && plan.recursive && !plan.nofollow && st === link && c.voice === "gnu" && plan.enter === "never") {
      // A link met on the way counts for what it points to, as chown(2) has it.
      try {
        return yield* this.changeOne(path, st, yield* stat(c.sys, path));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* this.complain(`cannot dereference ${quoteaf(path)}`, e);
      }
    }
    const { from } = plan;
    if ((from.uid !== undefined && from.uid !== st.uid) || (from.gid !== undefined && from.gid !== st.gid)) {
      if (plan.say === "all") yield* this.report(path, st, false);
      return true;
    }
    const { uid, gid } = plan.to;
    try {
      yield* c.sys.fchownat(AT_FDCWD, path, uid ?? -1, gid ?? -1, plan.nofollow ? AT_SYMLINK_NOFOLLOW : 0);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      const what = uid === undefined && gid !== undefined ? "group" : "ownership";
      return yield* this.complain(c.voice === "gnu" ? `changing ${what} of ${quoteaf(path)}` : path, e);
    }
    const changed = (uid !== undefined && uid !== st.uid) || (gid !== undefined && gid !== st.gid);
    if (plan.say === "all" || (plan.say === "changes" && changed)) yield* this.report(path, st, changed);
    return true;
  }

  private *report(path: string, st: Stat, changed: boolean): Proc<void> {
    const { to } = this.plan;
    const name = quoteaf(path);
    if (this.c.voice === "busybox") {
      yield* this.c.print(`changed ownership of '${path}' to ${to.uid ?? st.uid}:${to.gid ?? st.gid}\n`);
      return;
    }
    const oldUser = (yield* this.names.user(st.uid)) ?? `${st.uid}`;
    const oldGroup = (yield* this.names.group(st.gid)) ?? `${st.gid}`;
    const both = to.user !== undefined && to.group !== undefined;
    const after = both ? `${to.user}:${to.group}` : (to.user ?? to.group);
    const before = both ? `${oldUser}:${oldGroup}` : to.user !== undefined ? oldUser : oldGroup;
    const what = to.user === undefined && to.group !== undefined ? "group" : "ownership";
    if (changed) yield* this.c.print(`changed ${what} of ${name} from ${before} to ${after}\n`);
    else yield* this.c.print(`${what} of ${name} retained${after === undefined ? "" : ` as ${before}`}\n`);
  }
}

/** The options that chown and chgrp share. */
export const chownLong = [
  { name: "changes", as: "c" },
  { name: "dereference" },
  { name: "from", arg: "required" },
  { name: "no-dereference", as: "h" },
  { name: "no-preserve-root" },
  { name: "preserve-root" },
  { name: "quiet", as: "f" },
  { name: "silent", as: "f" },
  { name: "recursive", as: "R" },
  { name: "reference", arg: "required" },
  { name: "verbose", as: "v" },
] as const;

/** What the options of chown and chgrp say, but for the owner. */
export function planOf(options: readonly { readonly name: string }[]): Omit<ChownPlan, "to" | "from"> {
  const last = (...names: string[]): string | undefined => options.findLast((o) => names.includes(o.name))?.name;
  const enter = last("H", "L", "P");
  const say = last("f", "c", "v");
  return {
    recursive: last("R") !== undefined,
    enter: enter === "L" ? "always" : enter === "H" ? "operands" : "never",
    nofollow: last("h", "dereference") === "h",
    say: say === "f" ? "nothing" : say === "c" ? "changes" : say === "v" ? "all" : "errors",
  };
}

/** Changes all files; refuses `/` where --preserve-root says so. Ends with the exit status. */
export function* changeOwners(
  c: Command,
  options: readonly { readonly name: string }[],
  files: readonly string[],
  plan: ChownPlan,
): Proc<number> {
  const preserve = plan.recursive && options.findLast((o) => o.name.endsWith("preserve-root"))?.name === "preserve-root";
  const chowner = new Chowner(c, plan);
  let good = true;
  for (const file of files) {
    if (preserve && file === "/") {
      yield* c.warn("it is dangerous to operate recursively on '/'");
      yield* c.warn("use --no-preserve-root to override this failsafe");
      good = false;
    } else good = (yield* chowner.change(file)) && good;
  }
  return good ? 0 : 1;
}
