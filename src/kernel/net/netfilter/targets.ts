/** Targets: iptables-extensions(8), Linux `net/netfilter/xt_*.c`, `net/ipv4/netfilter/ipt_REJECT.c`. A row of the table makes an action of the options. */

import { EINVAL, ENOENT, Errno } from "../../../abi/errno.ts";
import { IPPROTO_TCP, parseIpv4 } from "../../../abi/inet.ts";
import {
  type IptTableName,
  type IptTarget,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from "../../../abi/iptables.ts";
import { selectAddress } from "../ipv4/addresses.ts";
import { icmpSend } from "../ipv4/icmp.ts";
import { ICMP_DEST_UNREACH } from "../ipv4/icmp-types.ts";
import { ipLocalOut, newDatagram } from "../ipv4/output.ts";
import { routeOutput } from "../ipv4/route.ts";
import { RT_SCOPE_UNIVERSE } from "../ipv4/route-types.ts";
import { inetAddrType } from "../ipv4/fib-lookup.ts";
import { RTN_LOCAL } from "../ipv4/route-types.ts";
import type { TcpHeader } from "../skb.ts";
import type { NfVerdict } from "./hooks.ts";
import { conntrackOf, ctOf, UNTRACKED } from "./conntrack.ts";
import { logPacket, readLogOptions } from "./log.ts";
import { type Manip, type NatRange, natSetup } from "./nat.ts";
import { type HookPacket, masked, OptionReader, range, type RulePlace, type TargetAction } from "./rule.ts";

const bits = (...hooks: readonly number[]): number => hooks.reduce((all, hook) => all | (1 << hook), 0);

interface TargetRow {
  readonly options: readonly string[];
  /** The only table that it may be in. */
  readonly table?: IptTableName;
  /** Bits of the hooks that it works at. */
  readonly hooks?: number;
  readonly conntrack?: boolean;
  make(options: OptionReader, place: RulePlace): TargetAction;
}

// ── NAT ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `1.2.3.4`, `1.2.3.4-1.2.3.9:80-90`, `:80`. Errors: EINVAL. */
function natRange(text: string, options: OptionReader): NatRange {
  const [addresses, ports] = text.split(":");
  const [low, high] = (addresses ?? "").split("-");
  const minAddr = low === undefined || low === "" ? 0 : parseIpv4(low);
  const maxAddr = high === undefined ? minAddr : parseIpv4(high);
  if (minAddr === undefined || maxAddr === undefined) throw EINVAL;
  return { minAddr, maxAddr, ...portRange(ports), random: isRandom(options), persistent: options.has("persistent") };
}

function portRange(text: string | undefined): { readonly minPort?: number; readonly maxPort?: number } {
  if (text === undefined) return {};
  const [minPort, maxPort] = range(text, 65_535, "-");
  return { minPort, maxPort };
}

const isRandom = (options: OptionReader): boolean => options.has("random") || options.has("random-fully");

export const ruleName = ({ rule }: HookPacket): string => (rule === undefined ? "" : `${rule.chain} ${rule.number}`);

function bind(packet: HookPacket, natRange: NatRange, manip: Manip): NfVerdict {
  const ct = ctOf(packet.skb);
  if (ct === undefined) return "accept";
  return natSetup(conntrackOf(packet.ns), ct, natRange, manip, ruleName(packet)) ? "accept" : "drop";
}

/** An address that is kept where the range names ports alone. */
const withOwn = (given: NatRange, address: number): NatRange =>
  given.minAddr === 0 ? { ...given, minAddr: address, maxAddr: address } : given;

function toAddress(option: string, manip: Manip): TargetRow["make"] {
  return (options) => {
    const given = natRange(options.value(option) ?? "", options);
    return (packet) => bind(packet, withOwn(given, manip === "src" ? packet.ip.src : packet.ip.dst), manip);
  };
}

/** nf_nat_masquerade_ipv4(): the address of the device that it goes out by. */
const masquerade: TargetRow["make"] = (options) => {
  const ports = { ...portRange(options.value("to-ports")), random: isRandom(options) };
  return (packet) => {
    const { skb, outdev } = packet;
    const ct = ctOf(skb);
    if (ct === undefined || outdev === undefined || packet.ip.src === 0) return "accept";
    const hop = skb.route === undefined || skb.route.gateway === 0 ? packet.ip.dst : skb.route.gateway;
    const address = selectAddress(outdev, hop, RT_SCOPE_UNIVERSE);
    if (address === 0) return "drop";
    ct.masqueradeIfindex = outdev.ifindex;
    return bind(packet, { minAddr: address, maxAddr: address, ...ports }, "src");
  };
};

/** nf_nat_redirect_ipv4(): to this host. */
const redirect: TargetRow["make"] = (options) => {
  const ports = { ...portRange(options.value("to-ports")), random: isRandom(options) };
  return (packet) => {
    const address = packet.hook === NF_INET_LOCAL_OUT ? 0x7f00_0001 : (packet.indev?.ip?.addresses[0]?.local ?? 0);
    if (address === 0) return "drop";
    return bind(packet, { minAddr: address, maxAddr: address, ...ports }, "dst");
  };
};

// ── REJECT ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const REJECT_CODES: Readonly<Record<string, number>> = {
  "icmp-net-unreachable": 0,
  "icmp-host-unreachable": 1,
  "icmp-proto-unreachable": 2,
  "icmp-port-unreachable": 3,
  "icmp-net-prohibited": 9,
  "icmp-host-prohibited": 10,
  "icmp-admin-prohibited": 13,
};

