/** inotify(7): Linux `fs/notify/inotify`. What happens to files is told by `vfs/notify.ts`. Left out: IN_UNMOUNT. */

import { EAGAIN, EEXIST, EINVAL, EMFILE, ENOSPC } from "../../../abi/errno.ts";
import { O_NONBLOCK } from "../../../abi/fcntl.ts";
import type { Inotify } from "../../../abi/inotify.ts";
import {
  IN_ALL_EVENTS,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
  POLLIN,
} from "../../../abi/poll.ts";
import type { Wait } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Inode } from "../../vfs/inode.ts";
import type { Mark } from "../../vfs/notify.ts";
import { sysctlNumber } from "../sysctl.ts";
import { AnonFile } from "./anon-file.ts";

/** struct inotify_event without the name, which is padded to a multiple of it. */
const EVENT_BYTES = 16;

/** Instances and watches by user. */
class Usage {
  instances = 0;
  watches = 0;
}

const usages = new WeakMap<System, Map<number, Usage>>();

function usageOf(system: System, uid: number): Usage {
  let users = usages.get(system);
  if (users === undefined) {
    users = new Map();
    usages.set(system, users);
  }
  let usage = users.get(uid);
  if (usage === undefined) {
    usage = new Usage();
    users.set(uid, usage);
  }
  return usage;
}

class Watch implements Mark {
  constructor(
    private readonly owner: InotifyFile,
    readonly wd: number,
    readonly inode: Inode,
    /** The events asked for, with IN_ONESHOT and IN_EXCL_UNLINK. */
    public mask: number,
  ) {}

  get excludeUnlinked(): boolean {
    return (this.mask & IN_EXCL_UNLINK) !== 0;
  }

  notify(mask: number, cookie: number, name: string): void {
    if ((mask & this.mask & IN_ALL_EVENTS) === 0) return;
    this.owner.push({ wd: this.wd, mask, cookie, name });
    if ((this.mask & IN_ONESHOT) !== 0) this.gone();
  }

  gone(): void {
    this.owner.drop(this);
  }
}

export class InotifyFile extends AnonFile {
  private readonly watches = new Map<number, Watch>();
  private readonly queue: Inotify[] = [];
  private readonly arrived = new WaitQueue();
  private readonly usage: Usage;
  private lastWd = 0;

  /** Errors: EMFILE at fs.inotify.max_user_instances. */
  constructor(system: System, flags: number, owner: Caller) {
    super(system, "inotify", flags, owner);
    this.usage = usageOf(system, owner.cred.uid);
    if (this.usage.instances >= sysctlNumber(system, "fs/inotify/max_user_instances")) throw EMFILE;
    this.usage.instances++;
  }

  override describe(): string {
    return "anon_inode:inotify";
  }

  /** Watches an inode, or changes the mask of its watch. Returns the watch descriptor. Errors: EEXIST, ENOSPC, EINVAL. */
  watch(inode: Inode, mask: number): number {
    if ((mask & IN_ALL_EVENTS) === 0) throw EINVAL;
    const kept = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
    for (const watch of this.watches.values()) {
      if (watch.inode !== inode) continue;
      if ((mask & IN_MASK_CREATE) !== 0) throw EEXIST;
      watch.mask = (mask & IN_MASK_ADD) !== 0 ? watch.mask | kept : kept;
      return watch.wd;
    }
    if (this.usage.watches >= sysctlNumber(this.system, "fs/inotify/max_user_watches")) throw ENOSPC;
    const watch = new Watch(this, ++this.lastWd, inode, kept);
    this.usage.watches++;
    this.watches.set(watch.wd, watch);
    inode.marks ??= new Set();
    inode.marks.add(watch);
    return watch.wd;
  }

  /** Errors: EINVAL for an unknown watch descriptor. */
  unwatch(wd: number): void {
    const watch = this.watches.get(wd);
    if (watch === undefined) throw EINVAL;
    this.drop(watch);
  }

  drop(watch: Watch): void {
    if (!this.watches.delete(watch.wd)) return;
    this.forget(watch);
    this.push({ wd: watch.wd, mask: IN_IGNORED, cookie: 0, name: "" });
  }

  private forget(watch: Watch): void {
    const { inode } = watch;
    this.usage.watches--;
    inode.marks?.delete(watch);
    if (inode.marks?.size === 0) inode.marks = undefined;
  }

  push(event: Inotify): void {
    const last = this.queue[this.queue.length - 1];
    // The same thing once more, not yet read, is one event.
    if (last !== undefined && last.wd === event.wd && last.mask === event.mask && last.cookie === event.cookie && last.name === event.name)
      return;
    if (this.queue.length >= sysctlNumber(this.system, "fs/inotify/max_queued_events")) {
      if (last?.mask !== IN_Q_OVERFLOW) this.queue.push({ wd: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: "" });
    } else this.queue.push(event);
    this.arrived.wake();
  }

  /** All that is queued. Blocks while there is nothing. Errors: EAGAIN. */
  take(caller: Caller): MaySleep<readonly Inotify[]> {
    if (this.queue.length > 0) return this.queue.splice(0);
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.takeSlowly(caller));
  }

  private *takeSlowly(caller: Caller): Generator<Wait, readonly Inotify[], void> {
    while (this.queue.length === 0) yield* caller.sched.sleep([this.arrived]);
    return this.queue.splice(0);
  }

  /** read(2): as many structs as fit. Errors: EINVAL if the first does not. */
  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (this.queue.length > 0) return this.encode(buf);
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.readSlowly(caller, buf));
  }

  private *readSlowly(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    while (this.queue.length === 0) yield* caller.sched.sleep([this.arrived]);
    return this.encode(buf);
  }

  private encode(buf: Uint8Array): number {
    const view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
    let at = 0;
    for (let event = this.queue[0]; event !== undefined; event = this.queue[0]) {
      const name = encodeUtf8(event.name);
      const padded = name.length === 0 ? 0 : Math.ceil((name.length + 1) / EVENT_BYTES) * EVENT_BYTES;
      if (at + EVENT_BYTES + padded > buf.length) break;
      view.setInt32(at, event.wd, true);
      view.setUint32(at + 4, event.mask, true);
      view.setUint32(at + 8, event.cookie, true);
      view.setUint32(at + 12, padded, true);
      buf.fill(0, at + EVENT_BYTES, at + EVENT_BYTES + padded);
      buf.set(name, at + EVENT_BYTES);
      at += EVENT_BYTES + padded;
      this.queue.shift();
    }
    if (at === 0) throw EINVAL;
    return at;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.arrived);
    return this.queue.length > 0 ? POLLIN : 0;
  }

  protected override release(): void {
    const watches = [...this.watches.values()];
    this.watches.clear();
    for (const watch of watches) this.forget(watch);
    this.usage.instances--;
    super.release();
  }
}
