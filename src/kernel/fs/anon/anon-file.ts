/** Open descriptions of objects that are their own file: `anon_inode:[…]`, Linux `fs/anon_inodes.c`. */

import { O_RDWR } from "../../../abi/fcntl.ts";
import type { System } from "../../task/system.ts";
import type { Caller } from "../../vfs/caller.ts";
import { File } from "../../vfs/file.ts";
import { freeAnonInode, newAnonInode } from "../../task/anon-inode.ts";

export abstract class AnonFile extends File {
  /** Errors: ENFILE. */
  constructor(
    protected readonly system: System,
    /** In the brackets: `eventfd`. */
    private readonly kind: string,
    flags: number,
    owner: Caller,
  ) {
    super(newAnonInode(system, "anon_inodefs", 0o600, owner), O_RDWR | flags, undefined);
  }

  override describe(): string {
    return `anon_inode:[${this.kind}]`;
  }

  protected override release(): void {
    freeAnonInode(this.system);
  }
}
