/**
 * redis-server: one loop over poll(2) for all clients, commands one after the other, dump.rdb. Redis `server.c`, `networking.c`, `rdb.c`.
 *
 * Differs from Linux: an ended key goes when it is next looked at, not also from time to time; memory that is given back by FLUSHALL stays with the process.
 * Left out: the append-only file, replication, cluster, scripts, blocking commands, RESP3, ACLs, unix sockets, the warning about overcommitting.
 */

import { EAGAIN, ECHILD, EINTR, Errno } from "../../abi/errno.ts";
import { formatIpv4, INADDR_ANY, parseIpv4 } from "../../abi/inet.ts";
import { POLLERR, POLLHUP, POLLIN, type PollFd, POLLOUT } from "../../abi/poll.ts";
import { SIG_BLOCK, SIG_IGN, SIG_SETMASK, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGTERM, sigSet } from "../../abi/signal.ts";
import { AF_INET, MSG_NOSIGNAL, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { WNOHANG, wExitStatus } from "../../abi/wait.ts";
import { clock } from "../libc/clock.ts";
import { type Command, Exit } from "../libc/command.ts";
import { Heap } from "../libc/heap.ts";
import { inetAddress } from "../libc/inet.ts";
import { writeAll } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { optional, readFile, rename, unlink, writeFile } from "../libc/unistd.ts";
import { Client } from "./client.ts";
import type { Config } from "./config.ts";
import { Interpreter } from "./interpreter.ts";
import { RdbError, readRdb, writeRdb } from "./rdb.ts";
import { fromBinary, ProtocolError, type Reply, ReplyError, Status } from "./resp.ts";
import { Database } from "./store.ts";

const READ_BYTES = 16_384;
/** What a client costs before it has said anything, and the server with no data at all. */
const BASE_BYTES = 900_000;
const LEVELS = { debug: 0, verbose: 1, notice: 2, warning: 3, nothing: 4 } as const;

export class RedisServer {
  readonly databases: readonly Database[];
  readonly clients = new Map<number, Client>();
  dirty = 0;
  lastSaveSec = 0;
  lastSaveOk = true;
  /** The child that saves in the background. */
  savingPid = 0;
  connections = 0;
  peakBytes = BASE_BYTES;
  startedMs = 0;
  pid = 0;
  os = "";
  private savedDirty = 0;
  private nextClientId = 1;
  private declaredBytes = 0;
  private readonly heap: Heap;
  private readonly signals = new Set<number>();
  private readonly interpreter: Interpreter;
  private buf = new Uint8Array(READ_BYTES);

  constructor(
    readonly c: Command,
    readonly config: Config,
    readonly configFile: string,
    readonly version: string,
  ) {
    this.databases = Array.from({ length: config.number("databases") }, () => new Database());
    this.heap = new Heap(c.sys);
    this.interpreter = new Interpreter(this);
  }

  get usedBytes(): number {
    return this.databases.reduce((sum, db) => sum + db.bytes, BASE_BYTES);
  }

  /** Runs until a signal or SHUTDOWN ends it. */
  *run(): Proc<number> {
    const { sys } = this.c;
    this.pid = yield* sys.getpid();
    const { release, machine } = yield* sys.uname();
    this.os = `Linux ${release} ${machine}`;
    this.startedMs = Math.floor((yield* clock(sys)) * 1000);
    this.lastSaveSec = Math.floor(this.startedMs / 1000);
    yield* this.log("C", "notice", "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    yield* this.log("C", "notice", `Redis version=${this.version}, bits=64, commit=00000000, modified=0, pid=${this.pid}, just started`);
    if (this.configFile === "" && this.c.args.length === 0)
      yield* this.log(
        "C",
        "warning",
        "Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf",
      );
    else yield* this.log("C", "notice", "Configuration loaded");
    const mask = yield* this.catchSignals();
    yield* this.log("M", "notice", "monotonic clock: POSIX clock_gettime");
    const listener = yield* this.listen();
    yield* this.log("M", "notice", `Running mode=standalone, port=${this.config.get("port")}.`);
    yield* this.log("M", "notice", "Server initialized");
    yield* this.load();
    yield* this.declare();
    yield* this.log("M", "notice", "Ready to accept connections tcp");
    for (;;) {
      yield* this.turn(listener, mask);
      if (this.signals.delete(SIGTERM) || this.signals.delete(SIGINT)) yield* this.shutdown(undefined);
      if (this.signals.delete(SIGCHLD)) yield* this.reap();
      yield* this.saveWhenDue();
    }
  }

  private *catchSignals(): Proc<bigint> {
    const { sys } = this.c;
    for (const [sig, name] of [
      [SIGTERM, "SIGTERM"],
      [SIGINT, "SIGINT"],
      [SIGCHLD, ""],
    ] as const)
      yield* sys.rt_sigaction(sig, { handler: () => this.noted(sig, name), flags: 0, mask: 0n });
    for (const sig of [SIGHUP, SIGPIPE]) yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
    return yield* sys.rt_sigprocmask(SIG_BLOCK, sigSet(SIGTERM, SIGINT, SIGCHLD));
  }

  private *noted(sig: number, name: string): Proc<void> {
    this.signals.add(sig);
    if (name === "") return yield* this.c.sys.spend(100);
    const now = Math.floor(yield* clock(this.c.sys));
    yield* writeAll(this.c.sys, 1, encodeUtf8(`${this.pid}:signal-handler (${now}) Received ${name} scheduling shutdown...\n`));
  }

  /** `1:M 05 Jun 2025 08:00:00.000 * text` */
  *log(role: "C" | "M", level: "verbose" | "notice" | "warning", text: string, pid = this.pid): Proc<void> {
    if (LEVELS[level] < LEVELS[this.config.get("loglevel") as keyof typeof LEVELS]) return;
    const now = Math.floor((yield* clock(this.c.sys)) * 1000);
    const time = `${strftime("%d %b %Y %H:%M:%S", { sec: Math.floor(now / 1000), nsec: 0 })}.${String(now % 1000).padStart(3, "0")}`;
    const mark = level === "warning" ? "#" : level === "notice" ? "*" : "-";
    yield* writeAll(this.c.sys, 1, encodeUtf8(`${pid}:${role} ${time} ${mark} ${text}\n`));
  }

  private *listen(): Proc<number> {
    const { sys } = this.c;
    const port = this.config.number("port");
    // Differs from Linux: one address, and no IPv6.
    const first = this.config.get("bind").split(/\s+/)[0]?.replace(/^-/, "") ?? "*";
    const addr = first === "*" ? INADDR_ANY : parseIpv4(first === "localhost" ? "127.0.0.1" : first);
    const fd = yield* sys.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    try {
      if (addr === undefined) {
        yield* this.log(
          "M",
          "warning",
          `Warning: Could not create server TCP listening socket ${first}:${port}: Name or service not known`,
        );
        throw new Exit(1);
      }
      yield* sys.bind(fd, inetAddress(addr, port));
      yield* sys.listen(fd, this.config.number("tcp-backlog"));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.log("M", "warning", `Warning: Could not create server TCP listening socket ${first}:${port}: bind: ${e.message}`);
      yield* this.log("M", "warning", `Failed listening on port ${port} (tcp), aborting.`);
      throw new Exit(1);
    }
    return fd;
  }

  // ── The loop ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *turn(listener: number, mask: bigint): Proc<void> {
    const { sys } = this.c;
    const fds: PollFd[] = [{ fd: listener, events: POLLIN, revents: 0 }];
    for (const { fd, output } of this.clients.values()) fds.push({ fd, events: POLLIN | (output.length > 0 ? POLLOUT : 0), revents: 0 });
    const waitMs = this.dueMs === undefined ? undefined : Math.max(0, this.dueMs - Math.floor((yield* clock(sys)) * 1000));
    const timeout = waitMs === undefined ? undefined : { sec: Math.floor(waitMs / 1000), nsec: (waitMs % 1000) * 1e6 };
    try {
      yield* sys.ppoll(fds, timeout, mask);
    } catch (e) {
      if (e !== EINTR) throw e;
      return;
    }
    for (const { fd, revents } of fds) {
      if (revents === 0) continue;
      if (fd === listener) {
        yield* this.accept(listener);
        continue;
      }
      const client = this.clients.get(fd);
      if (client === undefined) continue;
      if ((revents & (POLLIN | POLLHUP | POLLERR)) !== 0) yield* this.receive(client);
    }
    for (const client of [...this.clients.values()]) yield* this.flush(client);
  }

  private *accept(listener: number): Proc<void> {
    const { sys } = this.c;
    for (;;) {
      const accepted = yield* optional(sys.accept4(listener, SOCK_NONBLOCK | SOCK_CLOEXEC), [EAGAIN]);
      if (accepted === undefined) return;
      const { fd, addr } = accepted;
      this.connections++;
      if (this.clients.size >= this.config.number("maxclients")) {
        yield* sys.sendmsg(fd, encodeUtf8("-ERR max number of clients reached\r\n"), MSG_NOSIGNAL);
        yield* sys.close(fd);
        continue;
      }
      const from = addr.family === AF_INET ? `${formatIpv4(addr.addr)}:${addr.port}` : "?:0";
      const client = new Client(this.nextClientId++, fd, from, Math.floor(yield* clock(sys)));
      client.authenticated = this.config.get("requirepass") === "";
      this.clients.set(fd, client);
    }
  }

  private *receive(client: Client): Proc<void> {
    let n: number;
    try {
      n = yield* this.c.sys.read(client.fd, this.buf);
    } catch (e) {
      if (e === EAGAIN) return;
      if (!(e instanceof Errno)) throw e;
      n = 0;
    }
    if (n === 0) return yield* this.drop(client);
    client.input.add(this.buf.subarray(0, n));
    try {
      for (let words = client.input.request(); words !== undefined && !client.closing; words = client.input.request()) {
        yield* this.execute(client, words);
      }
    } catch (e) {
      if (!(e instanceof ProtocolError)) throw e;
      client.send(new ReplyError(`ERR Protocol error: ${e.message}`));
      client.closing = true;
    }
  }

  private *execute(client: Client, words: readonly string[]): Proc<void> {
    const nowMs = Math.floor((yield* clock(this.c.sys)) * 1000);
    yield* this.c.sys.spend(1500 + 2 * words.reduce((sum, word) => sum + word.length, 0));
    let reply: Reply;
    try {
      reply = yield* this.interpreter.execute(client, words, nowMs);
    } catch (e) {
      if (!(e instanceof ReplyError)) throw e;
      reply = e;
    }
    client.send(reply);
    yield* this.declare();
  }

  /** Tells the kernel what the data weighs. May be killed by the OOM killer. */
  private *declare(): Proc<void> {
    const used = this.usedBytes;
    if (used > this.peakBytes) this.peakBytes = used;
    if (used <= this.declaredBytes) return;
    yield* this.heap.grow(used - this.declaredBytes);
    this.declaredBytes = used;
  }

  private *flush(client: Client): Proc<void> {
    try {
      while (client.output.length > 0) {
        const bytes = fromBinary(client.output.slice(0, 262_144));
        const sent = yield* this.c.sys.sendmsg(client.fd, bytes, MSG_NOSIGNAL);
        client.output = client.output.slice(sent);
      }
    } catch (e) {
      if (e === EAGAIN) return;
      if (!(e instanceof Errno)) throw e;
      return yield* this.drop(client);
    }
    if (client.closing) yield* this.drop(client);
  }

  private *drop(client: Client): Proc<void> {
    if (!this.clients.delete(client.fd)) return;
    yield* this.c.sys.close(client.fd);
  }

  // ── Saving and loading ───────────────────────────────────────────────────────────────────────────────────────────

  private get file(): string {
    return this.config.get("dbfilename");
  }

  /** When the data is to be saved next. */
  private get dueMs(): number | undefined {
    if (this.savingPid !== 0 || this.dirty === 0) return undefined;
    const due = this.config.savePoints
      .filter(([, changes]) => this.dirty >= changes)
      .map(([seconds]) => (this.lastSaveSec + seconds) * 1000 + 1000);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  private *saveWhenDue(): Proc<void> {
    const due = this.dueMs;
    const now = (yield* clock(this.c.sys)) * 1000;
    if (due === undefined || due > now) return;
    const point = this.config.savePoints.find(
      ([seconds, changes]) => this.dirty >= changes && (this.lastSaveSec + seconds) * 1000 + 1000 <= now,
    );
    if (point === undefined) return;
    yield* this.log("M", "notice", `${point[1]} changes in ${point[0]} seconds. Saving...`);
    yield* this.saveInBackground();
  }

  private *load(): Proc<void> {
    const bytes = yield* optional(readFile(this.c.sys, this.file));
    if (bytes === undefined) return;
    const now = yield* clock(this.c.sys);
    try {
      const { aux, loaded, expired } = readRdb(bytes, this.databases, now * 1000);
      yield* this.log("M", "notice", `Loading RDB produced by version ${aux.get("redis-ver") ?? "?"}`);
      yield* this.log("M", "notice", `RDB age ${Math.max(0, Math.floor(now) - Number(aux.get("ctime") ?? 0))} seconds`);
      yield* this.log("M", "notice", `RDB memory usage when created ${(Number(aux.get("used-mem") ?? 0) / 1024 ** 2).toFixed(2)} Mb`);
      yield* this.log("M", "notice", `Done loading RDB, keys loaded: ${loaded}, keys expired: ${expired}.`);
      yield* this.c.sys.spend(200_000 + bytes.length * 2);
      yield* this.log("M", "notice", `DB loaded from disk: ${((yield* clock(this.c.sys)) - now).toFixed(3)} seconds`);
    } catch (e) {
      if (!(e instanceof RdbError)) throw e;
      yield* this.log("M", "warning", e.message);
      yield* this.log("M", "warning", "Fatal error loading the DB, check server logs. Exiting.");
      throw new Exit(1);
    }
  }

  private *image(): Proc<Uint8Array> {
    const now = yield* clock(this.c.sys);
    for (const db of this.databases) db.nowMs = now * 1000;
    return writeRdb(this.databases, {
      "redis-ver": this.version,
      "redis-bits": "64",
      ctime: String(Math.floor(now)),
      "used-mem": String(this.usedBytes),
      "aof-base": "0",
    });
  }

  private *write(bytes: Uint8Array): Proc<boolean> {
    const { sys } = this.c;
    const pid = yield* sys.getpid();
    const temporary = `temp-${pid}.rdb`;
    try {
      yield* writeFile(sys, temporary, bytes, 0o644);
      yield* rename(sys, temporary, this.file);
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.log(
        pid === this.pid ? "M" : "C",
        "warning",
        `Failed opening the temp RDB file ${temporary} (in server root dir ${yield* sys.getcwd()}) for saving: ${e.message}`,
        pid,
      );
      yield* optional(unlink(sys, temporary), [e]);
      return false;
    }
  }

  /** SAVE */
  *save(): Proc<boolean> {
    if (this.savingPid !== 0) throw new ReplyError("ERR Background save already in progress");
    if (!(yield* this.write(yield* this.image()))) return false;
    yield* this.log("M", "notice", "DB saved on disk");
    this.dirty = 0;
    this.lastSaveSec = Math.floor(yield* clock(this.c.sys));
    this.lastSaveOk = true;
    return true;
  }

  /** BGSAVE: a child writes what there is now. */
  *saveInBackground(): Proc<Reply> {
    if (this.savingPid !== 0) throw new ReplyError("ERR Background save already in progress");
    const { sys } = this.c;
    const bytes = yield* this.image();
    this.savedDirty = this.dirty;
    this.savingPid = yield* sys.fork(
      function* (this: RedisServer): Proc<number> {
        if (!(yield* this.write(bytes))) return 1;
        const pid = yield* sys.getpid();
        yield* this.log("C", "notice", "DB saved on disk", pid);
        yield* this.log("C", "notice", "Fork CoW for RDB: current 0 MB, peak 0 MB, average 0 MB", pid);
        return 0;
      }.bind(this),
    );
    yield* this.log("M", "notice", `Background saving started by pid ${this.savingPid}`);
    return new Status("Background saving started");
  }

  private *reap(): Proc<void> {
    const ended = yield* optional(this.c.sys.wait4(-1, WNOHANG), [ECHILD]);
    if (ended === undefined || ended.pid !== this.savingPid) return;
    this.savingPid = 0;
    this.lastSaveOk = wExitStatus(ended.status) === 0;
    this.lastSaveSec = Math.floor(yield* clock(this.c.sys));
    if (!this.lastSaveOk) return yield* this.log("M", "warning", "Background saving error");
    this.dirty -= this.savedDirty;
    yield* this.log("M", "notice", "Background saving terminated with success");
  }

  /** Ends the server; comes back only where the data cannot be saved. `mode`: SAVE, NOSAVE, or as configured. */
  *shutdown(mode: "SAVE" | "NOSAVE" | undefined): Proc<void> {
    yield* this.log("M", "notice", "User requested shutdown...");
    if (mode === "SAVE" || (mode === undefined && this.config.savePoints.length > 0)) {
      yield* this.log("M", "notice", "Saving the final RDB snapshot before exiting.");
      if (this.savingPid !== 0) {
        yield* optional(this.c.sys.kill(this.savingPid, SIGTERM));
        this.savingPid = 0;
      }
      if (!(yield* this.save())) {
        yield* this.log("M", "warning", "Error trying to save the DB, can't exit.");
        return yield* this.log("M", "warning", "Errors trying to shut down the server. Check the logs for more information.");
      }
    }
    yield* this.log("M", "warning", "Redis is now ready to exit, bye bye...");
    yield* this.c.sys.rt_sigprocmask(SIG_SETMASK, 0n);
    throw new Exit(0);
  }
}
