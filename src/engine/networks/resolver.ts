/**
 * The name server of a container at 127.0.0.11: a socket of the daemon's that is open in the container's namespace, on ports that rules there lead port 53 to.
 * It answers names of the container's networks, and asks the host's servers for others. libnetwork `resolver.go`, `resolver_unix.go`.
 */

import { Errno } from "../../abi/errno.ts";
import { INADDR_LOOPBACK, parseIpv4 } from "../../abi/inet.ts";
import { POLLIN } from "../../abi/poll.ts";
import { AF_INET, type InetAddress, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, type SocketAddress } from "../../abi/socket.ts";
import { O_CLOEXEC } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import {
  decodeDns,
  type DnsMessage,
  type DnsRecord,
  encodeDns,
  C_IN,
  NOERROR,
  NXDOMAIN,
  T_A,
  T_AAAA,
  T_MX,
  T_OPT,
  T_PTR,
} from "../../userland/libc/dns.ts";
import { connectTo, inetAddress, nowMs, SocketStream } from "../../userland/libc/inet.ts";
import { ExactSource } from "../../userland/libc/stream.ts";
import type { Daemon } from "../daemon.ts";
import { isFailure } from "../errors.ts";
import { startThread } from "../sync.ts";
import type { Iptables } from "./iptables.ts";
import { inNamespace } from "./namespace.ts";
import type { ExternalServer } from "./name-files.ts";

export const RESOLVER_ADDRESS = "127.0.0.11";
const RESOLVER = INADDR_LOOPBACK + 10;
/** Seconds that an answer may be kept. */
const TTL = 600;
const MAX_EXTERNAL = 3;
const EXTERNAL_TIMEOUT_MS = 4000;
const UDP_SIZE = 512;
const PTR_DOMAIN = ".in-addr.arpa";

/** Who knows the names: the sandbox. */
export interface NameSource {
  /** Addresses of a name; undefined if no network has it. */
  resolve(name: string): readonly number[] | undefined;
  reverse(addr: number): string | undefined;
  readonly servers: readonly ExternalServer[];
  /** Names without a dot are not asked for outside. */
  readonly ndotsSet: boolean;
}

export class Resolver {
  private udp = -1;
  private tcp = -1;
  /** Closing the write end ends the thread. */
  private stopFds: readonly [number, number] = [-1, -1];

  constructor(
    private readonly daemon: Daemon,
    private readonly iptables: Iptables,
    /** The namespace's file. */
    private readonly path: string,
    private readonly names: NameSource,
  ) {}

  /** Opens the sockets in the container's namespace, adds the rules there, serves. */
  *start(): Proc<void> {
    const { sys } = this.daemon;
    yield* inNamespace(sys, this.path, () => this.open());
    this.stopFds = yield* sys.pipe2(O_CLOEXEC);
    yield* startThread(sys, () => this.serve());
  }

  private *open(): Proc<void> {
    const { sys } = this.daemon;
    this.udp = yield* sys.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    yield* sys.bind(this.udp, inetAddress(RESOLVER, 0));
    this.tcp = yield* sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    yield* sys.bind(this.tcp, inetAddress(RESOLVER, 0));
    yield* sys.listen(this.tcp, 4096);
    const udpPort = ((yield* sys.getsockname(this.udp)) as InetAddress).port;
    const tcpPort = ((yield* sys.getsockname(this.tcp)) as InetAddress).port;
    if (this.daemon.config.iptables) yield* this.addRules(udpPort, tcpPort);
  }

  private *addRules(udpPort: number, tcpPort: number): Proc<void> {
    const run = (...args: string[]): Proc<unknown> => this.iptables.run(["-t", "nat", ...args]);
    const ip = RESOLVER_ADDRESS;
    for (const [chain, from] of [
      ["DOCKER_OUTPUT", "OUTPUT"],
      ["DOCKER_POSTROUTING", "POSTROUTING"],
    ] as const) {
      if (yield* this.iptables.exists("nat", from, ["-d", ip, "-j", chain])) yield* run("-F", chain);
      else {
        yield* run("-N", chain);
        yield* run("-I", from, "-d", ip, "-j", chain);
      }
    }
    for (const [proto, port] of [
      ["udp", udpPort],
      ["tcp", tcpPort],
    ] as const) {
      yield* run("-I", "DOCKER_OUTPUT", "-d", ip, "-p", proto, "--dport", "53", "-j", "DNAT", "--to-destination", `${ip}:${port}`);
      yield* run("-I", "DOCKER_POSTROUTING", "-s", ip, "-p", proto, "--sport", `${port}`, "-j", "SNAT", "--to-source", ":53");
    }
  }

