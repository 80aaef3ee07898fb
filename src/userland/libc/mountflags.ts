/** The words of `mount -o` and the flags of mount(2) that they stand for: libmount's optmap. */

import {
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
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
  user: {},
  nouser: {},
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
  strictatime: { set: MS_STRICTATIME },
  silent: { set: MS_SILENT },
  loud: { clear: MS_SILENT },
  private: { set: MS_PRIVATE },
  rprivate: { set: MS_PRIVATE | MS_REC },
  shared: { set: MS_SHARED },
  rshared: { set: MS_SHARED | MS_REC },
  slave: { set: MS_SLAVE },
  rslave: { set: MS_SLAVE | MS_REC },
  unbindable: { set: MS_UNBINDABLE },
  runbindable: { set: MS_UNBINDABLE | MS_REC },
};

export const MS_PROPAGATION = MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE;

/** The flags that a list of options stands for, and what is left of it for the filesystem. */
export function parseMountOptions(text: string): { flags: number; data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const word of text.split(",")) {
    if (word === "") continue;
    const known = words[word];
    if (known === undefined) data.push(word);
    else flags = (flags | (known.set ?? 0)) & ~(known.clear ?? 0);
  }
  return { flags, data: data.join(",") };
}
