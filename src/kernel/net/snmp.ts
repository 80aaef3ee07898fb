/** Counters of IP and ICMP in a network namespace as RFC 1213 names them: /proc/net/snmp and nstat(8), Linux `include/uapi/linux/snmp.h`. */

export class Mib {
  readonly ip = {
    inReceives: 0,
    inHdrErrors: 0,
    inAddrErrors: 0,
    forwDatagrams: 0,
    inUnknownProtos: 0,
    inDiscards: 0,
    inDelivers: 0,
    outRequests: 0,
    outDiscards: 0,
    outNoRoutes: 0,
    reasmTimeout: 0,
    reasmReqds: 0,
    reasmOKs: 0,
    reasmFails: 0,
    fragOKs: 0,
    fragFails: 0,
    fragCreates: 0,
  };
  readonly icmp = {
    inMsgs: 0,
    inErrors: 0,
    inCsumErrors: 0,
    outMsgs: 0,
    outErrors: 0,
    outRateLimitGlobal: 0,
    outRateLimitHost: 0,
    /** By ICMP type. */
    inTypes: new Array<number>(256).fill(0),
    outTypes: new Array<number>(256).fill(0),
  };
  /** IpExt, and IPReversePathFilter of TcpExt. */
  readonly ext = {
    inNoRoutes: 0,
    inBcastPkts: 0,
    outBcastPkts: 0,
    inMcastPkts: 0,
    outMcastPkts: 0,
    inOctets: 0,
    outOctets: 0,
    ipReversePathFilter: 0,
  };
}
