/** Socket addresses as strace prints them: sockaddr_un, _in, _in6, _nl, _ll. */

import { formatIpv4, formatIpv6, formatMac } from "../../abi/inet.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_UNSPEC, type SocketAddress } from "../../abi/socket.ts";
import { byteLength } from "../../abi/utf8.ts";
import { type HexMode, quoteText } from "./quote.ts";

export function sockaddrText(a: SocketAddress, hex: HexMode): string {
  switch (a.family) {
    case AF_UNSPEC:
      return "{sa_family=AF_UNSPEC}";
    case AF_UNIX: {
      if (a.path === "") return "{sa_family=AF_UNIX}";
      const abstract = a.path.startsWith("\0");
      return `{sa_family=AF_UNIX, sun_path=${abstract ? "@" : ""}${quoteText(abstract ? a.path.slice(1) : a.path, 108, hex)}}`;
    }
    case AF_INET:
      return `{sa_family=AF_INET, sin_port=htons(${a.port}), sin_addr=inet_addr("${formatIpv4(a.addr)}")}`;
    case AF_INET6: {
      const addr = `inet_pton(AF_INET6, "${formatIpv6(a.addr)}", &sin6_addr)`;
      return `{sa_family=AF_INET6, sin6_port=htons(${a.port}), sin6_flowinfo=htonl(0), ${addr}, sin6_scope_id=${a.scopeId}}`;
    }
    case AF_NETLINK:
      return `{sa_family=AF_NETLINK, nl_pid=${a.pid}, nl_groups=${a.groups.toString(16).padStart(8, "0")}}`;
    case AF_PACKET: {
      const address =
        a.mac === 0 ? "sll_halen=0" : `sll_halen=6, sll_addr=[${formatMac(a.mac).replace(/../g, "0x$&").replaceAll(":", ", ")}]`;
      const protocol = `htons(0x${a.protocol.toString(16)})`;
      return `{sa_family=AF_PACKET, sll_protocol=${protocol}, sll_ifindex=${a.ifindex}, sll_hatype=${a.hatype}, sll_pkttype=${a.pkttype}, ${address}}`;
    }
  }
}

/** The length that goes with it. */
export function sockaddrLength(a: SocketAddress): number {
  if (a.family === AF_UNIX) return a.path === "" ? 2 : 2 + byteLength(a.path) + (a.path.startsWith("\0") ? 0 : 1);
  return { [AF_UNSPEC]: 16, [AF_INET]: 16, [AF_INET6]: 28, [AF_NETLINK]: 12, [AF_PACKET]: a.family === AF_PACKET && a.mac === 0 ? 12 : 18 }[
    a.family
  ];
}
