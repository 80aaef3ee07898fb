/** brk(2), mmap(2), munmap(2), mprotect(2). */

import { EACCES, EINVAL } from "../../abi/errno.ts";
import { MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED, PROT_WRITE } from "../../abi/mman.ts";
import { RLIMIT_AS, RLIMIT_DATA } from "../../abi/resource.ts";
import type { Handlers } from "./handler.ts";

export const memoryCalls: Handlers<"brk" | "mmap" | "munmap" | "mprotect"> = {
  brk: (_system, task, addr) => task.mm.brk(addr, task.rlimit(RLIMIT_DATA)),
  mmap: (_system, task, _addr, length, prot, flags, fd, offset) => {
    // Differs from Linux: the kernel chooses the address; MAP_FIXED is refused.
    if ((flags & MAP_FIXED) !== 0) throw EINVAL;
    const shared = (flags & MAP_SHARED) !== 0;
    if ((flags & MAP_ANONYMOUS) !== 0) return task.mm.map(length, prot, shared, task.rlimit(RLIMIT_AS));
    const file = task.files.require(fd);
    if (!file.readable || (shared && (prot & PROT_WRITE) !== 0 && !file.writable)) throw EACCES;
    const name = file.path ?? file.describe();
    const { sb, ino } = file.inode;
    return task.mm.map(length, prot, shared, task.rlimit(RLIMIT_AS), { name, dev: sb.dev, ino, offset });
  },
  munmap: (_system, task, addr, length) => task.mm.unmap(addr, length),
  mprotect: (_system, task, addr, length, prot) => task.mm.protect(addr, length, prot),
};
