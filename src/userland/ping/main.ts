/**
 * ping(8) of iputils 20221126, and busybox's: echo requests through a raw socket. Left out: flow labels, node information, adaptive mode, record route, timestamps in packets, patterns,
 * preload; they answer as unknown options.
 */

import { EMSGSIZE, ENODEV, Errno } from "../../abi/errno.ts";
import { formatIpv6, IPPROTO_ICMP, IPPROTO_ICMPV6, parseIpv4 } from "../../abi/inet.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGINT, SIGQUIT } from "../../abi/signal.ts";
import {
  AF_INET,
  AF_INET6,
  type Inet6Address,
  type InetAddress,
  SO_BINDTODEVICE,
  SO_BROADCAST,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_IP,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import {
  IPV6_MTU,
  IPV6_MTU_DISCOVER,
  IPV6_MULTICAST_HOPS,
  IPV6_RECVHOPLIMIT,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  SOL_IPV6,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  IP_PMTUDISC_WANT,
  IP_TOS,
  IP_TTL,
} from "../../abi/sockopt.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { decodeIcmp, encodeEcho, ICMP_ECHO, ICMP_ECHOREPLY, type IcmpMessage } from "../libc/icmp.ts";
import { decodeIcmp6, encodeEcho6, ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from "../libc/icmp6.ts";
import { formatHost, inetAddress, nowMs } from "../libc/inet.ts";
import { formatInet6, inet6Address, isScoped, parseInet6 } from "../libc/inet6.ts";
import { GaiError, getHost, getHostIpv4, getHostNames } from "../libc/netdb.ts";
import { reasonOf, reasonOf6 } from "./reasons.ts";

const usage = `
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -a                 use audible ping
  -b                 allow pinging broadcast
  -c <count>         stop after <count> replies
  -D                 print timestamps
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -t <ttl>           define time to live
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response
  -4                 use IPv4
  -6                 use IPv6

For more details see ping(8).
`;

const busyboxHelp = `ping [OPTIONS] HOST

Send ICMP ECHO_REQUESTs to HOST

	-4,-6	Force IPv4 or IPv6 name resolution
	-c CNT	Send only CNT pings
	-s SIZE	Send SIZE data bytes in packets (default 56)
	-i SECS	Interval
	-t TTL	Set TTL
	-I IFACE/IP	Source interface or IP address
	-W SEC	Seconds to wait for the first response (default 10)
		(after all -c CNT packets are sent)
	-w SEC	Seconds until ping exits (default:infinite)
		(can exit earlier with -c CNT)
	-q	Quiet, only display output at start/finish`;

interface Options {
  count: number;
  intervalMs: number;
  size: number;
  ttl: number;
  tos: number;
  /** From the first request on. */
  deadlineMs: number;
  /** For the last answers. */
  lingerMs: number;
  from: string | undefined;
  pmtu: number | undefined;
  readonly flags: Set<string>;
}

/** An answer of either family. */
interface Answer {
  readonly sequence: number;
  readonly from: InetAddress | Inet6Address;
  readonly ttl: number;
  readonly length: number;
}

/** ICMP_FILTER is left alone: what is not ours is passed over here. */
class Ping {
  private sent = 0;
  private received = 0;
  private repeats = 0;
  private errors = 0;
  private pipe = 0;
  private acked = 0;
  private startMs = 0;
  private lastMs = 0;
  private readonly sentMs = new Map<number, number>();
  private readonly seen = new Set<number>();
  private readonly times: number[] = [];
  private readonly names = new Map<string, string>();
  private stop = false;
  private fd = -1;
  private id = 0;

  constructor(
    private readonly c: Command,
    private readonly o: Options,
    private readonly target: InetAddress | Inet6Address,
    private readonly canonical: string,
  ) {}

  private get gnu(): boolean {
    return this.c.voice === "gnu";
  }

  private get six(): boolean {
    return this.target.family === AF_INET6;
  }

  private get timing(): boolean {
    return this.o.size >= 16 || !this.gnu;
  }

  *run(): Proc<number> {
    const { c, o } = this;
    this.fd = yield* c.sys.socket(this.target.family, SOCK_RAW, this.six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    if (this.six) yield* c.sys.setsockopt(this.fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
    this.id = (yield* c.sys.getpid()) & 0xffff;
    const source = yield* this.configure();
    for (const signal of [SIGINT, SIGQUIT]) {
      const ping = this;
      yield* c.sys.rt_sigaction(signal, {
        *handler() {
          if (signal === SIGINT) ping.stop = true;
          else yield* c.eprint(`\r${ping.sent}/${ping.received} packets, ${ping.loss()}% loss\n`);
        },
        flags: 0,
        mask: 0n,
      });
    }
    const where = this.gnu ? `${o.size}(${o.size + 28}) bytes of data.` : `${o.size} data bytes`;
    const from = source === undefined ? "" : `from ${source}: `;
    if (this.gnu && this.target.family === AF_INET6) {
      const text = yield* formatInet6(c.sys, this.target);
      yield* c.print(`PING ${this.canonical}(${text}) ${from}${o.size} data bytes\n`);
    } else yield* c.print(`PING ${this.canonical} (${formatHost(this.target)})${this.gnu ? " " : ": "}${this.gnu ? from : ""}${where}\n`);
    yield* c.stdout.flush();
    yield* this.loop();
    return yield* this.finish();
  }

  /** What -I names, as it is shown. */
  private *configure(): Proc<string | undefined> {
    const { c, o, fd } = this;
    let shown: string | undefined;
    const literal = yield* this.sourceAddress();
    if (literal !== undefined) {
      try {
        yield* c.sys.bind(fd, literal);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* c.fail(`bind: ${e.message}`, 2);
      }
      shown = `${o.from} `;
    } else if (o.from !== undefined) {
      try {
        yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o.from);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        if (!this.gnu) yield* c.fail(`can't bind to interface ${o.from}: ${e.message}`);
        yield* c.fail(`SO_BINDTODEVICE ${o.from}: ${e === ENODEV ? "No such device" : e.message}`, 2);
      }
    }
    const level = this.six ? SOL_IPV6 : SOL_IP;
    if (o.ttl > 0) {
      yield* c.sys.setsockopt(fd, level, this.six ? IPV6_UNICAST_HOPS : IP_TTL, o.ttl);
      if (this.six) yield* c.sys.setsockopt(fd, level, IPV6_MULTICAST_HOPS, o.ttl);
    }
    if (o.tos > 0) yield* c.sys.setsockopt(fd, level, this.six ? IPV6_TCLASS : IP_TOS, o.tos);
    if (o.pmtu !== undefined) yield* c.sys.setsockopt(fd, level, this.six ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, o.pmtu);
    if (this.gnu) {
      // iputils asks a datagram socket which address it would use: routes that are missing show here.
      const local = yield* this.probe();
      if (o.from !== undefined && literal === undefined) shown = `${local} ${o.from}`;
    }
    if (o.flags.has("b")) yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, 1);
    return shown;
  }

  /** The address that -I names, if it is one of this family. */
  private *sourceAddress(): Proc<InetAddress | Inet6Address | undefined> {
    const { from } = this.o;
    if (from === undefined) return undefined;
    if (this.six) return yield* parseInet6(this.c.sys, from, 0);
    const literal = parseIpv4(from);
    return literal === undefined ? undefined : inetAddress(literal, 0);
  }

  /** How large a packet may be on the way there. */
  private *pathMtu(): Proc<number> {
    const { sys } = this.c;
    const probe = yield* sys.socket(this.target.family, SOCK_DGRAM, 0);
    yield* sys.connect(probe, { ...this.target, port: 1025 });
    const mtu = yield* sys.getsockopt(probe, this.six ? SOL_IPV6 : SOL_IP, this.six ? IPV6_MTU : IP_MTU);
    yield* sys.close(probe);
    return mtu as number;
  }

  private *probe(): Proc<string> {
    const { c, o } = this;
    const { target } = this;
    if (target.family === AF_INET6 && target.scopeId === 0 && isScoped(target.addr)) {
      // It cannot be connected to without a device.
      if (o.from !== undefined) yield* c.eprint(`ping: Warning: source address might be selected on device other than: ${o.from}\n`);
      return "::";
    }
    const probe = yield* c.sys.socket(target.family, SOCK_DGRAM, 0);
    try {
      if (o.from !== undefined && (yield* this.sourceAddress()) === undefined)
        yield* c.sys.setsockopt(probe, SOL_SOCKET, SO_BINDTODEVICE, o.from);
      if (o.flags.has("b")) yield* c.sys.setsockopt(probe, SOL_SOCKET, SO_BROADCAST, 1);
      yield* c.sys.connect(probe, { ...this.target, port: 1025 });
      if (o.flags.has("b")) yield* c.eprint("WARNING: pinging broadcast address\n");
      const local = yield* c.sys.getsockname(probe);
      return local.family === AF_INET6 ? yield* formatInet6(c.sys, local) : formatHost(local);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (e.name === "EACCES") yield* c.fail("Do you want to ping broadcast? Then -b. If not, check your local firewall rules", 2);
      return yield* c.fail(`connect: ${e.message}`, 2);
    } finally {
      yield* c.sys.close(probe);
    }
  }

  private *loop(): Proc<void> {
    const { c, o } = this;
    this.startMs = yield* nowMs(c.sys);
    let nextMs = this.startMs;
    let giveUpMs = Number.POSITIVE_INFINITY;
    const endMs = this.startMs + o.deadlineMs;
    const buf = new Uint8Array(65_536);
    while (!this.stop) {
      const now = yield* nowMs(c.sys);
      if (now >= endMs || now >= giveUpMs) return;
      if (this.sent < o.count && now >= nextMs) {
        if (o.flags.has("O") && this.sent > 0 && !this.seen.has(this.sent)) yield* c.print(`no answer yet for icmp_seq=${this.sent}\n`);
        yield* this.send(now);
        nextMs = now + o.intervalMs;
        if (this.sent >= o.count) {
          const longest = Math.max(0, ...this.times);
          const linger = this.gnu && this.received > 0 ? Math.max(2 * longest, o.intervalMs) : o.lingerMs;
          giveUpMs = (yield* nowMs(c.sys)) + linger;
        }
      }
      if (this.sent >= o.count && this.received + this.errors >= o.count) return;
      const until = Math.min(this.sent < o.count ? nextMs : giveUpMs, endMs, giveUpMs);
      const waitMs = Math.max(0, Math.ceil(until - (yield* nowMs(c.sys))));
      try {
        if ((yield* c.sys.poll([{ fd: this.fd, events: POLLIN, revents: 0 }], waitMs)) === 0) continue;
        const { length, from, control } = yield* c.sys.recvmsg(this.fd, buf, 0);
        const bytes = buf.subarray(0, length);
        if (from?.family === AF_INET6) yield* this.receive6(bytes, from, control?.ttl ?? 0);
        else {
          const message = decodeIcmp(bytes);
          if (message !== undefined) yield* this.receive(message);
        }
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        // A signal, or an error that an ICMP message told of and that comes as a message, too.
      }
      yield* c.stdout.flush();
    }
  }

  private *send(now: number): Proc<void> {
    const { c, o } = this;
    const sequence = this.gnu ? this.sent + 1 : this.sent;
    const data = Uint8Array.from({ length: o.size }, (_, i) => i & 255);
    if (this.sent === 0) this.startMs = now;
    this.sent++;
    this.lastMs = now;
    this.sentMs.set(sequence & 0xffff, now);
    try {
      const echo = this.six ? encodeEcho6(this.id, sequence, data) : encodeEcho(this.id, sequence, data);
      yield* c.sys.sendmsg(this.fd, echo, 0, this.target);
      if (o.flags.has("f")) yield* c.print(".");
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (!this.gnu) yield* c.fail(`sendto: ${e.message}`);
      // receive_error_msg() finds nothing in the error queue for all but this one, and then nothing is said.
      if (e !== EMSGSIZE) return;
      this.errors++;
      yield* c.eprint(`ping: local error: message too long, ${this.six ? "mtu: " : "mtu="}${yield* this.pathMtu()}\n`);
    }
  }

  /** Who an address is, as it is shown. */
  private *who(address: InetAddress | Inet6Address): Proc<string> {
    const { sys } = this.c;
    const text = address.family === AF_INET6 ? yield* formatInet6(sys, address) : formatHost(address);
    if (!this.gnu || this.o.flags.has("n")) return text;
    let name = this.names.get(text);
    if (name === undefined) {
      name = (yield* getHostNames(sys, address))[0] ?? "";
      this.names.set(text, name);
    }
    return name === "" ? text : `${name} (${text})`;
  }

  private *receive(message: IcmpMessage): Proc<void> {
    if (message.type === ICMP_ECHOREPLY) {
      if (message.id !== this.id) return;
      yield* this.reply({ ...message, from: inetAddress(message.src, 0) });
      return;
    }
    const { about } = message;
    const { target } = this;
    if (
      about === undefined ||
      target.family !== AF_INET ||
      about.dst !== target.addr ||
      about.protocol !== IPPROTO_ICMP ||
      about.transport[0] !== ICMP_ECHO
    )
      return;
    if (((about.transport[4] as number) << 8) + (about.transport[5] as number) !== this.id) return;
    yield* this.failed(about.transport, inetAddress(message.src, 0), reasonOf(message));
  }

  /** An error about one of ours, which `transport` is the beginning of. */
  private *failed(transport: Uint8Array, from: InetAddress | Inet6Address, reason: string): Proc<void> {
    const { c, o } = this;
    const sequence = ((transport[6] as number) << 8) + (transport[7] as number);
    this.acknowledge(sequence);
    this.errors++;
    if (!this.gnu || o.flags.has("q")) return;
    if (o.flags.has("f")) yield* c.print("\bE");
    else yield* c.print(`${yield* this.stamp()}From ${yield* this.who(from)} icmp_seq=${sequence} ${reason}\n`);
  }

  private *receive6(bytes: Uint8Array, from: Inet6Address, ttl: number): Proc<void> {
    const message = decodeIcmp6(bytes);
    if (message === undefined) return;
    if (message.type === ICMPV6_ECHO_REPLY) {
      if (message.id === this.id) yield* this.reply({ ...message, from, ttl });
      return;
    }
    const { about } = message;
    const { target } = this;
    if (about === undefined || target.family !== AF_INET6 || about.transport[0] !== ICMPV6_ECHO_REQUEST) return;
    if (about.nextHeader !== IPPROTO_ICMPV6 || formatIpv6(about.dst) !== formatIpv6(target.addr)) return;
    if (((about.transport[4] as number) << 8) + (about.transport[5] as number) !== this.id) return;
    yield* this.failed(about.transport, from, reasonOf6(message));
  }

  private acknowledge(sequence: number): void {
    const behind = (this.sent - sequence) & 0xffff;
    if (behind > 0x7fff) return;
    this.pipe = Math.max(this.pipe, behind + 1);
    this.acked = Math.max(this.acked, sequence);
  }

  private *stamp(): Proc<string> {
    if (!this.o.flags.has("D")) return "";
    const { sec, nsec } = yield* this.c.sys.clock_gettime(CLOCK_REALTIME);
    return `[${sec}.${String(Math.floor(nsec / 1000)).padStart(6, "0")}] `;
  }

  private *reply({ sequence, from, ttl, length }: Answer): Proc<void> {
    const { c, o } = this;
    const sentMs = this.sentMs.get(sequence);
    if (sentMs === undefined) return;
    const tookMs = (yield* nowMs(c.sys)) - sentMs;
    const again = this.seen.has(sequence);
    this.seen.add(sequence);
    this.acknowledge(sequence);
    if (again) this.repeats++;
    else this.received++;
    if (!again && this.timing) this.times.push(tookMs);
    if (o.flags.has("q")) return;
    if (o.flags.has("f")) {
      yield* c.print("\b \b");
      return;
    }
    const time = this.gnu ? formatMs(tookMs) : tookMs.toFixed(3);
    const tail = `${this.timing ? ` time=${time} ms` : ""}${again ? " (DUP!)" : ""}`;
    const who = yield* this.who(from);
    const audible = o.flags.has("a") ? "\x07" : "";
    if (!this.gnu) yield* c.print(`${length} bytes from ${who}: seq=${sequence} ttl=${ttl}${tail}\n`);
    else {
      const ident = o.flags.has("v") ? ` ident=${this.id}` : "";
      yield* c.print(`${audible}${yield* this.stamp()}${length} bytes from ${who}: icmp_seq=${sequence}${ident} ttl=${ttl}${tail}\n`);
    }
  }

  private loss(): string {
    if (this.sent === 0) return "0";
    const percent = ((this.sent - this.received) * 100) / this.sent;
    // %g with six digits, as iputils prints it.
    return this.gnu ? String(Number(percent.toPrecision(6))) : String(Math.floor(percent));
  }

  private *finish(): Proc<number> {
    const { c, times } = this;
    const packets = this.gnu ? "" : "packets ";
    let text = `\n--- ${this.canonical} ping statistics ---\n${this.sent} packets transmitted, ${this.received} ${packets}received`;
    if (this.repeats > 0) text += `, +${this.repeats} duplicates`;
    if (this.gnu && this.errors > 0) text += `, +${this.errors} errors`;
    if (this.sent > 0) text += `, ${this.loss()}% packet loss`;
    if (this.gnu && this.sent > 0) text += `, time ${Math.floor(this.lastMs - this.startMs)}ms`;
    text += "\n";
    const average = times.reduce((sum, ms) => sum + ms, 0) / Math.max(1, times.length);
    const [least, most] = [Math.min(...times), Math.max(...times)];
    if (times.length > 0 && this.gnu) {
      const square = times.reduce((sum, ms) => sum + ms * ms, 0) / times.length;
      const deviation = Math.sqrt(Math.max(0, square - average * average));
      text += `rtt min/avg/max/mdev = ${[least, average, most, deviation].map((ms) => (Math.floor(ms * 1000) / 1000).toFixed(3)).join("/")} ms`;
    } else if (times.length > 0) text += `round-trip min/avg/max = ${[least, average, most].map((ms) => ms.toFixed(3)).join("/")} ms\n`;
    if (this.gnu) {
      if (this.pipe > 1) text += `${times.length > 0 ? ", " : ""}pipe ${this.pipe}`;
      text += "\n";
    }
    yield* c.print(text);
    if (this.received === 0) return 1;
    return this.gnu &&
      this.o.deadlineMs < Number.POSITIVE_INFINITY &&
      this.received < this.o.count &&
      this.o.count < Number.POSITIVE_INFINITY
      ? 1
      : 0;
  }
}

/** Four digits where there are as many. */
function formatMs(ms: number): string {
  const usec = Math.floor(ms * 1000 + 1e-6);
  if (usec >= 100_000) return String(Math.floor(usec / 1000));
  if (usec >= 10_000) return (Math.floor(usec / 100) / 10).toFixed(1);
  if (usec >= 1000) return (Math.floor(usec / 10) / 100).toFixed(2);
  return (usec / 1000).toFixed(3);
}

function* number(c: Command, text: string, least: number, most: number): Proc<number> {
  if (!/^[+-]?(0x[0-9a-f]+|\d+)$/i.test(text)) {
    if (c.voice === "busybox") yield* c.fail(`invalid number '${text}'`);
    yield* c.fail(`invalid argument: '${text}'`);
  }
  const value = Number(text);
  if (value >= least && value <= most) return value;
  if (c.voice === "busybox") yield* c.fail(`number ${text} is not in ${least}..${most} range`);
  const limit = most === Number.POSITIVE_INFINITY ? "9223372036854775807" : String(most);
  return yield* c.fail(`invalid argument: '${text}': out of range: ${least} <= value <= ${limit}`);
}

function* seconds(c: Command, text: string, what: string): Proc<number> {
  if (!/^\d*\.?\d+$|^\d+\.$/.test(text))
    return yield* c.fail(c.voice === "gnu" ? `${what}: ${text}` : `invalid number '${text}'`, c.voice === "gnu" ? 2 : 1);
  return Number(text) * 1000;
}

const PMTU: Readonly<Record<string, number>> = { do: IP_PMTUDISC_DO, dont: IP_PMTUDISC_DONT, want: IP_PMTUDISC_WANT };

function* parse(c: Command): Proc<{ o: Options; operands: readonly string[] }> {
  const gnu = c.voice === "gnu";
  const parsed = getopt(c.args, { short: gnu ? "46abc:Dfhi:I:M:nOqQ:s:t:vVw:W:" : "46c:s:i:t:I:W:w:q" }, c.voice);
  const o: Options = {
    ...{ count: Number.POSITIVE_INFINITY, intervalMs: 1000, size: 56, ttl: 0, tos: 0 },
    ...{ deadlineMs: Number.POSITIVE_INFINITY, lingerMs: 10_000, from: undefined, pmtu: undefined },
    flags: new Set<string>(),
  };
  for (const { name, arg } of parsed.options) {
    if (name === "c") o.count = yield* number(c, arg, 1, Number.POSITIVE_INFINITY);
    else if (name === "i") o.intervalMs = yield* seconds(c, arg, "bad timing interval");
    else if (name === "s") o.size = yield* number(c, arg, 0, 65_507);
    else if (name === "t") o.ttl = yield* number(c, arg, gnu ? 0 : 1, 255);
    else if (name === "Q") o.tos = yield* number(c, arg, 0, 255);
    else if (name === "w") o.deadlineMs = (yield* number(c, arg, 0, 2147483647)) * 1000 || Number.POSITIVE_INFINITY;
    else if (name === "W") o.lingerMs = (yield* seconds(c, arg, "bad linger time")) || 10_000;
    else if (name === "I") o.from = arg;
    else if (name === "M") {
      o.pmtu = PMTU[arg];
      if (o.pmtu === undefined) yield* c.fail(`invalid -M argument: ${arg}`);
    } else o.flags.add(name);
  }
  if (o.flags.has("f")) o.intervalMs = Math.min(o.intervalMs, 10);
  return { o, operands: parsed.operands };
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  let parsed: { o: Options; operands: readonly string[] };
  try {
    parsed = yield* parse(c);
  } catch (e) {
    if (!(e instanceof UsageError) || !gnu) throw e;
    yield* c.eprint(`${c.name}: ${e.message}\n${usage}`);
    return 2;
  }
  const { o, operands } = parsed;
  if (o.flags.has("V")) {
    yield* c.print("ping from iputils 20221126\nlibcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n");
    return 0;
  }
  if (o.flags.has("h")) {
    yield* c.eprint(usage);
    return 2;
  }
  const [target] = operands;
  if (target === undefined) {
    if (gnu) return yield* c.fail("usage error: Destination address required");
    throw new UsageError("");
  }
  try {
    const literal = o.flags.has("4") ? undefined : yield* parseInet6(c.sys, target, 0);
    if (literal !== undefined) {
      o.flags.add("n");
      return yield* new Ping(c, o, literal, target).run();
    }
    if (o.flags.has("6")) {
      const { addresses, canonical } = yield* getHost(c.sys, target, AF_INET6);
      const [address] = addresses;
      if (address?.family !== AF_INET6) throw new GaiError("EAI_NODATA");
      return yield* new Ping(c, o, inet6Address(address.addr, 0), gnu ? canonical : target).run();
    }
    const { addresses, canonical } = yield* getHostIpv4(c.sys, target);
    if (/^[0-9.]+$/.test(target)) o.flags.add("n");
    return yield* new Ping(c, o, inetAddress(addresses[0] as number, 0), gnu ? canonical : target).run();
  } catch (e) {
    if (e instanceof GaiError) return yield* c.fail(gnu ? `${target}: ${e.message}` : `bad address '${target}'`, gnu ? 2 : 1);
    if (e instanceof Errno && e.name === "EPERM") {
      if (gnu)
        yield* c.eprint(
          "ping: socktype: SOCK_RAW\nping: socket: Operation not permitted\nping: => missing cap_net_raw+p capability or setuid?\n",
        );
      else yield* c.warn("permission denied (are you root?)");
      throw new Exit(gnu ? 2 : 1);
    }
    throw e;
  }
}

export const main = command({ help: help(usage.replace(/^\nUsage\n {2}/, ""), busyboxHelp), usageStatus: 1 }, run);
