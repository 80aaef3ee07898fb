/** ICMPv6 as a line: tcpdump 4.99's print-icmp6.c. Left out: groups (MLD), routers' messages in detail. */

import { IPPROTO_TCP } from "../../abi/inet.ts";
import { decodeIp6, textAt, viewOf } from "./packet.ts";

const UNREACHABLE = ["unreachable route", "unreachable prohibited", "beyond scope", "unreachable address", "unreachable port"] as const;

export function icmp6Text(payload: Uint8Array, portName: (port: number, protocol: "tcp" | "udp") => string): string {
  return `ICMP6, ${about(payload, portName)}, length ${payload.length}`;
}

function about(payload: Uint8Array, portName: (port: number, protocol: "tcp" | "udp") => string): string {
  const view = viewOf(payload);
  const [type, code] = [view.getUint8(0), view.getUint8(1)];
  const quoted = type < 128 ? decodeIp6(payload.subarray(8)) : undefined;
  switch (type) {
    case 1: {
      const what = `destination unreachable, ${UNREACHABLE[code] ?? `unknown unreach code (${code})`}`;
      if (quoted === undefined) return what;
      if (code === 2) return `${what} ${quoted.dst}, source address ${quoted.src}`;
      if (code !== 4) return code < 4 ? `${what} ${quoted.dst}` : what;
      const protocol = quoted.protocol === IPPROTO_TCP ? "tcp" : "udp";
      return `${what}, ${quoted.dst} ${protocol} port ${portName(quoted.dstPort ?? 0, protocol)}`;
    }
    case 2:
      return `packet too big, mtu ${view.getUint32(4)}`;
    case 3:
      return `time exceeded ${code === 0 ? "in-transit" : "reassembly"}${code === 0 && quoted !== undefined ? ` for ${quoted.dst}` : ""}`;
    case 4:
      return "parameter problem";
    case 128:
    case 129:
      return `echo ${type === 128 ? "request" : "reply"}, id ${view.getUint16(4)}, seq ${view.getUint16(6)}`;
    case 133:
      return "router solicitation";
    case 134:
      return "router advertisement";
    case 135:
    case 136: {
      if (payload.length < 24) return `neighbor ${type === 135 ? "solicitation" : "advertisement"}`;
      const target = textAt(view, 8);
      return type === 135 ? `neighbor solicitation, who has ${target}` : `neighbor advertisement, tgt is ${target}`;
    }
    default:
      return `type-#${type}`;
  }
}
