/**
 * PID 1. Mounts the kernel's filesystems, names the host, reaps orphans for ever, and starts a login on every terminal that is plugged in;
 * after the first login it sets up the network and starts the services that are enabled (`libc/service.ts`), so that nobody waits for them. Stands for
 * systemd or sysvinit with agetty(8) and login(1).
 *
 * What is outside the machine speaks through two "virtio ports": lines `open N` on /dev/vport0p1 ask for a login on
 * /dev/pts/N, answered by `closed N` when it ends; `agent` on /dev/vport0p2 asks for a shell that takes scripts from
 * /dev/vport0p5, answered by `closed agent STATUS`. Left out: run levels, utmp.
 */

import { EBUSY, ECHILD, EEXIST, EINTR, EINVAL, EIO, ENODEV, ENOENT, ENXIO, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, O_RDWR, O_WRONLY } from "../../abi/fcntl.ts";
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_REC, MS_RELATIME, MS_SHARED } from "../../abi/mount.ts";
import { POLLIN, type PollFd } from "../../abi/poll.ts";
import { SA_NOCLDSTOP, SIG_BLOCK, SIG_SETMASK, SIGCHLD, sigSet } from "../../abi/signal.ts";
import { AF_UNIX, MSG_DONTWAIT, SO_PASSCRED, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from "../../abi/socket.ts";
import type { Timespec } from "../../abi/stat.ts";
import type { Env, Proc, Program, Sys } from "../../abi/sys.ts";
import { CLOCK_MONOTONIC, NS_PER_SEC } from "../../abi/time.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { wExitStatus, wIfExited, WNOHANG, wTermSig } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { bringUpNetwork } from "../libc/ifup.ts";
import { getgrnam, getpwnam } from "../libc/passwd.ts";
import { becomeUnit, enabledSockets, enabledUnits, findUnit, markReady, NOTIFY_SOCKET, type SocketUnit } from "../libc/service.ts";
import { writeAll } from "../libc/stdio.ts";
import { DEFAULT_PATH, mkdir, open, optional, readText, stat, unlink } from "../libc/unistd.ts";

interface Filesystem {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags: number;
  readonly data: string;
}

/** As systemd mounts them, in this order; after that it makes all of them shared. */
const filesystems: readonly Filesystem[] = [
  { source: "proc", target: "/proc", type: "proc", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, data: "" },
  { source: "sysfs", target: "/sys", type: "sysfs", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, data: "" },
  { source: "udev", target: "/dev", type: "devtmpfs", flags: MS_NOSUID | MS_RELATIME, data: "mode=755" },
  { source: "devpts", target: "/dev/pts", type: "devpts", flags: MS_NOSUID | MS_NOEXEC | MS_RELATIME, data: "gid=5,mode=620,ptmxmode=000" },
  { source: "tmpfs", target: "/dev/shm", type: "tmpfs", flags: MS_NOSUID | MS_NODEV, data: "" },
  { source: "tmpfs", target: "/run", type: "tmpfs", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, data: "mode=755" },
  { source: "tmpfs", target: "/run/lock", type: "tmpfs", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, data: "" },
  {
    source: "cgroup2",
    target: "/sys/fs/cgroup",
    type: "cgroup2",
    flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME,
    data: "nsdelegate,memory_recursiveprot",
  },
  { source: "mqueue", target: "/dev/mqueue", type: "mqueue", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, data: "" },
  { source: "tmpfs", target: "/tmp", type: "tmpfs", flags: MS_NOSUID | MS_NODEV, data: "" },
];

/** The mount points and filesystem types that there are already; none before /proc is there. */
function* mountedTargets(sys: Sys): Proc<ReadonlySet<string>> {
  const mounts = yield* optional(readText(sys, "/proc/self/mounts"));
  return new Set((mounts ?? "").split("\n").map((line) => line.split(" ")[1] ?? ""));
}

function* mountAll(sys: Sys): Proc<void> {
  for (const fs of filesystems) {
    if ((yield* mountedTargets(sys)).has(fs.target)) continue;
    try {
      yield* mkdir(sys, fs.target, 0o755);
    } catch (e) {
      // It exists, or nothing can be made there: mount tells.
      if (!(e instanceof Errno)) throw e;
    }
    try {
      yield* sys.mount(fs.source, fs.target, fs.type, fs.flags, fs.data);
    } catch (e) {
      // A kernel without this filesystem.
      if (e !== ENODEV && e !== ENOENT && e !== EBUSY && e !== EINVAL) throw e;
    }
  }
}

/** The kernel starts init without descriptors here, so what would be the console is opened when /dev is there. */
function* openStandard(sys: Sys): Proc<void> {
  for (;;) {
    const fd = (yield* optional(open(sys, "/dev/console", O_RDWR), CLOSED)) ?? (yield* optional(open(sys, "/dev/null", O_RDWR), CLOSED));
    if (fd === undefined) return;
    if (fd <= 2) continue;
    yield* sys.close(fd);
    return;
  }
}

/** Why there may be no console. */
const CLOSED = [ENOENT, ENODEV, ENXIO, EIO];

function* nameHost(sys: Sys): Proc<void> {
  const name = (yield* optional(readText(sys, "/etc/hostname")))?.trim();
  if (name !== undefined && name !== "") yield* sys.sethostname(name);
}

/** The environment that login(1) makes for `user`. */
function* loginEnv(sys: Sys, user: string): Proc<Env> {
  const entry = yield* getpwnam(sys, user);
  const home = entry?.dir ?? "/";
  const env: Env = new Map([
    ["HOME", home],
    ["LANG", "C.UTF-8"],
    ["LOGNAME", user],
    ["PATH", DEFAULT_PATH],
    ["SHELL", entry?.shell ?? "/bin/sh"],
    ["TERM", "xterm-256color"],
    ["USER", user],
  ]);
  try {
    yield* sys.chdir(home);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* sys.chdir("/");
  }
  return env;
}

/** In the child: opens `path` as descriptor `fd`. */
function* openAs(sys: Sys, fd: number, path: string, flags: number): Proc<void> {
  const got = yield* open(sys, path, flags);
  if (got === fd) return;
  yield* sys.dup2(got, fd);
  yield* sys.close(got);
}

/** In the child: what agetty and login do between them. */
function* login(sys: Sys, terminal: number): Proc<number> {
  yield* sys.setsid();
  const fd = yield* open(sys, `/dev/pts/${terminal}`, O_RDWR);
  yield* sys.ioctl(fd, "TIOCSCTTY", 0);
  for (const std of [0, 1, 2]) yield* sys.dup2(fd, std);
  if (fd > 2) yield* sys.close(fd);
  const env = yield* loginEnv(sys, "root");
  const motd = yield* optional(readText(sys, "/etc/motd"));
  const hush = yield* optional(stat(sys, `${env.get("HOME")}/.hushlogin`));
  if (motd !== undefined && hush === undefined) yield* writeAll(sys, 1, encodeUtf8(motd));
  const shell = env.get("SHELL") ?? "/bin/sh";
  return yield* sys.execve(shell, [`-${shell.slice(shell.lastIndexOf("/") + 1)}`], env);
}

/** In the child: a shell that takes its scripts from outside. */
function* agent(sys: Sys): Proc<number> {
  yield* sys.setsid();
  yield* openAs(sys, 0, "/dev/null", O_RDONLY);
  yield* openAs(sys, 1, "/dev/vport0p3", O_WRONLY);
  yield* openAs(sys, 2, "/dev/vport0p4", O_WRONLY);
  yield* openAs(sys, 3, "/dev/vport0p5", O_RDWR);
  const env = yield* loginEnv(sys, "root");
  return yield* sys.execve("/usr/bin/bash", ["bash", "--agent", "3", "-l"], env);
}

/** A port from outside: whole lines come in, whole lines go out. */
class Port {
  private partial = "";
  private readonly buf = new Uint8Array(512);

  constructor(
    private readonly sys: Sys,
    readonly fd: number,
  ) {}

  /** The lines that have come in; undefined when the other side is gone. */
  *lines(): Proc<string[] | undefined> {
    const n = yield* this.sys.read(this.fd, this.buf);
    if (n === 0) return undefined;
    const parts = (this.partial + decodeUtf8(this.buf, 0, n)).split("\n");
    this.partial = parts.pop() ?? "";
    return parts;
  }

  *say(line: string): Proc<void> {
    yield* writeAll(this.sys, this.fd, encodeUtf8(`${line}\n`));
  }
}

function* openPort(sys: Sys, path: string): Proc<Port | undefined> {
  const fd = yield* optional(open(sys, path, O_RDWR | O_CLOEXEC));
  return fd === undefined ? undefined : new Port(sys, fd);
}

function* bound(sys: Sys, type: number, path: string, mode: number): Proc<number> {
  const fd = yield* sys.socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  yield* optional(unlink(sys, path));
  yield* sys.bind(fd, { family: AF_UNIX, path });
  yield* sys.fchmodat(AT_FDCWD, path, mode);
  return fd;
}

const LISTEN_BACKLOG = 4096;

/** From the first login to the start of services. */
const SERVICES_AFTER_NS = 200e6;

class Init {
  /** What runs for the world outside: PID → how to say that it ended. */
  private readonly sessions = new Map<number, { readonly port: Port; readonly name: string }>();

  /** CLOCK_MONOTONIC; undefined while nobody has logged in, Infinity once they have been started. */
  private servicesDueNs: number | undefined;
  private networkIsUp = false;
  /** Listening for services, by descriptor. */
  private readonly sockets = new Map<number, SocketUnit>();
  /** Services that were started by a connection: PID → the socket that nobody but they accept from while they run. */
  private readonly services = new Map<number, number>();
  /** Where services tell that they are ready. */
  private notify: number | undefined;

  constructor(private readonly sys: Sys) {}

  *run(): Proc<never> {
    const { sys } = this;
    yield* sys.rt_sigprocmask(SIG_BLOCK, sigSet(SIGCHLD));
    // Signals that have no handler do not reach PID 1. SIGCHLD has one, so that it ends ppoll, where alone it is let in.
    yield* sys.rt_sigaction(SIGCHLD, { handler: function* () {}, flags: SA_NOCLDSTOP, mask: 0n });
    yield* mountAll(sys);
    yield* sys.mount("none", "/", "", MS_SHARED | MS_REC, "");
    yield* openStandard(sys);
    yield* nameHost(sys);
    const terminals = yield* openPort(sys, "/dev/vport0p1");
    const agents = yield* openPort(sys, "/dev/vport0p2");
    let ports = [terminals, agents].filter((port) => port !== undefined);
    for (;;) {
      yield* this.reap();
      const fds: PollFd[] = [...ports.map((port) => port.fd), ...this.listening()].map((fd) => ({ fd, events: POLLIN, revents: 0 }));
      try {
        const ready = yield* sys.ppoll(fds, yield* this.untilServices(), 0n);
        if (ready === 0) {
          yield* this.startServices();
          continue;
        }
      } catch (e) {
        if (e !== EINTR) throw e;
        continue;
      }
      for (const [i, polled] of fds.entries()) {
        if (polled.revents === 0) continue;
        const port = ports[i];
        if (port === undefined) {
          yield* this.serveSocket(polled.fd);
          continue;
        }
        const lines = yield* port.lines();
        if (lines === undefined) ports = ports.filter((other) => other !== port);
        else for (const line of lines) yield* this.serve(port, line);
      }
    }
  }

  private *serve(port: Port, line: string): Proc<void> {
    const terminal = /^open ([0-9]+)$/.exec(line)?.[1];
    if (terminal !== undefined) yield* this.spawn(port, terminal, () => login(this.sys, Number(terminal)));
    else if (line === "agent") {
      // Scripts count on a network; nobody looks at their prompt.
      yield* this.requireNetwork();
      yield* this.listen();
      yield* this.spawn(port, "agent", () => agent(this.sys));
    }
  }

  /** The time until services are to be started; undefined if nothing is to be done. */
  private *untilServices(): Proc<Timespec | undefined> {
    const dueNs = this.servicesDueNs ?? Number.POSITIVE_INFINITY;
    if (dueNs === Number.POSITIVE_INFINITY) return undefined;
    return { sec: 0, nsec: Math.max(0, dueNs - (yield* this.nowNs())) };
  }

  private *nowNs(): Proc<number> {
    const { sec, nsec } = yield* this.sys.clock_gettime(CLOCK_MONOTONIC);
    return sec * NS_PER_SEC + nsec;
  }

  private *requireNetwork(): Proc<void> {
    if (this.networkIsUp) return;
    this.networkIsUp = true;
    yield* bringUpNetwork(this.sys);
  }

  /** What is enabled starts once someone has a prompt, the network first. In the page, its code comes at that time too. */
  private *startServices(): Proc<void> {
    const { sys } = this;
    this.servicesDueNs = Number.POSITIVE_INFINITY;
    yield* this.requireNetwork();
    yield* this.listen();
    for (const name of yield* enabledUnits(sys)) {
      const socket = [...this.sockets].find(([, { service }]) => service === name)?.[0];
      const unit = yield* findUnit(sys, name);
      if (socket !== undefined) yield* this.serveSocket(socket);
      else if (unit !== undefined) yield* sys.fork(() => becomeUnit(sys, unit));
    }
  }

  /** Opens the sockets of services that start when somebody connects: systemd.socket(5). */
  private *listen(): Proc<void> {
    const { sys } = this;
    if (this.notify !== undefined) return;
    const units = yield* enabledSockets(sys);
    if (units.length === 0) return;
    yield* optional(mkdir(sys, "/run/systemd", 0o755), [EEXIST]);
    this.notify = yield* bound(sys, SOCK_DGRAM, NOTIFY_SOCKET, 0o777);
    yield* sys.setsockopt(this.notify, SOL_SOCKET, SO_PASSCRED, 1);
    for (const unit of units) {
      const fd = yield* bound(sys, SOCK_STREAM, unit.path, unit.mode);
      const group = yield* getgrnam(sys, unit.group);
      if (group !== undefined) yield* sys.fchownat(AT_FDCWD, unit.path, 0, group.gid, 0);
      yield* sys.listen(fd, LISTEN_BACKLOG);
      this.sockets.set(fd, unit);
    }
  }

  /** Sockets that are to be looked at: not those whose service runs, which accepts by itself. */
  private listening(): number[] {
    if (this.notify === undefined) return [];
    const taken = new Set(this.services.values());
    return [this.notify, ...[...this.sockets.keys()].filter((fd) => !taken.has(fd))];
  }

  private *serveSocket(fd: number): Proc<void> {
    const { sys } = this;
    if (fd === this.notify) {
      const { creds } = yield* sys.recvmsg(fd, new Uint8Array(512), MSG_DONTWAIT);
      const socket = this.services.get(creds?.pid ?? 0);
      const unit = socket === undefined ? undefined : yield* findUnit(sys, this.sockets.get(socket)?.service ?? "");
      if (unit !== undefined) yield* markReady(sys, unit);
      return;
    }
    const unit = yield* findUnit(sys, this.sockets.get(fd)?.service ?? "");
    if (unit === undefined) return;
    const pid = yield* sys.fork(() => becomeUnit(sys, unit, { notifySocket: NOTIFY_SOCKET, listener: fd }));
    this.services.set(pid, fd);
  }

  private *spawn(port: Port, name: string, body: () => Proc<number>): Proc<void> {
    const { sys } = this;
    const pid = yield* sys.fork(function* () {
      yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
      try {
        return yield* body();
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* writeAll(sys, 2, encodeUtf8(`init: ${name}: ${e.message}\n`));
        return 1;
      }
    });
    this.sessions.set(pid, { port, name });
    this.servicesDueNs ??= (yield* this.nowNs()) + SERVICES_AFTER_NS;
  }

  /** Waits for every child that has ended. */
  private *reap(): Proc<void> {
    for (;;) {
      let pid: number;
      let status: number;
      try {
        ({ pid, status } = yield* this.sys.wait4(-1, WNOHANG));
      } catch (e) {
        if (e === ECHILD) return;
        throw e;
      }
      if (pid === 0) return;
      this.services.delete(pid);
      const session = this.sessions.get(pid);
      if (session === undefined) continue;
      this.sessions.delete(pid);
      const code = wIfExited(status) ? wExitStatus(status) : 128 + wTermSig(status);
      yield* session.port.say(session.name === "agent" ? `closed agent ${code}` : `closed ${session.name}`);
    }
  }
}

const main: Program = function* (sys, argv) {
  if ((yield* sys.getpid()) !== 1) {
    const name = argv[0] ?? "init";
    yield* writeAll(sys, 2, encodeUtf8(`${name.slice(name.lastIndexOf("/") + 1)}: must be run as PID 1\n`));
    return 1;
  }
  return yield* new Init(sys).run();
};

export const init: Executable = { name: "init", main, paths: ["/usr/sbin/init"], sizeBytes: 92544, applet: "/sbin/init" };
