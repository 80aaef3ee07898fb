/** POSIX message queues: mq_overview(7), Linux `ipc/mqueue.c`. Their names are files of the mqueue filesystem (`fs/mqueue`). */

import { CAP_SYS_RESOURCE } from "../../abi/capability.ts";
import { EAGAIN, EBUSY, EINTR, EINVAL, EMFILE, EMSGSIZE, ENOSPC, ETIMEDOUT } from "../../abi/errno.ts";
import type { MqAttr, MqMessage, MqNotification } from "../../abi/ipc.ts";
import { RLIMIT_MSGQUEUE } from "../../abi/resource.ts";
import { SI_MESGQ } from "../../abi/signal.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Wait } from "../../abi/sys.ts";
import { NS_PER_SEC } from "../../abi/time.ts";
import { Blocked, type MaySleep } from "../blocked.ts";
import type { MemoryController } from "../cgroup/memory.ts";
import { shownId } from "../ns/idmap.ts";
import type { UserNamespace } from "../ns/user.ts";
import { nsCapable } from "../ns/user.ts";
import { ERESTARTSYS } from "../restart.ts";
import { WaitQueue } from "../sched/wait-queue.ts";
import type { Module } from "../task/module.ts";
import type { System } from "../task/system.ts";
import type { Task, ThreadGroup } from "../task/task.ts";
import type { QueueAccounts, Queues } from "./module.ts";
import { chargeMessage, unchargeMessage } from "./msg.ts";

/** Priorities are below it (MQ_PRIO_MAX). */
const PRIO_MAX = 32_768;
/** What even CAP_SYS_RESOURCE does not exceed (HARD_MSGMAX, HARD_MSGSIZEMAX). */
const HARD_MSG_MAX = 65_536;
const HARD_MSGSIZE_MAX = 16 * 1024 * 1024;
/** sizeof(struct msg_msg), sizeof(struct posix_msg_tree_node): what a queue weighs for RLIMIT_MSGQUEUE besides its messages. */
const MSG_BYTES = 48;
const NODE_BYTES = 48;

interface Queued extends MqMessage {
  readonly memcg: MemoryController;
}

interface Notify extends MqNotification {
  readonly tg: ThreadGroup;
  readonly userNs: UserNamespace;
}

/** Errors: EINVAL for sizes beyond the limits. */
function checkSizes(system: System, accounts: QueueAccounts, task: Task, { maxmsg, msgsize }: Pick<MqAttr, "maxmsg" | "msgsize">): void {
  if (!(maxmsg > 0) || !(msgsize > 0)) throw EINVAL;
  const free = nsCapable(task.cred, system.initUserNs, CAP_SYS_RESOURCE);
  const { msg_max, msgsize_max } = accounts.limits;
  if (maxmsg > (free ? HARD_MSG_MAX : msg_max) || msgsize > (free ? HARD_MSGSIZE_MAX : msgsize_max)) throw EINVAL;
}

export class PosixQueue {
  readonly maxmsg: number;
  readonly msgsize: number;
  private readonly ownerUid: number;
  private readonly bytes: number;
  /** Highest priority first, oldest first among equals. */
  private readonly messages: Queued[] = [];
  private queuedBytes = 0;
  private notification: Notify | undefined;
  readonly senders = new WaitQueue();
  readonly receivers = new WaitQueue();

  /** Errors: EINVAL; ENOSPC for queues_max; EMFILE for RLIMIT_MSGQUEUE. */
  constructor(
    private readonly system: System,
    private readonly accounts: QueueAccounts,
    maker: Task,
    attr: Pick<MqAttr, "maxmsg" | "msgsize"> | undefined,
  ) {
    const { limits } = accounts;
    const free = nsCapable(maker.cred, system.initUserNs, CAP_SYS_RESOURCE);
    if (attr !== undefined) checkSizes(system, accounts, maker, attr);
    if (accounts.queues >= limits.queues_max && !free) throw ENOSPC;
    this.maxmsg = attr?.maxmsg ?? Math.min(limits.msg_max, limits.msg_default);
    this.msgsize = attr?.msgsize ?? Math.min(limits.msgsize_max, limits.msgsize_default);
    this.bytes = this.maxmsg * (MSG_BYTES + this.msgsize) + Math.min(this.maxmsg, PRIO_MAX) * NODE_BYTES;
    this.ownerUid = maker.cred.uid;
    const held = accounts.bytesOf.get(this.ownerUid) ?? 0;
    if (held + this.bytes > maker.rlimit(RLIMIT_MSGQUEUE)) throw EMFILE;
    accounts.bytesOf.set(this.ownerUid, held + this.bytes);
    accounts.queues++;
  }

  get length(): number {
    return this.messages.length;
  }

  get full(): boolean {
    return this.messages.length >= this.maxmsg;
  }

  /** What reading its file shows. */
  describe(reader: Task): string {
    const { notification } = this;
    const pid = notification?.tg.pid.nrIn(reader.pidNs) ?? 0;
    const kind = notification === undefined ? 0 : notification.signo === undefined ? 1 : 0;
    const cell = (n: number, width: number): string => String(n).padEnd(width);
    return `QSIZE:${cell(this.queuedBytes, 10)} NOTIFY:${cell(kind, 5)} SIGNO:${cell(notification?.signo ?? 0, 5)} NOTIFY_PID:${cell(pid, 6)}\n`;
  }

