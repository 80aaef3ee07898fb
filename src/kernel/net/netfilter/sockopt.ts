/** What netfilter answers to getsockopt(2) and setsockopt(2): iptables(8) reads and replaces tables by it; SO_ORIGINAL_DST. Linux `do_ipt_get_ctl`, `getorigdst`. */

import { CAP_NET_ADMIN } from "../../../abi/capability.ts";
import { EINVAL, ENOENT, ENOPROTOOPT, EPERM } from "../../../abi/errno.ts";
import { IPPROTO_TCP } from "../../../abi/inet.ts";
import { IPT_SO_GET_ENTRIES, IPT_SO_GET_INFO, IPT_SO_SET_REPLACE, type IptTableName } from "../../../abi/iptables.ts";
import { AF_INET } from "../../../abi/socket.ts";
import { SO_ORIGINAL_DST } from "../../../abi/sockopt.ts";
import { nsCapable } from "../../ns/user.ts";
import type { NetfilterOptions } from "../core.ts";
import { conntrackOf } from "./conntrack.ts";
import { firewallOf, TABLE_NAMES } from "./netfilter.ts";

export const netfilterOptions: NetfilterOptions = {
  get(task, sock, option, argument) {
    const { ns } = sock;
    if (option === SO_ORIGINAL_DST) {
      if (sock.protocol !== IPPROTO_TCP) throw ENOPROTOOPT;
      const { rcvSaddr, daddr } = sock;
      if (typeof rcvSaddr !== "number" || typeof daddr !== "number") return undefined;
      const tuple = { src: rcvSaddr, srcPort: sock.localPort, dst: daddr, dstPort: sock.remotePort, protocol: IPPROTO_TCP };
      const slot = conntrackOf(ns).find(tuple);
      if (slot === undefined) throw ENOENT;
      return { family: AF_INET, addr: slot.ct.original.dst, port: slot.ct.original.dstPort };
    }
    if (option !== IPT_SO_GET_INFO && option !== IPT_SO_GET_ENTRIES) return undefined;
    if (!nsCapable(task.cred, ns.userNs, CAP_NET_ADMIN)) throw EPERM;
    // Those that are in use, the newest first: /proc/net/ip_tables_names.
    if (option === IPT_SO_GET_INFO) return { tables: [...firewallOf(ns).tables.keys()].reverse() };
    if (!TABLE_NAMES.some((name) => name === argument)) throw ENOENT;
    return firewallOf(ns).read(argument as IptTableName);
  },
  set(task, sock, option, value) {
    if (option !== IPT_SO_SET_REPLACE) return false;
    const { ns } = sock;
    if (!nsCapable(task.cred, ns.userNs, CAP_NET_ADMIN)) throw EPERM;
    if (typeof value !== "object" || !("chains" in value)) throw EINVAL;
    firewallOf(ns).replace(value);
    return true;
  },
};
