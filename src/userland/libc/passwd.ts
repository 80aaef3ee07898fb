/**
 * The user and group databases: getpwnam(3), getgrnam(3), getgrouplist(3) over /etc/passwd and /etc/group.
 * Left out: NSS sources other than files.
 */

import type { Proc, Sys } from "../../abi/sys.ts";
import { Errno } from "../../abi/errno.ts";
import { readText } from "./unistd.ts";

export interface Passwd {
  readonly name: string;
  readonly passwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly dir: string;
  readonly shell: string;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The fields of each line; none where the file cannot be read, as NSS has it. */
function* rows(sys: Sys, path: string): Proc<string[][]> {
  let text: string;
  try {
    text = yield* readText(sys, path);
  } catch (e) {
    if (e instanceof Errno) return [];
    throw e;
  }
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

const isId = (text: string | undefined): text is string => text !== undefined && /^[0-9]+$/.test(text);

/** Every user, in the order of /etc/passwd. */
export function* getpwent(sys: Sys): Proc<Passwd[]> {
  const users: Passwd[] = [];
  for (const [name, passwd, uid, gid, gecos, dir, shell] of yield* rows(sys, "/etc/passwd")) {
    if (name === undefined || name === "" || !isId(uid) || !isId(gid)) continue;
    users.push({ name, passwd: passwd ?? "", uid: Number(uid), gid: Number(gid), gecos: gecos ?? "", dir: dir ?? "", shell: shell ?? "" });
  }
  return users;
}

/** Every group, in the order of /etc/group. */
export function* getgrent(sys: Sys): Proc<Group[]> {
  const groups: Group[] = [];
  for (const [name, , gid, members] of yield* rows(sys, "/etc/group")) {
    if (name === undefined || name === "" || !isId(gid)) continue;
    groups.push({ name, gid: Number(gid), members: (members ?? "").split(",").filter((m) => m !== "") });
  }
  return groups;
}

export function* getpwnam(sys: Sys, name: string): Proc<Passwd | undefined> {
  return (yield* getpwent(sys)).find((user) => user.name === name);
}

export function* getpwuid(sys: Sys, uid: number): Proc<Passwd | undefined> {
  return (yield* getpwent(sys)).find((user) => user.uid === uid);
}

export function* getgrnam(sys: Sys, name: string): Proc<Group | undefined> {
  return (yield* getgrent(sys)).find((group) => group.name === name);
}

export function* getgrgid(sys: Sys, gid: number): Proc<Group | undefined> {
  return (yield* getgrent(sys)).find((group) => group.gid === gid);
}

/** The groups that a user is put into at login: the primary one first. */
export function* getgrouplist(sys: Sys, name: string, gid: number): Proc<number[]> {
  const ids = [gid];
  for (const group of yield* getgrent(sys)) if (group.members.includes(name) && !ids.includes(group.gid)) ids.push(group.gid);
  return ids;
}

/** Names of ids, looked up once: what ls, stat and ps keep while they run. */
export class IdNames {
  private users: Map<number, string> | undefined;
  private groups: Map<number, string> | undefined;

  constructor(private readonly sys: Sys) {}

  /** The user's name; undefined where there is none. */
  *user(uid: number): Proc<string | undefined> {
    if (this.users === undefined) {
      this.users = new Map();
      for (const user of yield* getpwent(this.sys)) if (!this.users.has(user.uid)) this.users.set(user.uid, user.name);
    }
    return this.users.get(uid);
  }

  *group(gid: number): Proc<string | undefined> {
    if (this.groups === undefined) {
      this.groups = new Map();
      for (const group of yield* getgrent(this.sys)) if (!this.groups.has(group.gid)) this.groups.set(group.gid, group.name);
    }
    return this.groups.get(gid);
  }
}
