/**
 * nginx 1.27: a master process and its workers, which serve files over HTTP/1.1. Signals, options and messages as nginx(8) has them.
 *
 * Differs from Linux: a worker has a thread (in a container of Docker, a process) for each connection instead of one loop for all; what is not built (proxying, TLS, rewriting) is refused by
 * the name of its directive. Left out: -p, -e, upgrading the binary.
 */

import { ECHILD, EINTR, ENOSYS, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_APPEND, O_CLOEXEC, O_CREAT, O_RDWR, O_WRONLY } from "../../abi/fcntl.ts";
import { formatIpv4, INADDR_ANY, parseIpv4 } from "../../abi/inet.ts";
import {
  CLONE_FILES,
  CLONE_FS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VM,
  PR_SET_NAME,
  PR_SET_PDEATHSIG,
} from "../../abi/sched.ts";
import { SIG_BLOCK, SIG_IGN, SIG_SETMASK, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, sigBit } from "../../abi/signal.ts";
import { AF_INET, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET, type SocketAddress } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { WNOHANG, wExitStatus } from "../../abi/wait.ts";
import { clock } from "../libc/clock.ts";
import { type Command, command } from "../libc/command.ts";
import { inetAddress, SocketStream } from "../libc/inet.ts";
import { getgrnam, getpwnam } from "../libc/passwd.ts";
import { writeAll } from "../libc/stdio.ts";
import { strftime } from "../libc/strftime.ts";
import { optional, readText, unlink, writeFile } from "../libc/unistd.ts";
import { HttpConnection, type Logs, NGINX } from "./answer.ts";
import { ConfigError, type Directive, readConfig } from "./config.ts";
import { type Site, understand } from "./site.ts";

const CONF = "/etc/nginx/nginx.conf";
const BACKLOG = 511;

const usage = `nginx version: ${NGINX}
Usage: nginx [-?hvVtTq] [-s signal] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -c filename   : set configuration file (default: ${CONF})
  -g directives : set global directives out of configuration file
`;

interface Options {
  conf: string;
  globals: string;
  test: boolean;
  quiet: boolean;
  signal: string | undefined;
}

interface Listener {
  readonly fd: number;
  readonly port: number;
}

const SIGNALS: Readonly<Record<string, number>> = { stop: SIGTERM, quit: SIGQUIT, reopen: SIGUSR1, reload: SIGHUP };

function* emerg(c: Command, message: string): Proc<never> {
  return yield* c.fail(`[emerg] ${message}`);
}

/** nginx's own way with options: letters in one word, a value behind its letter or in the next word. */
function* readOptions(c: Command): Proc<Options | number> {
  const o: Options = { conf: CONF, globals: "", test: false, quiet: false, signal: undefined };
  for (let i = 0; i < c.args.length; i++) {
    const word = c.args[i] as string;
    if (!word.startsWith("-")) return yield* c.fail(`invalid option: "${word}"`);
    for (let k = 1; k < word.length; k++) {
      const letter = word[k] as string;
      if ("cgs".includes(letter)) {
        const value = word.slice(k + 1) || c.args[++i];
        if (value === undefined) return yield* c.fail(`option "-${letter}" requires ${letter === "c" ? "file name" : "parameter"}`);
        if (letter === "c") o.conf = value.startsWith("/") ? value : `/etc/nginx/${value}`;
        else if (letter === "g") o.globals = value;
        else if (SIGNALS[value] === undefined) return yield* c.fail(`invalid option: "-s ${value}"`);
        else o.signal = value;
        break;
      }
      if (letter === "v" || letter === "V") {
        yield* c.eprint(
          `nginx version: ${NGINX}\n${letter === "V" ? "configure arguments: --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx\n" : ""}`,
        );
        return 0;
      }
      if (letter === "h" || letter === "?") {
        yield* c.eprint(usage);
        return 0;
      }
      if (letter === "t") o.test = true;
      else if (letter === "q") o.quiet = true;
      else return yield* c.fail(letter === "T" ? 'option "-T" is not in Drydock yet' : `invalid option: "${letter}"`);
    }
  }
  return o;
}

