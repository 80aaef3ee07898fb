/** The terminal of a container, made by its init in its own devpts and handed out by its master end. runc `libcontainer/console_linux.go`. */

import { EEXIST } from "../../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_NOCTTY, O_RDWR } from "../../abi/fcntl.ts";
import { MS_BIND } from "../../abi/mount.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { open, optional } from "../../userland/libc/unistd.ts";
import { wrap } from "../error.ts";
import type { SpecProcess } from "../spec.ts";

/** Makes the terminal the process's own: standard streams and controlling terminal. Returns the master end. A session leader calls it. */
export function* setupConsole(sys: Sys, process: SpecProcess, mountOnConsole: boolean): Proc<number> {
  const master = yield* wrap("open /dev/pts/ptmx", open(sys, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  yield* sys.ioctl(master, "TIOCSPTLCK", 0);
  const path = `/dev/pts/${yield* sys.ioctl(master, "TIOCGPTN")}`;
  const size = process.consoleSize;
  if (size !== undefined) yield* sys.ioctl(master, "TIOCSWINSZ", { rows: size.height, cols: size.width });
  if (mountOnConsole) {
    const fd = yield* optional(open(sys, "/dev/console", O_CREAT | O_RDWR | O_NOCTTY, 0o666), [EEXIST]);
    if (fd !== undefined) yield* sys.close(fd);
    yield* wrap("mount console", sys.mount(path, "/dev/console", "bind", MS_BIND, ""));
  }
  const slave = yield* open(sys, path, O_RDWR | O_NOCTTY);
  for (const fd of [0, 1, 2]) yield* sys.dup2(slave, fd);
  if (slave > 2) yield* sys.close(slave);
  yield* sys.ioctl(0, "TIOCSCTTY", 0);
  return master;
}
