/**
 * What iptables(8) and the kernel exchange by getsockopt(2) and setsockopt(2) at level SOL_IP: a table is read and replaced as a whole.
 * Linux `include/uapi/linux/netfilter_ipv4/ip_tables.h`. Differs from Linux: decoded structs instead of one packed blob.
 */

/** setsockopt: replace a table. */
export const IPT_SO_SET_REPLACE = 64;
/** setsockopt: add to counters (`iptables -Z` sets them by replacing). */
export const IPT_SO_SET_ADD_COUNTERS = 65;
/** getsockopt; the table's name is the argument that comes along. */
export const IPT_SO_GET_INFO = 64;
export const IPT_SO_GET_ENTRIES = 65;

export const NF_INET_PRE_ROUTING = 0;
export const NF_INET_LOCAL_IN = 1;
export const NF_INET_FORWARD = 2;
export const NF_INET_LOCAL_OUT = 3;
export const NF_INET_POST_ROUTING = 4;

export type IptTableName = "filter" | "nat" | "mangle" | "raw";

/** The tables that somebody has looked at in this namespace, the newest first. */
export interface IptGetInfo {
  readonly tables: readonly IptTableName[];
}

export interface IptAddressMatch {
  readonly addr: number;
  readonly mask: number;
  readonly invert: boolean;
}

/** A match extension: its name and its options, as they are written in `iptables -S` order. */
export interface IptMatch {
  readonly name:
    | "tcp"
    | "udp"
    | "icmp"
    | "conntrack"
    | "addrtype"
    | "comment"
    | "multiport"
    | "state"
    | "mark"
    | "limit"
    | "owner"
    | "statistic"
    | "set";
  readonly options: readonly IptOption[];
}

/** One option: `--dport 80:90` is `{name: "dport", invert: false, values: ["80:90"]}`. Normalised by the program: numbers, not service names. */
export interface IptOption {
  readonly name: string;
  readonly invert: boolean;
  readonly values: readonly string[];
}

/** What happens to a packet that matches. A user chain is `{name: <chain>, goto}`. An empty name: only the counters move. */
export interface IptTarget {
  readonly name: string;
  readonly goto: boolean;
  readonly options: readonly IptOption[];
}

export interface IptRule {
  readonly src?: IptAddressMatch;
  readonly dst?: IptAddressMatch;
  /** IPPROTO_…; absent for all. */
  readonly protocol?: { readonly number: number; readonly invert: boolean };
  /** Interface names; a final `+` matches all that begin so. */
  readonly inInterface?: { readonly name: string; readonly invert: boolean };
  readonly outInterface?: { readonly name: string; readonly invert: boolean };
  readonly fragment?: { readonly invert: boolean };
  readonly matches: readonly IptMatch[];
  readonly target: IptTarget;
  readonly packets: number;
  readonly bytes: number;
}

export interface IptChain {
  readonly name: string;
  /** Of a built-in chain; undefined for a user chain. */
  readonly policy?: "ACCEPT" | "DROP";
  readonly packets: number;
  readonly bytes: number;
  readonly rules: readonly IptRule[];
}

/** A table whole. `generation` is that of the read it is based on: EAGAIN if another has replaced the table since. */
export interface IptReplace {
  readonly table: IptTableName;
  readonly generation: number;
  readonly chains: readonly IptChain[];
}