function* load(sys: Sys, o: Options): Proc<Site> {
  return understand(yield* readConfig(sys, o.conf), parseGlobals(o.globals));
}

/** `daemon off; worker_processes 2;` */
function parseGlobals(text: string): Directive[] {
  return text
    .split(";")
    .map((part) => part.trim().split(/\s+/))
    .filter(([name]) => name !== undefined && name !== "")
    .map(([name = "", ...args]) => ({ name, args, block: undefined, place: " in command line" }));
}

class Nginx {
  private listeners: Listener[] = [];
  private accessFd: number | undefined;
  private errorFd = 2;
  private readonly workers = new Set<number>();
  private readonly pending = new Set<number>();
  private connections = 0;

  constructor(
    private readonly c: Command,
    private readonly options: Options,
    private site: Site,
  ) {}

  *run(): Proc<number> {
    const { c, site } = this;
    yield* this.openLogs();
    yield* this.listen();
    if (!site.daemon) return yield* this.master();
    yield* c.sys.fork(
      function* (this: Nginx): Proc<number> {
        yield* c.sys.setsid();
        return yield* this.master();
      }.bind(this),
    );
    return 0;
  }

  private *openLogs(): Proc<void> {
    const { sys } = this.c;
    const openLog = function* (c: Command, path: string): Proc<number> {
      if (path === "stderr") return 2;
      try {
        return yield* sys.openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* emerg(c, `open() "${path}" failed (${e.code}: ${e.message})`);
      }
    };
    this.errorFd = yield* openLog(this.c, this.site.errorLog);
    this.accessFd = this.site.accessLog === undefined ? undefined : yield* openLog(this.c, this.site.accessLog);
  }

  /** Opens what the configuration listens on and is not open yet; closes what it has no more. */
  private *listen(): Proc<void> {
    const { sys } = this.c;
    const wanted = new Map<number, number>();
    for (const { listen } of this.site.servers)
      for (const { host, port } of listen) wanted.set(port, host === "" ? INADDR_ANY : (parseIpv4(host) ?? INADDR_ANY));
    for (const { fd, port } of this.listeners) if (!wanted.has(port)) yield* sys.close(fd);
    const listeners = this.listeners.filter(({ port }) => wanted.has(port));
    for (const [port, addr] of wanted) {
      if (listeners.some((l) => l.port === port)) continue;
      const fd = yield* sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      try {
        yield* sys.bind(fd, inetAddress(addr, port));
        yield* sys.listen(fd, BACKLOG);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* emerg(this.c, `bind() to ${formatIpv4(addr)}:${port} failed (${e.code}: ${e.message})`);
      }
      listeners.push({ fd, port });
    }
    this.listeners = listeners;
  }

  private *log(level: string, message: string, pid?: number): Proc<void> {
    const now = yield* clock(this.c.sys);
    const who = pid ?? (yield* this.c.sys.getpid());
    const time = strftime("%Y/%m/%d %H:%M:%S", { sec: Math.floor(now), nsec: 0 });
    yield* writeAll(this.c.sys, this.errorFd, encodeUtf8(`${time} [${level}] ${who}#${who}: ${message}\n`));
  }

  // ── The master ───────────────────────────────────────────────────────────────────────────────────────────────────

  private *master(): Proc<number> {
    const { sys } = this.c;
    const { release } = yield* sys.uname();
    let blocked = 0n;
    for (const sig of [SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1]) {
      blocked |= sigBit(sig);
      yield* sys.rt_sigaction(sig, { handler: () => this.noted(sig), flags: 0, mask: 0n });
    }
    const open = yield* sys.rt_sigprocmask(SIG_BLOCK, blocked);
    yield* writeFile(sys, this.site.pid, `${yield* sys.getpid()}\n`, 0o644);
    yield* this.log("notice", 'using the "epoll" event method');
    yield* this.log("notice", NGINX);
    yield* this.log("notice", `OS: Linux ${release}`);
    yield* this.startWorkers(open);
    for (;;) {
      try {
        yield* sys.rt_sigsuspend(open);
      } catch (e) {
        if (e !== EINTR) throw e;
      }
      for (const sig of [...this.pending]) {
        this.pending.delete(sig);
        if (sig === SIGTERM || sig === SIGINT || sig === SIGQUIT) return yield* this.stop(sig);
        if (sig === SIGHUP) yield* this.reload(open);
        else if (sig === SIGUSR1) {
          yield* this.log("notice", "reopening logs");
          yield* this.openLogs();
        } else yield* this.reap(open);
      }
    }
  }

