/** System V message queues: msgget(2), msgop(2), msgctl(2); Linux `ipc/msg.c`. Messages are charged as slab to the cgroup of the sender. */

import { E2BIG, EAGAIN, EIDRM, EINVAL, EINTR, ENOMEM, ENOMSG, EPERM } from "../../abi/errno.ts";
import { CAP_SYS_RESOURCE } from "../../abi/capability.ts";
import { IPC_NOWAIT, type IpcSet, MSG_EXCEPT, MSG_NOERROR, type Msgbuf, type MsqidDs } from "../../abi/ipc.ts";
import type { Wait } from "../../abi/sys.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import type { MemoryController } from "../cgroup/memory.ts";
import type { Pid } from "../ns/pid.ts";
import { nsCapable } from "../ns/user.ts";
import { ERESTARTSYS } from "../restart.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import { IpcIds, IpcObject, nowSec, permOf, setPerm } from "./objects.ts";
import type { SysvIpc } from "./sysv.ts";

/** sizeof(struct msg_msg). */
const HEADER_BYTES = 48;
const READ = 0o444;
const WRITE = 0o222;

interface Queued extends Msgbuf {
  readonly memcg: MemoryController;
}

/** Charges a message. Errors: ENOMEM. */
export function chargeMessage(system: System, task: Task, bytes: number): MemoryController {
  const { memcg } = task.cgroup;
  if (!system.memory.tryCharge("slab", bytes + HEADER_BYTES, memcg)) throw ENOMEM;
  return memcg;
}

export function unchargeMessage(system: System, memcg: MemoryController, bytes: number): void {
  system.memory.uncharge("slab", bytes + HEADER_BYTES, memcg);
}

/** Sleeps on a queue; a signal ends the call for good. Errors: EINTR. */
export function* sleepOn(task: Task, queue: WaitQueue, deadlineNs?: number): Generator<Wait, "event" | "timeout", void> {
  try {
    return yield* task.sched.sleep([queue], deadlineNs);
  } catch (e) {
    // msgop(2), semop(2): "never automatically restarted".
    if (e === ERESTARTSYS) throw EINTR;
    throw e;
  }
}

export class MessageQueue extends IpcObject {
  stime = 0;
  rtime = 0;
  cbytes = 0;
  lspid: Pid | undefined;
  lrpid: Pid | undefined;
  readonly messages: Queued[] = [];
  readonly senders = new WaitQueue();
  readonly receivers = new WaitQueue();

  constructor(
    key: number,
    flags: number,
    /** Bytes that may wait. Written by IPC_SET. */
    public qbytes: number,
    maker: Task,
  ) {
    super(key, flags, maker);
  }

  fits(bytes: number): boolean {
    return this.cbytes + bytes <= this.qbytes && this.messages.length + 1 <= this.qbytes;
  }

  stat(reader: Task): MsqidDs {
    const { stime, rtime, ctime, cbytes, qbytes } = this;
    const nr = (pid: Pid | undefined): number => pid?.nrIn(reader.pidNs) ?? 0;
    const [lspid, lrpid] = [nr(this.lspid), nr(this.lrpid)];
    return { perm: permOf(this, reader), stime, rtime, ctime, cbytes, qnum: this.messages.length, qbytes, lspid, lrpid };
  }
}

/** The place of the message that msgrcv(2) means; -1 if there is none. */
function choose(messages: readonly Queued[], type: number, flags: number): number {
  if (type === 0) return messages.length > 0 ? 0 : -1;
  if (type > 0) return messages.findIndex((m) => (m.mtype === type) !== ((flags & MSG_EXCEPT) !== 0));
  let best = -1;
  messages.forEach((m, i) => {
    if (m.mtype <= -type && (best < 0 || m.mtype < (messages[best] as Queued).mtype)) best = i;
  });
  return best;
}

/** The queues of a namespace. */
export class MessageQueues {
  readonly ids: IpcIds<MessageQueue>;

  constructor(private readonly sysv: SysvIpc) {
    this.ids = new IpcIds(sysv.ns);
  }

  /** msgget(2). Errors: ENOSPC, EEXIST, ENOENT, EACCES. */
  get(task: Task, key: number, flags: number): number {
    const { msgmni, msgmnb } = this.sysv.limits;
    const make = (): number => this.ids.add(new MessageQueue(key, flags, msgmnb, task), msgmni);
    return this.ids.get(task, key, flags, make, () => {});
  }

