/**
 * The five places where the way of a packet can be watched, changed and ended: Linux `include/linux/netfilter.h`. The stack calls `nfHook`;
 * what answers is `NetNamespace.netfilter`, which is absent while a namespace has neither rules nor connection tracking.
 */

import type {
  IptTableName,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from "../../../abi/iptables.ts";
import type { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { SkBuff } from "../skb.ts";

export type NfHook =
  | typeof NF_INET_PRE_ROUTING
  | typeof NF_INET_LOCAL_IN
  | typeof NF_INET_FORWARD
  | typeof NF_INET_LOCAL_OUT
  | typeof NF_INET_POST_ROUTING;

/**
 * - `accept`: goes on.
 * - `drop`: ends here; the stack frees it, and a sender gets EPERM.
 * - `stolen`: the hook has taken it: freed, kept or sent elsewhere.
 */
export type NfVerdict = "accept" | "drop" | "stolen";

/** What a rule, or a policy (rule 0), did with a packet that only asks. */
export interface RuleVisit {
  readonly ns: NetNamespace;
  readonly hook: NfHook;
  readonly table: IptTableName;
  readonly chain: string;
  readonly rule: number;
  readonly target: string;
  /** `rewrite`: NAT, decided by this rule for this connection. */
  readonly verdict: NfVerdict | "continue" | "jump" | "goto" | "return" | "rewrite";
  /** Headers before and after a rewrite. */
  readonly from?: SkBuff;
  readonly to?: SkBuff;
}

/** A packet that only asks what would become of it: nothing is counted, logged, sent, drawn at random or remembered for it. */
export interface Probe {
  /** Written by the tables. */
  readonly visits: RuleVisit[];
  /** Its connections, by namespace: owned by connection tracking. */
  readonly connections: Map<NetNamespace, unknown>;
}

/** What a network namespace has of netfilter. */
export interface Netfilter {
  /** Of all tables. */
  readonly ruleCount: number;
  /** May replace headers, mark the packet and set `skb.ct`. `indev` is absent on the way out, `outdev` on the way in. */
  hook(hook: NfHook, skb: SkBuff, indev: NetDevice | undefined, outdev: NetDevice | undefined, probe?: Probe): NfVerdict;
  /** A frame comes in by the port of a bridge. False where it does not go on from there: dropped, kept, or sent elsewhere. */
  bridgeIn(skb: SkBuff, bridge: NetDevice, port: NetDevice): boolean;
  /** A frame is about to leave by another port. Returns what leaves: nothing, the packet, or its fragments. */
  bridgeOut(skb: SkBuff, bridge: NetDevice, port: NetDevice): readonly SkBuff[];
}

/** Asks the hook; a packet that is dropped is freed here. */
export function nfHook(
  ns: NetNamespace,
  hook: NfHook,
  skb: SkBuff,
  indev: NetDevice | undefined,
  outdev: NetDevice | undefined,
): NfVerdict {
  if (ns.netfilter === undefined) return "accept";
  const verdict = ns.netfilter.hook(hook, skb, indev, outdev);
  if (verdict === "drop") ns.core.drop(skb, ns, indev ?? outdev, "NETFILTER_DROP");
  return verdict;
}
