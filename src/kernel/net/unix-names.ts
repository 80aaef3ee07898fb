/** Who is bound to which name: Linux keeps path names by inode and abstract names by text (`net/unix/af_unix.c`). */

import type { System } from "../task/system.ts";
import type { Inode } from "../vfs/inode.ts";
import type { UnixSocket } from "./unix.ts";

/** Bytes of sun_path. */
export const SUN_PATH = 108;

/** The bound sockets of one machine. */
export class Names {
  readonly byInode = new WeakMap<Inode, UnixSocket>();
  readonly abstract = new Map<string, UnixSocket>();
  /** For sockets that bind without a name: five hexadecimal digits. */
  private next = 1;

  autobind(): string {
    for (;;) {
      const name = `\0${(this.next++).toString(16).padStart(5, "0")}`;
      if (!this.abstract.has(name)) return name;
    }
  }
}

const namesBySystem = new WeakMap<System, Names>();

/** The names of a machine. */
export function namesOf(system: System): Names {
  let names = namesBySystem.get(system);
  if (names === undefined) {
    names = new Names();
    namesBySystem.set(system, names);
  }
  return names;
}
