/** The socket addresses of socat(1): TCP, UDP and UNIX, calling and listening. Left out: IPv6, SCTP, TLS, proxies, SOCKS, ranges and tcpwrap. */

import { EEXIST, ENOENT, Errno, ETIMEDOUT } from "../../abi/errno.ts";
import { INADDR_ANY } from "../../abi/inet.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SA_RESTART, SIGCHLD } from "../../abi/signal.ts";
import {
  AF_INET,
  AF_UNIX,
  MSG_PEEK,
  SO_BINDTODEVICE,
  SO_BROADCAST,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOCK_STREAM,
  type SocketAddress,
  SOL_SOCKET,
  SOL_TCP,
} from "../../abi/socket.ts";
import { TCP_NODELAY } from "../../abi/sockopt.ts";
import type { Proc } from "../../abi/sys.ts";
import { WNOHANG } from "../../abi/wait.ts";
import { connectFd, inetAddress } from "../libc/inet.ts";
import { GaiError, getHostIpv4, getPort } from "../libc/netdb.ts";
import { lstat, optional, unlink } from "../libc/unistd.ts";
import { type Address, isOn } from "./address.ts";
import { addressSize, type Channel, highFd, must, showAddress, type Then } from "./channel.ts";
import type { Log } from "./log.ts";

type Protocol = "tcp" | "udp";

function* hostAddr(log: Log, host: string, protocol: Protocol): Proc<number> {
  try {
    return (yield* getHostIpv4(log.c.sys, host)).addresses[0] as number;
  } catch (e) {
    if (!(e instanceof GaiError)) throw e;
    const hints = protocol === "tcp" ? "{1,0,1,6}" : "{1,0,2,17}";
    return yield* log.fail(`getaddrinfo("${host}", "NULL", ${hints}, {}): ${e.message}`);
  }
}

function* portNumber(log: Log, text: string, protocol: Protocol): Proc<number> {
  if (/^\d+$/.test(text)) return Number(text) & 0xffff;
  const port = yield* getPort(log.c.sys, text, protocol);
  const hints = protocol === "tcp" ? "{1,2,1,0}" : "{1,2,2,0}";
  return port ?? (yield* log.fail(`getaddrinfo"NULL", "${text}", ${hints}, {}): Servname not supported for ai_socktype`));
}

function* setOptions(log: Log, address: Address, fd: number): Proc<void> {
  const { sys } = log.c;
  for (const [name, option] of [
    ["reuseaddr", SO_REUSEADDR],
    ["reuseport", SO_REUSEPORT],
    ["keepalive", SO_KEEPALIVE],
    ["broadcast", SO_BROADCAST],
  ] as const)
    if (isOn(address, name)) yield* must(log, `setsockopt(${fd}, 1, ${option}, 1)`, sys.setsockopt(fd, SOL_SOCKET, option, 1));
  if (isOn(address, "nodelay")) yield* must(log, `setsockopt(${fd}, 6, 1, 1)`, sys.setsockopt(fd, SOL_TCP, TCP_NODELAY, 1));
  const device = address.options.get("bindtodevice");
  if (device !== undefined)
    yield* must(log, `setsockopt(${fd}, 1, 25, "${device}")`, sys.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device));
}

function* newSocket(log: Log, address: Address, family: number, type: number): Proc<number> {
  const fd = yield* highFd(log, yield* must(log, `socket(${family}, ${type}, 0)`, log.c.sys.socket(family, type, 0)));
  if (family === AF_INET) yield* setOptions(log, address, fd);
  return fd;
}

/** What the options `bind` and `sourceport` ask for. */
function* ownAddress(log: Log, { options }: Address, protocol: Protocol): Proc<SocketAddress | undefined> {
  const bound = options.get("bind");
  const source = options.get("sourceport");
  if (bound === undefined && source === undefined) return undefined;
  const [host = "", port] = (bound ?? "").split(":");
  const addr = host === "" ? INADDR_ANY : yield* hostAddr(log, host, protocol);
  return inetAddress(addr, yield* portNumber(log, source ?? port ?? "0", protocol));
}

