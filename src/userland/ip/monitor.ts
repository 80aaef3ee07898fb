/** ip monitor: what changes, as the kernel tells of it to multicast groups of rtnetlink(7). iproute2 `ip/ipmonitor.c`. Left out: reading a file, -timestamp, all-nsid. */

import {
  decodeAttributes,
  NETLINK_ROUTE,
  type NetlinkMessage,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { NetlinkSocket } from "../libc/rtnetlink.ts";
import { printAddressNews } from "./address.ts";
import { type IpContext, indexOf, matches, Words } from "./context.ts";
import { help } from "./help.ts";
import { printLink } from "./link.ts";
import { printNeighbour } from "./neighbour.ts";
import { namespaceNames, printId } from "./netns.ts";
import { printRouteNews } from "./route.ts";
import { printRule } from "./rule.ts";

interface Subject {
  readonly word: string;
  readonly label: string;
  /** Of IPv4, and of IPv6; a subject without family has one for both. */
  readonly groups: readonly [v4: number, v6: number];
  readonly types: readonly number[];
  print(ip: IpContext, message: NetlinkMessage): Proc<void>;
}

const SUBJECTS: readonly Subject[] = [
  {
    ...{ word: "link", label: "LINK", groups: [R.RTNLGRP_LINK, R.RTNLGRP_LINK], types: [RTM_NEWLINK, RTM_DELLINK] },
    *print(ip, message) {
      const attrs = decodeAttributes(message.payload, 16);
      ip.learn(indexOf(message), attrs.get(R.IFLA_IFNAME)?.string ?? "");
      yield* printLink(ip, message, attrs, false, true, true);
      ip.out.textOnly("\n");
    },
  },
  {
    ...{ word: "address", label: "ADDR", groups: [R.RTNLGRP_IPV4_IFADDR, R.RTNLGRP_IPV6_IFADDR], types: [RTM_NEWADDR, RTM_DELADDR] },
    print: printAddressNews,
  },
  {
    ...{ word: "route", label: "ROUTE", groups: [R.RTNLGRP_IPV4_ROUTE, R.RTNLGRP_IPV6_ROUTE], types: [RTM_NEWROUTE, RTM_DELROUTE] },
    print: printRouteNews,
  },
  {
    ...{ word: "neigh", label: "NEIGH", groups: [R.RTNLGRP_NEIGH, R.RTNLGRP_NEIGH], types: [RTM_NEWNEIGH, RTM_DELNEIGH] },
    print: (ip, message) => printNeighbour(ip, message, true),
  },
  {
    ...{ word: "rule", label: "RULE", groups: [R.RTNLGRP_IPV4_RULE, R.RTNLGRP_IPV6_RULE], types: [RTM_NEWRULE, RTM_DELRULE] },
    *print(ip, message) {
      printRule(ip, message);
    },
  },
  {
    ...{ word: "nsid", label: "NSID", groups: [R.RTNLGRP_NSID, R.RTNLGRP_NSID], types: [R.RTM_NEWNSID] },
    *print(ip, { payload }) {
      printId(ip, payload, yield* namespaceNames(ip));
    },
  },
];

const DELETIONS: ReadonlySet<number> = new Set([RTM_DELLINK, RTM_DELADDR, RTM_DELROUTE, RTM_DELNEIGH, RTM_DELRULE]);

function* tell(
  ip: IpContext,
  subjects: readonly Subject[],
  message: NetlinkMessage,
  label: boolean,
  index: number | undefined,
): Proc<void> {
  const subject = subjects.find(({ types }) => types.includes(message.type));
  if (subject === undefined) return;
  // A neighbour's message is also that of a bridge's table, which bridge(8) shows.
  if (subject.word === "neigh" && ![AF_INET, AF_INET6].includes(message.payload[0] ?? 0)) return;
  if (subject.word === "neigh" && ip.options.family !== AF_UNSPEC && message.payload[0] !== ip.options.family) return;
  if (index !== undefined && subject.word !== "rule" && subject.word !== "nsid") {
    const own = subject.word === "route" ? decodeAttributes(message.payload, 12).get(R.RTA_OIF)?.u32 : indexOf(message);
    if (own !== index) return;
  }
  ip.out.begin();
  if (label) ip.out.textOnly(`[${subject.label}]`);
  if (DELETIONS.has(message.type)) ip.out.field("deleted", true, "Deleted ");
  yield* subject.print(ip, message);
  yield* ip.c.print(ip.out.finishList(true));
  ip.out.clear();
  yield* ip.flush();
}

export function* monitor(ip: IpContext, args: readonly string[]): Proc<number> {
  const words = new Words(args, ip);
  let label = false;
  let index: number | undefined;
  let subjects: readonly Subject[] = [];
  while (words.more) {
    const word = words.next();
    if (word === "file" || word === "all-nsid") return yield* ip.die(`ip monitor ${word} is not built`, 255);
    if (matches(word, "label")) label = true;
    else if (word === "all") {
      label = true;
      subjects = SUBJECTS;
    } else if (word === "dev") {
      const name = yield* words.argument();
      index = yield* ip.findLink(name);
      if (index === 0) return yield* ip.die(`Error: argument "${name}" is wrong: Device does not exist\n`, 255);
    } else if (matches(word, "help")) return yield* help(ip, "monitor");
    else {
      // `a`, `addr`, `address`; `route` before `rule`.
      const subject = SUBJECTS.find((one) => matches(word, one.word));
      if (subject === undefined) return yield* ip.die(`Argument "${word}" is unknown, try "ip monitor help".`, 255);
      subjects = [...subjects, subject];
    }
  }
  if (subjects.length === 0) subjects = SUBJECTS;
  const { family } = ip.options;
  const groups = new Set(subjects.flatMap(({ groups: [v4, v6] }) => (family === AF_INET ? [v4] : family === AF_INET6 ? [v6] : [v4, v6])));
  yield* ip.linkNames();
  const socket = yield* NetlinkSocket.open(
    ip.c.sys,
    NETLINK_ROUTE,
    [...groups].reduce((mask, group) => (mask | (1 << (group - 1))) >>> 0, 0),
  );
  for (;;) for (const message of yield* socket.receive()) yield* tell(ip, subjects, message, label, index);
}
