/**
 * traceroute(8), Dmitry Butskoy's 2.1.2, and busybox's: probes with growing TTLs by UDP or ICMP, sixteen under way at once (busybox: one). Left out: TCP and other
 * methods, IPv6, source routes, AS numbers, MTU discovery.
 */

import { Errno } from "../../abi/errno.ts";
import { formatIpv4, IPPROTO_ICMP, IPPROTO_UDP } from "../../abi/inet.ts";
import { POLLIN } from "../../abi/poll.ts";
import { AF_INET, SO_BINDTODEVICE, SOCK_DGRAM, SOCK_RAW, SOL_IP, SOL_SOCKET } from "../../abi/socket.ts";
import { IP_TTL, SO_TIMESTAMP } from "../../abi/sockopt.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { decodeIcmp, encodeEcho, ICMP_DEST_UNREACH, ICMP_ECHOREPLY, ICMP_TIME_EXCEEDED, type IcmpMessage } from "../libc/icmp.ts";
import { inetAddress, nowMs } from "../libc/inet.ts";
import { GaiError, getHostIpv4, getHostName } from "../libc/netdb.ts";

const text = help(
  `
  traceroute [ -4Fn ] [ -f first_ttl ] [ -i device ] [ -I ] [ -m max_ttl ] [ -N squeries ] [ -p port ] [ -q nqueries ] [ -s src_addr ] [ -w MAX ] host [ packetlen ]
Options:
  -4                          Use IPv4
  -f first_ttl                Start from the first_ttl hop (instead from 1)
  -I  --icmp                  Use ICMP ECHO for tracerouting
  -i device  --interface=device
                              Specify a network interface to operate with
  -m max_ttl  --max-hops=max_ttl
                              Set the max number of hops (max TTL to be
                              reached). Default is 30
  -N squeries  --sim-queries=squeries
                              Set the number of probes to be tried
                              simultaneously (default is 16)
  -n                          Do not resolve IP addresses to their domain names
  -p port  --port=port        Set the destination port to use
  -q nqueries  --queries=nqueries
                              Set the number of probes per each hop. Default is 3
  -s src_addr  --source=src_addr
                              Use source src_addr for outgoing packets
  -U  --udp                   Use UDP (the default)
  -w MAX  --wait=MAX          Wait for a probe no more than MAX seconds
                              (default 5.0)
      --help                  Read this help and exit

Arguments:
+     host          The host to traceroute to
      packetlen     The full packet length (default is the length of an IP
                    header plus 40). Can be ignored or increased to a minimal
                    allowed value
`,
  `traceroute [-4In] [-f 1ST_TTL] [-m MAXTTL] [-q PROBES] [-p PORT]
	[-w WAIT_SEC] [-s SRC_IP] [-i IFACE] HOST [BYTES]

Trace the route to HOST

	-n	Print numeric addresses
	-f N	First number of hops (default 1)
	-m N	Max number of hops
	-q N	Number of probes per hop (default 3)
	-p N	Base UDP port number used in probes
		(default 33434)
	-s IP	Source address
	-i IFACE Source interface
	-w SEC	Wait for a response (default 3)`,
);

interface Probe {
  readonly ttl: number;
  /** UDP port or ICMP sequence number that tells it from others. */
  readonly key: number;
  sentMs: number;
  /** The same by the wall clock. */
  sentAtMs: number;
  fd: number;
  /** Undefined: none yet; "lost": nobody answered in time. */
  answer: { readonly from: number; readonly ms: number; readonly mark: string; readonly last: boolean } | "lost" | undefined;
}

const MARKS: Readonly<Record<number, string>> = {
  0: " !N",
  1: " !H",
  2: " !P",
  4: " !F",
  5: " !S",
  9: " !X",
  10: " !X",
  13: " !X",
  14: " !V",
  15: " !C",
};

interface Settings {
  first: number;
  max: number;
  queries: number;
  simultaneous: number;
  waitMs: number;
  port: number;
  icmp: boolean;
  numeric: boolean;
  device: string | undefined;
  source: number | undefined;
  length: number;
}

class Trace {
  private readonly probes: Probe[] = [];
  private raw = -1;
  private id = 0;
  private shown = 0;
  private lastFrom: number | undefined;
  private finished = false;
  private status = 0;

  constructor(
    private readonly c: Command,
    private readonly s: Settings,
    private readonly to: number,
  ) {}

  *run(): Proc<number> {
    const { c, s } = this;
    this.raw = yield* c.sys.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    this.id = (yield* c.sys.getpid()) & 0xffff;
    // Looking up names takes time: what came meanwhile is told by the kernel.
    yield* c.sys.setsockopt(this.raw, SOL_SOCKET, SO_TIMESTAMP, 1);
    const total = (s.max - s.first + 1) * s.queries;
    while (!this.finished && this.shown < total) {
      const underWay = this.probes.filter((probe) => probe.answer === undefined).length;
      if (this.probes.length < total && underWay < s.simultaneous && !this.reached()) {
        yield* this.send();
        continue;
      }
      yield* this.listen();
      yield* this.show();
    }
    if (this.shown % s.queries !== 0) yield* c.print("\n");
    return this.status;
  }

