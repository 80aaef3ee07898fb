/** A layer of an overlay and a place in it: Linux `struct ovl_layer`, `struct ovl_path`. */

import type { Dentry } from "../../vfs/dentry.ts";
import type { Mount } from "../../vfs/mount.ts";

export interface Layer {
  /** From the topmost on: 0 is the upper layer, or the first lower where there is none. */
  readonly index: number;
  /** As the mount options name it. */
  readonly dir: string;
  readonly upper: boolean;
  /** A private clone of the mount that it was found on; what is mounted below it is not seen. */
  readonly mnt: Mount;
  readonly root: Dentry;
  /** Numbers the filesystems among the layers; 0 is that of the upper one. */
  readonly fsid: number;
}

/** A file or directory of a layer. */
export interface LayerPath {
  readonly layer: Layer;
  readonly dentry: Dentry;
}
