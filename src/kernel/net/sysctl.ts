/**
 * The settings of /proc/sys/net with their defaults, each of a network namespace: sysctl(8), Linux `Documentation/networking/ip-sysctl.rst`. Only what has an
 * effect is here; `fs/proc/sys-net.ts` shows them as files. Those of one device are in its InDevice.
 */

import type { NetNamespace } from "./net-namespace.ts";

export interface Setting {
  readonly value: number | string;
  readonly min?: number;
  readonly max?: number;
  /** Several numbers in a line, this many. */
  readonly count?: number;
}

const flag = (value: 0 | 1): Setting => ({ value, min: 0, max: 1 });
const number = (value: number, min = 0, max = 0x7fffffff): Setting => ({ value, min, max });
const numbers = (value: string, count: number): Setting => ({ value, count });

export const netSettings = {
  // Differs from Linux: the module br_netfilter is always there, as where Docker has been started once.
  "bridge/bridge-nf-call-ip6tables": flag(1),
  "bridge/bridge-nf-call-iptables": flag(1),
  "core/somaxconn": number(4096, 0, 65_535),
  "core/rmem_default": number(212_992, 2_304),
  "core/rmem_max": number(212_992, 2_304),
  "core/wmem_default": number(212_992, 4_608),
  "core/wmem_max": number(212_992, 4_608),
  "ipv4/icmp_echo_ignore_all": flag(0),
  "ipv4/icmp_echo_ignore_broadcasts": flag(1),
  "ipv4/icmp_errors_use_inbound_ifaddr": flag(0),
  "ipv4/icmp_msgs_burst": number(50),
  "ipv4/icmp_msgs_per_sec": number(1000),
  "ipv4/icmp_ratelimit": number(1000),
  "ipv4/icmp_ratemask": number(6168),
  "ipv4/ip_default_ttl": number(64, 1, 255),
  "ipv4/ip_local_port_range": numbers("32768\t60999", 2),
  "ipv4/ip_nonlocal_bind": flag(0),
  "ipv4/ip_no_pmtu_disc": number(0, 0, 3),
  "ipv4/ip_unprivileged_port_start": number(1024, 0, 65_535),
  "ipv4/ipfrag_high_thresh": number(4_194_304),
  "ipv4/ipfrag_time": number(30),
  "ipv4/ping_group_range": numbers("1\t0", 2),
  "ipv4/tcp_abort_on_overflow": flag(0),
  "ipv4/tcp_fin_timeout": number(60),
  "ipv4/tcp_keepalive_intvl": number(75),
  "ipv4/tcp_keepalive_probes": number(9),
  "ipv4/tcp_keepalive_time": number(7200),
  "ipv4/tcp_max_syn_backlog": number(128),
  "ipv4/tcp_max_tw_buckets": number(8192),
  "ipv4/tcp_orphan_retries": number(0, 0, 255),
  "ipv4/tcp_retries1": number(3, 0, 255),
  "ipv4/tcp_retries2": number(15),
  "ipv4/tcp_rmem": numbers("4096\t131072\t6291456", 3),
  "ipv4/tcp_sack": flag(1),
  "ipv4/tcp_slow_start_after_idle": flag(1),
  "ipv4/tcp_syn_retries": number(6, 1, 127),
  "ipv4/tcp_synack_retries": number(5),
  "ipv4/tcp_timestamps": number(1, 0, 2),
  "ipv4/tcp_tw_reuse": number(2, 0, 2),
  "ipv4/tcp_window_scaling": flag(1),
  "ipv4/tcp_wmem": numbers("4096\t16384\t4194304", 3),
  "ipv6/bindv6only": flag(0),
  "ipv6/ip_nonlocal_bind": flag(0),
  "netfilter/nf_conntrack_checksum": flag(1),
  "netfilter/nf_conntrack_generic_timeout": number(600),
  "netfilter/nf_conntrack_icmp_timeout": number(30),
  "netfilter/nf_conntrack_max": number(65_536),
  "netfilter/nf_conntrack_tcp_loose": flag(1),
  "netfilter/nf_conntrack_tcp_timeout_close": number(10),
  "netfilter/nf_conntrack_tcp_timeout_close_wait": number(60),
  "netfilter/nf_conntrack_tcp_timeout_established": number(432_000),
  "netfilter/nf_conntrack_tcp_timeout_fin_wait": number(120),
  "netfilter/nf_conntrack_tcp_timeout_last_ack": number(30),
  "netfilter/nf_conntrack_tcp_timeout_syn_recv": number(60),
  "netfilter/nf_conntrack_tcp_timeout_syn_sent": number(120),
  "netfilter/nf_conntrack_tcp_timeout_time_wait": number(120),
  "netfilter/nf_conntrack_tcp_timeout_unacknowledged": number(300),
  "netfilter/nf_conntrack_udp_timeout": number(30),
  "netfilter/nf_conntrack_udp_timeout_stream": number(120),
  "netfilter/nf_log_all_netns": flag(0),
} satisfies Readonly<Record<string, Setting>>;

export type NetSettingName = keyof typeof netSettings;

export function netSetting(ns: NetNamespace, name: NetSettingName): number {
  return Number(ns.sysctl.get(name) ?? netSettings[name].value);
}

/** The numbers of a setting that has several. */
export function netSettingNumbers(ns: NetNamespace, name: NetSettingName): number[] {
  return String(ns.sysctl.get(name) ?? netSettings[name].value)
    .split("\t")
    .map(Number);
}
