/**
 * nc(1): OpenBSD's netcat as Debian has it (1.219), and busybox's. Left out: IPv6, proxies, telnet negotiation, passing descriptors, DCCP, options of sockets; those
 * letters are unknown.
 */

import { ECONNREFUSED, Errno, ETIMEDOUT } from "../../abi/errno.ts";
import { INADDR_ANY } from "../../abi/inet.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  type Inet6Address,
  type InetAddress,
  MSG_NOSIGNAL,
  MSG_PEEK,
  SHUT_WR,
  SO_BROADCAST,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_STREAM,
  type SocketAddress,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { connectFd, formatHost, inetAddress } from "../libc/inet.ts";
import { formatInet6, IN6ADDR_ANY, inet6Address, parseInet6 } from "../libc/inet6.ts";
import { GaiError, getHost, getHostIpv4, getHostNames, getPort, getServiceName } from "../libc/netdb.ts";
import { type Leg, relay, type RelayOptions, toFd } from "../libc/relay.ts";

const USAGE = `usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
	  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
	  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
	  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
	  [destination] [port]
`;

const LONG = `OpenBSD netcat (Debian patchlevel 1.219-1)
${USAGE}	Command Summary:
		-4		Use IPv4
		-b		Allow broadcast
		-d		Detach from stdin
		-h		This help text
		-k		Keep inbound sockets open for multiple connects
		-l		Listen mode, for inbound connects
		-N		Shutdown the network socket after EOF on stdin
		-n		Suppress name/port resolutions
		-p port		Specify local port for remote connects
		-q secs		quit after EOF on stdin and delay of secs
		-s sourceaddr	Local source address
		-U		Use UNIX domain socket
		-u		UDP mode
		-v		Verbose
		-W recvlimit	Terminate after receiving a number of packets
		-w timeout	Timeout for connects and final net reads
		-z		Zero-I/O mode [used for scanning]
	Port numbers can be individual or ranges: lo-hi [inclusive]
`;

const busyboxHelp = `nc [-iN] [-wN] [-l] [-p PORT] [IPADDR PORT] [-e PROG]

Open a pipe to IP:PORT

	-l	Listen mode, for inbound connects
		(use -ll with -e for persistent server)
	-p PORT	Local port
	-w SEC	Connect timeout
	-e PROG	Run PROG after connect`;

interface Netcat {
  readonly c: Command;
  readonly flags: Set<string>;
  timeoutSec: number | undefined;
  quitSec: number | undefined;
  recvLimit: number;
  port: string | undefined;
  source: string | undefined;
}

const has = (n: Netcat, flag: string): boolean => n.flags.has(flag);

type End = InetAddress | Inet6Address;

/** Without -6 names are looked up in IPv4 only. Differs from Linux: the order of getaddrinfo(3). */
function* getAddr(n: Netcat, host: string, port: string): Proc<End> {
  const literal = has(n, "4") ? undefined : yield* parseInet6(n.c.sys, host, 0);
  if (literal !== undefined) return literal;
  try {
    if (has(n, "6")) {
      const [address] = (yield* getHost(n.c.sys, host, AF_INET6)).addresses;
      if (address?.family !== AF_INET6) throw new GaiError("EAI_NODATA");
      return inet6Address(address.addr, 0);
    }
    return inetAddress((yield* getHostIpv4(n.c.sys, host)).addresses[0] as number, 0);
  } catch (e) {
    if (!(e instanceof GaiError)) throw e;
    if (n.c.voice === "busybox") return yield* n.c.fail(`bad address '${host}'`);
    return yield* n.c.fail(`getaddrinfo for host "${host}" port ${port}: ${e.message}`);
  }
}

