/** Types and codes of ICMPv6, and the errors that they become for sockets: RFC 4443, 4861, Linux `icmpv6_err_convert`, `net/ipv6/icmp.c`. */

import { EACCES, ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, EPROTO, type Errno } from "../../../abi/errno.ts";

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const NDISC_NEIGHBOUR_SOLICITATION = 135;
export const NDISC_NEIGHBOUR_ADVERTISEMENT = 136;

export const ICMPV6_NOROUTE = 0;
export const ICMPV6_ADM_PROHIBITED = 1;
export const ICMPV6_NOT_NEIGHBOUR = 2;
export const ICMPV6_ADDR_UNREACH = 3;
export const ICMPV6_PORT_UNREACH = 4;
export const ICMPV6_UNK_NEXTHDR = 1;

/** Errors, as against questions and answers. */
export const isIcmp6Error = (type: number): boolean => type < 128;

/** By the code of "destination unreachable". */
const UNREACHABLE: readonly (readonly [error: Errno, fatal: boolean])[] = [
  [ENETUNREACH, false],
  [EACCES, true],
  [EHOSTUNREACH, false],
  [EHOSTUNREACH, false],
  [ECONNREFUSED, true],
  [EACCES, true],
  [EACCES, true],
];

/** Undefined for messages that are no errors to a socket. */
export function convertIcmp6Error(type: number, code: number): { readonly error: Errno; readonly fatal: boolean } | undefined {
  switch (type) {
    case ICMPV6_DEST_UNREACH: {
      const [error, fatal] = UNREACHABLE[code] ?? [EPROTO, true];
      return { error, fatal };
    }
    case ICMPV6_PKT_TOOBIG:
      return { error: EMSGSIZE, fatal: false };
    case ICMPV6_PARAMPROB:
      return { error: EPROTO, fatal: true };
    case ICMPV6_TIME_EXCEED:
      return { error: EHOSTUNREACH, fatal: false };
    default:
      return undefined;
  }
}