  private *noted(sig: number): Proc<void> {
    this.pending.add(sig);
    // A handler takes no time of its own.
    yield* this.c.sys.spend(100);
  }

  private *startWorkers(mask: bigint): Proc<void> {
    const { sys } = this.c;
    const count = this.site.workers ?? (yield* sys.sched_getaffinity(0)).length;
    yield* this.log("notice", "start worker processes");
    for (let i = 0; i < count; i++) yield* this.startWorker(mask);
  }

  private *startWorker(mask: bigint): Proc<void> {
    const pid = yield* this.c.sys.fork(() => this.worker(mask));
    this.workers.add(pid);
    yield* this.log("notice", `start worker process ${pid}`);
  }

  /** A worker that died is replaced. */
  private *reap(mask: bigint): Proc<void> {
    for (const { pid, status } of yield* this.exited()) {
      if (!this.workers.delete(pid)) continue;
      yield* this.log("notice", `worker process ${pid} exited with code ${wExitStatus(status)}`);
      yield* this.startWorker(mask);
    }
  }

  private *exited(): Proc<{ pid: number; status: number }[]> {
    const all: { pid: number; status: number }[] = [];
    for (;;) {
      const result = yield* optional(this.c.sys.wait4(-1, WNOHANG), [ECHILD]);
      if (result === undefined || result.pid === 0) return all;
      all.push(result);
    }
  }

  private *reload(mask: bigint): Proc<void> {
    yield* this.log("notice", "signal 1 (SIGHUP) received, reconfiguring");
    try {
      const site = yield* load(this.c.sys, this.options);
      this.site = site;
      yield* this.openLogs();
      yield* this.listen();
    } catch (e) {
      if (!(e instanceof ConfigError)) throw e;
      return yield* this.log("emerg", e.message);
    }
    const old = [...this.workers];
    this.workers.clear();
    yield* this.startWorkers(mask);
    for (const pid of old) yield* optional(this.c.sys.kill(pid, SIGQUIT));
  }

  private *stop(sig: number): Proc<number> {
    const { sys } = this.c;
    const name =
      sig === SIGQUIT
        ? "3 (SIGQUIT) received, shutting down"
        : sig === SIGTERM
          ? "15 (SIGTERM) received, exiting"
          : "2 (SIGINT) received, exiting";
    yield* this.log("notice", `signal ${name}`);
    for (const pid of this.workers) yield* optional(sys.kill(pid, sig === SIGQUIT ? SIGQUIT : SIGTERM));
    while (this.workers.size > 0) {
      const { pid, status } = yield* sys.wait4(-1, 0);
      if (this.workers.delete(pid)) yield* this.log("notice", `worker process ${pid} exited with code ${wExitStatus(status)}`);
    }
    yield* this.log("notice", "exit");
    yield* optional(unlink(sys, this.site.pid));
    return 0;
  }

