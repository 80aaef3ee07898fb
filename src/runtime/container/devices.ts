/** /dev of a container: the nodes that every one has, those that its configuration adds, and links. runc `libcontainer/rootfs_linux.go`. */

import { EEXIST, ENOENT, EPERM } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDWR, O_WRONLY } from "../../abi/fcntl.ts";
import { MS_BIND } from "../../abi/mount.ts";
import { makedev, S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { dirname, open, optional, stat, symlink, unlink } from "../../userland/libc/unistd.ts";
import { RuncError, wrap } from "../error.ts";
import type { SpecDevice } from "../spec.ts";
import { secureJoin } from "./secure-join.ts";
import { mkdirAll } from "./mounts.ts";

const node = (path: string, major: number, minor: number): SpecDevice => ({
  path,
  type: "c",
  major,
  minor,
  fileMode: 0o666,
  uid: 0,
  gid: 0,
});

/** Of the specification: default devices. */
const DEFAULTS: readonly SpecDevice[] = [
  node("/dev/null", 1, 3),
  node("/dev/random", 1, 8),
  node("/dev/full", 1, 7),
  node("/dev/tty", 5, 0),
  node("/dev/zero", 1, 5),
  node("/dev/urandom", 1, 9),
];

const TYPES: Readonly<Record<string, number>> = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };

export function* createDevices(sys: Sys, rootfs: string, asked: readonly SpecDevice[], inUserNs: boolean): Proc<void> {
  const mask = yield* sys.umask(0);
  for (const device of [...DEFAULTS.filter(({ path }) => !asked.some((other) => other.path === path)), ...asked]) {
    // The console is the runtime's own affair.
    if (device.path === "/dev/ptmx" || device.path === "/dev/console") continue;
    yield* createDevice(sys, rootfs, device, inUserNs);
  }
  yield* sys.umask(mask);
}

function* createDevice(sys: Sys, rootfs: string, device: SpecDevice, inUserNs: boolean): Proc<void> {
  const dest = yield* secureJoin(sys, rootfs, device.path);
  if (dest === rootfs) throw new RuncError(`device path "${device.path}" cannot be the root`);
  yield* mkdirAll(sys, dirname(dest), 0o755);
  const type = TYPES[device.type];
  if (type === undefined) throw new RuncError(`'${device.type}' is not a valid device type for ${device.path}`);
  // In a user namespace nobody may make device nodes: those of the host are shown.
  if (!inUserNs) {
    try {
      yield* sys.mknodat(AT_FDCWD, dest, type | (device.fileMode ?? 0o666), makedev(device.major ?? 0, device.minor ?? 0));
      yield* sys.fchownat(AT_FDCWD, dest, device.uid ?? 0, device.gid ?? 0, 0);
      return;
    } catch (e) {
      if (e === EEXIST) return;
      if (e !== EPERM) throw e;
    }
  }
  const fd = yield* open(sys, dest, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600);
  yield* sys.close(fd);
  yield* wrap(`bind mount ${device.path}`, sys.mount(device.path, dest, "bind", MS_BIND, ""));
}

export function* setupDevLinks(sys: Sys, rootfs: string): Proc<void> {
  const links: (readonly [target: string, name: string])[] = [
    ["/proc/self/fd", "/dev/fd"],
    ["/proc/self/fd/0", "/dev/stdin"],
    ["/proc/self/fd/1", "/dev/stdout"],
    ["/proc/self/fd/2", "/dev/stderr"],
  ];
  if ((yield* optional(stat(sys, "/proc/kcore"))) !== undefined) links.push(["/proc/kcore", "/dev/core"]);
  for (const [target, name] of links) yield* optional(symlink(sys, target, rootfs + name), [EEXIST]);
  // The container's own devpts answers for new terminals.
  yield* optional(unlink(sys, `${rootfs}/dev/ptmx`), [ENOENT]);
  yield* symlink(sys, "pts/ptmx", `${rootfs}/dev/ptmx`);
}

/** A stream that is the host's /dev/null becomes the container's own. libcontainer `rootfs_linux.go:reOpenDevNull`. */
export function* reopenNull(sys: Sys): Proc<void> {
  const fd = yield* open(sys, "/dev/null", O_RDWR | O_CLOEXEC);
  const { rdev } = yield* sys.fstat(fd);
  for (const stream of [0, 1, 2]) {
    const found = yield* sys.fstat(stream);
    if (found.rdev === rdev && (found.mode & S_IFMT) === S_IFCHR) yield* sys.dup2(fd, stream);
  }
  yield* sys.close(fd);
}
