/** The words of `mount -o` and the flags of mount(2) that they stand for: libmount's optmap. */

import {
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
} from "../../abi/mount.ts";

const words: Readonly<Record<string, { readonly set?: number; readonly clear?: number }>> = {
  defaults: {},
  auto: {},
  noauto: {},
  user: { set: MS_NOEXEC | MS_NOSUID | MS_NODEV },
  users: { set: MS_NOEXEC | MS_NOSUID | MS_NODEV },
  owner: { set: MS_NOSUID | MS_NODEV },
  group: { set: MS_NOSUID | MS_NODEV },
  nouser: {},
  nousers: {},
  noowner: {},
  nogroup: {},
  nofail: {},
  _netdev: {},
  ro: { set: MS_RDONLY },
  rw: { clear: MS_RDONLY },
  nosuid: { set: MS_NOSUID },
  suid: { clear: MS_NOSUID },
  nodev: { set: MS_NODEV },
  dev: { clear: MS_NODEV },
  noexec: { set: MS_NOEXEC },
  exec: { clear: MS_NOEXEC },
  sync: { set: MS_SYNCHRONOUS },
  dirsync: { set: MS_DIRSYNC },
  mand: { set: MS_MANDLOCK },
  nomand: { clear: MS_MANDLOCK },
  lazytime: { set: MS_LAZYTIME },
  nolazytime: { clear: MS_LAZYTIME },
  async: { clear: MS_SYNCHRONOUS },
  remount: { set: MS_REMOUNT },
  bind: { set: MS_BIND },
  rbind: { set: MS_BIND | MS_REC },
  move: { set: MS_MOVE },
  noatime: { set: MS_NOATIME },
  atime: { clear: MS_NOATIME },
  nodiratime: { set: MS_NODIRATIME },
  diratime: { clear: MS_NODIRATIME },
  relatime: { set: MS_RELATIME },
  norelatime: { clear: MS_RELATIME },
  nosymfollow: { set: MS_NOSYMFOLLOW },
  symfollow: { clear: MS_NOSYMFOLLOW },
  strictatime: { set: MS_STRICTATIME },
  silent: { set: MS_SILENT },
  loud: { clear: MS_SILENT },
};

/** Each is a call of its own. */
const propagations: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
};

export const MS_PROPAGATION = MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE;

export const propagationNames = Object.keys(propagations);

export interface MountOptions {
  readonly flags: number;
  /** Flags of calls that are to follow, in their order. */
  readonly propagation: readonly number[];
  /** What is left of the list for the filesystem. */
  readonly data: string;
}

/** What a list of options stands for. */
export function parseMountOptions(text: string): MountOptions {
  let flags = 0;
  const propagation: number[] = [];
  const data: string[] = [];
  for (const word of text.split(",")) {
    if (word === "" || /^([xX]-|comment=)/.test(word)) continue;
    const known = words[word];
    const change = propagations[word];
    if (change !== undefined) propagation.push(change);
    else if (known === undefined) data.push(word);
    else flags = (flags | (known.set ?? 0)) & ~(known.clear ?? 0);
  }
  return { flags, propagation, data: data.join(",") };
}
