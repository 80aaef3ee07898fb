/**
 * Virtio ports: byte channels between programs and what is outside the machine. Linux `drivers/char/virtio_console.c`;
 * the outside is the hypervisor's side.
 *
 * Differs from Linux: a port may be open more than once, and the outside is always connected.
 */

import { EAGAIN } from "../../../abi/errno.ts";
import { O_NONBLOCK } from "../../../abi/fcntl.ts";
import { POLLIN, POLLOUT } from "../../../abi/poll.ts";
import type { Wait } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { Blocked, type MaySleep } from "../../blocked.ts";
import { WaitQueue } from "../../sched/wait-queue.ts";
import type { System } from "../../task/system.ts";
import { ByteQueue } from "../../tty/byte-queue.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";

export const VPORT_MAJOR = 250;
export const VPORT_COUNT = 5;

/** What lies between both sides of one port. */
class Channel {
  readonly input = new ByteQueue(Number.POSITIVE_INFINITY);
  readonly readWait = new WaitQueue();
  readonly readQueues = [this.readWait];
  listener: (bytes: Uint8Array) => void = () => {};
}

const channels = new WeakMap<System, Map<number, Channel>>();

function channelOf(system: System, n: number): Channel {
  let ports = channels.get(system);
  if (ports === undefined) {
    ports = new Map();
    channels.set(system, ports);
  }
  let channel = ports.get(n);
  if (channel === undefined) {
    channel = new Channel();
    ports.set(n, channel);
  }
  return channel;
}

/** The outside end of /dev/vport0p`n`. Called from outside any task. */
export class OutsidePort {
  private readonly channel: Channel;

  constructor(system: System, n: number) {
    this.channel = channelOf(system, n);
  }

  /** Sends to whoever reads the port. */
  push(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? encodeUtf8(data) : data;
    if (bytes.length === 0) return;
    this.channel.input.pushAll(bytes, 0, bytes.length);
    this.channel.readWait.wake();
  }

  /** `callback` gets what programs write, within their write(2). The array is the program's own: to be copied if kept. */
  onData(callback: (bytes: Uint8Array) => void): void {
    this.channel.listener = callback;
  }
}

export class PortFile extends File {
  private readonly channel: Channel;

  constructor(system: System, n: number, flags: number, path: Path) {
    super(path.dentry.inode, flags, path);
    this.channel = channelOf(system, n);
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    if (buf.length === 0) return 0;
    const n = this.channel.input.take(buf);
    if (n > 0) return n;
    if ((this.flags & O_NONBLOCK) !== 0) throw EAGAIN;
    return new Blocked(this.readSlowly(caller, buf));
  }

  private *readSlowly(caller: Caller, buf: Uint8Array): Generator<Wait, number, void> {
    for (;;) {
      yield* caller.sched.sleep(this.channel.readQueues);
      const n = this.channel.input.take(buf);
      if (n > 0) return n;
    }
  }

  override write(_caller: Caller, buf: Uint8Array): number {
    if (buf.length > 0) this.channel.listener(buf);
    return buf.length;
  }

  override poll(_caller: Caller, queues?: WaitQueue[]): number {
    queues?.push(this.channel.readWait);
    return POLLOUT | (this.channel.input.length > 0 ? POLLIN : 0);
  }
}
