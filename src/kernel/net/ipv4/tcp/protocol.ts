/** TCP as IPv4 knows it: finds whose a segment is (tcp_v4_rcv). Linux `net/ipv4/tcp_ipv4.c`. */

import type { InetProtocol } from "../../core.ts";
import { PACKET_HOST } from "../../device.ts";
import type { NetNamespace } from "../../net-namespace.ts";
import type { SkBuff, TcpHeader } from "../../skb.ts";
import type { IpHeader } from "../../wire.ts";
import { transportMib } from "../mib.ts";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "./constants.ts";
import { replyReset } from "./reply.ts";
import { TcpRequest } from "./request.ts";
import { seqDiff } from "./seq.ts";
import { TcpSock } from "./sock.ts";
import { tcpTable } from "./table.ts";

function tcpReceive(skb: SkBuff, ns: NetNamespace): void {
  const { tcp } = ns.part(transportMib);
  const header = skb.transport;
  const { dev } = skb;
  if (skb.pkttype !== PACKET_HOST) {
    ns.core.drop(skb, ns, dev, "NOT_SPECIFIED");
    return;
  }
  tcp.InSegs += skb.gsoSize > 0 ? Math.max(1, Math.ceil(skb.payload.length / skb.gsoSize)) : 1;
  if (header.kind !== "tcp" || skb.corrupt) {
    tcp.InErrs++;
    if (skb.corrupt) tcp.InCsumErrors++;
    ns.core.drop(skb, ns, dev, skb.corrupt ? "IP_CSUM" : "NOT_SPECIFIED");
    return;
  }
  const ip = skb.network as IpHeader;
  const table = tcpTable(ns);
  const found = table.find(ip.dst, header.dstPort, ip.src, header.srcPort, skb.iif);
  if (found !== undefined) {
    found.receive(skb, header);
    return;
  }
  const listener = table.findListener(ip.dst, header.dstPort, skb.iif, header.srcPort);
  if (listener?.listen !== undefined) {
    listen(listener, skb, header);
    return;
  }
  replyReset(ns, skb, header);
  ns.core.drop(skb, ns, dev, "NO_SOCKET");
}

/** What a listener does with a segment of no connection (TCP_LISTEN in tcp_rcv_state_process). */
function listen(listener: TcpSock, skb: SkBuff, header: TcpHeader): void {
  const { ns } = listener;
  const { flags } = header;
  const { dev } = skb;
  if ((flags & TCP_ACK) !== 0) {
    replyReset(ns, skb, header);
    ns.core.drop(skb, ns, dev, "NO_SOCKET");
    return;
  }
  if ((flags & TCP_RST) !== 0 || (flags & TCP_SYN) === 0 || (flags & TCP_FIN) !== 0) {
    ns.core.drop(skb, ns, dev, "TCP_INVALID_SEQUENCE");
    return;
  }
  listener.listen?.request(skb, header, undefined);
}

export const tcpProtocol: InetProtocol = {
  receive: tcpReceive,
  error(about, type, code, info) {
    const { ns, ip, transport } = about;
    if (transport.kind !== "tcp") return;
    const found = tcpTable(ns).find(ip.src, transport.srcPort, ip.dst, transport.dstPort, 0);
    if (found instanceof TcpSock) found.icmpError(about, type, code, info);
    else if (
      found instanceof TcpRequest &&
      seqDiff(transport.seq, found.isn) === 0 &&
      (ip.kind === "ipv6" ? type === 1 : type === 3 && code !== 4)
    ) {
      // tcp_req_err(): the caller cannot be reached.
      found.listener.mib.tcpExt.ListenDrops++;
      found.drop();
    }
  },
};