const reject: TargetRow["make"] = (options, { rule }) => {
  const kind = options.value("reject-with") ?? "icmp-port-unreachable";
  if (kind === "tcp-reset") {
    if (rule.protocol?.number !== IPPROTO_TCP || rule.protocol.invert) throw EINVAL;
    return (packet) => {
      if (packet.probe === undefined) sendReset(packet);
      return "drop";
    };
  }
  const code = REJECT_CODES[kind];
  if (code === undefined) throw EINVAL;
  return ({ ns, skb, probe }) => {
    if (probe === undefined) icmpSend(ns, skb, ICMP_DEST_UNREACH, code, 0);
    return "drop";
  };
};

const [FIN, SYN, RST, ACK] = [1, 2, 4, 16];

/** nf_send_reset(): the answer that a closed port would give. */
function sendReset({ ns, skb, ip }: HookPacket): void {
  const { transport: tcp } = skb;
  if (tcp.kind !== "tcp" || (tcp.flags & RST) !== 0) return;
  const acked = (tcp.flags & ACK) !== 0;
  const span = ((tcp.flags & SYN) !== 0 ? 1 : 0) + ((tcp.flags & FIN) !== 0 ? 1 : 0) + skb.payload.length;
  const header: TcpHeader = {
    ...{ srcPort: tcp.dstPort, dstPort: tcp.srcPort, seq: acked ? tcp.ack : 0, ack: acked ? 0 : (tcp.seq + span) >>> 0 },
    ...{ flags: acked ? RST : RST | ACK, window: 0, mss: 0, windowScale: undefined, sackPermitted: false, timestamps: undefined },
    kind: "tcp",
  };
  try {
    const local = inetAddrType(ns, ip.dst) === RTN_LOCAL;
    const route = routeOutput(ns, { dst: ip.src, src: local ? ip.dst : 0, oif: 0, iif: 0, mark: 0, tos: 0, anySource: true });
    const reset = newDatagram(
      ns,
      route,
      ip.dst,
      ip.src,
      { protocol: IPPROTO_TCP, ttl: 64, tos: 0, dontFragment: true },
      header,
      new Uint8Array(0),
    );
    reset.ct = skb.ct;
    reset.ctReply = !skb.ctReply;
    ipLocalOut(ns, reset);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

/** xt_ct_target(): nobody keeps account of it. */
const notrack: TargetAction = ({ skb }) => {
  skb.ct ??= UNTRACKED;
  return "continue";
};

// ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────────

const DST_HOOKS = bits(NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT);
const SRC_HOOKS = bits(NF_INET_POST_ROUTING, NF_INET_LOCAL_IN);

export const targetRows: Readonly<Partial<Record<string, TargetRow>>> = {
  ACCEPT: { options: [], make: () => () => "accept" },
  DROP: { options: [], make: () => () => "drop" },
  REJECT: { options: ["reject-with"], table: "filter", hooks: bits(NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT), make: reject },
  LOG: {
    options: ["log-prefix", "log-level", "log-tcp-sequence", "log-tcp-options", "log-ip-options", "log-uid", "log-macdecode"],
    make(options) {
      const how = readLogOptions(options);
      return (packet) => {
        if (packet.probe === undefined) logPacket(packet, how);
        return "continue";
      };
    },
  },
  MARK: {
    options: ["set-xmark"],
    make(options) {
      const [value, mask] = masked(options.value("set-xmark"));
      return ({ skb }) => {
        skb.mark = ((skb.mark & ~mask) ^ value) >>> 0;
        return "continue";
      };
    },
  },
  CT: { options: ["notrack"], table: "raw", make: (options) => (options.has("notrack") ? notrack : () => "continue") },
  NOTRACK: { options: [], table: "raw", make: () => notrack },
  DNAT: {
    options: ["to-destination", "random", "persistent"],
    table: "nat",
    hooks: DST_HOOKS,
    conntrack: true,
    make: toAddress("to-destination", "dst"),
  },
  SNAT: {
    options: ["to-source", "random", "random-fully", "persistent"],
    table: "nat",
    hooks: SRC_HOOKS,
    conntrack: true,
    make: toAddress("to-source", "src"),
  },
  MASQUERADE: {
    options: ["to-ports", "random", "random-fully"],
    table: "nat",
    hooks: bits(NF_INET_POST_ROUTING),
    conntrack: true,
    make: masquerade,
  },
  REDIRECT: { options: ["to-ports", "random"], table: "nat", hooks: DST_HOOKS, conntrack: true, make: redirect },
};

/** Errors: ENOENT for a target that is not there, EINVAL for one that is wrong here. */
export function compileTarget({ name, options }: IptTarget, place: RulePlace): TargetAction {
  const row = targetRows[name];
  if (row === undefined) throw ENOENT;
  if (row.table !== undefined && row.table !== place.table) throw EINVAL;
  if (row.hooks !== undefined && (place.hooks & ~row.hooks) !== 0) throw EINVAL;
  return row.make(new OptionReader(options, row.options), place);
}