/** Copies until it is over. */
function* talk(n: Netcat, fd: number): Proc<void> {
  const { c } = n;
  const options: RelayOptions = { idleMs: n.timeoutSec === undefined || c.voice === "busybox" ? -1 : n.timeoutSec * 1000 };
  let packets = 0;
  const net: Leg = {
    from: fd,
    *write(bytes) {
      yield* toFd(c.sys, 1)(bytes);
      if (n.recvLimit > 0 && ++packets >= n.recvLimit) throw new Exit(0);
    },
    *ended() {
      // A stream that has ended ends the conversation; datagrams have no end.
      return !has(n, "u");
    },
  };
  const input: Leg = {
    from: 0,
    *write(bytes) {
      // 16 K at once, as the buffers of netcat.
      for (let at = 0; at < bytes.length; ) at += yield* c.sys.sendmsg(fd, bytes.subarray(at), MSG_NOSIGNAL);
    },
    *ended() {
      if (c.voice === "busybox" || has(n, "N")) yield* c.sys.shutdown(fd, SHUT_WR);
      if (n.quitSec === undefined) return false;
      if (n.quitSec === 0) return true;
      options.idleMs = n.quitSec * 1000;
      return false;
    },
  };
  try {
    yield* relay(c.sys, has(n, "d") ? [net] : [net, input], options);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    // Differs from Linux: netcat ends quietly where the other side resets; so do we on whatever error.
  }
}

/** The name and the numbers of a peer, for -v. */
function* shownHost(n: Netcat, addr: SocketAddress): Proc<string> {
  if (addr.family !== AF_INET && addr.family !== AF_INET6) return formatHost(addr);
  const text = addr.family === AF_INET6 ? yield* formatInet6(n.c.sys, addr) : formatHost(addr);
  return has(n, "n") ? text : ((yield* getHostNames(n.c.sys, addr))[0] ?? text);
}