  /** mq_timedsend(2). Errors: EINVAL, EMSGSIZE, EAGAIN, ETIMEDOUT, EINTR, ENOMEM. */
  send(task: Task, data: Uint8Array, priority: number, wait: boolean, timeout: Timespec | undefined): MaySleep<void> {
    if (!(priority >= 0 && priority < PRIO_MAX)) throw EINVAL;
    const deadlineNs = this.deadline(timeout);
    if (data.length > this.msgsize) throw EMSGSIZE;
    if (!this.full) return this.put(task, data, priority);
    if (!wait) throw EAGAIN;
    const kept = data.slice();
    const { senders } = this;
    return new Blocked(
      this.whenPossible(task, senders, deadlineNs, () => {
        if (this.full) return false;
        this.put(task, kept, priority);
        return true;
      }),
    );
  }

  private put(task: Task, data: Uint8Array, priority: number): void {
    const memcg = chargeMessage(this.system, task, data.length);
    const at = this.messages.findIndex((m) => m.priority < priority);
    this.messages.splice(at < 0 ? this.messages.length : at, 0, { data: data.slice(), priority, memcg });
    this.queuedBytes += data.length;
    if (this.messages.length === 1 && this.receivers.empty) this.tell(task);
    this.receivers.wake();
  }

  /** __do_notify(): once, and only where nobody waits for the message. */
  private tell(sender: Task): void {
    const { notification } = this;
    if (notification === undefined) return;
    this.notification = undefined;
    const { signo, tg } = notification;
    if (signo === undefined) return;
    const pid = sender.tg.pid.nrIn(tg.leader.pidNs);
    const uid = shownId(notification.userNs, "uidMap", sender.cred.uid);
    this.system.signals.sendToProcess(signo, tg, { signo, code: SI_MESGQ, pid, uid, status: 0 });
  }

  /** mq_timedreceive(2). Errors: EINVAL, EMSGSIZE, EAGAIN, ETIMEDOUT, EINTR. */
  receive(task: Task, size: number, wait: boolean, timeout: Timespec | undefined): MaySleep<MqMessage> {
    const deadlineNs = this.deadline(timeout);
    if (size < this.msgsize) throw EMSGSIZE;
    if (this.messages.length > 0) return this.take();
    if (!wait) throw EAGAIN;
    const self = this;
    return new Blocked(
      (function* () {
        yield* self.whenPossible(task, self.receivers, deadlineNs, () => self.messages.length > 0);
        return self.take();
      })(),
    );
  }

  private take(): MqMessage {
    const { data, priority, memcg } = this.messages.shift() as Queued;
    this.queuedBytes -= data.length;
    unchargeMessage(this.system, memcg, data.length);
    this.senders.wake();
    return { data, priority };
  }

  /** Sleeps until `attempt` says yes. */
  private *whenPossible(task: Task, queue: WaitQueue, deadlineNs: number | undefined, attempt: () => boolean): Generator<Wait, void, void> {
    while (!attempt()) {
      try {
        if ((yield* task.sched.sleep([queue], deadlineNs)) === "timeout" && !attempt()) throw ETIMEDOUT;
      } catch (e) {
        // A time of day is no span that could go on.
        throw e === ERESTARTSYS && deadlineNs !== undefined ? EINTR : e;
      }
    }
  }

  private deadline(timeout: Timespec | undefined): number | undefined {
    if (timeout === undefined) return undefined;
    if (!(timeout.sec >= 0 && timeout.nsec >= 0 && timeout.nsec < NS_PER_SEC)) throw EINVAL;
    const { sec, nsec } = this.system.realtimeOffset;
    return (timeout.sec - sec) * NS_PER_SEC + (timeout.nsec - nsec);
  }

  /** mq_notify(2). Errors: EBUSY while another is to be told. */
  notify(task: Task, wanted: MqNotification | undefined): void {
    if (wanted === undefined) {
      this.forget(task.tg);
      return;
    }
    if (this.notification !== undefined) throw EBUSY;
    this.notification = { signo: wanted.signo, tg: task.tg, userNs: task.cred.userNs };
  }

  /** The process closes it, or takes its wish back. */
  forget(tg: ThreadGroup): void {
    if (this.notification?.tg === tg) this.notification = undefined;
  }

  /** The last name and the last descriptor are gone. */
  free(): void {
    for (const { memcg, data } of this.messages) unchargeMessage(this.system, memcg, data.length);
    this.messages.length = 0;
    this.accounts.queues--;
    const left = (this.accounts.bytesOf.get(this.ownerUid) ?? 0) - this.bytes;
    if (left > 0) this.accounts.bytesOf.set(this.ownerUid, left);
    else this.accounts.bytesOf.delete(this.ownerUid);
  }
}

export const queuesModule: Module<Queues> = {
  init: (system) => ({ newQueue: (accounts, maker, attr) => new PosixQueue(system, accounts, maker, attr) }),
};
