/** socket(2), bind(2), connect(2), sendmsg(2) and the rest of `net/socket.c`: descriptors, and the way to the address family. */

import { EAFNOSUPPORT, EBADF, EINVAL, EMFILE } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_PATH } from "../../abi/fcntl.ts";
import { AF_UNIX, type Message, MSG_CMSG_CLOEXEC, MSG_CTRUNC, SOCK_CLOEXEC, SOCK_NONBLOCK, type SocketAddress } from "../../abi/socket.ts";
import { RLIMIT_NOFILE } from "../../abi/resource.ts";
import { S_IFSOCK } from "../../abi/stat.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import { NET } from "../net/module.ts";
import { type Received, requireSocket, type SocketFamily, type SocketFile, ucredIn } from "../net/socket.ts";
import { unixFamily } from "../net/unix-family.ts";
import { COPY_NS_PER_BYTE, SCM_MAX_FD } from "../params.ts";
import { requestModule } from "../task/module.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { File } from "../vfs/file.ts";
import type { Inode } from "../vfs/inode.ts";
import { createEntry } from "./dir.ts";
import type { Handlers } from "./handler.ts";
import { installFile, installPair } from "./install.ts";

/** The name of a bound socket. Errors: as mknod(2). */
function makeNode(task: Task, path: string): Inode {
  let made: Inode | undefined;
  createEntry(task, AT_FDCWD, path, false, (dir, name) => {
    made = dir.mknod(name, S_IFSOCK | (0o777 & ~task.fs.umask), 0, task);
    return made;
  });
  return made as unknown as Inode;
}

const unix = unixFamily(makeNode);

/** Types run below it (SOCK_MAX). */
const SOCK_MAX = 11;
const TYPE_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;

/** Errors: EAFNOSUPPORT; ELOADING for the first socket of a family that is not built in. */
function familyOf(system: System, domain: number): SocketFamily {
  if (domain === AF_UNIX) return unix;
  const family = requestModule(system, NET).families.get(domain);
  if (family === undefined) throw EAFNOSUPPORT;
  return family;
}

/** The type without its flags, and O_NONBLOCK where they ask for it. Errors: EINVAL. */
function splitType(type: number): readonly [number, number] {
  const plain = type & ~TYPE_FLAGS;
  if (plain < 0 || plain >= SOCK_MAX) throw EINVAL;
  return [plain, (type & SOCK_NONBLOCK) !== 0 ? O_NONBLOCK : 0];
}

function find(task: Task, fd: number): SocketFile {
  const file = task.files.require(fd);
  if ((file.flags & O_PATH) !== 0) throw EBADF;
  return requireSocket(file);
}

/** Goes on with the result of what may sleep. */
function then<T, R>(result: MaySleep<T>, next: (value: T) => R): MaySleep<R> {
  if (!(result instanceof Blocked)) return next(result);
  return new Blocked(
    (function* () {
      return next(yield* result.run);
    })(),
  );
}

function accept(task: Task, fd: number, flags: number): MaySleep<{ readonly fd: number; readonly addr: SocketAddress }> {
  const listener = find(task, fd);
  if ((flags & ~TYPE_FLAGS) !== 0) throw EINVAL;
  // Before a connection is taken off the backlog, so that it is not lost.
  task.files.requireRoom(task.rlimit(RLIMIT_NOFILE));
  return then(listener.accept(task, (flags & SOCK_NONBLOCK) !== 0 ? O_NONBLOCK : 0), (socket) => {
    const addr = socket.peernameOrUnnamed();
    return { fd: installFile(task, socket, (flags & SOCK_CLOEXEC) !== 0), addr };
  });
}

function send(
  task: Task,
  fd: number,
  buf: Uint8Array,
  flags: number,
  to: SocketAddress | undefined,
  fds: readonly number[] | undefined,
): MaySleep<number> {
  const socket = find(task, fd);
  const files: File[] = [];
  if (fds !== undefined) {
    if (fds.length > SCM_MAX_FD) throw EINVAL;
    for (const n of fds) files.push(task.files.require(n));
  }
  task.sched.clockNs += buf.length * COPY_NS_PER_BYTE;
  return socket.send(task, buf, flags, to, files);
}

/** Turns files into descriptors; those that find no number are closed, and MSG_CTRUNC says so. */
function deliver(task: Task, got: Received, flags: number): Message {
  const fds: number[] = [];
  let cut = 0;
  for (const file of got.files) {
    try {
      if (cut === 0) fds.push(installFile(task, file, (flags & MSG_CMSG_CLOEXEC) !== 0));
    } catch (e) {
      if (e !== EMFILE) throw e;
      cut = MSG_CTRUNC;
    }
    file.put();
  }
  task.sched.clockNs += got.length * COPY_NS_PER_BYTE;
  return {
    length: got.length,
    fds,
    flags: got.flags | cut,
    ...(got.creds === undefined ? {} : { creds: ucredIn(got.creds, task) }),
    ...(got.from === undefined ? {} : { from: got.from }),
    ...(got.control === undefined ? {} : { control: got.control }),
  };
}

export const socketCalls: Handlers<
  | "socket"
  | "socketpair"
  | "bind"
  | "listen"
  | "accept4"
  | "connect"
  | "sendmsg"
  | "recvmsg"
  | "shutdown"
  | "getsockname"
  | "getpeername"
  | "getsockopt"
  | "setsockopt"
> = {
  socket: (system: System, task, domain, type, protocol) => {
    const [plain, flags] = splitType(type);
    return installFile(task, familyOf(system, domain).create(system, task, plain, protocol, flags), (type & O_CLOEXEC) !== 0);
  },
  socketpair: (system, task, domain, type, protocol) => {
    const [plain, flags] = splitType(type);
    const [a, b] = familyOf(system, domain).pair(system, task, plain, protocol, flags);
    return installPair(task, a, b, (type & SOCK_CLOEXEC) !== 0);
  },
  bind: (_system, task, fd, addr) => find(task, fd).bind(task, addr),
  listen: (_system, task, fd, backlog) => find(task, fd).listen(task, backlog),
  accept4: (_system, task, fd, flags) => accept(task, fd, flags),
  connect: (_system, task, fd, addr) => find(task, fd).connect(task, addr),
  sendmsg: (_system, task, fd, buf, flags, to, fds) => send(task, fd, buf, flags, to, fds),
  recvmsg: (_system, task, fd, buf, flags) => then(find(task, fd).receive(task, buf, flags), (got) => deliver(task, got, flags)),
  shutdown: (_system, task, fd, how) => find(task, fd).shutdown(how),
  getsockname: (_system, task, fd) => find(task, fd).sockname(),
  getpeername: (_system, task, fd) => find(task, fd).peername(),
  getsockopt: (_system, task, fd, level, option, argument) => find(task, fd).getsockopt(task, level, option, argument),
  setsockopt: (_system, task, fd, level, option, value) => find(task, fd).setsockopt(task, level, option, value),
};