  *stop(): Proc<void> {
    if (this.stopFds[1] >= 0) yield* this.daemon.sys.close(this.stopFds[1]);
    this.stopFds = [this.stopFds[0], -1];
  }

  // ── The thread ───────────────────────────────────────────────────────────────────────────────────────────────────

  private *serve(): Proc<number> {
    const { sys } = this.daemon;
    const { udp, tcp } = this;
    const stop = this.stopFds[0];
    const buf = new Uint8Array(65_536);
    for (;;) {
      const fds = [udp, tcp, stop].map((fd) => ({ fd, events: POLLIN, revents: 0 }));
      yield* sys.poll(fds, -1);
      const [fromUdp, fromTcp, end] = fds.map(({ revents }) => revents !== 0);
      if (end) break;
      try {
        if (fromUdp) {
          const { length, from } = yield* sys.recvmsg(udp, buf, 0);
          yield* this.answer(buf.slice(0, length), "udp", (bytes) => this.replyTo(from as SocketAddress, bytes));
        }
        if (fromTcp) {
          const { fd } = yield* sys.accept4(tcp, SOCK_CLOEXEC);
          yield* startThread(sys, () => this.converse(new SocketStream(sys, fd)));
        }
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
    }
    for (const fd of [udp, tcp, stop]) yield* sys.close(fd);
    return 0;
  }

  private *replyTo(client: SocketAddress, bytes: Uint8Array): Proc<void> {
    yield* this.daemon.sys.sendmsg(this.udp, bytes, 0, client);
  }

  /** One connection, question after question. */
  private *converse(stream: SocketStream): Proc<number> {
    try {
      const source = new ExactSource(stream);
      for (;;) {
        const query = yield* readFramed(source);
        if (query === undefined) break;
        yield* this.answer(query, "tcp", (bytes) => stream.write(framed(bytes)));
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    yield* stream.close();
    return 0;
  }

  /** Answers from what is known, or starts a thread that asks others. */
  private *answer(bytes: Uint8Array, proto: "udp" | "tcp", reply: (bytes: Uint8Array) => Proc<void>): Proc<void> {
    const query = decodeDns(bytes);
    if (query === undefined || query.questions.length === 0) return;
    const own = this.ownAnswer(query);
    if (own !== undefined) {
      yield* reply(yield* this.shorten(own, query, proto));
      return;
    }
    if (proto === "tcp") {
      yield* this.forward(bytes, proto, reply);
      return;
    }
    yield* startThread(this.daemon.sys, () => this.forward(bytes, proto, reply));
  }

  private ownAnswer(query: DnsMessage): DnsMessage | undefined {
    const { name, type } = query.questions[0] as { name: string; type: number };
    const plain = name.replace(/\.$/, "");
    if (type === T_A || type === T_AAAA || type === T_MX) {
      const addresses = this.names.resolve(plain);
      if (addresses === undefined) return type !== T_MX && this.names.ndotsSet && !plain.includes(".") ? replyTo(query, []) : undefined;
      // There is the name, but neither of an IPv6 address nor of a mail exchanger.
      if (type !== T_A) return replyTo(query, []);
      return replyTo(
        query,
        addresses.map((addr) => ({ name, type: T_A, class: C_IN, ttl: TTL, data: { kind: "address", addr } })),
      );
    }
    if (type === T_PTR && plain.toLowerCase().endsWith(PTR_DOMAIN)) {
      const addr = parseIpv4(plain.slice(0, -PTR_DOMAIN.length).split(".").reverse().join("."));
      const host = addr === undefined ? undefined : this.names.reverse(addr);
      if (host === undefined) return undefined;
      return replyTo(query, [{ name, type: T_PTR, class: C_IN, ttl: TTL, data: { kind: "name", name: host } }]);
    }
    return undefined;
  }

  /** Several addresses in random order, so that clients spread; cut to what the client takes. */
  private *shorten(message: DnsMessage, query: DnsMessage, proto: "udp" | "tcp"): Proc<Uint8Array> {
    const answers = [...message.answers];
    for (let i = answers.length - 1; i > 0; i--) {
      const j = Number.parseInt(yield* this.daemon.randomHex(4), 16) % (i + 1);
      [answers[i], answers[j]] = [answers[j] as DnsRecord, answers[i] as DnsRecord];
    }
    const edns = query.additional.find(({ type }) => type === T_OPT);
    const limit = proto === "tcp" ? 65_534 : Math.max(UDP_SIZE, edns?.class ?? 0);
    for (let truncated = false; ; truncated = proto === "udp") {
      const bytes = encodeDns({ ...message, truncated, answers });
      if (bytes.length <= limit) return bytes;
      answers.pop();
    }
  }

  // ── Other names ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks the servers in turn: from the container, unless they are on the host's loopback. Without any answer there is none. */
  private *forward(query: Uint8Array, proto: "udp" | "tcp", reply: (bytes: Uint8Array) => Proc<void>): Proc<number> {
    const { sys } = this.daemon;
    let answer: Uint8Array | undefined;
    for (const { address, loopback } of this.names.servers.slice(0, MAX_EXTERNAL)) {
      const server = parseIpv4(address);
      if (server === undefined) continue;
      const ask = (): Proc<Uint8Array | undefined> => (proto === "udp" ? this.askUdp(server, query) : this.askTcp(server, query));
      try {
        const got = loopback ? yield* ask() : yield* inNamespace(sys, this.path, ask);
        if (got === undefined) continue;
        answer = got;
        const message = decodeDns(got);
        if (message?.rcode === NOERROR || (message?.rcode === NXDOMAIN && message.authoritative)) break;
      } catch (e) {
        if (!isFailure(e)) throw e;
        yield* this.daemon.log("warning", `[resolver] connect failed: ${e.message}`);
      }
    }
    try {
      if (answer !== undefined) yield* reply(answer);
    } catch (e) {
      // Who asked is gone.
      if (!(e instanceof Errno)) throw e;
    }
    return 0;
  }

  private *askUdp(server: number, query: Uint8Array): Proc<Uint8Array | undefined> {
    const { sys } = this.daemon;
    const fd = yield* sys.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    try {
      yield* sys.connect(fd, inetAddress(server, 53));
      yield* sys.sendmsg(fd, query, 0);
      const buf = new Uint8Array(65_536);
      const until = (yield* nowMs(sys)) + EXTERNAL_TIMEOUT_MS;
      for (;;) {
        const leftMs = Math.ceil(until - (yield* nowMs(sys)));
        if (leftMs <= 0 || (yield* sys.poll([{ fd, events: POLLIN, revents: 0 }], leftMs)) === 0) return undefined;
        const { length } = yield* sys.recvmsg(fd, buf, 0);
        if (buf[0] === query[0] && buf[1] === query[1]) return buf.slice(0, length);
      }
    } finally {
      yield* sys.close(fd);
    }
  }

  private *askTcp(server: number, query: Uint8Array): Proc<Uint8Array | undefined> {
    const { sys } = this.daemon;
    const stream = yield* connectTo(sys, inetAddress(server, 53), { timeoutMs: EXTERNAL_TIMEOUT_MS });
    try {
      stream.deadlineMs = (yield* nowMs(sys)) + EXTERNAL_TIMEOUT_MS;
      yield* stream.write(framed(query));
      return yield* readFramed(new ExactSource(stream));
    } finally {
      yield* stream.close();
    }
  }
}

const replyTo = (query: DnsMessage, answers: readonly DnsRecord[]): DnsMessage => ({
  ...query,
  response: true,
  authoritative: false,
  truncated: false,
  recursionAvailable: true,
  rcode: NOERROR,
  questions: query.questions.slice(0, 1),
  answers,
  authority: [],
  additional: [],
});

/** RFC 1035, 4.2.2: two bytes of length in front. */
function framed(bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(bytes.length + 2);
  all.set([bytes.length >>> 8, bytes.length & 255]);
  all.set(bytes, 2);
  return all;
}

function* readFramed(source: ExactSource): Proc<Uint8Array | undefined> {
  const head = new Uint8Array(2);
  if ((yield* source.fill(head)) < 2) return undefined;
  const body = new Uint8Array((head[0] as number) * 256 + (head[1] as number));
  return (yield* source.fill(body)) < body.length ? undefined : body;
}