  /** msgsnd(2). Errors: EINVAL, EACCES, EAGAIN, EIDRM, EINTR. */
  send(task: Task, id: number, { mtype, data }: Msgbuf, flags: number): MaySleep<void> {
    if (data.length > this.sysv.limits.msgmax || !(mtype >= 1)) throw EINVAL;
    const queue = this.ids.require(id);
    this.ids.checkAccess(task, queue, WRITE);
    if (queue.fits(data.length)) return this.put(task, queue, mtype, data);
    if ((flags & IPC_NOWAIT) !== 0) throw EAGAIN;
    return new Blocked(this.sendLater(task, queue, mtype, data.slice()));
  }

  private *sendLater(task: Task, queue: MessageQueue, mtype: number, data: Uint8Array): Generator<Wait, void, void> {
    while (!queue.fits(data.length)) {
      yield* sleepOn(task, queue.senders);
      if (queue.removed) throw EIDRM;
      this.ids.checkAccess(task, queue, WRITE);
    }
    this.put(task, queue, mtype, data);
  }

  private put(task: Task, queue: MessageQueue, mtype: number, data: Uint8Array): void {
    const memcg = chargeMessage(this.sysv.system, task, data.length);
    queue.messages.push({ mtype, data: data.slice(), memcg });
    queue.cbytes += data.length;
    queue.stime = nowSec(task);
    queue.lspid = task.tg.pid;
    queue.receivers.wake();
  }

  /** msgrcv(2). Errors: EINVAL, EACCES, E2BIG, ENOMSG, EIDRM, EINTR. */
  receive(task: Task, id: number, size: number, type: number, flags: number): MaySleep<Msgbuf> {
    if (!(size >= 0)) throw EINVAL;
    const queue = this.ids.require(id);
    this.ids.checkAccess(task, queue, READ);
    const now = this.take(task, queue, size, type, flags);
    if (now !== undefined) return now;
    if ((flags & IPC_NOWAIT) !== 0) throw ENOMSG;
    return new Blocked(this.receiveLater(task, queue, size, type, flags));
  }

  private *receiveLater(task: Task, queue: MessageQueue, size: number, type: number, flags: number): Generator<Wait, Msgbuf, void> {
    for (;;) {
      const found = this.take(task, queue, size, type, flags);
      if (found !== undefined) return found;
      yield* sleepOn(task, queue.receivers);
      if (queue.removed) throw EIDRM;
    }
  }

  private take(task: Task, queue: MessageQueue, size: number, type: number, flags: number): Msgbuf | undefined {
    const at = choose(queue.messages, type, flags);
    const message = queue.messages[at];
    if (message === undefined) return undefined;
    if (message.data.length > size && (flags & MSG_NOERROR) === 0) throw E2BIG;
    queue.messages.splice(at, 1);
    queue.cbytes -= message.data.length;
    unchargeMessage(this.sysv.system, message.memcg, message.data.length);
    queue.rtime = nowSec(task);
    queue.lrpid = task.tg.pid;
    queue.senders.wake();
    return { mtype: message.mtype, data: message.data.subarray(0, size) };
  }

  /** IPC_SET. Errors: EPERM for more bytes than msgmnb without CAP_SYS_RESOURCE. */
  set(task: Task, queue: MessageQueue, set: IpcSet): void {
    const qbytes = set.qbytes ?? queue.qbytes;
    if (qbytes > this.sysv.limits.msgmnb && !nsCapable(task.cred, this.sysv.system.initUserNs, CAP_SYS_RESOURCE)) throw EPERM;
    setPerm(task, queue, set);
    queue.qbytes = qbytes;
    // Who waits may have lost the right, or may find room.
    queue.receivers.wake();
    queue.senders.wake();
  }

  remove(queue: MessageQueue): void {
    this.ids.remove(queue);
    for (const { memcg, data } of queue.messages) unchargeMessage(this.sysv.system, memcg, data.length);
    queue.messages.length = 0;
    queue.senders.wake();
    queue.receivers.wake();
  }

  free(): void {
    for (const queue of this.ids.all()) this.remove(queue);
  }
}