  // ── A worker ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *worker(mask: bigint): Proc<number> {
    const { sys } = this.c;
    yield* sys.rt_sigaction(SIGCHLD, { handler: SIG_IGN, flags: 0, mask: 0n });
    yield* sys.rt_sigaction(SIGHUP, { handler: SIG_IGN, flags: 0, mask: 0n });
    yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
    for (const sig of [SIGTERM, SIGINT, SIGQUIT]) yield* sys.rt_sigaction(sig, { handler: () => sys.exit_group(0), flags: 0, mask: 0n });
    yield* sys.prctl(PR_SET_NAME, "nginx");
    const user = yield* getpwnam(sys, this.site.user);
    const group = yield* getgrnam(sys, this.site.user);
    if ((yield* sys.geteuid()) === 0 && user !== undefined) {
      yield* sys.setgroups([group?.gid ?? user.gid]);
      yield* sys.setgid(group?.gid ?? user.gid);
      yield* sys.setuid(user.uid);
    }
    yield* sys.rt_sigprocmask(SIG_SETMASK, mask);
    const [first, ...others] = this.listeners;
    if (first === undefined) return yield* sys.pause();
    for (const listener of others) yield* this.thread(() => this.accept(listener));
    return yield* this.accept(first);
  }

  /** Starts a thread; or a process, where a filter says that there is no clone3(2), as Docker's does. It closes its copy of `fd` itself. */
  private *thread(body: () => Proc<number>, fd?: number): Proc<void> {
    const { sys } = this.c;
    try {
      yield* sys.clone3({ flags: CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM }, body);
    } catch (e) {
      if (e !== ENOSYS) throw e;
      yield* sys.fork(function* () {
        yield* sys.prctl(PR_SET_PDEATHSIG, SIGTERM);
        return yield* body();
      });
      if (fd !== undefined) yield* sys.close(fd);
    }
  }

  private *accept({ fd, port }: Listener): Proc<number> {
    const { sys } = this.c;
    for (;;) {
      let accepted: { readonly fd: number; readonly addr: SocketAddress };
      try {
        accepted = yield* sys.accept4(fd, SOCK_CLOEXEC);
      } catch (e) {
        if (e === EINTR) continue;
        throw e;
      }
      const { addr } = accepted;
      const peer = { addr: addr.family === AF_INET ? formatIpv4(addr.addr) : "unix:", port, number: ++this.connections };
      yield* this.thread(() => this.serve(accepted.fd, peer), accepted.fd);
    }
  }

  private *serve(fd: number, peer: { addr: string; port: number; number: number }): Proc<number> {
    const { sys } = this.c;
    const stream = new SocketStream(sys, fd);
    const { accessFd } = this;
    const logs: Logs = {
      access: (line) => (accessFd === undefined ? nothing() : writeAll(sys, accessFd, encodeUtf8(line))),
      error: (level, message) => this.log(level, message),
    };
    try {
      yield* new HttpConnection(sys, this.site, stream, peer, logs).serve();
    } catch (e) {
      // The client has gone.
      if (!(e instanceof Errno)) throw e;
    }
    yield* stream.close();
    return 0;
  }
}

function* nothing(): Proc<void> {}

/** -s: tells the master of a running nginx. */
function* signalMaster(c: Command, site: Site, name: string): Proc<number> {
  let pid = "";
  try {
    pid = (yield* readText(c.sys, site.pid)).trim();
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`[error] open() "${site.pid}" failed (${e.code}: ${e.message})`);
  }
  if (!/^\d+$/.test(pid)) return yield* c.fail(`[error] invalid PID number "${pid}" in "${site.pid}"`);
  try {
    yield* c.sys.kill(Number(pid), SIGNALS[name] as number);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* c.fail(`[alert] kill(${pid}, ${SIGNALS[name]}) failed (${e.code}: ${e.message})`);
  }
  return 0;
}

export const main = command({ help: usage }, function* (c) {
  const o = yield* readOptions(c);
  if (typeof o === "number") return o;
  let site: Site;
  try {
    site = yield* load(c.sys, o);
  } catch (e) {
    if (!(e instanceof ConfigError)) throw e;
    yield* c.eprint(`nginx: [emerg] ${e.message}\n`);
    if (o.test) yield* c.eprint(`nginx: configuration file ${o.conf} test failed\n`);
    return 1;
  }
  if (o.test) {
    // The pid file is opened to see whether it can be.
    yield* optional(c.sys.close(yield* c.sys.openat(AT_FDCWD, site.pid, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)));
    if (!o.quiet)
      yield* c.eprint(`nginx: the configuration file ${o.conf} syntax is ok\nnginx: configuration file ${o.conf} test is successful\n`);
    return 0;
  }
  if (o.signal !== undefined) return yield* signalMaster(c, site, o.signal);
  return yield* new Nginx(c, o, site).run();
});
