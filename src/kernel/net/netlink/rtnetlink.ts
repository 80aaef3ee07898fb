/** NETLINK_ROUTE: rtnetlink(7): the table of requests, and the news for those who watch. Linux `net/core/rtnetlink.c`. */

import {
  NETLINK_ROUTE,
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
} from "../../../abi/netlink.ts";
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from "../../../abi/rtnetlink.ts";
import type { NetdevEvent, RtnlNotifier } from "../core.ts";
import type { NetDevice } from "../device.ts";
import { addressHandlers, fillAddress, fillAddress6 } from "./address.ts";
import { linkHandlers } from "./link.ts";
import { fillLink } from "./link-fill.ts";
import { fillFdb, fillNeighbour, neighbourHandlers } from "./neighbour.ts";
import { nsidHandlers } from "./nsid.ts";
import type { NetlinkProtocol } from "./protocol.ts";
import { qdiscHandlers } from "./qdisc.ts";
import { fillRoute, routeHandlers } from "./route.ts";
import { fillRoute6 } from "./route6.ts";
import { fillRule, ruleHandlers } from "./rule.ts";
import { netlinkBroadcast } from "./socket.ts";

export const rtnetlink: NetlinkProtocol = {
  handlers: new Map([
    ...linkHandlers,
    ...addressHandlers,
    ...routeHandlers,
    ...neighbourHandlers,
    ...ruleHandlers,
    ...qdiscHandlers,
    ...nsidHandlers,
  ]),
};

const pick = (action: "new" | "del", made: number, gone: number): number => (action === "new" ? made : gone);

/** Tells the groups of a namespace; costs nothing where nobody listens. */
export const rtnlNotifier: RtnlNotifier = {
  link(action, dev) {
    netlinkBroadcast(dev.ns, NETLINK_ROUTE, RTNLGRP_LINK, pick(action, RTM_NEWLINK, RTM_DELLINK), () =>
      fillLink(dev, action === "del" ? 0xffff_ffff : 0),
    );
  },
  address(action, dev, ifa) {
    netlinkBroadcast(dev.ns, NETLINK_ROUTE, RTNLGRP_IPV4_IFADDR, pick(action, RTM_NEWADDR, RTM_DELADDR), () => fillAddress(dev, ifa));
  },
  address6(action, dev, address) {
    netlinkBroadcast(dev.ns, NETLINK_ROUTE, RTNLGRP_IPV6_IFADDR, pick(action, RTM_NEWADDR, RTM_DELADDR), () => fillAddress6(dev, address));
  },
  route(action, ns, route) {
    netlinkBroadcast(ns, NETLINK_ROUTE, RTNLGRP_IPV4_ROUTE, pick(action, RTM_NEWROUTE, RTM_DELROUTE), () => fillRoute(route));
  },
  route6(action, ns, route) {
    netlinkBroadcast(ns, NETLINK_ROUTE, RTNLGRP_IPV6_ROUTE, pick(action, RTM_NEWROUTE, RTM_DELROUTE), () => fillRoute6(route));
  },
  neighbour(action, neigh) {
    netlinkBroadcast(neigh.dev.ns, NETLINK_ROUTE, RTNLGRP_NEIGH, pick(action, RTM_NEWNEIGH, RTM_DELNEIGH), () => fillNeighbour(neigh));
  },
  rule(action, ns, rule) {
    netlinkBroadcast(ns, NETLINK_ROUTE, RTNLGRP_IPV4_RULE, pick(action, RTM_NEWRULE, RTM_DELRULE), () => fillRule(rule));
  },
  fdb(action, bridge, entry) {
    netlinkBroadcast(bridge.ns, NETLINK_ROUTE, RTNLGRP_NEIGH, pick(action, RTM_NEWNEIGH, RTM_DELNEIGH), () => fillFdb(bridge, entry));
  },
};

/** rtnetlink_event(): changes of devices as news. New ones are told of when they are complete. */
export function rtnetlinkEvent(event: NetdevEvent, dev: NetDevice): void {
  if (event === "register" || event === "going_down") return;
  rtnlNotifier.link(event === "unregister" ? "del" : "new", dev);
}
