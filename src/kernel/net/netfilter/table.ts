/**
 * Tables of rules: replaced as a whole, checked and made ready, then walked by packets. Linux `net/ipv4/netfilter/ip_tables.c`
 * (translate_table, mark_source_chains, ipt_do_table).
 */

import { EINVAL, ELOOP, ENOENT } from "../../../abi/errno.ts";
import {
  type IptChain,
  type IptReplace,
  type IptRule,
  type IptTableName,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from "../../../abi/iptables.ts";
import { tracedPacket } from "../core.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { NfHook, NfVerdict, RuleVisit } from "./hooks.ts";
import { compileMatch, needsConntrack } from "./matches.ts";
import { all, type CompiledChain, type CompiledRule, either, type HookPacket, type MatchTest } from "./rule.ts";
import { compileTarget, targetRows } from "./targets.ts";

/** The built-in chain of each hook. */
export const HOOK_NAMES: Readonly<Record<NfHook, string>> = {
  [NF_INET_PRE_ROUTING]: "PREROUTING",
  [NF_INET_LOCAL_IN]: "INPUT",
  [NF_INET_FORWARD]: "FORWARD",
  [NF_INET_LOCAL_OUT]: "OUTPUT",
  [NF_INET_POST_ROUTING]: "POSTROUTING",
};

const TABLE_HOOKS: Readonly<Record<IptTableName, readonly NfHook[]>> = {
  filter: [NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT],
  nat: [NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING],
  mangle: [NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING],
  raw: [NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT],
};

/** A table as it is when nobody has written it. */
export function emptyTable(table: IptTableName): IptReplace {
  const chains = TABLE_HOOKS[table].map((hook) => ({ name: HOOK_NAMES[hook], policy: "ACCEPT" as const, packets: 0, bytes: 0, rules: [] }));
  return { table, generation: 0, chains };
}

export class Table {
  private readonly chains = new Map<string, CompiledChain>();
  private readonly byHook: (CompiledChain | undefined)[] = [];
  /** Some rule needs connections to be tracked. */
  readonly conntrack: boolean;

  /** Errors: EINVAL, ENOENT for what is not there or not here, ELOOP for chains that come back to themselves. */
  constructor(
    readonly ns: NetNamespace,
    readonly name: IptTableName,
    readonly generation: number,
    source: readonly IptChain[],
  ) {
    for (const { name: chain, policy, packets, bytes } of source) {
      if (this.chains.has(chain)) throw EINVAL;
      this.chains.set(chain, { name: chain, policy, rules: [], packets, bytes });
    }
    for (const hook of TABLE_HOOKS[name]) {
      const chain = this.chains.get(HOOK_NAMES[hook]);
      if (chain?.policy === undefined) throw EINVAL;
      this.byHook[hook] = chain;
    }
    if ([...this.chains.values()].some((chain) => chain.policy !== undefined && !this.byHook.includes(chain))) throw EINVAL;
    const hooks = reachable(name, source);
    for (const chain of source) {
      const compiled = this.chains.get(chain.name) as CompiledChain;
      for (const [i, rule] of chain.rules.entries()) compiled.rules.push(this.compile(chain, rule, i + 1, hooks.get(chain.name) ?? 0));
    }
    this.conntrack = source.some(({ rules }) =>
      rules.some(({ matches, target }) => matches.some(needsConntrack) || targetRows[target.name]?.conntrack === true),
    );
  }

  private compile(chain: IptChain, source: IptRule, at: number, hooks: number): CompiledRule {
    const place = { ns: this.ns, table: this.name, hooks, rule: source };
    const test = all([...ruleTests(source), ...source.matches.map((match) => compileMatch(match, place))]);
    const { name, goto } = source.target;
    let jump: CompiledRule["jump"];
    if (name === "RETURN") jump = "return";
    else if (name !== "") {
      const to = this.chains.get(name);
      // Nobody jumps into a built-in chain.
      jump = to !== undefined && to.policy === undefined ? to : compileTarget(source.target, place);
      if (goto && typeof jump === "function") throw ENOENT;
    }
    return { chain: chain.name, number: at, source, test, jump, goto, packets: source.packets, bytes: source.bytes };
  }

  get ruleCount(): number {
    return [...this.chains.values()].reduce((sum, { rules }) => sum + rules.length, 0);
  }

  /** The rule of this number, from 1. */
  ruleAt(chain: string, number: number): CompiledRule | undefined {
    return this.chains.get(chain)?.rules[number - 1];
  }

  /** Rules and counters as they are now. */
  read(): IptReplace {
    const chains = [...this.chains.values()].map(({ name, policy, packets, bytes, rules }) => ({
      name,
      ...(policy === undefined ? {} : { policy }),
      packets,
      bytes,
      rules: rules.map((rule) => ({ ...rule.source, packets: rule.packets, bytes: rule.bytes })),
    }));
    return { table: this.name, generation: this.generation, chains };
  }

  /** ipt_do_table(): the packet goes through the rules of its hook. */
  run(packet: HookPacket): NfVerdict {
    const first = this.byHook[packet.hook] as CompiledChain;
    const size = packet.skb.length;
    /** Where a RETURN leads to. */
    const stack: { readonly chain: CompiledChain; readonly at: number }[] = [];
    let chain = first;
    let at = 0;
    for (;;) {
      const rule = chain.rules[at++];
      if (rule === undefined) {
        const back = stack.pop();
        if (back === undefined) break;
        ({ chain, at } = back);
        continue;
      }
      if (!rule.test(packet)) continue;
      if (packet.probe === undefined) {
        rule.packets++;
        rule.bytes += size;
      }
      const { jump } = rule;
      if (jump === undefined) {
        this.trace(packet, rule, "continue");
      } else if (jump === "return") {
        this.trace(packet, rule, "return");
        const back = stack.pop();
        if (back === undefined) break;
        ({ chain, at } = back);
      } else if (typeof jump === "function") {
        packet.rule = rule;
        const verdict = jump(packet);
        this.trace(packet, rule, verdict);
        if (verdict !== "continue") return verdict;
      } else {
        this.trace(packet, rule, rule.goto ? "goto" : "jump");
        if (!rule.goto) stack.push({ chain, at });
        chain = jump;
        at = 0;
      }
    }
    if (packet.probe === undefined) {
      first.packets++;
      first.bytes += size;
    }
    const verdict = first.policy === "DROP" ? "drop" : "accept";
    this.emit(packet, first.name, 0, first.policy as string, verdict);
    return verdict;
  }

  private trace(packet: HookPacket, { chain, number, source }: CompiledRule, verdict: RuleVisit["verdict"]): void {
    this.emit(packet, chain, number, source.target.name, verdict);
  }

  private emit(packet: HookPacket, chain: string, rule: number, target: string, verdict: RuleVisit["verdict"]): void {
    const { ns, skb, hook, probe, indev, outdev } = packet;
    if (probe !== undefined) {
      probe.visits.push({ ns, hook, table: this.name, chain, rule, target, verdict });
      return;
    }
    const { trace } = ns.system;
    if (!trace.packets) return;
    trace.emit({
      name: "nf_hook",
      ns: ns.ino,
      hook: HOOK_NAMES[hook],
      ifindex: (indev ?? outdev)?.ifindex ?? 0,
      table: this.name,
      chain,
      rule,
      target,
      verdict,
      packet: tracedPacket(skb),
    });
  }
}

/**
 * mark_source_chains(): for each chain the bits of the hooks whose packets may come by it. Errors: ELOOP where a way from a hook comes back to
 * itself; chains that nothing leads to may do what they like.
 */
function reachable(name: IptTableName, source: readonly IptChain[]): ReadonlyMap<string, number> {
  const chains = new Map(source.map((chain) => [chain.name, chain]));
  const hooks = new Map<string, number>();
  for (const hook of TABLE_HOOKS[name]) {
    const open = new Set<string>();
    const done = new Set<string>();
    // A stack of our own: how deep chains are nested is up to the user.
    const stack: { readonly chain: IptChain; at: number }[] = [];
    const enter = (chain: IptChain): void => {
      if (open.has(chain.name)) throw ELOOP;
      if (done.has(chain.name)) return;
      open.add(chain.name);
      hooks.set(chain.name, (hooks.get(chain.name) ?? 0) | (1 << hook));
      stack.push({ chain, at: 0 });
    };
    enter(chains.get(HOOK_NAMES[hook]) as IptChain);
    for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
      const rule = top.chain.rules[top.at++];
      if (rule === undefined) {
        open.delete(top.chain.name);
        done.add(top.chain.name);
        stack.pop();
        continue;
      }
      const next = chains.get(rule.target.name);
      if (next !== undefined && next.policy === undefined) enter(next);
    }
  }
  return hooks;
}

