/** Home directories by user name: getpwnam(3) over /etc/passwd, as tilde expansion needs it. */

import { Errno } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { readText } from "../libc/unistd.ts";

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
}

export function* readPasswd(sys: Sys): Proc<PasswdEntry[]> {
  let text: string;
  try {
    text = yield* readText(sys, "/etc/passwd");
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return [];
  }
  const entries: PasswdEntry[] = [];
  for (const line of text.split("\n")) {
    const f = line.split(":");
    if (f.length >= 6) entries.push({ name: f[0] as string, uid: Number(f[2]), home: f[5] as string });
  }
  return entries;
}

/** The home of a user, or of the caller; undefined if there is no such user. */
export function* findHome(sys: Sys, user: string | undefined): Proc<string | undefined> {
  const entries = yield* readPasswd(sys);
  if (user !== undefined) return entries.find((e) => e.name === user)?.home;
  const uid = yield* sys.getuid();
  return entries.find((e) => e.uid === uid)?.home;
}
