/** The character devices of the machine by number: Linux `Documentation/admin-guide/devices.txt`. Block devices: none. */

import { ENXIO } from "../../../abi/errno.ts";
import { O_NOCTTY } from "../../../abi/fcntl.ts";
import { makedev, minor } from "../../../abi/stat.ts";
import type { DeviceDriver } from "../../task/system.ts";
import { callerTask } from "../../task/task.ts";
import { consoleOf } from "../../tty/console.ts";
import { PTS_MAJOR } from "../../tty/pty.ts";
import { TtyFile } from "../../tty/tty-file.ts";
import { Tty } from "../../tty/tty.ts";
import { openPts, openPtmx, PTMX_RDEV } from "../devpts/devpts.ts";
import { KmsgFile } from "./kmsg.ts";
import { type MemDevice, openMem } from "./mem.ts";
import { PortFile, VPORT_COUNT, VPORT_MAJOR } from "./vport.ts";

const mem = (name: MemDevice): DeviceDriver => ({ name, open: (path, flags) => openMem(name, path, flags) });

const kmsg: DeviceDriver = { name: "kmsg", open: (path, flags, caller) => new KmsgFile(callerTask(caller).system.log, flags, path) };

/** The terminal of the one who opens it. Errors: ENXIO if there is none. */
const currentTty: DeviceDriver = {
  name: "/dev/tty",
  open: (path, flags, caller) => {
    const { tty } = callerTask(caller).tg;
    if (!(tty instanceof Tty)) throw ENXIO;
    return new TtyFile(tty, path.dentry.inode, flags, path);
  },
};

const systemConsole: DeviceDriver = {
  name: "/dev/console",
  // Never becomes a controlling terminal by being opened.
  open: (path, flags, caller) => new TtyFile(consoleOf(callerTask(caller).system), path.dentry.inode, flags | O_NOCTTY, path),
};

const ptmx: DeviceDriver = { name: "/dev/ptmx", open: (path, flags, caller) => openPtmx(path, flags, caller) };
const pts: DeviceDriver = { name: "pts", open: openPts };

const port: DeviceDriver = {
  name: "virtio-portsdev",
  open: (path, flags, caller, rdev) => {
    const n = minor(rdev);
    if (n < 1 || n > VPORT_COUNT) throw ENXIO;
    return new PortFile(callerTask(caller).system, n, flags, path);
  },
};

/** A major number alone, for all its minors, is makedev(major, -1). */
export const charDevices: readonly (readonly [number, DeviceDriver])[] = [
  [makedev(1, 3), mem("null")],
  [makedev(1, 5), mem("zero")],
  [makedev(1, 7), mem("full")],
  [makedev(1, 8), mem("random")],
  [makedev(1, 9), mem("urandom")],
  [makedev(1, 11), kmsg],
  [makedev(5, 0), currentTty],
  [makedev(5, 1), systemConsole],
  [PTMX_RDEV, ptmx],
  [makedev(PTS_MAJOR, -1), pts],
  [makedev(VPORT_MAJOR, -1), port],
];
