/** Usage of ip(8) and its objects, for what is built here. */

import type { Proc } from "../../abi/sys.ts";
import type { IpContext } from "./context.ts";

export type IpObject = "ip" | "link" | "address" | "route" | "neighbour" | "rule" | "netns" | "monitor" | "maddress";

const usages: Readonly<Record<IpObject, string>> = {
  ip: `Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { address | link | maddress | monitor | neighbour | netns | route | rule }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -h[uman-readable] |
                    -f[amily] { inet | inet6 | link } | -4 | -6 | -0 |
                    -o[neline] | -br[ief] | -j[son] | -p[retty] | -c[olor] |
                    -n[etns] name | -N[umeric] | -a[ll] }`,
  link: `Usage: ip link add [link DEV] [ name ] NAME [ address LLADDR ] [ mtu MTU ]
		    [ txqueuelen PACKETS ] [ netns { PID | NAME } ] type TYPE [ ARGS ]

	ip link delete { DEVICE | dev DEVICE }

	ip link set { DEVICE | dev DEVICE } [ { up | down } ]
		[ arp { on | off } ] [ multicast { on | off } ]
		[ allmulticast { on | off } ] [ promisc { on | off } ]
		[ txqueuelen PACKETS ] [ name NEWNAME ] [ address LLADDR ]
		[ broadcast LLADDR ] [ mtu MTU ] [ netns { PID | NAME } ]
		[ alias NAME ] [ master DEVICE ] [ nomaster ] [ type TYPE ARGS ]

	ip link show [ DEVICE ] [up] [master DEV] [type TYPE] [nomaster]

TYPE := { bridge | bridge_slave | dummy | macvlan | veth }`,
  address: `Usage: ip address {add|change|replace} IFADDR dev IFNAME
       ip address del IFADDR dev IFNAME
       ip address {show|flush} [ dev IFNAME ] [ scope SCOPE-ID ]
                            [ to PREFIX ] [ label LABEL ] [up]
IFADDR := PREFIX [ peer PREFIX ] [ broadcast ADDR ] [ label IFNAME ] [ scope SCOPE-ID ]
          [ noprefixroute ]
SCOPE-ID := [ host | link | global | NUMBER ]`,
  route: `Usage: ip route { list | flush } SELECTOR
       ip route get ADDRESS [ from ADDRESS ] [ iif STRING ] [ oif STRING ] [ mark NUMBER ]
       ip route { add | del | change | append | replace } ROUTE
SELECTOR := [ root PREFIX ] [ match PREFIX ] [ exact PREFIX ] [ table TABLE_ID ]
            [ proto RTPROTO ] [ type TYPE ] [ scope SCOPE ] [ dev STRING ]
ROUTE := [ TYPE ] PREFIX [ via ADDRESS ] [ dev STRING ] [ src ADDRESS ] [ metric METRIC ]
         [ table TABLE_ID ] [ proto RTPROTO ] [ scope SCOPE ] [ METRIC NUMBER ] [ onlink ]
METRIC := { mtu | window | ssthresh | cwnd | advmss | reordering | hoplimit | initcwnd | initrwnd }
TYPE := { unicast | local | broadcast | throw | unreachable | prohibit | blackhole }
TABLE_ID := [ local | main | default | all | NUMBER ]
SCOPE := [ host | link | global | NUMBER ]
RTPROTO := [ kernel | boot | static | NUMBER ]`,
  neighbour: `Usage: ip neigh { add | del | change | replace } { ADDR [ lladdr LLADDR ]
		[ nud STATE ] | proxy ADDR } dev DEV

	ip neigh { show | flush } [ to PREFIX ] [ dev DEV ] [ nud STATE ]

STATE := { delay | failed | incomplete | noarp | permanent | probe | reachable | stale }`,
  rule: `Usage: ip rule { add | del } SELECTOR ACTION
       ip rule { list }
SELECTOR := [ not ] [ from PREFIX ] [ to PREFIX ] [ fwmark FWMARK[/MASK] ]
            [ iif STRING ] [ oif STRING ] [ pref NUMBER ]
ACTION := [ table TABLE_ID ] [ blackhole | unreachable | prohibit ]
TABLE_ID := [ local | main | default | NUMBER ]`,
  netns: `Usage:	ip netns list
	ip netns add NAME
	ip netns attach NAME PID
	ip [-all] netns delete [NAME]
	ip netns identify [PID]
	ip netns pids NAME
	ip [-all] netns exec [NAME] cmd ...
	ip netns set NAME NETNSID
	ip netns list-id`,
  maddress: `Usage: ip maddr [ show [ dev STRING ] ]`,
  monitor: `Usage: ip monitor [ all | OBJECTS ] [ label ] [ dev DEVICE ]
OBJECTS :=  address | link | neigh | nsid | route | rule`,
};

/** Prints it on stderr and ends. */
export function* help(ip: IpContext, object: IpObject): Proc<never> {
  return yield* ip.die(usages[object], 255);
}
