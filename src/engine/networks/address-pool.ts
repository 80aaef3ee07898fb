/** Subnets for networks and addresses in them: libnetwork `ipam/allocator.go`, `ipamutils/utils.go`. What is taken is known by the networks and endpoints themselves. */

import { formatIpv4, parseIpv4 } from "../../abi/inet.ts";
import { EngineError, forbidden, invalidParameter, systemError } from "../errors.ts";
import { contains, lastOf, overlaps, type Prefix, subnetOf } from "./links.ts";

/** What networks get that ask for no subnet: base and size of the parts. */
export const DEFAULT_POOLS: readonly { readonly base: string; readonly size: number }[] = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/16", size: 16 },
  { base: "172.19.0.0/16", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/14", size: 16 },
  { base: "172.28.0.0/14", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
];

/** `10.0.0.0/8`; undefined for anything else. The address is as written, not masked. */
export function parseCidr(text: string): Prefix | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const addr = parseIpv4(match?.[1] ?? "");
  const length = Number(match?.[2]);
  return addr === undefined || length > 32 ? undefined : { addr, length };
}

export const formatCidr = ({ addr, length }: Prefix): string => `${formatIpv4(addr)}/${length}`;

function* split(pools: readonly { readonly base: string; readonly size: number }[]): IterableIterator<Prefix> {
  for (const { base, size } of pools) {
    const whole = parseCidr(base);
    if (whole === undefined) continue;
    const { addr } = subnetOf(whole);
    for (let i = 0; i < 2 ** (size - whole.length); i++) yield { addr: addr + i * 2 ** (32 - size), length: size };
  }
}

/** A network's addresses. */
export class AddressPool {
  private readonly taken = new Set<number>();
  private readonly first: number;
  private readonly last: number;

  /** `range`: where addresses are chosen; the whole subnet unless given. */
  constructor(
    readonly subnet: Prefix,
    readonly range?: Prefix,
  ) {
    const { length } = subnet;
    this.first = subnet.addr + (length < 31 ? 1 : 0);
    this.last = lastOf(subnet) - (length < 31 ? 1 : 0);
  }

  /** The lowest free address, undefined if there is none. */
  takeAny(): number | undefined {
    const from = this.range === undefined ? this.first : Math.max(this.first, this.range.addr);
    const to = this.range === undefined ? this.last : Math.min(this.last, lastOf(this.range));
    for (let addr = from; addr <= to; addr++) {
      if (this.taken.has(addr)) continue;
      this.taken.add(addr);
      return addr;
    }
    return undefined;
  }

  /** Errors: invalidParameter outside of the subnet, forbidden if it is in use. */
  take(addr: number): void {
    if (!contains(this.subnet, addr)) throw invalidParameter("Requested address is out of range");
    if (this.taken.has(addr) || addr < this.first || addr > this.last) throw forbidden("Address already in use");
    this.taken.add(addr);
  }

  /** Also where it has been taken: of what was there before the daemon. */
  reserve(addr: number): void {
    this.taken.add(addr);
  }

  free(addr: number): void {
    this.taken.delete(addr);
  }
}

/** The subnets that are given away. */
export class Subnets {
  private readonly given: Prefix[] = [];
  private readonly defaults: readonly Prefix[];
  /** Where the next search begins: what was given back is not given away again at once. */
  private start = 0;

  constructor(pools: readonly { readonly base: string; readonly size: number }[]) {
    this.defaults = [...split(pools)];
  }

  /** Errors: forbidden if another network has part of it. */
  take(subnet: Prefix): void {
    if (this.given.some((other) => overlaps(other, subnet))) throw forbidden("Pool overlaps with other one on this address space");
    this.given.push(subnet);
  }

  /** The next default subnet that no network has and that is not `busy` on this host. Errors: systemError. */
  takeDefault(busy: (subnet: Prefix) => boolean): Prefix {
    const { defaults, start } = this;
    for (const subnet of [...defaults.slice(start), ...defaults.slice(0, start)]) {
      if (this.given.some((other) => overlaps(other, subnet)) || busy(subnet)) continue;
      this.start = defaults.indexOf(subnet) + 1;
      this.given.push(subnet);
      return subnet;
    }
    throw systemError("could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network");
  }

  free(subnet: Prefix): void {
    const at = this.given.findIndex(({ addr, length }) => addr === subnet.addr && length === subnet.length);
    if (at >= 0) this.given.splice(at, 1);
  }
}

/** The address that was asked for, in the category and the words of a network that cannot be made with it. */
export function takeNamed(pool: AddressPool, text: string, context: string): number {
  const addr = parseIpv4(text);
  try {
    if (addr === undefined) throw invalidParameter("Requested address is out of range");
    pool.take(addr);
    return addr;
  } catch (e) {
    if (e instanceof EngineError) throw systemError(`${context}: ${e.message}`);
    throw e;
  }
}
