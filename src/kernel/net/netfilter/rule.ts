/** Rules as they are evaluated: made of what iptables(8) hands over, once, when a table is replaced. Linux `include/linux/netfilter/x_tables.h`. */

import { EINVAL } from "../../../abi/errno.ts";
import { parseIpv4, prefixMask } from "../../../abi/inet.ts";
import type { IptOption, IptRule, IptTableName } from "../../../abi/iptables.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { Ipv4Header, SkBuff } from "../skb.ts";
import type { NfHook, NfVerdict, Probe } from "./hooks.ts";

/** A packet at a hook. */
export interface HookPacket {
  readonly ns: NetNamespace;
  readonly hook: NfHook;
  readonly skb: SkBuff;
  readonly indev: NetDevice | undefined;
  readonly outdev: NetDevice | undefined;
  readonly ip: Ipv4Header;
  /** The rule that is looked at, for NAT to remember. */
  rule: CompiledRule | undefined;
  /** It only asks: matches and targets must leave no trace. */
  readonly probe: Probe | undefined;
}

export type MatchTest = (packet: HookPacket) => boolean;

/** What a target does: a verdict ends the table, `continue` goes to the next rule. */
export type TargetAction = (packet: HookPacket) => NfVerdict | "continue";

/** Where a rule stands. */
export interface RulePlace {
  readonly ns: NetNamespace;
  readonly table: IptTableName;
  /** Bits of the hooks that may come by it. */
  readonly hooks: number;
  readonly rule: IptRule;
}

export interface CompiledRule {
  readonly chain: string;
  /** From 1. */
  readonly number: number;
  readonly source: IptRule;
  readonly test: MatchTest;
  readonly jump: CompiledChain | "return" | TargetAction | undefined;
  readonly goto: boolean;
  packets: number;
  bytes: number;
}

export interface CompiledChain {
  readonly name: string;
  readonly policy: "ACCEPT" | "DROP" | undefined;
  readonly rules: CompiledRule[];
  packets: number;
  bytes: number;
}

/** The options of a match or target by name. Errors: EINVAL for one that is not known. */
export class OptionReader {
  constructor(
    private readonly options: readonly IptOption[],
    known: readonly string[],
  ) {
    for (const { name } of options) if (!known.includes(name)) throw EINVAL;
  }

  get(name: string): IptOption | undefined {
    return this.options.find((option) => option.name === name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  value(name: string): string | undefined {
    return this.get(name)?.values[0];
  }
}

/** Decimal or 0x…, with bounds. Errors: EINVAL. */
export function number(text: string | undefined, max = 0xffff_ffff): number {
  const value = text !== undefined && /^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw EINVAL;
  return value;
}

/** `80` or `80:90`. */
export function range(text: string, max: number, separator = ":"): readonly [number, number] {
  const [low, high] = text.split(separator);
  const from = number(low, max);
  return [from, high === undefined ? from : number(high, max)];
}

/** `0x1/0xff`: a value and a mask. */
export function masked(text: string | undefined): readonly [value: number, mask: number] {
  const [value, mask] = (text ?? "").split("/");
  return [number(value), mask === undefined ? 0xffff_ffff : number(mask)];
}

/** `10.0.0.0/8`. */
export function network(text: string): readonly [address: number, mask: number] {
  const [address, mask] = text.split("/");
  const addr = parseIpv4(address ?? "");
  const bits = mask === undefined ? 0xffff_ffff : mask.includes(".") ? parseIpv4(mask) : prefixMask(number(mask, 32));
  if (addr === undefined || bits === undefined) throw EINVAL;
  return [addr, bits];
}

/** A test that may be turned round by `!`. */
export const either = (invert: boolean, test: MatchTest): MatchTest => (invert ? (packet) => !test(packet) : test);

export const all = (tests: readonly MatchTest[]): MatchTest =>
  tests.length === 0
    ? () => true
    : tests.length === 1
      ? (tests[0] as MatchTest)
      : (packet) => {
          for (const test of tests) if (!test(packet)) return false;
          return true;
        };
