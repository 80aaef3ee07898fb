/** Tables as the kernel holds them, edited as libiptc does: read whole, changed, written whole. `libiptc/libiptc.c`. */

import { EACCES, EAGAIN, EEXIST, EINVAL, EMLINK, ENOENT, ENOPROTOOPT, ENOTEMPTY, EPERM, Errno } from "../../abi/errno.ts";
import { IPPROTO_RAW } from "../../abi/inet.ts";
import { IPT_SO_GET_ENTRIES, IPT_SO_SET_REPLACE, type IptChain, type IptReplace, type IptRule } from "../../abi/iptables.ts";
import { AF_INET, SOCK_RAW, SOL_IP } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";

/** It could not be done: the sentence, and whether the kernel's log may tell more. */
export class IptFailure {
  constructor(
    readonly message: string,
    readonly status = 1,
  ) {}
}

const NO_CHAIN = "No chain/target/match by that name";
const BAD_RULE = "Bad rule (does a matching rule exist in that chain?)";
const LOOK = ". Run `dmesg' for more information";

/** iptc_strerror() without a function to go by. */
function kernelText(e: Errno): string {
  if (e === ENOENT) return NO_CHAIN;
  if (e === EINVAL) return `Invalid argument${LOOK}`;
  if (e === EPERM || e === EACCES) return "Permission denied (you must be root)";
  return e.message;
}

export interface MutableChain {
  name: string;
  policy?: "ACCEPT" | "DROP";
  packets: number;
  bytes: number;
  rules: IptRule[];
}

/** Errors: the sentence of iptc_init(). */
export class TableError {
  constructor(readonly text: string) {}
}

export class TableHandle {
  readonly chains: MutableChain[];
  /** Built-in chains whose counters were given. */
  private readonly counted = new Set<MutableChain>();

  private constructor(
    private readonly sys: Sys,
    private readonly fd: number,
    private readonly source: IptReplace,
  ) {
    const chains = source.chains.map((chain) => ({ ...chain, rules: [...chain.rules] }));
    this.chains = [...chains.filter((c) => c.policy !== undefined), ...chains.filter((c) => c.policy === undefined).sort(byName)];
  }

  static *open(sys: Sys, table: string): Proc<TableHandle> {
    let fd: number;
    try {
      fd = yield* sys.socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    } catch (e) {
      if (e === EPERM || e === EACCES) throw new TableError("Permission denied (you must be root)");
      throw e;
    }
    try {
      return new TableHandle(sys, fd, (yield* sys.getsockopt(fd, SOL_IP, IPT_SO_GET_ENTRIES, table)) as IptReplace);
    } catch (e) {
      if (e === ENOENT || e === ENOPROTOOPT) throw new TableError("Table does not exist (do you need to insmod?)");
      if (e === EPERM) throw new TableError("Permission denied (you must be root)");
      throw e;
    }
  }

  *commit(): Proc<void> {
    for (const chain of this.chains) {
      for (const { target } of chain.rules) if (target.name !== "" && target.goto) this.require(target.name);
    }
    // iptables-legacy 1.8.9 loses what policies have counted whenever it writes a table; those of rules it hands over.
    for (const chain of this.chains) if (chain.policy !== undefined && !this.counted.has(chain)) chain.packets = chain.bytes = 0;
    const value: IptReplace = { ...this.source, chains: this.chains as readonly IptChain[] };
    try {
      yield* this.sys.setsockopt(this.fd, SOL_IP, IPT_SO_SET_REPLACE, value);
    } catch (e) {
      if (e === EAGAIN) throw new IptFailure("Resource temporarily unavailable", 4);
      if (e instanceof Errno) throw new IptFailure(kernelText(e));
      throw e;
    }
  }

  find(name: string): MutableChain | undefined {
    return this.chains.find((chain) => chain.name === name);
  }

  require(name: string, otherwise = NO_CHAIN): MutableChain {
    const chain = this.find(name);
    if (chain === undefined) throw new IptFailure(otherwise);
    return chain;
  }

