/** What every object of ip(8) gets: options, a netlink socket, the names of links, and the words of its mistakes. */

import { decodeAttributes, type NetlinkMessage, NetlinkWriter, RTM_GETLINK } from "../../abi/netlink.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6, prefixMask } from "../../abi/inet.ts";
import { IFLA_EXT_MASK, IFLA_IFNAME, RTEXT_FILTER_SKIP_STATS } from "../../abi/rtnetlink.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, Exit } from "../libc/command.ts";
import { NetlinkFailure, NetlinkSocket } from "../libc/rtnetlink.ts";
import { busyboxWords, isBusybox } from "./busybox.ts";
import type { Printer } from "./print.ts";

export interface IpOptions {
  readonly family: number;
  readonly details: boolean;
  readonly stats: number;
  readonly numeric: boolean;
  /** Names with `-r` are not resolved: there is nobody to ask. */
  readonly brief: boolean;
  readonly oneline: boolean;
  readonly json: boolean;
}

export class IpContext {
  private socket: NetlinkSocket | undefined;
  private names: Map<number, string> | undefined;

  constructor(
    readonly c: Command,
    readonly options: IpOptions,
    readonly out: Printer,
    /** `-all`: every namespace. */
    readonly all: boolean,
  ) {}

  *netlink(): Proc<NetlinkSocket> {
    this.socket ??= yield* NetlinkSocket.open(this.c.sys);
    return this.socket;
  }

  /** Status of busybox' mistakes: that of `ip link` is 2. */
  busyboxStatus = 1;

  /** Says it on stderr and ends the program. */
  *die(message: string, status: number): Proc<never> {
    yield* this.flush();
    if (isBusybox(this)) return yield* this.c.fail(busyboxWords(message), status === 2 ? 2 : this.busyboxStatus);
    yield* this.c.eprint(`${message}\n`);
    throw new Exit(status);
  }

  *flush(): Proc<void> {
    yield* this.c.stdout.flush();
  }

  *linkNames(): Proc<ReadonlyMap<number, string>> {
    if (this.names === undefined) {
      this.names = new Map();
      const dump = yield* (yield* this.netlink()).dump(RTM_GETLINK, linkRequest(0, 0));
      for (const message of dump) this.names.set(indexOf(message), decodeAttributes(message.payload, 16).get(IFLA_IFNAME)?.string ?? "");
    }
    return this.names;
  }

  /** Remembers the name of a link that came as news. */
  learn(index: number, name: string): void {
    this.names?.set(index, name);
  }

  *linkName(index: number): Proc<string> {
    return (yield* this.linkNames()).get(index) ?? `if${index}`;
  }

  /** The index of a link, 0 if there is none. */
  *findLink(name: string): Proc<number> {
    for (const [index, other] of yield* this.linkNames()) if (other === name) return index;
    const byNumber = /^if(\d+)$/.exec(name);
    return byNumber === null ? 0 : Number(byNumber[1]);
  }

  /** Errors: ends with "Cannot find device". */
  *requireLink(name: string): Proc<number> {
    const index = yield* this.findLink(name);
    return index === 0 ? yield* this.die(`Cannot find device "${name}"`, 1) : index;
  }

  /** The answer to a request, undefined where the kernel refuses. */
  *trying<T>(call: Proc<T>): Proc<T | undefined> {
    try {
      return yield* call;
    } catch (e) {
      if (!(e instanceof NetlinkFailure)) throw e;
      return undefined;
    }
  }

  /** Forgets the names, after links have changed. */
  forget(): void {
    this.names = undefined;
  }
}

/** struct ifinfomsg, and that counters are not asked for. */
export function linkRequest(index: number, family: number, stats = false): NetlinkWriter {
  const writer = new NetlinkWriter().u8(family).u8(0).u16(0).u32(index).u32(0).u32(0);
  return stats ? writer : writer.attrU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

export function indexOf(message: NetlinkMessage): number {
  return viewOf(message).getInt32(4, true);
}

export function viewOf({ payload }: NetlinkMessage): DataView {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** An address with its family. */
export interface IpAddress {
  readonly family: number;
  readonly bytes: Uint8Array;
}

export interface IpPrefix extends IpAddress {
  readonly length: number;
  /** The text had a length. */
  readonly explicit: boolean;
}

export function bytesOfIpv4(addr: number): Uint8Array {
  return Uint8Array.of(addr >>> 24, (addr >>> 16) & 255, (addr >>> 8) & 255, addr & 255);
}

export function ipv4Of(bytes: Uint8Array): number {
  return (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) >>> 0;
}

export function formatAddress(family: number, bytes: Uint8Array): string {
  if (family === AF_INET) return formatIpv4(ipv4Of(bytes));
  return formatIpv6(Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)));
}

/** Undefined for what is no address of the family (AF_UNSPEC: of any). IPv4 may leave out its last numbers, as in `10.1`. */
export function parseAddress(text: string, family: number = AF_UNSPEC): IpAddress | undefined {
  if (text.includes(":")) {
    const groups = family === AF_INET ? undefined : parseIpv6(text);
    return groups === undefined
      ? undefined
      : { family: AF_INET6, bytes: Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])) };
  }
  if (family === AF_INET6 || !/^\d+(\.\d+){0,3}$/.test(text)) return undefined;
  const parts = text.split(".");
  while (parts.length < 4) parts.push("0");
  const addr = parseIpv4(parts.join("."));
  return addr === undefined ? undefined : { family: AF_INET, bytes: bytesOfIpv4(addr) };
}

/** `default`, `any`, `all`, an address, an address with a length or a mask. Undefined for anything else. */
export function parsePrefix(text: string, family: number = AF_UNSPEC): IpPrefix | undefined {
  if (text === "default" || text === "any" || text === "all")
    return {
      family: family === AF_UNSPEC ? AF_INET : family,
      bytes: new Uint8Array(family === AF_INET6 ? 16 : 4),
      length: 0,
      explicit: true,
    };
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash), family);
  if (address === undefined) return undefined;
  const most = address.bytes.length * 8;
  if (slash < 0) return { ...address, length: most, explicit: false };
  const tail = text.slice(slash + 1);
  if (/^\d+$/.test(tail)) return Number(tail) > most ? undefined : { ...address, length: Number(tail), explicit: true };
  const mask = address.family === AF_INET ? parseIpv4(tail) : undefined;
  if (mask === undefined) return undefined;
  for (let length = 0; length <= 32; length++) if (prefixMask(length) === mask) return { ...address, length, explicit: true };
  return undefined;
}

/** Words of a command, taken one after the other. */
export class Words {
  private at = 0;

  constructor(
    private readonly words: readonly string[],
    private readonly ip: IpContext,
  ) {}

  get more(): boolean {
    return this.at < this.words.length;
  }

  get peek(): string {
    return this.words[this.at] ?? "";
  }

  next(): string {
    return this.words[this.at++] ?? "";
  }

  /** The argument of the word that was taken last. */
  *argument(): Proc<string> {
    if (!this.more) yield* this.ip.die('Command line is not complete. Try option "help"', 255);
    return this.next();
  }

  *number(what: string): Proc<number> {
    const text = yield* this.argument();
    const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
    return value ?? (yield* this.ip.die(`Error: argument "${text}" is wrong: ${what}`, 255));
  }

  get rest(): readonly string[] {
    return this.words.slice(this.at);
  }
}

/** Whether `word` abbreviates `full`. */
export function matches(word: string, full: string): boolean {
  return word !== "" && full.startsWith(word);
}
