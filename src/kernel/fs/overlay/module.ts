/** overlayfs as the rest of the kernel knows it: a filesystem type whose code comes with the first mount (`task/module.ts`). */

import { type ModuleName, requestModule } from "../../task/module.ts";
import type { FilesystemType } from "../../task/system.ts";
import type { SuperBlock } from "../../vfs/inode.ts";
import type { OverlaySuperBlock } from "./super.ts";

/** How one is mounted. */
export const OVERLAY: ModuleName<Pick<FilesystemType, "mount">> = { name: "overlay" };

export const overlay: FilesystemType = {
  name: "overlay",
  nodev: true,
  usernsMount: (mounter) => mounter.cred.userNs,
  mount: (system, source, data, flags, mounter) => requestModule(system, OVERLAY).mount(system, source, data, flags, mounter),
};

export function isOverlay(sb: SuperBlock): sb is OverlaySuperBlock {
  return sb.fstype === "overlay";
}
