/** What containers write, kept as lines of JSON with rotation, and read again. moby `daemon/logger/{copier,jsonfilelog,loggerutils}`. */

import { O_APPEND, O_CLOEXEC, O_CREAT, O_WRONLY } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { open, optional, readText, rename, unlink } from "../../userland/libc/unistd.ts";
import type { Daemon } from "../daemon.ts";
import { Channel, Mutex } from "../sync.ts";
import { type RotationOptions, rotationOf } from "./log-options.ts";
import type { Listener, StreamName } from "./stream-hub.ts";

/** Bytes of a line before it is written in parts. */
const LINE_BYTES = 16 * 1024;

export interface LogEntry {
  /** With its line end, unless it is a part, or the last. */
  readonly log: string;
  readonly stream: StreamName;
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  /** More that was asked to be kept. */
  readonly attrs?: Readonly<Record<string, string>>;
}

export class LogDriver {
  private readonly lock: Mutex;
  private readonly followers = new Set<Channel<LogEntry>>();
  private readonly rotation: RotationOptions;
  private fd: number | undefined;
  private sizeBytes = 0;

  constructor(
    private readonly daemon: Daemon,
    readonly path: string,
    config: Readonly<Record<string, string>>,
    private readonly attrs: Readonly<Record<string, string>> | undefined,
  ) {
    this.lock = new Mutex(daemon.sys);
    this.rotation = rotationOf(config);
  }

  *open(): Proc<void> {
    const { sys } = this.daemon;
    this.fd = yield* open(sys, this.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640);
    this.sizeBytes = (yield* sys.fstat(this.fd)).size;
  }

  *write(stream: StreamName, text: string): Proc<void> {
    yield* this.lock.lock();
    const entry: LogEntry = {
      log: text,
      stream,
      ...(this.attrs === undefined ? {} : { attrs: this.attrs }),
      time: yield* this.daemon.timestamp(),
    };
    const line = encodeUtf8(`${goJson(entry)}\n`);
    if (this.rotation.maxSizeBytes > 0 && this.sizeBytes >= this.rotation.maxSizeBytes) yield* this.rotate();
    if (this.fd !== undefined) yield* writeAll(this.daemon.sys, this.fd, line);
    this.sizeBytes += line.length;
    for (const follower of this.followers) yield* follower.send(entry);
    yield* this.lock.unlock();
  }

  private *rotate(): Proc<void> {
    const { sys } = this.daemon;
    if (this.fd !== undefined) yield* sys.close(this.fd);
    const { maxFiles } = this.rotation;
    if (maxFiles < 2) yield* optional(unlink(sys, this.path));
    for (let i = maxFiles - 1; i > 0; i--) {
      const from = i === 1 ? this.path : `${this.path}.${i - 1}`;
      yield* optional(rename(sys, from, `${this.path}.${i}`));
    }
    yield* this.open();
  }

  /** What there is, and a channel of what is to come; nothing in between is lost. Blocks those who write meanwhile. */
  *follow(): Proc<{ past: LogEntry[]; channel: Channel<LogEntry> }> {
    yield* this.lock.lock();
    const channel = new Channel<LogEntry>(this.daemon.sys);
    this.followers.add(channel);
    const past = yield* readLog(this.daemon, this.path);
    yield* this.lock.unlock();
    return { past, channel };
  }

  leave(channel: Channel<LogEntry>): void {
    this.followers.delete(channel);
  }

  *close(): Proc<void> {
    yield* this.lock.lock();
    if (this.fd !== undefined) yield* this.daemon.sys.close(this.fd);
    this.fd = undefined;
    for (const follower of this.followers) yield* follower.close();
    this.followers.clear();
    yield* this.lock.unlock();
  }
}

/** Go escapes these in JSON, for pages that embed it. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** All entries that are kept, oldest first. */
export function* readLog({ sys }: Daemon, path: string): Proc<LogEntry[]> {
  const entries: LogEntry[] = [];
  const files: string[] = [];
  for (let i = 0; ; i++) {
    const text = yield* optional(readText(sys, i === 0 ? path : `${path}.${i}`));
    if (text === undefined) break;
    files.unshift(text);
  }
  for (const text of files) {
    for (const line of text.split("\n")) {
      if (line === "") continue;
      try {
        entries.push(JSON.parse(line) as LogEntry);
      } catch {
        // A line that was being written when the daemon was killed.
      }
    }
  }
  return entries;
}

/** Cuts what a process writes into lines for the log. One per run of a container. */
export class LogCopier implements Listener {
  readonly stdout = true;
  readonly stderr = true;
  private readonly partial: Record<StreamName, Uint8Array> = { stdout: new Uint8Array(0), stderr: new Uint8Array(0) };

  constructor(private readonly driver: LogDriver) {}

  *write(stream: StreamName, bytes: Uint8Array): Proc<void> {
    const before = this.partial[stream];
    let all = bytes;
    if (before.length > 0) {
      all = new Uint8Array(before.length + bytes.length);
      all.set(before);
      all.set(bytes, before.length);
    }
    let at = 0;
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, at)) {
      yield* this.driver.write(stream, decodeUtf8(all.subarray(at, end + 1)));
      at = end + 1;
    }
    while (all.length - at >= LINE_BYTES) {
      yield* this.driver.write(stream, decodeUtf8(all.subarray(at, at + LINE_BYTES)));
      at += LINE_BYTES;
    }
    this.partial[stream] = all.slice(at);
  }

  *ended(): Proc<void> {
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.partial[stream];
      this.partial[stream] = new Uint8Array(0);
      if (rest.length > 0) yield* this.driver.write(stream, decodeUtf8(rest));
    }
  }
}
