/** tcpdump(8) 4.99: packets of an interface, as lines. Left out: files (-r, -w), decrypting, IPv6 in detail, protocols beside ARP, ICMP, UDP, TCP, DNS and HTTP. */

import { EINTR, ENODEV, Errno } from "../../abi/errno.ts";
import { ETH_P_ALL, formatIpv4, parseIpv4 } from "../../abi/inet.ts";
import { SIGINT, SIGTERM } from "../../abi/signal.ts";
import { AF_PACKET, SOCK_RAW, SOL_PACKET, SOL_SOCKET } from "../../abi/socket.ts";
import { PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, PACKET_OUTGOING, SO_TIMESTAMP } from "../../abi/sockopt.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { GaiError, getHostIpv4, getHostName, getServices, type Service } from "../libc/netdb.ts";
import { optional } from "../libc/unistd.ts";
import { strftime } from "../libc/strftime.ts";
import { type Filter, FilterError, parseFilter } from "./filter.ts";
import { decodeFrame, type Packet } from "./packet.ts";
import { ascii, hexAndAscii, PacketPrinter } from "./print.ts";

const VERSION = "tcpdump version 4.99.3\nlibpcap version 1.10.3 (with TPACKET_V3)\n";
const USAGE = "tcpdump [-AelnNpqtvX] [ -c count ] [ -i interface ] [ -s snaplen ] [ expression ]\n";
const SNAPLEN = 262_144;

class Capture {
  private readonly names = new Map<number, string>();
  private readonly printer: PacketPrinter;
  private services: readonly Service[] = [];
  private captured = 0;
  private received = 0;
  private stop = false;

  constructor(
    private readonly c: Command,
    private readonly flags: ReadonlySet<string>,
    private readonly verbose: number,
    private readonly iface: string,
    private readonly count: number,
  ) {
    this.printer = new PacketPrinter({
      verbose,
      quiet: flags.has("q"),
      link: flags.has("e"),
      host: (addr) => this.names.get(addr) ?? formatIpv4(addr),
      port: (port, protocol) =>
        (flags.has("n") ? undefined : this.services.find((s) => s.port === port && s.protocol === protocol)?.name) ?? String(port),
    });
  }