function* bindTo(log: Log, fd: number, own: SocketAddress | undefined): Proc<void> {
  if (own !== undefined) yield* must(log, `bind(${fd}, {${showAddress(own)}}, ${addressSize(own)})`, log.c.sys.bind(fd, own));
}

const seconds = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text) || 0);

/** connect(2) as often as the options say. */
function* callOut(
  log: Log,
  address: Address,
  family: number,
  type: number,
  to: SocketAddress,
  own: SocketAddress | undefined,
): Proc<number> {
  const { sys } = log.c;
  const forever = isOn(address, "forever");
  const timeoutSec = seconds(address.options.get("connect-timeout"));
  for (let left = seconds(address.options.get("retry")) ?? 0; ; left--) {
    const fd = yield* newSocket(log, address, family, type);
    yield* bindTo(log, fd, own);
    if (type === SOCK_STREAM) yield* log.say("N", `opening connection to ${showAddress(to)}`);
    try {
      yield* connectFd(sys, fd, to, timeoutSec === undefined ? undefined : timeoutSec * 1000);
      if (type === SOCK_STREAM) yield* log.say("N", `successfully connected from local address ${showAddress(yield* sys.getsockname(fd))}`);
      return fd;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      const shown =
        family === AF_UNIX ? `connect(, ${showAddress(to)}, ${addressSize(to)})` : `connect(${fd}, ${showAddress(to)}, ${addressSize(to)})`;
      const text = `${shown}: ${(e === ETIMEDOUT && timeoutSec !== undefined ? ETIMEDOUT : e).message}`;
      if (left <= 0 && !forever) return yield* log.fail(text);
      yield* log.say("N", text);
      yield* sys.close(fd);
    }
    yield* sys.nanosleep((seconds(address.options.get("interval")) ?? 1) * 1e9);
  }
}

const socketChannel = (fd: number, undo?: () => Proc<void>): Channel => ({
  ...{ read: fd, write: fd, end: "shutdown" },
  ...(undo === undefined ? {} : { undo }),
});

