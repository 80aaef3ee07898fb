/** The layer between an image and a container's own: files and directories that are mounted over, so that they do not appear in the container's. moby `daemon/initlayer`. */

import { EISDIR, ENOENT, ENOTDIR, EPERM } from "../../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_RDONLY } from "../../abi/fcntl.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { dirname, open, optional, stat, symlink, unlink } from "../../userland/libc/unistd.ts";
import { makeDirs } from "../files.ts";

type Kind = "directory" | "file" | { readonly link: string };

// Differs from Linux: Go takes a map in any order; ours is always the same.
const PLACES: readonly (readonly [path: string, kind: Kind])[] = [
  ["/dev/pts", "directory"],
  ["/dev/shm", "directory"],
  ["/proc", "directory"],
  ["/sys", "directory"],
  ["/.dockerenv", "file"],
  ["/etc/resolv.conf", "file"],
  ["/etc/hosts", "file"],
  ["/etc/hostname", "file"],
  ["/dev/console", "file"],
  ["/etc/mtab", { link: "/proc/mounts" }],
];

/** Makes the places in the root filesystem at `root`. What an image has there as a link or a file gives way; directories stay. */
export function* setupInitLayer(sys: Sys, root: string): Proc<void> {
  for (const [path, kind] of PLACES) {
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) yield* discard(sys, root + path.slice(0, at));
    yield* discard(sys, root + path);
    // Only a directory has survived.
    if ((yield* optional(stat(sys, root + path))) !== undefined) continue;
    yield* makeDirs(sys, dirname(root + path), 0o755);
    if (kind === "directory") yield* makeDirs(sys, root + path, 0o755);
    else if (kind === "file") yield* sys.close(yield* open(sys, root + path, O_RDONLY | O_CREAT | O_CLOEXEC, 0o755));
    else yield* symlink(sys, kind.link, root + path);
  }
}

function* discard(sys: Sys, path: string): Proc<void> {
  yield* optional(unlink(sys, path), [ENOENT, ENOTDIR, EISDIR, EPERM]);
}