// ── Calling ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The ports behind `80`, `http`, `20-25`. */
function* portList(n: Netcat, text: string): Proc<number[]> {
  const range = /^(\d+)-(\d+)$/.exec(text);
  const check = function* (port: string): Proc<number> {
    const number = yield* getPort(n.c.sys, port, has(n, "u") ? "udp" : "tcp");
    if (number === undefined || (number === 0 && !has(n, "l")))
      return yield* n.c.fail(
        /^\d+$/.test(port)
          ? `port number ${number === 0 ? "too small" : "too large"}: ${port}`
          : `getaddrinfo for host port ${port}: Servname not supported for ai_socktype`,
      );
    return number;
  };
  if (range === null) return [yield* check(text)];
  const [low, high] = [yield* check(range[1] as string), yield* check(range[2] as string)].sort((a, b) => a - b) as [number, number];
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

function* call(n: Netcat, host: string, portText: string): Proc<number> {
  const { c } = n;
  const udp = has(n, "u");
  let status = 1;
  const addr = yield* getAddr(n, host, portText);
  for (const port of yield* portList(n, portText)) {
    const fd = yield* c.sys.socket(addr.family, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    const kind = udp ? "udp" : "tcp";
    try {
      if (has(n, "b")) yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, 1);
      yield* bindSource(n, fd, addr.family);
      yield* connectFd(c.sys, fd, { ...addr, port }, n.timeoutSec === undefined ? undefined : n.timeoutSec * 1000);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.sys.close(fd);
      if (has(n, "v"))
        yield* c.warn(
          e === ETIMEDOUT && n.timeoutSec !== undefined
            ? `connect to ${host} port ${port} (${kind}) timed out: Operation now in progress`
            : `connect to ${host} port ${port} (${kind}) failed: ${e.message}`,
        );
      continue;
    }
    status = 0;
    if (udp && (has(n, "v") || has(n, "z")) && !(yield* udpAnswers(n, fd))) {
      yield* c.sys.close(fd);
      status = 1;
      continue;
    }
    if (has(n, "v")) {
      const service = has(n, "n") ? "*" : ((yield* getServiceName(c.sys, port, kind)) ?? "*");
      const numbers = formatHost(addr);
      const where = host === numbers ? host : `${host} (${numbers})`;
      yield* c.eprint(`Connection to ${where} ${port} port [${kind}/${service}] succeeded!\n`);
    }
    if (!has(n, "z")) yield* talk(n, fd);
    yield* c.sys.close(fd);
  }
  return status;
}

/** udptest(): a few bytes, to see whether anybody says that nobody is there. */
function* udpAnswers(n: Netcat, fd: number): Proc<boolean> {
  for (let i = 0; i < 4; i++) {
    try {
      yield* n.c.sys.sendmsg(fd, Uint8Array.of(0x58), MSG_NOSIGNAL);
    } catch (e) {
      if (e === ECONNREFUSED) return false;
      throw e;
    }
    if (i === 0) yield* n.c.sys.nanosleep(1e9);
  }
  return true;
}

const anyAddress = (family: number): End => (family === AF_INET6 ? inet6Address(IN6ADDR_ANY, 0) : inetAddress(INADDR_ANY, 0));

function* bindSource(n: Netcat, fd: number, family: number = AF_INET): Proc<void> {
  const { c } = n;
  if (n.source === undefined && n.port === undefined) return;
  const port = n.port === undefined ? 0 : ((yield* getPort(c.sys, n.port, "tcp")) ?? 0);
  yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  try {
    const source = n.source === undefined ? anyAddress(family) : yield* getAddr(n, n.source, String(port));
    yield* c.sys.bind(fd, { ...source, port });
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.fail(`bind failed: ${e.message}`);
  }
}

function* callUnix(n: Netcat, path: string): Proc<number> {
  const { c } = n;
  const fd = yield* c.sys.socket(AF_UNIX, has(n, "u") ? SOCK_DGRAM : SOCK_STREAM, 0);
  try {
    yield* c.sys.connect(fd, { family: AF_UNIX, path });
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.warn(`${path}: ${e.message}`);
    return 1;
  }
  if (!has(n, "z")) yield* talk(n, fd);
  return 0;
}

// ── Listening ────────────────────────────────────────────────────────────────────────────────────────────────────────

function* listen(n: Netcat, local: SocketAddress): Proc<number> {
  const { c } = n;
  const udp = has(n, "u");
  const open = function* (): Proc<number> {
    const fd = yield* c.sys.socket(local.family, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    try {
      if (local.family !== AF_UNIX) yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      yield* c.sys.bind(fd, local);
      if (!udp) yield* c.sys.listen(fd, local.family === AF_UNIX ? 5 : 1);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (c.voice === "busybox") yield* c.fail(`bind: ${e.message}`);
      yield* c.fail(local.family !== AF_UNIX ? e.message : `${formatHost(local)}: ${e.message}`);
    }
    return fd;
  };
  let fd = yield* open();
  const announce = function* (): Proc<void> {
    if (!has(n, "v")) return;
    if (local.family === AF_UNIX) yield* c.eprint(`${udp ? "Bound" : "Listening"} on ${local.path}\n`);
    else if (local.family === AF_INET || local.family === AF_INET6) {
      const text = formatHost(local);
      const shown = text === "0.0.0.0" || text === "::" ? text : yield* shownHost(n, local);
      yield* c.eprint(`${udp ? "Bound" : "Listening"} on ${shown} ${local.port}\n`);
    }
  };
  yield* announce();
  for (;;) {
    if (udp) {
      const { from } = yield* c.sys.recvmsg(fd, new Uint8Array(16_384), MSG_PEEK);
      if (from !== undefined && (from.family === AF_INET || from.family === AF_INET6) && !has(n, "k")) {
        yield* c.sys.connect(fd, from);
        if (has(n, "v")) yield* c.eprint(`Connection received on ${yield* shownHost(n, from)} ${from.port}\n`);
      }
      yield* talk(n, fd);
    } else {
      const { fd: conn, addr } = yield* c.sys.accept4(fd, 0);
      if (has(n, "v"))
        yield* c.eprint(
          `Connection received on ${yield* shownHost(n, addr)}${addr.family === AF_INET || addr.family === AF_INET6 ? ` ${addr.port}` : ""}\n`,
        );
      if (c.voice === "busybox") yield* c.sys.close(fd);
      yield* talk(n, conn);
      yield* c.sys.close(conn);
    }
    if (!has(n, "k")) return 0;
    if (udp) {
      yield* c.sys.close(fd);
      fd = yield* open();
    }
    yield* announce();
  }
}

// ── Command lines ────────────────────────────────────────────────────────────────────────────────────────────────────

function* usageError(c: Command): Proc<number> {
  yield* c.eprint(USAGE);
  return 1;
}

function* runOpenbsd(c: Command): Proc<number> {
  const n: Netcat = { c, flags: new Set(), timeoutSec: undefined, quitSec: undefined, recvLimit: 0, port: undefined, source: undefined };
  let operands: readonly string[];
  try {
    const parsed = getopt(c.args, { short: "46bdhklNnp:q:s:UuvW:w:z" });
    operands = parsed.operands;
    for (const { name, arg } of parsed.options) {
      if (name === "w") n.timeoutSec = Number(arg);
      else if (name === "q") n.quitSec = Number(arg) < 0 ? undefined : Number(arg);
      else if (name === "W") n.recvLimit = Number(arg);
      else if (name === "p") n.port = arg;
      else if (name === "s") n.source = arg;
      else n.flags.add(name);
      if ((name === "w" || name === "q" || name === "W") && !/^-?\d+$/.test(arg))
        return yield* c.fail(`${name === "w" ? "timeout" : name === "q" ? "quit timer" : "receive limit"} invalid: ${arg}`);
    }
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.warn(e.message);
    return yield* usageError(c);
  }
  if (has(n, "h")) {
    yield* c.eprint(LONG);
    return 0;
  }
  const [first, second] = operands;
  if (has(n, "U")) {
    if (first === undefined || second !== undefined) return yield* usageError(c);
    return has(n, "l") ? yield* listen(n, { family: AF_UNIX, path: first }) : yield* callUnix(n, first);
  }
  if (has(n, "l")) {
    // `nc -l 80`, `nc -l -p 80`, `nc -l 10.0.0.1 80`.
    const [host, port] = second !== undefined ? [first, second] : n.port !== undefined ? [first, n.port] : [undefined, first];
    if (port === undefined) return yield* usageError(c);
    if (has(n, "z")) return yield* c.fail("cannot use -z and -l");
    const [number = 0] = yield* portList(n, port);
    const local = host === undefined ? anyAddress(has(n, "6") ? AF_INET6 : AF_INET) : yield* getAddr(n, host, port);
    return yield* listen(n, { ...local, port: number });
  }
  if (first === undefined) return yield* usageError(c);
  if (second === undefined) return yield* c.fail("missing port number");
  return yield* call(n, first, second);
}

function* runBusybox(c: Command): Proc<number> {
  const { options, operands } = getopt(c.args, { short: "+lp:w:e:" }, "busybox");
  const n: Netcat = { c, flags: new Set(), timeoutSec: undefined, quitSec: undefined, recvLimit: 0, port: undefined, source: undefined };
  let prog: string[] | undefined;
  for (const { name, arg } of options) {
    if (name === "w") n.timeoutSec = Number(arg);
    else if (name === "p") n.port = arg;
    else if (name === "e") prog = [arg, ...operands.slice(has(n, "l") ? 0 : 2)];
    else n.flags.add(name);
  }
  if (has(n, "l")) {
    const [number = 0] = yield* portList(n, n.port ?? "0");
    if (prog !== undefined) return yield* serveProgram(c, number, prog);
    return yield* listen(n, inetAddress(INADDR_ANY, number));
  }
  const [host, port] = operands;
  if (host === undefined || port === undefined) throw new UsageError("");
  const [number = 0] = yield* portList(n, port);
  const addr = yield* getAddr(n, host, port);
  const fd = yield* c.sys.socket(addr.family, SOCK_STREAM, 0);
  try {
    yield* bindSource(n, fd, addr.family);
    yield* connectFd(c.sys, fd, { ...addr, port: number }, n.timeoutSec === undefined ? undefined : n.timeoutSec * 1000);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (e === ETIMEDOUT && n.timeoutSec !== undefined) return yield* c.fail("timed out");
    return yield* c.fail(`can't connect to remote host (${formatHost(addr)}): ${e.message}`);
  }
  if (prog !== undefined) return yield* runProgram(c, fd, prog);
  yield* talk(n, fd);
  return 0;
}

function* serveProgram(c: Command, port: number, prog: readonly string[]): Proc<number> {
  const fd = yield* c.sys.socket(AF_INET, SOCK_STREAM, 0);
  yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  yield* c.sys.bind(fd, inetAddress(INADDR_ANY, port));
  yield* c.sys.listen(fd, 1);
  return yield* runProgram(c, (yield* c.sys.accept4(fd, 0)).fd, prog);
}

function* runProgram(c: Command, fd: number, prog: readonly string[]): Proc<number> {
  for (const target of [0, 1, 2]) yield* c.sys.dup2(fd, target);
  yield* c.sys.close(fd);
  return yield* c.sys.execve(prog[0] as string, prog, c.env);
}

export const main = command({ help: help(USAGE.replace("usage: ", ""), busyboxHelp) }, (c) =>
  c.voice === "gnu" ? runOpenbsd(c) : runBusybox(c),
);