  /** Jumps that lead to it. */
  references(name: string): number {
    return this.chains.reduce((n, { rules }) => n + rules.filter(({ target }) => target.name === name).length, 0);
  }

  append(name: string, rule: IptRule): void {
    this.require(name).rules.push(rule);
  }

  insert(name: string, at: number, rule: IptRule): void {
    const { rules } = this.require(name);
    if (at > rules.length + 1) throw new IptFailure("Index of insertion too big");
    rules.splice(at - 1, 0, rule);
  }

  replace(name: string, at: number, rule: IptRule): void {
    const { rules } = this.require(name);
    if (at > rules.length) throw new IptFailure("Index of replacement too big");
    rules[at - 1] = rule;
  }

  deleteAt(name: string, at: number): void {
    const { rules } = this.require(name);
    if (at > rules.length) throw new IptFailure("Index of deletion too big");
    rules.splice(at - 1, 1);
  }

  /** The place of the rule in its chain. */
  locate(name: string, rule: IptRule): number {
    const { rules } = this.require(name, BAD_RULE);
    const wanted = ruleKey(rule);
    const at = rules.findIndex((other) => ruleKey(other) === wanted);
    if (at < 0) throw new IptFailure(BAD_RULE);
    return at;
  }

  create(name: string): void {
    if (this.find(name) !== undefined) throw new IptFailure("Chain already exists");
    const chain: MutableChain = { name, packets: 0, bytes: 0, rules: [] };
    this.place(chain);
  }

  /** User chains are kept in the order of their names. */
  private place(chain: MutableChain): void {
    const at = this.chains.findIndex((other) => other.policy === undefined && byName(other, chain) > 0);
    this.chains.splice(at < 0 ? this.chains.length : at, 0, chain);
  }

  remove(name: string): void {
    const chain = this.require(name);
    if (chain.policy !== undefined) throw new IptFailure(kernelText(EINVAL));
    if (this.references(name) > 0) throw new IptFailure(EMLINK.message);
    if (chain.rules.length > 0) throw new IptFailure(ENOTEMPTY.message);
    this.chains.splice(this.chains.indexOf(chain), 1);
  }

  rename(name: string, fresh: string): void {
    if (this.find(fresh) !== undefined) throw new IptFailure(EEXIST.message);
    const chain = this.require(name);
    if (chain.policy !== undefined) throw new IptFailure(NO_CHAIN);
    this.chains.splice(this.chains.indexOf(chain), 1);
    for (const other of this.chains) other.rules = other.rules.map((rule) => renamed(rule, name, fresh));
    chain.rules = chain.rules.map((rule) => renamed(rule, name, fresh));
    chain.name = fresh;
    this.place(chain);
  }

  setPolicy(name: string, policy: string, counters: readonly [number, number] | undefined): void {
    const chain = this.find(name);
    if (chain?.policy === undefined) throw new IptFailure("Bad built-in chain name");
    if (policy !== "ACCEPT" && policy !== "DROP") throw new IptFailure(`Bad policy name${LOOK}`);
    chain.policy = policy;
    if (counters === undefined) return;
    [chain.packets, chain.bytes] = counters;
    this.counted.add(chain);
  }

  zero(chain: MutableChain): void {
    chain.packets = 0;
    chain.bytes = 0;
    chain.rules = chain.rules.map((rule) => ({ ...rule, packets: 0, bytes: 0 }));
  }
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

const renamed = (rule: IptRule, from: string, to: string): IptRule =>
  rule.target.name === from ? { ...rule, target: { ...rule.target, name: to } } : rule;

/** Two rules are the same if they say the same, whatever they have counted. */
function ruleKey({ src, dst, protocol, inInterface, outInterface, fragment, matches, target }: IptRule): string {
  return JSON.stringify([src, dst, protocol, inInterface, outInterface, fragment, matches, target]);
}
