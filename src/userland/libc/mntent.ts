/** The table of mounts: getmntent(3) over /proc/self/mounts, and the names of filesystem types by magic number. */

import { Errno } from "../../abi/errno.ts";
import type { Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { canonicalize } from "./realpath.ts";
import { readText, stat } from "./unistd.ts";

export interface MountEntry {
  readonly source: string;
  readonly dir: string;
  readonly type: string;
  readonly options: string;
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Every mount that this process sees, in order. */
export function* readMounts(sys: Sys, file = "/proc/self/mounts"): Proc<MountEntry[]> {
  const entries: MountEntry[] = [];
  for (const line of (yield* readText(sys, file)).split("\n")) {
    const [source, dir, type, options] = line.split(" ");
    if (source === undefined || dir === undefined || type === undefined) continue;
    entries.push({ source: unescape(source), dir: unescape(dir), type, options: options ?? "" });
  }
  return entries;
}

/** The mount that holds `path`: of those of its device the one nearest above it. Throws the errno of the path. */
export function* findMount(sys: Sys, path: string): Proc<MountEntry | undefined> {
  const real = yield* canonicalize(sys, path, "existing");
  const { dev } = yield* stat(sys, real);
  let best: MountEntry | undefined;
  let other: MountEntry | undefined;
  for (const mount of yield* readMounts(sys)) {
    const above = mount.dir === "/" || real === mount.dir || real.startsWith(`${mount.dir}/`);
    const st = yield* statOrNothing(sys, mount.dir);
    if (st?.dev !== dev) continue;
    if (above && mount.dir.length >= (best?.dir.length ?? 0)) best = mount;
    else other ??= mount;
  }
  return best ?? other;
}

/** The status of a mount point that may not be reachable. */
export function* statOrNothing(sys: Sys, path: string): Proc<Stat | undefined> {
  try {
    return yield* stat(sys, path);
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

/** Whether something is mounted on exactly this directory. */
export function* isMountPoint(sys: Sys, path: string): Proc<boolean> {
  const real = yield* canonicalize(sys, path, "existing");
  return (yield* readMounts(sys)).some((mount) => mount.dir === real);
}

const magics: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x9fa0, "proc"],
  [0x62656572, "sysfs"],
  [0x1cd1, "devpts"],
  [0x794c7630, "overlayfs"],
  [0xef53, "ext2/ext3"],
  [0x63677270, "cgroup2fs"],
  [0x27e0eb, "cgroupfs"],
  [0x19800202, "mqueue"],
  [0x858458f6, "ramfs"],
  [0x64626720, "debugfs"],
  [0x50495045, "pipefs"],
  [0x534f434b, "sockfs"],
  [0x6e736673, "nsfs"],
  [0x09041934, "anon-inode FS"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
]);

/** What stat -f calls a filesystem with this magic number. */
export const filesystemName = (magic: number): string => magics.get(magic) ?? `UNKNOWN (0x${magic.toString(16)})`;
