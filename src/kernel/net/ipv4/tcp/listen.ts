/** Listeners: listen(2), the queue of handshakes and the queue of those who wait to be accepted. Linux `tcp_conn_request`, `inet_csk_listen_start`. */

import { EADDRINUSE, Errno } from "../../../../abi/errno.ts";
import type { SkBuff, TcpHeader } from "../../skb.ts";
import { netSetting } from "../../sysctl.ts";
import { tcpConflict } from "../ports.ts";
import { RTN_BROADCAST, RTN_MULTICAST } from "../route-types.ts";
import { TcpRequest } from "./request.ts";
import type { TcpSock } from "./sock.ts";
import { tcpTable } from "./table.ts";

/** Begins to listen, or changes the backlog. Errors: EADDRINUSE where another one listens there. */
export function startListening(sock: TcpSock, backlog: number): void {
  const most = Math.min(backlog >>> 0, netSetting(sock.ns, "core/somaxconn"));
  if (sock.listen !== undefined) {
    sock.listen.backlog = most;
    return;
  }
  sock.autobind();
  sock.tcb.setState("LISTEN");
  if (tcpConflict(sock, tcpTable(sock.ns).ports.at(sock.localPort), true)) {
    sock.tcb.setState("CLOSE");
    throw EADDRINUSE;
  }
  const request = (skb: SkBuff, header: TcpHeader, isn: number | undefined): void => connectionRequest(sock, skb, header, isn);
  sock.listen = { backlog: most, request, requests: new Set(), ready: [] };
  tcpTable(sock.ns).addListener(sock);
}

/**
 * tcp_conn_request(). Differs from Linux: a flood of SYNs is dropped where the queue is full, there are no SYN cookies.
 */
function connectionRequest(listener: TcpSock, skb: SkBuff, header: TcpHeader, isn: number | undefined): void {
  const { ns, listen: queue } = listener;
  const { dev } = skb;
  const route = skb.route ?? skb.route6;
  const { tcpExt } = listener.mib;
  const drop = (): void => {
    tcpExt.ListenDrops++;
    ns.core.drop(skb, ns, dev, "TCP_LISTEN_OVERFLOW");
  };
  if (queue === undefined || route?.type === RTN_BROADCAST || route?.type === RTN_MULTICAST) return drop();
  if (queue.requests.size >= Math.max(queue.backlog, netSetting(ns, "ipv4/tcp_max_syn_backlog"))) {
    tcpExt.TCPReqQFullDrop++;
    return drop();
  }
  if (queue.ready.length > queue.backlog) {
    tcpExt.ListenOverflows++;
    return drop();
  }
  try {
    new TcpRequest(listener, skb, header, isn).start();
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return drop();
  }
  ns.core.consume(skb, ns, dev);
}
