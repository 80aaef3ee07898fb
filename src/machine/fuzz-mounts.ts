/** The part of the random programs that mounts, unmounts, moves and shares, in namespaces of its own and in that of everybody. */

import { AT_FDCWD, O_RDONLY } from "../abi/fcntl.ts";
import {
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  UMOUNT_NOFOLLOW,
} from "../abi/mount.ts";
import { CLONE_NEWNS, CLONE_NEWUSER } from "../abi/sched.ts";
import type { Op, Run } from "./fuzz.ts";

const PLACES = [
  "/tmp/f",
  "/tmp/f/d",
  "/tmp/f/d/x",
  "/tmp/f/m",
  "/tmp/f/m/d",
  "/tmp/f/m/d/x",
  "/tmp/f/d/../m",
  "/tmp/f/a",
  "/mnt",
  ".",
  "..",
];
const place = (r: Run): string => r.dice.pick(PLACES);
const PROPAGATION = [MS_SHARED, MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, MS_SHARED | MS_SLAVE];
const recursive = (r: Run): number => r.dice.pick([0, MS_REC]);

export const mountOps: readonly Op[] = [
  (r) => r.sys.mkdirat(AT_FDCWD, place(r), 0o755),
  (r) =>
    r.sys.mount("t", place(r), r.dice.pick(["tmpfs", "tmpfs", "tmpfs", "proc", "sysfs", "nosuch", ""]), r.dice.pick([0, MS_RDONLY]), ""),
  (r) => r.sys.mount(r.dice.pick([place(r), "/proc/self/ns/mnt", "/proc/self/ns/uts"]), place(r), "", MS_BIND | recursive(r), ""),
  (r) => r.sys.mount(place(r), place(r), "", MS_BIND | recursive(r), ""),
  (r) => r.sys.mount(place(r), place(r), "", MS_MOVE, ""),
  (r) => r.sys.mount("", r.dice.pick([place(r), "/"]), "", r.dice.pick(PROPAGATION) | recursive(r), ""),
  (r) => r.sys.mount("", place(r), "", MS_REMOUNT | MS_BIND | r.dice.pick([0, MS_RDONLY, MS_NOSUID, MS_NODEV | MS_NOATIME]), ""),
  (r) => r.sys.mount("", place(r), "", MS_REMOUNT | r.dice.pick([0, MS_RDONLY]), r.dice.pick(["", "size=64k", "x"])),
  (r) => r.sys.umount2(place(r), r.dice.pick([0, 0, MNT_DETACH, MNT_DETACH, MNT_EXPIRE, MNT_FORCE, UMOUNT_NOFOLLOW, 99])),
  (r) => r.sys.umount2(place(r), r.dice.pick([0, MNT_DETACH])),
  (r) => r.sys.pivot_root(place(r), place(r)),
  function* (r) {
    yield* r.sys.chdir(place(r));
    yield* r.sys.pivot_root(".", ".");
    yield* r.sys.umount2(".", MNT_DETACH);
  },
  (r) => r.sys.chdir(place(r)),
  (r) => r.sys.chroot(r.dice.pick(["/", ".", place(r)])),
  (r) => r.sys.openat(AT_FDCWD, place(r), O_RDONLY),
  (r) => r.sys.unshare(r.dice.pick([CLONE_NEWNS, CLONE_NEWNS, CLONE_NEWNS | CLONE_NEWUSER])),
];
