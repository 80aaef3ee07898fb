/** mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2). */

import { EACCES, EBADF, EEXIST, EINVAL, ENAMETOOLONG, ENOENT } from "../../abi/errno.ts";
import { O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY, R_OK, W_OK } from "../../abi/fcntl.ts";
import type { MqAttr } from "../../abi/ipc.ts";
import { SIGRTMAX } from "../../abi/signal.ts";
import { byteLength } from "../../abi/utf8.ts";
import { mqueueOf, QueueFile, type MqueueDirectory, type QueueInode } from "../fs/mqueue/mqueue.ts";
import { NAME_MAX } from "../params.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import { addChild } from "../vfs/namei.ts";
import { checkCreate, checkDelete, checkPermission } from "../vfs/permission.ts";
import type { Handlers } from "./handler.ts";
import { installFile } from "./install.ts";

/** lookup_one_len(). Errors: ENOENT, EACCES, ENAMETOOLONG. */
function checkName(name: string): void {
  if (name === "") throw ENOENT;
  if (name === "." || name === ".." || name.includes("/")) throw EACCES;
  if (byteLength(name) > NAME_MAX) throw ENAMETOOLONG;
}

function openExisting(task: Task, inode: QueueInode, flags: number): void {
  if ((flags & O_ACCMODE) === O_ACCMODE) throw EINVAL;
  const access = flags & O_ACCMODE;
  checkPermission(task, inode, access === O_RDONLY ? R_OK : access === O_WRONLY ? W_OK : R_OK | W_OK);
}

function mqOpen(system: System, task: Task, name: string, flags: number, mode = 0, attr?: MqAttr): number {
  checkName(name);
  const sb = mqueueOf(system, task.ns.ipc);
  const root: MqueueDirectory = sb.root;
  let inode = root.queues.get(name);
  if (inode === undefined) {
    if ((flags & O_CREAT) === 0) throw ENOENT;
    checkCreate(task, root);
    inode = root.create(name, mode & ~task.fs.umask, task, attr);
  } else {
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) throw EEXIST;
    openExisting(task, inode, flags);
  }
  const path = { mnt: sb.mount, dentry: addChild(sb.rootDentry, name, inode) };
  return installFile(task, new QueueFile(inode, flags & (O_ACCMODE | O_NONBLOCK), path), true);
}

/** Errors: EBADF for what is no message queue. */
function requireQueue(task: Task, fd: number): QueueFile {
  const file = task.files.require(fd);
  if (!(file instanceof QueueFile)) throw EBADF;
  return file;
}

export const mqOpenCalls: Handlers<"mq_open" | "mq_unlink" | "mq_timedsend" | "mq_timedreceive" | "mq_notify" | "mq_getsetattr"> = {
  mq_open: mqOpen,

  mq_unlink(system, task, name) {
    checkName(name);
    const { root } = mqueueOf(system, task.ns.ipc);
    const inode = root.queues.get(name);
    if (inode === undefined) throw ENOENT;
    checkDelete(task, root, inode);
    root.remove(name);
  },

  mq_timedsend(_system, task, fd, data, priority, timeout) {
    const file = requireQueue(task, fd);
    file.requireWritable();
    return file.queue.send(task, data, priority, (file.flags & O_NONBLOCK) === 0, timeout);
  },

  mq_timedreceive(_system, task, fd, size, timeout) {
    const file = requireQueue(task, fd);
    file.requireReadable();
    return file.queue.receive(task, size, (file.flags & O_NONBLOCK) === 0, timeout);
  },

  mq_notify(_system, task, fd, notification) {
    const { queue } = requireQueue(task, fd);
    const signo = notification?.signo;
    if (signo !== undefined && !(signo >= 0 && signo <= SIGRTMAX)) throw EINVAL;
    queue.notify(task, notification);
  },

  mq_getsetattr(_system, task, fd, attr) {
    const file = requireQueue(task, fd);
    if (attr !== undefined && (attr.flags & ~O_NONBLOCK) !== 0) throw EINVAL;
    const { maxmsg, msgsize, length } = file.queue;
    const old = { flags: file.flags & O_NONBLOCK, maxmsg, msgsize, curmsgs: length };
    if (attr !== undefined) file.flags = (file.flags & ~O_NONBLOCK) | attr.flags;
    return old;
  },
};
