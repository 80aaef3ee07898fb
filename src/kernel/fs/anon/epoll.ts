/** epoll(7): Linux `fs/eventpoll.c`. Level and edge triggered, one-shot, nested. Left out: EPOLLEXCLUSIVE, EPOLLWAKEUP. */

import { EEXIST, EINVAL, ELOOP, ENOENT, EPERM } from "../../../abi/errno.ts";
import { EPOLLET, type EpollEvent, EPOLLONESHOT, POLLERR, POLLHUP, POLLIN } from "../../../abi/poll.ts";
import { isDir, isReg } from "../../../abi/stat.ts";
import { WaitQueue, type Waiter } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { File, FileWatcher } from "../../vfs/file.ts";
import { AnonFile } from "./anon-file.ts";

/** EP_MAX_NESTS. */
const MAX_NESTS = 4;

/** One registered descriptor: it waits on all queues of its file. */
class EpollItem implements Waiter, FileWatcher {
  readonly queues: WaitQueue[] = [];

  constructor(
    private readonly epoll: EpollFile,
    readonly file: File,
    readonly fd: number,
    /** With EPOLLET and EPOLLONESHOT. 0 after a one-shot has fired. */
    public events: number,
    public data: number,
  ) {}

  wakeUp(): boolean {
    this.epoll.notice(this);
    return true;
  }

  fileReleased(): void {
    this.epoll.forget(this);
  }

  /** What it reports now. */
  ready(caller: Caller): number {
    return this.events === 0 ? 0 : this.file.poll(caller) & (this.events | POLLERR | POLLHUP);
  }
}

export class EpollFile extends AnonFile {
  private readonly items = new Map<File, Map<number, EpollItem>>();
  /** Items that may be ready, in the order in which they became so. */
  private readonly candidates = new Set<EpollItem>();
  readonly wait = new WaitQueue();
  readonly waitQueues = [this.wait];

  constructor(system: System, owner: Caller) {
    super(system, "eventpoll", 0, owner);
  }

  /** Errors: EEXIST, EPERM if the file is never waited for, EINVAL for itself, ELOOP. */
  add(caller: Caller, file: File, fd: number, event: EpollEvent): void {
    this.checkTarget(file);
    let byFd = this.items.get(file);
    if (byFd?.has(fd) === true) throw EEXIST;
    const item = new EpollItem(this, file, fd, event.events, event.data);
    if (byFd === undefined) {
      byFd = new Map();
      this.items.set(file, byFd);
    }
    byFd.set(fd, item);
    file.watchers ??= new Set();
    file.watchers.add(item);
    const now = file.poll(caller, item.queues);
    for (const queue of item.queues) queue.add(item);
    if ((now & (item.events | POLLERR | POLLHUP)) !== 0) this.notice(item);
  }

  private checkTarget(file: File): void {
    if (isReg(file.inode.mode) || isDir(file.inode.mode)) throw EPERM;
    if (file === this) throw EINVAL;
    if (file instanceof EpollFile && (file.reaches(this) || file.depth > MAX_NESTS)) throw ELOOP;
  }

  private reaches(target: EpollFile): boolean {
    for (const file of this.items.keys()) if (file === target || (file instanceof EpollFile && file.reaches(target))) return true;
    return false;
  }

  private get depth(): number {
    let below = 0;
    for (const file of this.items.keys()) if (file instanceof EpollFile) below = Math.max(below, file.depth);
    return below + 1;
  }

  private require(file: File, fd: number): EpollItem {
    const item = this.items.get(file)?.get(fd);
    if (item === undefined) throw ENOENT;
    return item;
  }

  /** Errors: ENOENT. */
  modify(caller: Caller, file: File, fd: number, event: EpollEvent): void {
    const item = this.require(file, fd);
    item.events = event.events;
    item.data = event.data;
    if (item.ready(caller) !== 0) this.notice(item);
  }

  /** Errors: ENOENT. */
  remove(file: File, fd: number): void {
    this.forget(this.require(file, fd));
  }

  /** Something changed for the item's file. */
  notice(item: EpollItem): void {
    if (item.events === 0) return;
    this.candidates.add(item);
    this.wait.wake();
  }

  forget(item: EpollItem): void {
    for (const queue of item.queues) queue.remove(item);
    item.file.watchers?.delete(item);
    this.candidates.delete(item);
    const byFd = this.items.get(item.file);
    byFd?.delete(item.fd);
    if (byFd?.size === 0) this.items.delete(item.file);
  }

  /** Up to `max` events that are ready now. Level-triggered ones stay candidates, behind the others. */
  collect(caller: Caller, max: number): readonly EpollEvent[] {
    const events: EpollEvent[] = [];
    for (const item of [...this.candidates]) {
      if (events.length === max) break;
      this.candidates.delete(item);
      const ready = item.ready(caller);
      if (ready === 0) continue;
      events.push({ events: ready, data: item.data });
      if ((item.events & EPOLLONESHOT) !== 0) item.events = 0;
      else if ((item.events & EPOLLET) === 0) this.candidates.add(item);
    }
    return events;
  }

  override poll(caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.wait);
    for (const item of this.candidates) if (item.ready(caller) !== 0) return POLLIN;
    return 0;
  }

  protected override release(): void {
    for (const byFd of [...this.items.values()]) for (const item of [...byFd.values()]) this.forget(item);
    super.release();
  }
}
