/** Opening what is no regular file and no directory: devices go to their driver, FIFOs to the pipes. Linux `init_special_inode`. */

import { ENXIO } from "../../abi/errno.ts";
import { major, makedev, S_IFCHR, S_IFIFO, S_IFMT } from "../../abi/stat.ts";
import type { MaySleep } from "../blocked.ts";
import { requestModule } from "../task/module.ts";
import type { System } from "../task/system.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Path } from "../vfs/dentry.ts";
import type { File } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import { PIPES } from "./pipefs/module.ts";

/** Errors: ENXIO where no driver has the device, for block devices (there are none) and for sockets. */
export function openSpecial(system: System, inode: Inode, path: Path, flags: number, caller: Caller): MaySleep<File> {
  const type = inode.mode & S_IFMT;
  if (type === S_IFIFO) return requestModule(system, PIPES).openFifo(inode, path, flags, caller);
  if (type !== S_IFCHR) throw ENXIO;
  const driver = system.charDevices.get(inode.rdev) ?? system.charDevices.get(makedev(major(inode.rdev), -1));
  if (driver === undefined) throw ENXIO;
  return driver.open(path, flags, caller, inode.rdev);
}
