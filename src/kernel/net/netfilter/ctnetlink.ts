/** NETLINK_NETFILTER: connections as conntrack(8) asks for them and deletes them. Linux `net/netfilter/nf_conntrack_netlink.c`. Left out: expectations, making entries. */

import * as C from "../../../abi/ctnetlink.ts";
import { EINVAL, ENOENT } from "../../../abi/errno.ts";
import { IPPROTO_ICMP, IPPROTO_TCP } from "../../../abi/inet.ts";
import {
  decodeAttributes,
  NETLINK_NETFILTER,
  type NetlinkAttribute,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
} from "../../../abi/netlink.ts";
import { AF_INET } from "../../../abi/socket.ts";
import type { NetlinkProtocol } from "../netlink/protocol.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { netlinkBroadcast } from "../netlink/socket.ts";
import { type Conntrack, type ConntrackEvent, conntrackOf } from "./conntrack.ts";
import type { Tuple } from "./tuple.ts";

const be16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value & 255);

function tuple(w: NetlinkWriter, type: number, { src, dst, protocol, srcPort, dstPort }: Tuple): void {
  w.nest(type, (t) => {
    t.nest(C.CTA_TUPLE_IP, (ip) => ip.attrBe32(C.CTA_IP_V4_SRC, src).attrBe32(C.CTA_IP_V4_DST, dst));
    t.nest(C.CTA_TUPLE_PROTO, (proto) => {
      proto.attrU8(C.CTA_PROTO_NUM, protocol);
      if (protocol === IPPROTO_ICMP) {
        proto
          .attr(C.CTA_PROTO_ICMP_ID, be16(srcPort))
          .attrU8(C.CTA_PROTO_ICMP_TYPE, dstPort >>> 8)
          .attrU8(C.CTA_PROTO_ICMP_CODE, dstPort & 255);
      } else proto.attr(C.CTA_PROTO_SRC_PORT, be16(srcPort)).attr(C.CTA_PROTO_DST_PORT, be16(dstPort));
    });
  });
}

/** Seconds that it is still remembered. */
export const remainingSec = (ns: NetNamespace, ct: Conntrack): number =>
  Math.max(0, Math.floor((ct.expiresNs - ns.system.sched.clockNs) / 1e9));

function fill(ns: NetNamespace, ct: Conntrack): Uint8Array {
  const w = new NetlinkWriter().u8(AF_INET).u8(0).u16(0);
  tuple(w, C.CTA_TUPLE_ORIG, ct.original);
  tuple(w, C.CTA_TUPLE_REPLY, ct.reply);
  const status = C.IPS_CONFIRMED | (ct.seenReply ? C.IPS_SEEN_REPLY : 0) | (ct.assured ? C.IPS_ASSURED : 0);
  w.attrBe32(C.CTA_STATUS, status | (ct.srcNat ? C.IPS_SRC_NAT : 0) | (ct.dstNat ? C.IPS_DST_NAT : 0));
  // What has run out is told without its time.
  const leftSec = remainingSec(ns, ct);
  if (leftSec > 0 || !ct.dying) w.attrBe32(C.CTA_TIMEOUT, leftSec);
  if (ct.original.protocol === IPPROTO_TCP) {
    w.nest(C.CTA_PROTOINFO, (info) => info.nest(C.CTA_PROTOINFO_TCP, (t) => t.attrU8(C.CTA_PROTOINFO_TCP_STATE, ct.tcpState)));
  }
  return w.attrBe32(C.CTA_MARK, ct.mark).attrBe32(C.CTA_ID, ct.id).attrBe32(C.CTA_USE, 1).finish();
}

const GROUPS: Readonly<Record<ConntrackEvent, number>> = {
  new: C.NFNLGRP_CONNTRACK_NEW,
  update: C.NFNLGRP_CONNTRACK_UPDATE,
  destroy: C.NFNLGRP_CONNTRACK_DESTROY,
};

/** ctnetlink_conntrack_event(). Differs from Linux: it is not told which program had a connection deleted. Tells those who have joined the event's group. */
function announce(ns: NetNamespace, event: ConntrackEvent, ct: Conntrack): void {
  const type = event === "destroy" ? C.IPCTNL_MSG_CT_DELETE : C.IPCTNL_MSG_CT_NEW;
  netlinkBroadcast(ns, NETLINK_NETFILTER, GROUPS[event], type, () => fill(ns, ct), event === "new" ? NLM_F_CREATE | NLM_F_EXCL : 0);
}

/** A new namespace's connections are told of from the beginning. */
export function announceConnections(ns: NetNamespace): void {
  conntrackOf(ns).listeners.add((event, ct) => announce(ns, event, ct));
}

const port = (attribute: NetlinkAttribute | undefined): number => ((attribute?.bytes[0] ?? 0) << 8) | (attribute?.bytes[1] ?? 0);

/** Errors: EINVAL for what is no tuple. */
function readTuple(attribute: NetlinkAttribute): Tuple {
  const { nested } = attribute;
  const ip = nested.get(C.CTA_TUPLE_IP)?.nested;
  const proto = nested.get(C.CTA_TUPLE_PROTO)?.nested;
  if (ip === undefined || proto === undefined) throw EINVAL;
  const protocol = proto.get(C.CTA_PROTO_NUM)?.u8 ?? 0;
  const ends = { src: ip.get(C.CTA_IP_V4_SRC)?.be32 ?? 0, dst: ip.get(C.CTA_IP_V4_DST)?.be32 ?? 0, protocol };
  if (protocol !== IPPROTO_ICMP)
    return { ...ends, srcPort: port(proto.get(C.CTA_PROTO_SRC_PORT)), dstPort: port(proto.get(C.CTA_PROTO_DST_PORT)) };
  const [type, code] = [proto.get(C.CTA_PROTO_ICMP_TYPE)?.u8 ?? 0, proto.get(C.CTA_PROTO_ICMP_CODE)?.u8 ?? 0];
  return { ...ends, srcPort: port(proto.get(C.CTA_PROTO_ICMP_ID)), dstPort: (type << 8) | code };
}

export const ctnetlink: NetlinkProtocol = {
  handlers: new Map([
    [
      C.IPCTNL_MSG_CT_GET,
      {
        privileged: true,
        run({ ns, message, reply }) {
          const wanted = decodeAttributes(message.payload, C.NFGENMSG_SIZE).get(C.CTA_TUPLE_ORIG);
          if (wanted === undefined) throw EINVAL;
          const found = conntrackOf(ns).find(readTuple(wanted));
          if (found === undefined) throw ENOENT;
          reply(C.IPCTNL_MSG_CT_NEW, fill(ns, found.ct));
        },
        *dump({ ns }) {
          for (const ct of conntrackOf(ns).entries) yield { type: C.IPCTNL_MSG_CT_NEW, payload: fill(ns, ct) };
        },
      },
    ],
    [
      C.IPCTNL_MSG_CT_DELETE,
      {
        privileged: true,
        /** Without a tuple: all of them. */
        run({ ns, message }) {
          const wanted = decodeAttributes(message.payload, C.NFGENMSG_SIZE).get(C.CTA_TUPLE_ORIG);
          const table = conntrackOf(ns);
          if (wanted === undefined) {
            table.flush();
            return;
          }
          const found = table.find(readTuple(wanted));
          if (found === undefined) throw ENOENT;
          table.delete(found.ct);
        },
      },
    ],
  ]),
};