  /** Whether the destination has answered: later hops are not asked for. */
  private reached(): boolean {
    const { probes, s } = this;
    const hop = probes.find(({ answer }) => typeof answer === "object" && answer.last)?.ttl;
    return hop !== undefined && probes.length >= (hop - s.first + 1) * s.queries;
  }

  private *send(): Proc<void> {
    const { c, s, probes } = this;
    const index = probes.length;
    const probe: Probe = {
      ttl: s.first + Math.floor(index / s.queries),
      key: s.icmp ? index + 1 : s.port + index,
      sentMs: 0,
      sentAtMs: 0,
      fd: -1,
      answer: undefined,
    };
    probe.fd = s.icmp ? this.raw : yield* c.sys.socket(AF_INET, SOCK_DGRAM, 0);
    if (s.device !== undefined) yield* c.sys.setsockopt(probe.fd, SOL_SOCKET, SO_BINDTODEVICE, s.device);
    if (s.source !== undefined) yield* c.sys.bind(probe.fd, inetAddress(s.source, 0));
    yield* c.sys.setsockopt(probe.fd, SOL_IP, IP_TTL, probe.ttl);
    const data = Uint8Array.from({ length: s.length - 28 }, (_, i) => 0x40 + (i & 0x3f));
    probe.sentMs = yield* nowMs(c.sys);
    const { sec, nsec } = yield* c.sys.clock_gettime(CLOCK_REALTIME);
    probe.sentAtMs = sec * 1000 + nsec / 1e6;
    probes.push(probe);
    try {
      if (!s.icmp) yield* c.sys.connect(probe.fd, inetAddress(this.to, probe.key));
      yield* c.sys.sendmsg(probe.fd, s.icmp ? encodeEcho(this.id, probe.key, data) : data, 0, s.icmp ? inetAddress(this.to, 0) : undefined);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (index === 0) {
        yield* c.stdout.flush();
        yield* c.eprint(c.voice === "gnu" ? `connect: ${e.message}\n` : `traceroute: sendto: ${e.message}\n`);
        this.finished = true;
        this.status = 1;
      }
      probe.answer = "lost";
    }
  }

