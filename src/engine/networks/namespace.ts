/**
 * Network namespaces that files hold: bind mounts of /proc/…/ns/net below /var/run/docker/netns. libnetwork `osl/namespace_linux.go`.
 * Differs from Docker: there runc makes the namespace, and tells by a hook; here it is there before runc starts, which then joins it.
 */

import { EBUSY, EINVAL, ENOENT } from "../../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_RDONLY } from "../../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND } from "../../abi/mount.ts";
import { CLONE_NEWNET } from "../../abi/sched.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { open, optional, unlink } from "../../userland/libc/unistd.ts";
import { isFailure, systemError } from "../errors.ts";

/** Makes a namespace that the file at `path` holds. Blocks until it is there. Errors: systemError. */
export function* createNamespace(sys: Sys, path: string): Proc<void> {
  yield* sys.close(yield* open(sys, path, O_RDONLY | O_CREAT | O_CLOEXEC, 0o644));
  const child = yield* sys.clone3({ flags: CLONE_NEWNET }, function* () {
    try {
      yield* sys.mount("/proc/self/ns/net", path, "bind", MS_BIND, "");
    } catch (e) {
      if (!isFailure(e)) throw e;
      return 1;
    }
    return 0;
  });
  const { status } = yield* sys.wait4(child, 0);
  if (status !== 0) throw systemError(`failed to create a network namespace at ${path}`);
}

/** Lets go of it; processes in it may keep it. Nothing happens where it is not there. */
export function* removeNamespace(sys: Sys, path: string): Proc<void> {
  yield* optional(sys.umount2(path, MNT_DETACH), [EINVAL, ENOENT]);
  yield* optional(unlink(sys, path), [ENOENT, EBUSY]);
}

/** Runs `body` with the calling thread in the namespace of the file. */
export function* inNamespace<T>(sys: Sys, path: string, body: () => Proc<T>): Proc<T> {
  const own = yield* open(sys, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  try {
    const fd = yield* open(sys, path, O_RDONLY | O_CLOEXEC);
    try {
      yield* sys.setns(fd, CLONE_NEWNET);
    } finally {
      yield* sys.close(fd);
    }
    try {
      return yield* body();
    } finally {
      yield* sys.setns(own, CLONE_NEWNET);
    }
  } finally {
    yield* sys.close(own);
  }
}