/** Children that have ended are no longer waited for by anybody else. */
function* reapChildren(log: Log): Proc<void> {
  const { sys } = log.c;
  yield* sys.rt_sigaction(SIGCHLD, {
    *handler() {
      try {
        while ((yield* sys.wait4(-1, WNOHANG)).pid > 0);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
      yield* log.say("N", "childdied(): handling signal 17");
    },
    flags: SA_RESTART,
    mask: 0n,
  });
}

/** Runs `body` in a child, where children of its own are waited for as usual. */
export function* inChild(log: Log, body: () => Proc<number>): Proc<number> {
  const { sys } = log.c;
  const pid = yield* sys.fork(function* () {
    yield* sys.rt_sigaction(SIGCHLD, { handler: "SIG_DFL", flags: 0, mask: 0n });
    return yield* body();
  });
  yield* log.say("N", `forked off child process ${pid}`);
  return pid;
}

/** Waits for calls at a listening socket; with `fork` each gets a child. */
function* serve(log: Log, address: Address, fd: number, own: SocketAddress, then: Then, undo?: () => Proc<void>): Proc<number> {
  const { sys } = log.c;
  const forks = isOn(address, "fork");
  const limitSec = seconds(address.options.get("accept-timeout"));
  if (forks) yield* reapChildren(log);
  for (;;) {
    yield* log.say("N", `listening on ${showAddress(own)}`);
    if (limitSec !== undefined && (yield* sys.poll([{ fd, events: POLLIN, revents: 0 }], limitSec * 1000)) === 0) {
      yield* log.say("W", `accept: ${ETIMEDOUT.message}`);
      return 0;
    }
    const { fd: low, addr } = yield* must(log, `accept(${fd})`, sys.accept4(fd, 0));
    const conn = yield* highFd(log, low);
    yield* log.say(
      "N",
      `accepting connection from ${showAddress(addr)} on ${showAddress(own.family === AF_INET ? yield* sys.getsockname(conn) : own)}`,
    );
    if (!forks) {
      yield* sys.close(fd);
      return yield* then(socketChannel(conn, undo));
    }
    yield* inChild(log, function* () {
      yield* sys.close(fd);
      return yield* then(socketChannel(conn));
    });
    yield* sys.close(conn);
  }
}

function* tcpListen(log: Log, address: Address, then: Then): Proc<number> {
  const fd = yield* newSocket(log, address, AF_INET, SOCK_STREAM);
  const asked = yield* ownAddress(log, address, "tcp");
  const port = yield* portNumber(log, address.parameters[0] ?? "", "tcp");
  const own = inetAddress(asked?.family === AF_INET ? asked.addr : INADDR_ANY, port);
  yield* bindTo(log, fd, own);
  yield* must(log, `listen(${fd}, 5)`, log.c.sys.listen(fd, seconds(address.options.get("backlog")) ?? 5));
  return yield* serve(log, address, fd, own, then);
}

const unixPath = (address: Address, path: string): SocketAddress => ({
  family: AF_UNIX,
  path: address.kind.startsWith("abstract") ? `\0${path}` : path,
});

/** Binds a name, which goes at the end. */
function* bindPath(log: Log, address: Address, fd: number, path: string): Proc<(() => Proc<void>) | undefined> {
  const { sys } = log.c;
  if (isOn(address, "unlink-early")) yield* optional(unlink(sys, path), [ENOENT]);
  else if ((yield* optional(lstat(sys, path))) !== undefined) yield* log.fail(`"${path}" exists`);
  yield* must(log, `bind(${fd}, {AF=1 "${path}"}, ${path.length + 2})`, sys.bind(fd, { family: AF_UNIX, path }));
  const mode = address.options.get("mode");
  if (mode !== undefined) yield* sys.fchmodat(-100, path, Number.parseInt(mode, 8));
  if (address.options.get("unlink-close") === "0") return undefined;
  return function* () {
    yield* optional(unlink(sys, path), [ENOENT, EEXIST]);
  };
}

function* unixListen(log: Log, address: Address, then: Then, onExit: (undo: () => Proc<void>) => Proc<void>): Proc<number> {
  const [path = ""] = address.parameters;
  const own = unixPath(address, path);
  const fd = yield* newSocket(log, address, AF_UNIX, SOCK_STREAM);
  let undo: (() => Proc<void>) | undefined;
  if (address.kind === "abstract-listen") yield* bindTo(log, fd, own);
  else {
    undo = yield* bindPath(log, address, fd, path);
    if (undo !== undefined) yield* onExit(undo);
  }
  yield* must(log, `listen(${fd}, 5)`, log.c.sys.listen(fd, seconds(address.options.get("backlog")) ?? 5));
  return yield* serve(log, address, fd, own, then, undo);
}

/** Waits for a datagram, and then speaks with whoever sent it. */
function* udpListen(log: Log, address: Address, then: Then): Proc<number> {
  const { sys } = log.c;
  const asked = yield* ownAddress(log, address, "udp");
  const port = yield* portNumber(log, address.parameters[0] ?? "", "udp");
  const own = inetAddress(asked?.family === AF_INET ? asked.addr : INADDR_ANY, port);
  const forks = isOn(address, "fork");
  if (forks) yield* reapChildren(log);
  for (;;) {
    const fd = yield* newSocket(log, address, AF_INET, SOCK_DGRAM);
    if (forks) yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    yield* bindTo(log, fd, own);
    yield* log.say("N", `listening on UDP ${showAddress(own)}`);
    const { from } = yield* sys.recvmsg(fd, new Uint8Array(1), MSG_PEEK);
    if (from === undefined) return 1;
    yield* log.say("N", `accepting UDP connection from ${showAddress(from)}`);
    yield* must(log, `connect(${fd}, {${showAddress(from)}}, 16)`, sys.connect(fd, from));
    const channel: Channel = { read: fd, write: fd, end: "none" };
    if (!forks) return yield* then(channel);
    yield* inChild(log, () => then(channel));
    yield* sys.close(fd);
  }
}

/** One datagram a process: RECVFROM answers its sender. */
function* udpReceiveFrom(log: Log, address: Address, then: Then): Proc<number> {
  const { sys } = log.c;
  const fd = yield* newSocket(log, address, AF_INET, SOCK_DGRAM);
  const own = inetAddress(INADDR_ANY, yield* portNumber(log, address.parameters[0] ?? "", "udp"));
  yield* bindTo(log, fd, own);
  const forks = isOn(address, "fork");
  if (forks) yield* reapChildren(log);
  for (;;) {
    yield* log.say("N", `receiving on ${showAddress(own)}`);
    const { from } = yield* sys.recvmsg(fd, new Uint8Array(1), MSG_PEEK);
    if (from === undefined) return 1;
    yield* log.say("N", `receiving packet from ${showAddress(from)}`);
    if (!forks) return yield* then({ read: fd, write: fd, end: "none", to: from, once: true });
    // The child gets a socket with the datagram in it, the parent must not see it again.
    const data = new Uint8Array(65_536);
    const { length } = yield* sys.recvmsg(fd, data, 0);
    const [inner, outer] = yield* sys.socketpair(AF_UNIX, SOCK_DGRAM, 0);
    yield* sys.sendmsg(outer, data.subarray(0, length), 0);
    yield* inChild(log, () => then({ read: inner, write: fd, end: "none", to: from, once: true }));
    yield* sys.close(inner);
    yield* sys.close(outer);
  }
}

/** Opens a socket address and goes on with `then`. `onExit` is told what is to be undone even when a signal ends the program. */
export function* openSocket(log: Log, address: Address, then: Then, onExit: (undo: () => Proc<void>) => Proc<void>): Proc<number> {
  const [first = "", second = ""] = address.parameters;
  switch (address.kind) {
    case "tcp-listen":
      return yield* tcpListen(log, address, then);
    case "unix-listen":
    case "abstract-listen":
      return yield* unixListen(log, address, then, onExit);
    case "udp-listen":
      return yield* udpListen(log, address, then);
    case "udp-recvfrom":
      return yield* udpReceiveFrom(log, address, then);
    case "unix-connect":
    case "abstract-connect": {
      const fd = yield* callOut(log, address, AF_UNIX, SOCK_STREAM, unixPath(address, first), undefined);
      return yield* then(socketChannel(fd));
    }
    case "udp-recv": {
      const fd = yield* newSocket(log, address, AF_INET, SOCK_DGRAM);
      yield* bindTo(log, fd, inetAddress(INADDR_ANY, yield* portNumber(log, first, "udp")));
      return yield* then({ read: fd, write: undefined, end: "none" });
    }
    case "unix-recv": {
      const fd = yield* newSocket(log, address, AF_UNIX, SOCK_DGRAM);
      const undo = yield* bindPath(log, address, fd, first);
      if (undo !== undefined) yield* onExit(undo);
      return yield* then({ read: fd, write: undefined, end: "none", ...(undo === undefined ? {} : { undo }) });
    }
    case "unix-sendto": {
      const fd = yield* newSocket(log, address, AF_UNIX, SOCK_DGRAM);
      return yield* then({ read: fd, write: fd, end: "none", to: { family: AF_UNIX, path: first } });
    }
    default: {
      const protocol = address.kind === "tcp-connect" ? "tcp" : "udp";
      const to = inetAddress(yield* hostAddr(log, first, protocol), yield* portNumber(log, second, protocol));
      const own = yield* ownAddress(log, address, protocol);
      if (address.kind === "udp-sendto") {
        const fd = yield* newSocket(log, address, AF_INET, SOCK_DGRAM);
        yield* bindTo(log, fd, own);
        yield* log.say("N", "successfully prepared local socket AF=2 0.0.0.0:0");
        return yield* then({ read: fd, write: fd, end: "none", to });
      }
      const fd = yield* callOut(log, address, AF_INET, protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM, to, own);
      return yield* then(protocol === "tcp" ? socketChannel(fd) : { read: fd, write: fd, end: "none" });
    }
  }
}
