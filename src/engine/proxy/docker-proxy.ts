/**
 * docker-proxy: accepts what comes to a published port in userland, and carries it to the container. libnetwork `cmd/proxy`. A thread a direction, as the real
 * one has goroutines. Left out: SCTP, containers' addresses of IPv6.
 */

import { ECONNREFUSED, Errno } from "../../abi/errno.ts";
import { IPPROTO_IPV6, parseIpv4, parseIpv6 } from "../../abi/inet.ts";
import { IPV6_V6ONLY } from "../../abi/sockopt.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIG_BLOCK, SIG_IGN, SIGINT, SIGPIPE, SIGTERM, sigSet } from "../../abi/signal.ts";
import {
  AF_INET,
  AF_INET6,
  type Inet6Address,
  type InetAddress,
  SHUT_RD,
  SHUT_WR,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import type { Proc, Program, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { formatHost, inetAddress } from "../../userland/libc/inet.ts";
import { inet6Address } from "../../userland/libc/inet6.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { startThread } from "../sync.ts";

/** How long a client of UDP is remembered that says nothing. */
const UDP_TIMEOUT_MS = 90_000;
const UDP_BUF_SIZE = 65_507;
const SIGNAL_PARENT = 3;
const BACKLOG = 4096;

const FLAGS = {
  "container-ip": { kind: "string", usage: "container ip" },
  "container-port": { kind: "int", usage: "container port (default -1)" },
  "host-ip": { kind: "string", usage: "host ip" },
  "host-port": { kind: "int", usage: "host port (default -1)" },
  proto: { kind: "string", usage: 'proxy protocol (default "tcp")' },
} as const;
type Flag = keyof typeof FLAGS;

const usage = (name: string): string =>
  `Usage of ${name}:\n${Object.entries(FLAGS)
    .map(([flag, { kind, usage: text }]) => `  -${flag} ${kind}\n    \t${text}\n`)
    .join("")}`;

/** Go's flag package: `-name value`, `-name=value`, one dash or two. Returns what is wrong instead. */
function parseFlags(args: readonly string[]): Map<Flag, string> | string {
  const values = new Map<Flag, string>();
  for (let i = 0; i < args.length; i++) {
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/.exec(args[i] as string);
    if (match === null) break;
    const name = match[1] as string;
    if (name === "h" || name === "help") return "";
    if (!(name in FLAGS)) return `flag provided but not defined: -${name}`;
    const value = match[2] ?? args[++i];
    if (value === undefined) return `flag needs an argument: -${name}`;
    if (FLAGS[name as Flag].kind === "int" && !/^[+-]?\d+$/.test(value)) return `invalid value "${value}" for flag -${name}: parse error`;
    values.set(name as Flag, value);
  }
  return values;
}

type Address = InetAddress | Inet6Address;

const text = (address: Address): string =>
  address.family === AF_INET6 ? `[${formatHost(address)}]:${address.port}` : `${formatHost(address)}:${address.port}`;

/** A socket that listens. Throws the words of Go's net package. */
function* listen(sys: Sys, type: number, network: string, at: Address): Proc<number> {
  const fd = yield* sys.socket(at.family, type | SOCK_CLOEXEC, 0);
  try {
    if (at.family === AF_INET6) yield* sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (type === SOCK_STREAM) yield* sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    yield* sys.bind(fd, at);
    if (type === SOCK_STREAM) yield* sys.listen(fd, BACKLOG);
    return fd;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new Error(`listen ${network} ${text(at)}: bind: ${e.message.toLowerCase()}`);
  }
}

/** As log.Printf, without the date in front. */
// Differs from Docker: lines have no time in front; nobody reads them, as the daemon leaves standard error alone.
function* log(sys: Sys, line: string): Proc<void> {
  yield* writeAll(sys, 2, encodeUtf8(`${line}\n`));
}

// ── TCP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Copies until the end of `from`, and tells `to`. */
function* copy(sys: Sys, to: number, from: number): Proc<void> {
  const buf = new Uint8Array(32_768);
  try {
    for (let n = yield* sys.read(from, buf); n > 0; n = yield* sys.read(from, buf)) yield* writeAll(sys, to, buf.subarray(0, n));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
  for (const [fd, how] of [
    [from, SHUT_RD],
    [to, SHUT_WR],
  ] as const) {
    try {
      yield* sys.shutdown(fd, how);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }
}

function* serveClient(sys: Sys, client: number, backendAddress: InetAddress): Proc<void> {
  const backend = yield* sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const close = function* (): Proc<void> {
    yield* sys.close(client);
    yield* sys.close(backend);
  };
  try {
    yield* sys.connect(backend, backendAddress);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    const to = text(backendAddress);
    yield* log(sys, `Can't forward traffic to backend tcp/${to}: dial tcp ${to}: connect: ${e.message.toLowerCase()}`);
    return yield* close();
  }
  let running = 2;
  const broker = (to: number, from: number) =>
    function* (): Proc<number> {
      yield* copy(sys, to, from);
      if (--running === 0) yield* close();
      return 0;
    };
  yield* startThread(sys, broker(client, backend));
  yield* broker(backend, client)();
}

function* runTcp(sys: Sys, listener: number, backend: InetAddress): Proc<void> {
  for (;;) {
    const { fd } = yield* sys.accept4(listener, SOCK_CLOEXEC);
    yield* startThread(sys, function* () {
      yield* serveClient(sys, fd, backend);
      return 0;
    });
  }
}

// ── UDP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function* runUdp(sys: Sys, listener: number, backend: InetAddress): Proc<void> {
  /** By the client's address. */
  const connections = new Map<string, number>();
  const buf = new Uint8Array(UDP_BUF_SIZE);

  function* replies(connection: number, client: Address): Proc<number> {
    const answer = new Uint8Array(UDP_BUF_SIZE);
    while ((yield* sys.poll([{ fd: connection, events: POLLIN, revents: 0 }], UDP_TIMEOUT_MS)) > 0) {
      try {
        const { length } = yield* sys.recvmsg(connection, answer, 0);
        yield* sys.sendmsg(listener, answer.subarray(0, length), 0, client);
      } catch (e) {
        // Nothing listens there: the last datagram came back.
        if (e === ECONNREFUSED) continue;
        if (e instanceof Errno) break;
        throw e;
      }
    }
    connections.delete(text(client));
    yield* sys.close(connection);
    return 0;
  }

  for (;;) {
    const { length, from } = yield* sys.recvmsg(listener, buf, 0);
    const client = from as Address;
    let connection = connections.get(text(client));
    try {
      if (connection === undefined) {
        connection = yield* sys.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        yield* sys.connect(connection, backend);
        connections.set(text(client), connection);
        const own = connection;
        yield* startThread(sys, () => replies(own, client));
      }
      yield* sys.sendmsg(connection, buf.subarray(0, length), 0);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* log(sys, `Can't proxy a datagram to udp/${text(backend)}: ${e.message.toLowerCase()}`);
    }
  }
}

// ── The program ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Tells the daemon how it went, where there is one. */
function* report(sys: Sys, words: string): Proc<void> {
  try {
    yield* writeAll(sys, SIGNAL_PARENT, encodeUtf8(words));
    yield* sys.close(SIGNAL_PARENT);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

export const main: Program = function* (sys, argv) {
  const flags = parseFlags(argv.slice(1));
  if (typeof flags === "string") {
    yield* writeAll(sys, 2, encodeUtf8(`${flags === "" ? "" : `${flags}\n`}${usage(argv[0] ?? "docker-proxy")}`));
    return flags === "" ? 0 : 2;
  }
  const ipv4 = (side: "host" | "container"): InetAddress =>
    inetAddress(parseIpv4(flags.get(`${side}-ip`) ?? "") ?? 0, Number(flags.get(`${side}-port`) ?? 0));
  const proto = flags.get("proto") ?? "tcp";
  if (proto !== "tcp" && proto !== "udp") {
    yield* log(sys, `unsupported protocol ${proto}`);
    return 1;
  }
  const groups = parseIpv6(flags.get("host-ip") ?? "");
  const host: Address = groups === undefined ? ipv4("host") : inet6Address(groups, Number(flags.get("host-port") ?? 0));
  const container = ipv4("container");
  const signals = sigSet(SIGINT, SIGTERM);
  yield* sys.rt_sigprocmask(SIG_BLOCK, signals);
  yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
  let listener: number;
  try {
    listener = yield* listen(sys, proto === "tcp" ? SOCK_STREAM : SOCK_DGRAM, `${proto}${host.family === AF_INET6 ? 6 : 4}`, host);
  } catch (e) {
    if (!(e instanceof Error)) throw e;
    yield* report(sys, `1\n${e.message}`);
    return 1;
  }
  yield* report(sys, "0\n");
  yield* startThread(sys, function* () {
    yield* proto === "tcp" ? runTcp(sys, listener, container) : runUdp(sys, listener, container);
    return 0;
  });
  yield* sys.rt_sigtimedwait(signals);
  return yield* sys.exit_group(0);
};
