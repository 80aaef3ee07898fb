/** Who is bound to which name: Linux keeps path names by inode and abstract names by text, those by network namespace (`net/unix/af_unix.c`). */

import type { System } from "../task/system.ts";
import type { Inode } from "../vfs/inode.ts";
import { type NetNamespace, netPart } from "./net-namespace.ts";
import type { UnixSocket } from "./unix.ts";

/** Bytes of sun_path. */
export const SUN_PATH = 108;

/** The sockets of one network namespace. */
export class UnixNames {
  /** All of them, in the order of their birth: for /proc/net/unix. */
  readonly sockets = new Set<UnixSocket>();
  /** Abstract names are a space of their own for each type of socket. */
  private readonly abstract = new Map<string, UnixSocket>();
  /** For sockets that bind without a name: five hexadecimal digits. */
  private next = 1;

  findAbstract(type: number, name: string): UnixSocket | undefined {
    return this.abstract.get(`${type}${name}`);
  }

  /** Returns whether the name was free. */
  takeAbstract(name: string, socket: UnixSocket): boolean {
    if (this.findAbstract(socket.type, name) !== undefined) return false;
    this.abstract.set(`${socket.type}${name}`, socket);
    return true;
  }

  dropAbstract(name: string, socket: UnixSocket): void {
    if (this.findAbstract(socket.type, name) === socket) this.abstract.delete(`${socket.type}${name}`);
  }

  /** An abstract name that is free. */
  inventName(type: number): string {
    for (;;) {
      const name = `\0${(this.next++).toString(16).padStart(5, "0")}`;
      if (this.findAbstract(type, name) === undefined) return name;
    }
  }
}

const unixPart = netPart("unix", () => new UnixNames());
export const unixNames = (ns: NetNamespace): UnixNames => ns.part(unixPart);

const byInode = new WeakMap<System, WeakMap<Inode, UnixSocket>>();

/** Who is bound to which inode, in a machine: names of paths are everywhere the same. */
export function socketInodes(system: System): WeakMap<Inode, UnixSocket> {
  let inodes = byInode.get(system);
  if (inodes === undefined) {
    inodes = new WeakMap();
    byInode.set(system, inodes);
  }
  return inodes;
}
