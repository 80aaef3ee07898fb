/**
 * Filter expressions: pcap-filter(7), as far as `host net port portrange src dst tcp udp icmp arp ip ether host and or not ( )` go. Differs from Linux: packets are filtered
 * by tcpdump itself, not by a program in the kernel.
 */

import {
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_ICMPV6,
  IPPROTO_ICMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  parseIpv4,
  parseMac,
  prefixMask,
} from "../../abi/inet.ts";
import type { Packet } from "./packet.ts";

export type Filter = (packet: Packet) => boolean;

/** The words of tcpdump for what it cannot understand. */
export class FilterError extends Error {}

export interface Names {
  host(name: string): readonly number[] | undefined;
  port(name: string): number | undefined;
}

type Direction = "src" | "dst" | "both" | "any";

const syntaxError = (): FilterError => new FilterError("can't parse filter expression: syntax error");

const protocolTests: Readonly<Record<string, Filter>> = {
  ip: ({ type }) => type === ETH_P_IP,
  ip6: ({ type }) => type === 0x86dd,
  arp: ({ type }) => type === ETH_P_ARP,
  tcp: ({ ip }) => ip?.protocol === IPPROTO_TCP,
  udp: ({ ip }) => ip?.protocol === IPPROTO_UDP,
  icmp: ({ ip, type }) => type === ETH_P_IP && ip?.protocol === IPPROTO_ICMP,
  icmp6: ({ ip, type }) => type === ETH_P_IPV6 && ip?.protocol === IPPROTO_ICMPV6,
};

class Parser {
  private at = 0;
  /** `port 80 or 443`: a bare value takes the words before it again. */
  private last: { readonly kind: string; readonly direction: Direction; readonly protocol: Filter | undefined } | undefined;

  constructor(
    private readonly words: readonly string[],
    private readonly names: Names,
  ) {}

  parse(): Filter {
    const filter = this.joined();
    if (this.at < this.words.length) throw syntaxError();
    return filter;
  }

  /** `and` and `or` bind alike, from left to right. */
  private joined(): Filter {
    let left = this.not();
    for (;;) {
      const both = this.take("and", "&&");
      if (!both && !this.take("or", "||")) return left;
      const [one, other] = [left, this.not()];
      left = both ? (packet) => one(packet) && other(packet) : (packet) => one(packet) || other(packet);
    }
  }

  private not(): Filter {
    if (this.take("not", "!")) {
      const inner = this.not();
      return (packet) => !inner(packet);
    }
    if (this.take("(")) {
      const inner = this.joined();
      if (!this.take(")")) throw syntaxError();
      return inner;
    }
    return this.primitive();
  }

  private take(...words: readonly string[]): boolean {
    if (!words.includes(this.words[this.at] ?? "")) return false;
    this.at++;
    return true;
  }

  private next(): string {
    const word = this.words[this.at++];
    if (word === undefined || ["and", "or", "not", ")", "("].includes(word)) throw syntaxError();
    return word;
  }

  private primitive(): Filter {
    const start = this.at;
    const ether = this.take("ether");
    const name = this.words[this.at] ?? "";
    const protocol = Object.hasOwn(protocolTests, name) ? protocolTests[name] : undefined;
    if (protocol !== undefined) this.at++;
    const direction = this.direction();
    const word = this.words[this.at];
    if (["host", "net", "port", "portrange"].includes(word ?? "")) {
      this.at++;
      const kind = ether && word === "host" ? "ether" : (word as string);
      return this.value(kind, direction ?? "any", protocol);
    }
    if (direction !== undefined) return this.value("host", direction, protocol);
    if (protocol !== undefined) {
      this.last = undefined;
      return protocol;
    }
    if (ether || word === undefined) throw syntaxError();
    if (this.last !== undefined && start > 0) return this.value(this.last.kind, this.last.direction, this.last.protocol);
    if (word === "greater" || word === "less") {
      this.at++;
      const limit = Number(this.next());
      return ({ length }) => (word === "greater" ? length >= limit : length <= limit);
    }
    if (word === "broadcast") {
      this.at++;
      return ({ dst }) => dst === 0xffffffffffff;
    }
    throw syntaxError();
  }

  private direction(): Direction | undefined {
    if (!["src", "dst"].includes(this.words[this.at] ?? "")) return undefined;
    const first = this.words[this.at++] as "src" | "dst";
    const second = this.words[this.at + 1];
    if ((second === "src" || second === "dst") && second !== first) {
      const both = this.take("and");
      if (both || this.take("or")) {
        this.at++;
        return both ? "both" : "any";
      }
    }
    return first;
  }

  private value(kind: string, direction: Direction, protocol: Filter | undefined): Filter {
    this.last = { kind, direction, protocol };
    const text = this.next();
    const test =
      kind === "port" || kind === "portrange"
        ? this.ports(kind, text, direction)
        : kind === "ether"
          ? this.ether(text, direction)
          : this.address(kind, text, direction);
    return protocol === undefined ? test : (packet) => protocol(packet) && test(packet);
  }

  private ports(kind: string, text: string, direction: Direction): Filter {
    const one = (name: string): number => {
      const port = this.names.port(name);
      if (port === undefined) throw new FilterError(kind === "port" ? `unknown port '${name}'` : `unknown port in range '${text}'`);
      if (port > 65_535) throw new FilterError(`illegal port number ${port} > 65535`);
      return port;
    };
    const [low = "", high = low] = kind === "port" ? [text] : text.split("-");
    const [from, to] = [one(low), one(high)];
    return ({ ip }) =>
      ip?.srcPort !== undefined &&
      ip.dstPort !== undefined &&
      match(direction, ip.srcPort, ip.dstPort, (port) => port >= from && port <= to);
  }

  private ether(text: string, direction: Direction): Filter {
    const mac = parseMac(text);
    if (mac === undefined) throw new FilterError(`unknown ether host '${text}'`);
    return ({ src, dst }) => match(direction, src, dst, (one) => one === mac);
  }

  private address(kind: string, text: string, direction: Direction): Filter {
    let test: (addr: number) => boolean;
    if (kind === "net") {
      const [base = "", length] = text.split("/");
      const parts = base.split(".");
      const bits = length === undefined ? parts.length * 8 : Number(length);
      const addr = parseIpv4([...parts, "0", "0", "0"].slice(0, 4).join("."));
      if (addr === undefined || !(bits >= 0)) throw syntaxError();
      if (bits > 32) throw new FilterError("mask length must be <= 32");
      const mask = prefixMask(bits);
      if ((addr & ~mask) !== 0) throw new FilterError(`non-network bits set in "${text}"`);
      test = (one) => (one & mask) >>> 0 === addr;
    } else {
      const addrs = this.names.host(text);
      if (addrs === undefined) throw new FilterError(`unknown host '${text}'`);
      test = (one) => addrs.includes(one);
    }
    return ({ ip, arp }) => {
      if (ip !== undefined && typeof ip.src === "number" && typeof ip.dst === "number") return match(direction, ip.src, ip.dst, test);
      return arp !== undefined && match(direction, arp.senderIp, arp.targetIp, test);
    };
  }
}

function match(direction: Direction, src: number, dst: number, test: (one: number) => boolean): boolean {
  if (direction === "src") return test(src);
  if (direction === "dst") return test(dst);
  return direction === "both" ? test(src) && test(dst) : test(src) || test(dst);
}

/** Throws FilterError. An empty expression takes everything. */
export function parseFilter(expression: string, names: Names): Filter {
  const words = expression.match(/[()!]|&&|\|\||[^\s()!]+/g) ?? [];
  return words.length === 0 ? () => true : new Parser(words, names).parse();
}