  *run(expression: string): Proc<number> {
    const { c } = this;
    const any = this.iface === "any";
    let fd: number;
    try {
      fd = yield* c.sys.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.eprint(`tcpdump: ${this.iface}: You don't have permission to perform this capture on that device\n(socket: ${e.message})\n`);
      return 1;
    }
    let ifindex = 0;
    try {
      if (!any) ifindex = yield* c.sys.ioctl(fd, "SIOCGIFINDEX", this.iface);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.eprint(`tcpdump: ${this.iface}: No such device exists\n(No such device exists)\n`);
      return 1;
    }
    const filter = yield* this.compile(expression);
    if (filter === undefined) return 1;
    yield* c.sys.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    yield* c.sys.bind(fd, { family: AF_PACKET, ifindex, protocol: ETH_P_ALL, hatype: 0, pkttype: 0, mac: 0 });
    if (!any && !this.flags.has("p")) yield* c.sys.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, { ifindex, type: PACKET_MR_PROMISC });
    const link = any ? "LINUX_SLL2 (Linux cooked v2)" : "EN10MB (Ethernet)";
    if (any) yield* c.eprint("tcpdump: data link type LINUX_SLL2\n");
    if (this.verbose > 0) yield* c.eprint("tcpdump: ");
    else yield* c.eprint("tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n");
    yield* c.eprint(`listening on ${this.iface}, link-type ${link}, snapshot length ${SNAPLEN} bytes\n`);
    for (const signal of [SIGINT, SIGTERM]) {
      const capture = this;
      yield* c.sys.rt_sigaction(signal, {
        *handler() {
          capture.stop = true;
        },
        flags: 0,
        mask: 0n,
      });
    }
    yield* this.loop(fd, filter, any);
    yield* c.stdout.flush();
    const s = this.captured === 1 ? "" : "s";
    if (this.stop) yield* c.eprint("\n");
    yield* c.eprint(
      `${this.captured} packet${s} captured\n${this.received} packet${this.received === 1 ? "" : "s"} received by filter\n0 packets dropped by kernel\n`,
    );
    return 0;
  }

  private *compile(expression: string): Proc<Filter | undefined> {
    const { c } = this;
    if (!this.flags.has("n")) this.services = yield* getServices(c.sys);
    const services = yield* getServices(c.sys);
    const hosts = new Map<string, readonly number[]>();
    for (const word of expression.split(/[\s()]+/)) {
      if (!/[a-z]/i.test(word) || !/\./.test(word)) continue;
      try {
        hosts.set(word, (yield* getHostIpv4(c.sys, word)).addresses);
      } catch (e) {
        if (!(e instanceof GaiError)) throw e;
      }
    }
    try {
      return parseFilter(expression, {
        host: (name) => {
          const addr = parseIpv4(name);
          return addr === undefined ? hosts.get(name) : [addr];
        },
        port: (name) => (/^\d+$/.test(name) ? Number(name) : services.find((one) => one.name === name)?.port),
      });
    } catch (e) {
      if (!(e instanceof FilterError)) throw e;
      yield* c.eprint(`tcpdump: ${e.message}\n`);
      return undefined;
    }
  }

  private *loop(fd: number, filter: Filter, any: boolean): Proc<void> {
    const { c } = this;
    const buf = new Uint8Array(SNAPLEN);
    const loopback = yield* optional(c.sys.ioctl(fd, "SIOCGIFINDEX", "lo"), [ENODEV]);
    while (!this.stop && this.captured < this.count) {
      try {
        const { length, from, control } = yield* c.sys.recvmsg(fd, buf, 0);
        const packet = decodeFrame(buf.subarray(0, length));
        if (packet === undefined || !filter(packet)) continue;
        this.received++;
        // What goes out by lo comes in by it again: libpcap leaves out the former.
        if (from?.family === AF_PACKET && from.pkttype === PACKET_OUTGOING && from.ifindex === loopback) continue;
        this.captured++;
        const at = control?.timestamp ?? (yield* c.sys.clock_gettime(CLOCK_REALTIME));
        let where = "";
        if (any && from?.family === AF_PACKET) {
          const name = yield* c.sys.ioctl(fd, "SIOCGIFNAME", from.ifindex);
          where = `${name.padEnd(5)} ${from.pkttype === PACKET_OUTGOING ? "Out" : "In "} `;
        }
        yield* this.show(packet, at, where);
      } catch (e) {
        if (e !== EINTR) throw e;
      }
    }
  }

  private *show(packet: Packet, at: { readonly sec: number; readonly nsec: number }, where: string): Proc<void> {
    const { c, flags } = this;
    if (!flags.has("n")) yield* this.resolve(packet);
    const stamp = flags.has("t") ? "" : `${strftime("%H:%M:%S", at)}.${String(Math.floor(at.nsec / 1000)).padStart(6, "0")} `;
    yield* c.print(`${stamp}${where}${this.printer.print(packet)}\n`);
    if (flags.has("X")) yield* c.print(hexAndAscii(packet.body));
    else if (flags.has("A")) yield* c.print(ascii(packet.body));
    if (flags.has("l")) yield* c.stdout.flush();
  }

  private *resolve({ ip, arp }: Packet): Proc<void> {
    const addresses = ip !== undefined ? [ip.src, ip.dst] : arp !== undefined ? [arp.senderIp, arp.targetIp] : [];
    for (const addr of addresses)
      if (typeof addr === "number" && !this.names.has(addr))
        this.names.set(addr, (yield* getHostName(this.c.sys, addr)) ?? formatIpv4(addr));
  }
}

function* run(c: Command): Proc<number> {
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, {
      short: "Ac:ehi:lnNpqs:tvX",
      long: [
        { name: "help", as: "h" },
        { name: "version", as: "version" },
        { name: "interface", as: "i", arg: "required" },
      ],
    });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint(`tcpdump: ${e.message}\n${VERSION}Usage: ${USAGE}`);
    return 1;
  }
  const flags = new Set<string>();
  let [iface, count, verbose] = ["eth0", Number.POSITIVE_INFINITY, 0];
  for (const { name, arg } of parsed.options) {
    if (name === "i") iface = arg;
    else if (name === "v") verbose++;
    else if (name === "c") {
      count = Number(arg);
      if (!/^\d+$/.test(arg) || count <= 0) return yield* c.fail(`invalid packet count ${arg}`);
    } else flags.add(name);
  }
  if (flags.has("h") || flags.has("version")) {
    yield* c.eprint(`${VERSION}${flags.has("h") ? `Usage: ${USAGE}` : ""}`);
    return 0;
  }
  return yield* new Capture(c, flags, verbose, iface, count).run(parsed.operands.join(" "));
}

export const main = command({ help: help(USAGE) }, run);
