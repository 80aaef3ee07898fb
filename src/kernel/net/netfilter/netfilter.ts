/**
 * What stands at the hooks of a network namespace, in Linux' order of priorities (`include/uapi/linux/netfilter_ipv4.h`): putting fragments together,
 * raw, connection tracking, mangle, NAT of destinations, filter, NAT of sources, confirmation. Nothing stands there before a table was asked for.
 */

import { EAGAIN, EINVAL, Errno } from "../../../abi/errno.ts";
import {
  type IptReplace,
  type IptTableName,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from "../../../abi/iptables.ts";
import { type NetdevNotifier, tracedPacket } from "../core.ts";
import type { NetDevice } from "../device.ts";
import { inetAddrType } from "../ipv4/fib-lookup.ts";
import { ipDefragment } from "../ipv4/fragment.ts";
import { routeOutput } from "../ipv4/route.ts";
import { RTN_LOCAL } from "../ipv4/route-types.ts";
import { type NetNamespace, netPart } from "../net-namespace.ts";
import type { Ipv4Header, SkBuff, TransportHeader } from "../skb.ts";
import { bridgeForward, bridgePreRouting } from "./bridge.ts";
import { conntrackIn, conntrackOf, conntrackProbe, ctOf, ctState } from "./conntrack.ts";
import type { Netfilter, NfHook, NfVerdict, Probe } from "./hooks.ts";
import { type Manip, natDone, natPacket, natSetup } from "./nat.ts";
import type { HookPacket } from "./rule.ts";
import { emptyTable, HOOK_NAMES, Table } from "./table.ts";
import { sameTuple, tupleOf } from "./tuple.ts";

export const TABLE_NAMES: readonly IptTableName[] = ["filter", "nat", "mangle", "raw"];

type Stage = (firewall: Firewall, packet: HookPacket) => NfVerdict;

const table =
  (name: IptTableName): Stage =>
  ({ tables }, packet) =>
    tables.get(name)?.run(packet) ?? "accept";

const track: Stage = ({ conntrack }, { ns, skb, probe }) => {
  if (!conntrack) return "accept";
  if (probe === undefined) return conntrackIn(ns, skb) ? "accept" : "drop";
  conntrackProbe(ns, skb, probe.connections);
  return "accept";
};
const nat =
  (manip: Manip): Stage =>
  (firewall, packet) =>
    firewall.conntrack ? firewall.translate(packet, manip) : "accept";

/** nf_conntrack_confirm(): the packet has come through. */
const confirm: Stage = (_firewall, { ns, skb, probe }) => {
  const ct = probe === undefined ? ctOf(skb) : undefined;
  if (ct === undefined || ct.confirmed || ct.dying || skb.ctReply) return "accept";
  return conntrackOf(ns).confirm(ct) ? "accept" : "drop";
};

const STAGES: Readonly<Record<NfHook, readonly Stage[]>> = {
  [NF_INET_PRE_ROUTING]: [table("raw"), track, table("mangle"), nat("dst")],
  [NF_INET_LOCAL_IN]: [table("mangle"), table("filter"), nat("src"), confirm],
  [NF_INET_FORWARD]: [table("mangle"), table("filter")],
  [NF_INET_LOCAL_OUT]: [table("raw"), track, table("mangle"), nat("dst"), table("filter")],
  [NF_INET_POST_ROUTING]: [table("mangle"), nat("src"), confirm],
};

/** The tables of one network namespace. */
export class Firewall implements Netfilter {
  readonly tables = new Map<IptTableName, Table>();
  private generation = 0;
  /** Some rule needs it. */
  conntrack = false;

  constructor(private readonly ns: NetNamespace) {}

  get ruleCount(): number {
    return [...this.tables.values()].reduce((sum, table) => sum + table.ruleCount, 0);
  }

  /** A table as it is; the first look makes it. */
  read(name: IptTableName): IptReplace {
    return this.require(name).read();
  }

  private require(name: IptTableName): Table {
    let found = this.tables.get(name);
    if (found === undefined) {
      found = new Table(this.ns, name, ++this.generation, emptyTable(name).chains);
      this.tables.set(name, found);
      this.ns.netfilter = this;
    }
    return found;
  }

  /** Errors: EAGAIN if it is another table since it was read; EINVAL, ENOENT, ELOOP for what cannot be. Then nothing is changed. */
  replace({ table: name, generation, chains }: IptReplace): void {
    if (!TABLE_NAMES.includes(name)) throw EINVAL;
    if (this.require(name).generation !== generation) throw EAGAIN;
    const made = new Table(this.ns, name, generation + 1, chains);
    this.generation = Math.max(this.generation, made.generation);
    this.tables.set(name, made);
    this.conntrack = [...this.tables.values()].some((each) => each.conntrack);
    // Who is shown what reaches whom wants to know.
    this.ns.version++;
    this.ns.core.version++;
  }

  hook(hook: NfHook, skb: SkBuff, indev: NetDevice | undefined, outdev: NetDevice | undefined, probe?: Probe): NfVerdict {
    if (skb.network.kind !== "ipv4") return "accept";
    const arrives = hook === NF_INET_PRE_ROUTING || hook === NF_INET_LOCAL_OUT;
    if (arrives && this.conntrack && !this.defragment(skb)) return "stolen";
    const before = skb.network as Ipv4Header;
    const mark = skb.mark;
    const packet = { ns: this.ns, hook, skb, indev, outdev, ip: before, rule: undefined as HookPacket["rule"], probe };
    for (const stage of STAGES[hook]) {
      const verdict = stage(this, packet);
      if (verdict !== "accept") return verdict;
      packet.ip = skb.network as Ipv4Header;
    }
    if (hook === NF_INET_PRE_ROUTING) {
      // The route of a packet that came through the loopback device is its sender's.
      if (packet.ip.dst !== before.dst) skb.route = undefined;
    } else if (hook === NF_INET_LOCAL_OUT && (packet.ip.dst !== before.dst || skb.mark !== mark)) return this.reroute(skb);
    return "accept";
  }

  bridgeIn(skb: SkBuff, bridge: NetDevice, port: NetDevice): boolean {
    return bridgePreRouting(skb, bridge, port);
  }

  bridgeOut(skb: SkBuff, bridge: NetDevice, port: NetDevice): readonly SkBuff[] {
    return bridgeForward(skb, bridge, port);
  }

  /** ipv4_conntrack_defrag(): false while pieces are missing. */
  private defragment(skb: SkBuff): boolean {
    const ip = skb.network as Ipv4Header;
    if (!ip.moreFragments && ip.fragmentOffset === 0) return true;
    // The piece that is kept is another one, since the caller goes on with this packet if the whole is there.
    const whole = ipDefragment(this.ns, skb.clone(), "conntrack");
    if (whole === undefined) {
      skb.free();
      return false;
    }
    skb.network = whole.network;
    skb.transport = whole.transport;
    skb.payload = whole.payload;
    skb.corrupt = whole.corrupt;
    return true;
  }

  /** nf_nat_inet_fn(): a new connection asks the rules; then the packet is rewritten. */
  translate(packet: HookPacket, manip: Manip): NfVerdict {
    const { ns, skb, hook } = packet;
    const ct = ctOf(skb);
    if (ct === undefined) return "accept";
    if (!natDone(ct, manip) && ctState(skb) === "NEW") {
      const rules = this.tables.get("nat");
      const verdict = rules?.run(packet) ?? "accept";
      if (verdict !== "accept") return verdict;
      // Without a rule it stays as it is, unless its ports are another's.
      if (!natSetup(conntrackOf(ns), ct, undefined, manip, "")) return "drop";
    } else if (manip === "src" && hook === NF_INET_POST_ROUTING && ct.masqueradeIfindex !== 0 && !this.sameWay(packet)) {
      conntrackOf(ns).delete(ct);
      return "drop";
    }
    const from = packet.ip;
    const fromTransport = skb.transport;
    const rule = natPacket(skb, manip);
    const noticed = packet.probe !== undefined || ns.system.trace.packets;
    if (rule !== undefined && noticed && !sameEnds(from, fromTransport, skb))
      this.noteRewrite(packet, rule, Object.assign(skb.clone(), { network: from, transport: fromTransport }));
    return "accept";
  }

  /** Tells who asks or watches what the packet was before. `rule` decided so, perhaps for an earlier packet of the connection. */
  private noteRewrite({ ns, hook, skb, indev, outdev, probe }: HookPacket, rule: string, old: SkBuff): void {
    const [chain = "", number = "0"] = rule.split(" ");
    const target = this.tables.get("nat")?.ruleAt(chain, Number(number))?.source.target.name ?? "NAT";
    const what = { table: "nat", chain, rule: Number(number), target, verdict: "rewrite" } as const;
    if (probe !== undefined) {
      probe.visits.push({ ns, hook, ...what, from: old, to: skb.clone() });
      return;
    }
    const where = { ns: ns.ino, hook: HOOK_NAMES[hook], ifindex: (indev ?? outdev)?.ifindex ?? 0 };
    ns.system.trace.emit({ name: "nf_hook", ...where, ...what, from: tracedPacket(old), packet: tracedPacket(skb) });
  }

  /** nf_nat_oif_changed(): a connection whose address is that of another device cannot go on. */
  private sameWay({ skb, outdev }: HookPacket): boolean {
    return skb.ctReply || outdev === undefined || outdev.ifindex === ctOf(skb)?.masqueradeIfindex;
  }

  /** ip_route_me_harder(): the destination or the mark of one's own packet is another one now. */
  private reroute(skb: SkBuff): NfVerdict {
    const { ns } = this;
    const ip = skb.network as Ipv4Header;
    const local = inetAddrType(ns, ip.src) === RTN_LOCAL;
    try {
      skb.route = routeOutput(ns, {
        dst: ip.dst,
        src: local ? ip.src : 0,
        oif: 0,
        iif: 0,
        mark: skb.mark,
        tos: ip.tos & 0x1c,
        anySource: true,
      });
      return "accept";
    } catch (e) {
      if (e instanceof Errno) return "drop";
      throw e;
    }
  }
}

/** It had been rewritten before: it came through the loopback device. */
function sameEnds(ip: Ipv4Header, transport: TransportHeader, skb: SkBuff): boolean {
  const [old, fresh] = [tupleOf(ip, transport), tupleOf(skb.network as Ipv4Header, skb.transport)];
  return old !== undefined && fresh !== undefined && sameTuple(old, fresh);
}

const firewallPart = netPart("netfilter", (ns) => new Firewall(ns));
export const firewallOf = (ns: NetNamespace): Firewall => ns.part(firewallPart);

/** masq_device_event(): connections that borrowed the address of a device end with it. */
export const masqueradeEvent: NetdevNotifier = (event, dev) => {
  if (event !== "down" || dev.ns.netfilter === undefined) return;
  const conntracks = conntrackOf(dev.ns);
  for (const ct of [...conntracks.entries]) if (ct.masqueradeIfindex === dev.ifindex) conntracks.delete(ct);
};

/** The namespace ends. */
export function exitNetfilter(ns: NetNamespace): void {
  ns.netfilter = undefined;
  conntrackOf(ns).flush();
}
