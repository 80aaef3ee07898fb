/** Errors that ICMP messages become for sockets: Linux `icmp_err_convert`, `net/ipv4/icmp.c`. */

import {
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
  type Errno,
} from "../../../abi/errno.ts";
import { ICMP_DEST_UNREACH, ICMP_PARAMETERPROB, ICMP_TIME_EXCEEDED } from "./icmp-types.ts";

interface Converted {
  readonly error: Errno;
  /** Ends a connection attempt; others are told only to those who ask (IP_RECVERR). */
  readonly fatal: boolean;
}

const soft = (error: Errno): Converted => ({ error, fatal: false });
const fatal = (error: Errno): Converted => ({ error, fatal: true });

/** By the code of "destination unreachable". Differs from Linux: ENONET (source host isolated) is ENETUNREACH. */
const UNREACHABLE: readonly Converted[] = [
  soft(ENETUNREACH),
  soft(EHOSTUNREACH),
  fatal(ENOPROTOOPT),
  fatal(ECONNREFUSED),
  soft(EMSGSIZE),
  soft(EOPNOTSUPP),
  fatal(ENETUNREACH),
  fatal(EHOSTDOWN),
  fatal(ENETUNREACH),
  fatal(ENETUNREACH),
  fatal(EHOSTUNREACH),
  soft(ENETUNREACH),
  soft(EHOSTUNREACH),
  fatal(EHOSTUNREACH),
  fatal(EHOSTUNREACH),
  fatal(EHOSTUNREACH),
];

/** Undefined for messages that are no errors to a socket. */
export function convertIcmpError(type: number, code: number): Converted | undefined {
  switch (type) {
    case ICMP_TIME_EXCEEDED:
      return soft(EHOSTUNREACH);
    case ICMP_PARAMETERPROB:
      return fatal(EPROTO);
    case ICMP_DEST_UNREACH:
      return UNREACHABLE[code];
    default:
      return undefined;
  }
}