function deviceTest(name: string, invert: boolean, side: "indev" | "outdev"): MatchTest {
  const prefix = name.endsWith("+") ? name.slice(0, -1) : undefined;
  return either(invert, (packet) => {
    const dev = packet[side]?.name ?? "";
    return prefix === undefined ? dev === name : dev.startsWith(prefix);
  });
}

/** ip_packet_match(): what every rule can ask for. */
function ruleTests({ src, dst, protocol, inInterface, outInterface, fragment }: IptRule): MatchTest[] {
  const tests: MatchTest[] = [];
  if (src !== undefined) tests.push(either(src.invert, ({ ip }) => ((ip.src ^ src.addr) & src.mask) === 0));
  if (dst !== undefined) tests.push(either(dst.invert, ({ ip }) => ((ip.dst ^ dst.addr) & dst.mask) === 0));
  if (inInterface !== undefined) tests.push(deviceTest(inInterface.name, inInterface.invert, "indev"));
  if (outInterface !== undefined) tests.push(deviceTest(outInterface.name, outInterface.invert, "outdev"));
  if (protocol !== undefined) tests.push(either(protocol.invert, ({ ip }) => ip.protocol === protocol.number));
  if (fragment !== undefined) tests.push(either(fragment.invert, ({ ip }) => ip.fragmentOffset > 0));
  return tests;
}
