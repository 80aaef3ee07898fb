/** The loop of socat(1): bytes both ways, until both have ended, or one has and the other says nothing for half a second. */

import { EAGAIN, ECONNREFUSED, EIO, Errno } from "../../abi/errno.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGTERM } from "../../abi/signal.ts";
import { MSG_NOSIGNAL, SHUT_WR } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { WNOHANG, wExitStatus, wIfExited } from "../../abi/wait.ts";
import { nowMs } from "../libc/inet.ts";
import { writeAll } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import type { Channel } from "./channel.ts";
import type { Log } from "./log.ts";

export interface TransferOptions {
  /** Seconds to wait for the second side when the first has ended. */
  readonly closeSec: number;
  /** Seconds without any data after which all is over. */
  readonly idleSec: number | undefined;
  readonly bufferBytes: number;
  /** -v, -x: what goes through is shown. */
  readonly dump: "text" | "hex" | undefined;
}

interface Direction {
  readonly from: Channel;
  readonly to: Channel;
  /** The source's number in messages. */
  readonly number: 1 | 2;
  ended: boolean;
  bytes: number;
}

/** `> DATE.microseconds  length=… from=… to=…`, then the data. */
function* dump(log: Log, direction: Direction, bytes: Uint8Array, kind: "text" | "hex"): Proc<void> {
  const now = yield* log.c.sys.clock_gettime(CLOCK_REALTIME);
  const date = `${strftime("%Y/%m/%d %H:%M:%S", now)}.${String(Math.floor(now.nsec / 1000)).padStart(9, "0")}`;
  const last = direction.bytes + bytes.length - 1;
  let text = `${direction.number === 1 ? ">" : "<"} ${date}  length=${bytes.length} from=${direction.bytes} to=${last}\n`;
  if (kind === "hex") text += `${[...bytes].map((byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("")}\n`;
  else for (const byte of bytes) text += shown(byte);
  yield* log.c.eprint(text);
}

function shown(byte: number): string {
  if (byte === 13) return "\\r";
  if (byte === 92) return "\\\\";
  if (byte === 9 || byte === 10) return String.fromCharCode(byte);
  return byte < 32 || byte > 126 ? "." : String.fromCharCode(byte);
}

function withLineEnds(bytes: Uint8Array, into: Channel, from: Channel): Uint8Array {
  if (into.lineEnd === undefined && from.lineEnd === undefined) return bytes;
  const out: number[] = [];
  for (const byte of bytes) {
    if (from.lineEnd === "crlf" && byte === 13) continue;
    const plain = from.lineEnd === "cr" && byte === 13 ? 10 : byte;
    if (plain === 10 && into.lineEnd !== undefined) out.push(...(into.lineEnd === "crlf" ? [13, 10] : [13]));
    else out.push(plain);
  }
  return Uint8Array.from(out);
}

function* send(log: Log, { write, to }: Channel, bytes: Uint8Array): Proc<void> {
  if (write === undefined) return;
  try {
    if (to === undefined) yield* writeAll(log.c.sys, write, bytes);
    else yield* log.c.sys.sendmsg(write, bytes, MSG_NOSIGNAL, to);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* log.fail(`write(${write}, ${bytes.length}): ${e.message}`);
  }
}

/** Moves what is there; true at the end of the source. */
function* move(log: Log, direction: Direction, options: TransferOptions): Proc<boolean> {
  const fd = direction.from.read as number;
  const buffer = new Uint8Array(options.bufferBytes);
  let length: number;
  try {
    length = yield* log.c.sys.read(fd, buffer);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (e === EAGAIN) return false;
    if (e === EIO) yield* log.say("N", `read(${fd}): Input/output error (probably PTY closed)`);
    // Nobody listens where the datagrams go: that ends them, and nothing else.
    else if (e !== ECONNREFUSED) yield* log.fail(`read(${fd}): ${e.message}`);
    return true;
  }
  if (length === 0 && direction.from.once !== true) return true;
  const bytes = withLineEnds(buffer.subarray(0, length), direction.to, direction.from);
  if (options.dump !== undefined) yield* dump(log, direction, bytes, options.dump);
  direction.bytes += bytes.length;
  yield* send(log, direction.to, bytes);
  return direction.from.once === true;
}

function* closeWriting(log: Log, { read, write, end }: Channel): Proc<void> {
  // A file that is read as well stays open.
  if (write === undefined || end === "none" || (end === "close" && read === write)) return;
  try {
    if (end === "shutdown") yield* log.c.sys.shutdown(write, SHUT_WR);
    else yield* log.c.sys.close(write);
  } catch (e) {
    // The other side may be gone already.
    if (!(e instanceof Errno)) throw e;
  }
}

const fds = ({ read, write }: Channel): string => `[${read ?? write},${write ?? read}]`;

/** Runs until it is over. Returns the exit status. */
export function* transfer(log: Log, first: Channel, second: Channel, options: TransferOptions): Proc<number> {
  const { sys } = log.c;
  yield* log.say("N", `starting data transfer loop with FDs ${fds(first)} and ${fds(second)}`);
  const directions: Direction[] = [];
  if (first.read !== undefined && second.write !== undefined)
    directions.push({ from: first, to: second, number: 1, ended: false, bytes: 0 });
  if (second.read !== undefined && first.write !== undefined)
    directions.push({ from: second, to: first, number: 2, ended: false, bytes: 0 });
  // The first side's end is found first, as it was asked first.
  let closingAtMs: number | undefined;
  for (;;) {
    const live = directions.filter(({ ended }) => !ended);
    if (live.length === 0) break;
    const polled = live.map((direction) => ({ direction, fd: { fd: direction.from.read as number, events: POLLIN, revents: 0 } }));
    const leftMs = closingAtMs === undefined ? undefined : Math.max(0, Math.ceil(closingAtMs - (yield* nowMs(sys))));
    const idleMs = options.idleSec === undefined ? undefined : options.idleSec * 1000;
    const limitMs = Math.min(leftMs ?? Number.POSITIVE_INFINITY, idleMs ?? Number.POSITIVE_INFINITY);
    const ready = yield* sys.poll(
      polled.map(({ fd }) => fd),
      limitMs === Number.POSITIVE_INFINITY ? -1 : limitMs,
    );
    if (ready === 0) {
      if (leftMs === undefined) yield* log.say("N", "inactivity timeout triggered");
      break;
    }
    for (const { direction, fd } of polled) {
      if (fd.revents === 0 || !(yield* move(log, direction, options))) continue;
      direction.ended = true;
      yield* log.say("N", `socket ${direction.number} (fd ${fd.fd}) is at EOF`);
      yield* closeWriting(log, direction.to);
      closingAtMs = (yield* nowMs(sys)) + options.closeSec * 1000;
    }
  }
  for (const channel of [first, second]) if (channel.undo !== undefined) yield* channel.undo();
  for (const { pid } of [first, second]) {
    const failed = pid === undefined ? 0 : yield* childStatus(log, pid);
    if (failed !== 0) return yield* log.fail(`waitpid(): child ${pid} exited with status ${failed}`);
  }
  yield* log.say("N", "exiting with status 0");
  return 0;
}

/** The status of a program that has ended or is about to; one that goes on is terminated, which is no failure. */
function* childStatus(log: Log, pid: number): Proc<number> {
  const { sys } = log.c;
  for (let i = 0; i < 10; i++) {
    const { pid: found, status } = yield* sys.wait4(pid, WNOHANG);
    if (found !== 0) return wIfExited(status) ? wExitStatus(status) : 0;
    yield* sys.nanosleep(2e6);
  }
  yield* sys.kill(pid, SIGTERM);
  return 0;
}