  /** Waits for something to come, or for the oldest probe to be late. */
  private *listen(): Proc<void> {
    const { c, s } = this;
    const now = yield* nowMs(c.sys);
    const waiting = this.probes.filter(({ answer }) => answer === undefined);
    const [oldest] = waiting;
    if (oldest === undefined) return;
    const waitMs = Math.max(0, Math.ceil(oldest.sentMs + s.waitMs - now));
    const ready = yield* c.sys.poll([{ fd: this.raw, events: POLLIN, revents: 0 }], waitMs);
    if (ready > 0) {
      const buf = new Uint8Array(2048);
      try {
        const { length, control } = yield* c.sys.recvmsg(this.raw, buf, 0);
        const message = decodeIcmp(buf.subarray(0, length));
        const at = control?.timestamp ?? (yield* c.sys.clock_gettime(CLOCK_REALTIME));
        if (message !== undefined) yield* this.receive(message, at.sec * 1000 + at.nsec / 1e6);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
    }
    const later = yield* nowMs(c.sys);
    for (const probe of waiting) if (probe.answer === undefined && later >= probe.sentMs + s.waitMs) yield* this.settle(probe, "lost");
  }

  private *receive({ type, code, src, id, sequence, about }: IcmpMessage, atMs: number): Proc<void> {
    const { s } = this;
    let key: number | undefined;
    if (type === ICMP_ECHOREPLY && s.icmp && id === this.id) key = sequence;
    else if (about?.dst === this.to && about.protocol === (s.icmp ? IPPROTO_ICMP : IPPROTO_UDP)) {
      const word = (at: number): number => (about.transport[at] as number) * 256 + (about.transport[at + 1] as number);
      if (!s.icmp) key = word(2);
      else if (word(4) === this.id) key = word(6);
    }
    const probe = this.probes.find((one) => one.key === key && one.answer === undefined);
    if (probe === undefined) return;
    const ms = atMs - probe.sentAtMs;
    const unreachable = type === ICMP_DEST_UNREACH;
    const mark = unreachable && !(code === 3 && !s.icmp) ? (MARKS[code] ?? ` !<${code}>`) : "";
    if (type === ICMP_ECHOREPLY || unreachable || type === ICMP_TIME_EXCEEDED)
      yield* this.settle(probe, { from: src, ms, mark, last: type !== ICMP_TIME_EXCEEDED });
  }

  private *settle(probe: Probe, answer: Probe["answer"]): Proc<void> {
    probe.answer = answer;
    if (!this.s.icmp) yield* this.c.sys.close(probe.fd);
  }

  /** Prints what is known, in order. */
  private *show(): Proc<void> {
    const { c, s } = this;
    for (let probe = this.probes[this.shown]; probe?.answer !== undefined && !this.finished; probe = this.probes[this.shown]) {
      if (this.shown % s.queries === 0) {
        yield* c.print(`${String(probe.ttl).padStart(2)} `);
        this.lastFrom = undefined;
      }
      this.shown++;
      const { answer } = probe;
      if (answer === "lost") yield* c.print(" *");
      else {
        if (answer.from !== this.lastFrom) yield* c.print(` ${yield* this.who(answer.from)}`);
        this.lastFrom = answer.from;
        yield* c.print(`  ${answer.ms.toFixed(3)} ms${answer.mark}`);
      }
      if (this.shown % s.queries === 0) {
        yield* c.print("\n");
        const hop = this.probes.slice(this.shown - s.queries, this.shown);
        this.finished = hop.some(({ answer: one }) => typeof one === "object" && one.last);
      }
      yield* c.stdout.flush();
    }
  }

  private *who(addr: number): Proc<string> {
    const numbers = formatIpv4(addr);
    if (this.s.numeric) return numbers;
    return `${(yield* getHostName(this.c.sys, addr)) ?? numbers} (${numbers})`;
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const long = [
    { name: "icmp", as: "I" },
    { name: "interface", as: "i", arg: "required" },
    { name: "max-hops", as: "m", arg: "required" },
    { name: "sim-queries", as: "N", arg: "required" },
    { name: "port", as: "p", arg: "required" },
    { name: "queries", as: "q", arg: "required" },
    { name: "source", as: "s", arg: "required" },
    { name: "udp", as: "U" },
    { name: "wait", as: "w", arg: "required" },
    { name: "help", as: "help" },
  ] as const;
  const { options, operands } = getopt(
    c.args,
    { short: gnu ? "4If:i:m:N:np:q:s:Uw:" : "4If:i:m:np:q:s:w:", long: gnu ? long : [] },
    c.voice,
  );
  const s: Settings = {
    ...{ first: 1, max: 30, queries: 3, simultaneous: gnu ? 16 : 1, waitMs: gnu ? 5000 : 3000, port: 33434, icmp: false },
    ...{ numeric: false, device: undefined, source: undefined, length: gnu ? 60 : 46 },
  };
  const [host, length] = operands;
  for (const { name, arg } of options) {
    if (name === "help") return yield* c.help();
    if (name === "n") s.numeric = true;
    else if (name === "I") s.icmp = true;
    else if (name === "i") s.device = arg;
    else if (name === "s") s.source = (yield* getHostIpv4(c.sys, arg)).addresses[0];
    else if (name !== "4" && name !== "U") {
      const value = Number(arg);
      if (!/^[\d.]+$/.test(arg)) {
        yield* c.eprint(`Cannot handle \`-${name}' option with arg \`${arg}' (argc ${c.args.indexOf(arg) + 1})\n`);
        return 2;
      }
      if (name === "f") s.first = value;
      else if (name === "m") s.max = value;
      else if (name === "q") s.queries = value;
      else if (name === "N") s.simultaneous = Math.max(1, value);
      else if (name === "p") s.port = value;
      else if (name === "w") s.waitMs = value * 1000;
    }
  }
  if (s.first < 1 || s.first > s.max) return yield* complain(c, "first hop out of range");
  if (s.max > 255) return yield* complain(c, "max hops cannot be more than 255");
  if (s.queries < 1 || s.queries > 10) return yield* complain(c, "no more than 10 probes per hop");
  if (host === undefined) {
    if (!gnu) throw new UsageError("");
    return yield* c.help();
  }
  if (length !== undefined) s.length = Math.max(28, Number(length));
  try {
    const { addresses } = yield* getHostIpv4(c.sys, host);
    const to = addresses[0] as number;
    yield* c.print(`traceroute to ${host} (${formatIpv4(to)}), ${s.max} hops max, ${s.length} byte packets\n`);
    return yield* new Trace(c, s, to).run();
  } catch (e) {
    if (!(e instanceof GaiError)) throw e;
    if (!gnu) return yield* c.fail(`bad address '${host}'`);
    const position = c.args.indexOf(host) + 1;
    yield* c.eprint(`${host}: ${e.message}\nCannot handle "host" cmdline arg \`${host}' on position 1 (argc ${position})\n`);
    return 2;
  }
}

function* complain(c: Command, message: string): Proc<number> {
  yield* c.eprint(`${message}\n`);
  return 2;
}

export const main = command({ help: text, usageStatus: 2 }, run);
