/** unshare(2), setns(2). */

import { EINVAL } from "../../abi/errno.ts";
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM } from "../../abi/sched.ts";
import { NamespaceFile } from "../fs/nsfs/nsfs.ts";
import { joinNamespace, KIND_FLAGS, NAMESPACE_FLAGS, unshare } from "../task/namespaces.ts";
import type { Handlers } from "./handler.ts";

const KNOWN = NAMESPACE_FLAGS | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM | CLONE_THREAD | CLONE_VM;

export const unshareCalls: Handlers<"unshare" | "setns"> = {
  unshare: (system, task, flags) => {
    if ((flags & ~KNOWN) !== 0) throw EINVAL;
    unshare(system, task, flags);
    if ((flags & CLONE_FILES) !== 0 && task.files.users > 1) {
      task.files.users--;
      task.files = task.files.copy();
    }
  },
  setns: (_system, task, fd, nstype) => {
    // Differs from Linux: a pidfd, which joins several namespaces at once, is not accepted.
    const file = task.files.require(fd);
    if (!(file instanceof NamespaceFile)) throw EINVAL;
    if (nstype !== 0 && KIND_FLAGS[file.namespace.kind] !== nstype) throw EINVAL;
    joinNamespace(task, file.namespace);
  },
};
