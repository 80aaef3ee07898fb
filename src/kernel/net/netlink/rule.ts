/** RTM_NEWRULE, _DELRULE, _GETRULE of IPv4: ip-rule(8), Linux `net/core/fib_rules.c`, `net/ipv4/fib_rules.c`. */

import { EEXIST, EINVAL, ENOENT, EOPNOTSUPP } from "../../../abi/errno.ts";
import { prefixMask } from "../../../abi/inet.ts";
import { decodeAttributes, NetlinkWriter, NLM_F_EXCL, RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE } from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { AF_INET, AF_UNSPEC } from "../../../abi/socket.ts";
import { fibOf, type FibRule } from "../ipv4/fib.ts";
import type { Attributes } from "./link-kinds.ts";
import { NetlinkError, type NetlinkHandler } from "./protocol.ts";

const RULE_HDR = 12;

interface RuleMsg {
  readonly family: number;
  readonly rule: FibRule;
  readonly hasPriority: boolean;
  readonly attrs: Attributes;
}

function parse(payload: Uint8Array): RuleMsg {
  if (payload.length < RULE_HDR) throw new NetlinkError(EINVAL, "Invalid msg length");
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attrs = decodeAttributes(payload, RULE_HDR);
  const [dstLength, srcLength] = [view.getUint8(1), view.getUint8(2)];
  const mark = attrs.get(R.FRA_FWMARK)?.u32 ?? 0;
  if (dstLength > 32 || srcLength > 32) throw new NetlinkError(EINVAL, "Invalid source or destination prefix length");
  const rule: FibRule = {
    priority: attrs.get(R.FRA_PRIORITY)?.u32 ?? 0,
    action: view.getUint8(7),
    table: attrs.get(R.FRA_TABLE)?.u32 ?? view.getUint8(4),
    src: ((attrs.get(R.FRA_SRC)?.be32 ?? 0) & prefixMask(srcLength)) >>> 0,
    srcLength,
    dst: ((attrs.get(R.FRA_DST)?.be32 ?? 0) & prefixMask(dstLength)) >>> 0,
    dstLength,
    mark,
    markMask: attrs.get(R.FRA_FWMASK)?.u32 ?? (mark !== 0 ? 0xffff_ffff : 0),
    iif: attrs.get(R.FRA_IIFNAME)?.string ?? "",
    oif: attrs.get(R.FRA_OIFNAME)?.string ?? "",
    tos: view.getUint8(3),
    invert: (view.getUint32(8, true) & R.FIB_RULE_INVERT) !== 0,
    protocol: attrs.get(R.FRA_PROTOCOL)?.u8 ?? 0,
    suppressPrefixLength: attrs.has(R.FRA_SUPPRESS_PREFIXLEN) ? (attrs.get(R.FRA_SUPPRESS_PREFIXLEN)?.u32 ?? 0) | 0 : -1,
  };
  return { family: view.getUint8(0), rule, hasPriority: attrs.has(R.FRA_PRIORITY), attrs };
}

/** fib_nl_fill_rule(). */
export function fillRule(rule: FibRule): Uint8Array {
  const w = new NetlinkWriter();
  w.u8(AF_INET)
    .u8(rule.dstLength)
    .u8(rule.srcLength)
    .u8(rule.tos)
    .u8(rule.table < 256 ? rule.table : 252)
    .u8(0)
    .u8(0)
    .u8(rule.action)
    .u32(rule.invert ? R.FIB_RULE_INVERT : 0);
  w.attrU32(R.FRA_TABLE, rule.table);
  w.attrU32(R.FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength >>> 0);
  w.attrU8(R.FRA_PROTOCOL, rule.protocol);
  if (rule.iif !== "") w.attrString(R.FRA_IIFNAME, rule.iif);
  if (rule.oif !== "") w.attrString(R.FRA_OIFNAME, rule.oif);
  if (rule.priority !== 0) w.attrU32(R.FRA_PRIORITY, rule.priority);
  if (rule.mark !== 0) w.attrU32(R.FRA_FWMARK, rule.mark);
  if (rule.markMask !== 0 || rule.mark !== 0) w.attrU32(R.FRA_FWMASK, rule.markMask);
  if (rule.dstLength > 0) w.attrBe32(R.FRA_DST, rule.dst);
  if (rule.srcLength > 0) w.attrBe32(R.FRA_SRC, rule.src);
  return w.finish();
}

const sameRule = (a: FibRule, b: FibRule): boolean => (Object.keys(a) as (keyof FibRule)[]).every((key) => a[key] === b[key]);

/** What a request to delete names must be so; the rest may be anything. */
function fits(rule: FibRule, { rule: asked, hasPriority, attrs }: RuleMsg): boolean {
  return (
    (asked.action === 0 || rule.action === asked.action) &&
    (asked.table === 0 || rule.table === asked.table) &&
    (!hasPriority || rule.priority === asked.priority) &&
    (asked.srcLength === 0 || (rule.srcLength === asked.srcLength && rule.src === asked.src)) &&
    (asked.dstLength === 0 || (rule.dstLength === asked.dstLength && rule.dst === asked.dst)) &&
    (asked.iif === "" || rule.iif === asked.iif) &&
    (asked.oif === "" || rule.oif === asked.oif) &&
    (asked.tos === 0 || rule.tos === asked.tos) &&
    (!attrs.has(R.FRA_FWMARK) || rule.mark === asked.mark) &&
    (!attrs.has(R.FRA_FWMASK) || rule.markMask === asked.markMask) &&
    rule.invert === asked.invert
  );
}

function refuseUnbuilt({ family, attrs }: RuleMsg): void {
  if (family !== AF_INET) throw EOPNOTSUPP;
  if (attrs.has(R.FRA_GOTO)) throw new NetlinkError(EOPNOTSUPP, "Rules with goto are not built");
}

export const ruleHandlers: readonly (readonly [number, NetlinkHandler])[] = [
  [
    RTM_NEWRULE,
    {
      privileged: true,
      run({ ns, message }) {
        const msg = parse(message.payload);
        refuseUnbuilt(msg);
        const fib = fibOf(ns);
        let { rule } = msg;
        if (rule.action === 1 && rule.table === 0) throw new NetlinkError(EINVAL, "Invalid table");
        // fib_default_rule_pref(): before the first rule that is not the first.
        if (!msg.hasPriority) rule = { ...rule, priority: Math.max(0, (fib.rules[1]?.priority ?? 1) - 1) };
        if ((message.flags & NLM_F_EXCL) !== 0 && fib.rules.some((r) => sameRule(r, rule))) throw EEXIST;
        fib.addRule(rule);
        ns.core.rtnl?.rule("new", ns, rule);
      },
    },
  ],
  [
    RTM_DELRULE,
    {
      privileged: true,
      run({ ns, message }) {
        const msg = parse(message.payload);
        refuseUnbuilt(msg);
        const fib = fibOf(ns);
        const at = fib.rules.findIndex((r) => fits(r, msg));
        if (at < 0) throw ENOENT;
        const [rule] = fib.rules.splice(at, 1) as [FibRule];
        fib.customRules = true;
        fib.changed();
        ns.core.rtnl?.rule("del", ns, rule);
      },
    },
  ],
  [
    RTM_GETRULE,
    {
      *dump({ ns, message }) {
        const family = message.payload[0] ?? 0;
        if (family !== AF_INET && family !== AF_UNSPEC) return;
        for (const rule of fibOf(ns).rules) yield { type: RTM_NEWRULE, payload: fillRule(rule) };
      },
    },
  ],
];
