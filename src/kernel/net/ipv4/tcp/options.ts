/** Options of TCP: tcp(7), Linux `do_tcp_setsockopt`, `tcp_get_info`. */

import { EINVAL, ENOENT, ENOPROTOOPT } from "../../../../abi/errno.ts";
import type { SocketOption, TcpInfo } from "../../../../abi/socket.ts";
import {
  TCP_CONGESTION,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_LINGER2,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_QUICKACK,
  TCP_SYNCNT,
  TCP_USER_TIMEOUT,
} from "../../../../abi/sockopt.ts";
import { INFINITE_SSTHRESH, TCP_STATE_NUMBER } from "./constants.ts";
import { pushPending, sendAck } from "./output.ts";
import type { TcpSock } from "./sock.ts";

const SEC = 1e9;

export function tcpInfo(sock: TcpSock): TcpInfo {
  const { tcb } = sock;
  return {
    state: TCP_STATE_NUMBER[tcb.state],
    rttUsec: tcb.srtt >> 3,
    rttvarUsec: tcb.mdev >> 2,
    rtoUsec: Math.floor(tcb.rtoNs / 1000),
    mss: tcb.mssCache,
    cwnd: tcb.cwnd,
    ssthresh: tcb.ssthresh === INFINITE_SSTHRESH ? 0x7fffffff : tcb.ssthresh,
    retransmits: tcb.retransmits,
    totalRetransmits: tcb.totalRetransmits,
    bytesAcked: tcb.bytesAcked,
    bytesReceived: tcb.bytesReceived,
  };
}

export function getTcpOption(sock: TcpSock, option: number): SocketOption {
  const { tcb, params } = sock;
  switch (option) {
    case TCP_NODELAY:
      return tcb.nodelay ? 1 : 0;
    case TCP_CORK:
      return tcb.cork ? 1 : 0;
    case TCP_MAXSEG:
      return tcb.state === "CLOSE" || tcb.state === "LISTEN" ? 536 : tcb.mssCache;
    case TCP_KEEPIDLE:
      return params.keepaliveTimeNs / SEC;
    case TCP_KEEPINTVL:
      return params.keepaliveIntvlNs / SEC;
    case TCP_KEEPCNT:
      return params.keepaliveProbes;
    case TCP_SYNCNT:
      return params.synRetries;
    case TCP_LINGER2:
      return tcb.linger2Ns < 0 ? -1 : tcb.linger2Ns > 0 ? tcb.linger2Ns / SEC : params.finTimeoutNs / SEC;
    case TCP_DEFER_ACCEPT:
      return 0;
    case TCP_QUICKACK:
      return tcb.pingpong ? 0 : 1;
    case TCP_CONGESTION:
      return "reno";
    case TCP_USER_TIMEOUT:
      return tcb.userTimeoutNs / 1e6;
    case TCP_INFO:
      return tcpInfo(sock);
    default:
      throw ENOPROTOOPT;
  }
}

export function setTcpOption(sock: TcpSock, option: number, value: SocketOption): void {
  const { tcb } = sock;
  if (option === TCP_CONGESTION) {
    if (value !== "reno") throw ENOENT;
    return;
  }
  if (typeof value !== "number") throw EINVAL;
  const within = (low: number, high: number): number => {
    if (value < low || value > high) throw EINVAL;
    return value;
  };
  switch (option) {
    case TCP_NODELAY:
      tcb.nodelay = value !== 0;
      if (tcb.nodelay) pushPending(tcb);
      return;
    case TCP_CORK:
      tcb.cork = value !== 0;
      if (!tcb.cork) pushPending(tcb);
      return;
    case TCP_MAXSEG:
      if (value !== 0) within(88, 32_767);
      if (value !== 0) tcb.advmss = Math.min(tcb.advmss, value);
      return;
    case TCP_KEEPIDLE:
      sock.override({ keepaliveTimeNs: within(1, 32_767) * SEC });
      if (tcb.keepalive && tcb.state !== "CLOSE" && tcb.state !== "LISTEN") tcb.armKeep(value * SEC);
      return;
    case TCP_KEEPINTVL:
      sock.override({ keepaliveIntvlNs: within(1, 32_767) * SEC });
      return;
    case TCP_KEEPCNT:
      sock.override({ keepaliveProbes: within(1, 127) });
      return;
    case TCP_SYNCNT:
      sock.override({ synRetries: within(1, 127) });
      return;
    case TCP_LINGER2:
      tcb.linger2Ns = value < 0 ? -1 : Math.min(value, 120) * SEC;
      return;
    case TCP_QUICKACK:
      tcb.pingpong = value === 0;
      if (value !== 0 && tcb.ackOwed) sendAck(tcb);
      return;
    case TCP_USER_TIMEOUT:
      if (value < 0) throw EINVAL;
      tcb.userTimeoutNs = value * 1e6;
      return;
    default:
      throw ENOPROTOOPT;
  }
}
