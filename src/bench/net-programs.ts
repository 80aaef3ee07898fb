/**
 * The network as programs use it: curl against httpd through a veth pair, a bridge and NAT; nc through a veth pair. The same script runs in the machine and, where
 * root and the tools are there, on this computer's own kernel in network namespaces of its own. And what a network costs that nobody uses.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab } from "../machine/net-testing.ts";
import { boot } from "../machine/testing.ts";
import { firewallOf } from "../kernel/net/netfilter/netfilter.ts";

const PLUG =
  "plug() { ip netns add $1; ip link add v$1 type veth peer name eth0 netns $1; ip -n $1 link set lo up; ip -n $1 link set eth0 up; ip link set v$1 up; ip -n $1 addr add $2 dev eth0; ip -n $1 route add default via $3; }\n";

/** A published port: lan → host (DNAT) → docker0 → web. */
const DOCK = `${PLUG}
I=$(command -v iptables-legacy || echo iptables)
ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward
ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
plug web 172.17.0.2/16 172.17.0.1; plug lan 192.168.7.9/24 192.168.7.1
ip link set vweb master docker0; ip addr add 192.168.7.1/24 dev vlan
$I -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
$I -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
$I -P FORWARD DROP
$I -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
$I -A FORWARD -d 172.17.0.2 -o docker0 -p tcp --dport 80 -j ACCEPT
mkdir -p /run/site; echo hello > /run/site/index.html
ip netns exec web busybox httpd -p 80 -h /run/site
`;
const REQUESTS = 300;
const ASK = `ip netns exec lan bash -c 'for ((i = 0; i < ${REQUESTS}; i++)); do curl -s 192.168.7.1:8080 || echo lost; done' | grep -c hello`;

const CABLE = `${PLUG}
ip link set lo up
plug far 10.0.0.2/24 10.0.0.1; ip addr add 10.0.0.1/24 dev vfar
`;
const MEGABYTES = 256;
const POUR = `ip netns exec far nc -l -p 5001 | wc -c > /run/count & sleep 0.1; head -c ${MEGABYTES}M /dev/zero | nc -N 10.0.0.2 5001; wait $!`;

/** Seconds that `work` takes in the machine, after `setup`. */
function timeOurs(setup: string, work: string, expected: string): number {
  const m = boot();
  m.run(setup);
  const start = performance.now();
  const { stdout, stderr } = m.run(work, { limitNs: 1e13 });
  const seconds = (performance.now() - start) / 1000;
  if (stdout.trim() !== expected) throw new Error(`the machine printed ${stdout}${stderr}`);
  return seconds;
}

/** The same on the real kernel; undefined where that cannot be. */
function timeReal(setup: string, work: string, expected: string): number | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const dir = mkdtempSync(join(tmpdir(), "drydock-bench-net-"));
  const times = 'printf "%s " $((t1 - t0))';
  const script = `mount -t tmpfs tmpfs /run; mkdir /run/netns; cd /\n${setup}\nt0=$(date +%s%N); out=$(${work}); t1=$(date +%s%N)\n${times}; echo "$out"`;
  try {
    writeFileSync(join(dir, "script"), `${script}\nfor n in web lan far; do kill $(ip netns pids $n 2> /dev/null) 2> /dev/null; done\n`);
    const args = ["-mn", "--propagation", "private", "bash", join(dir, "script")];
    const { stdout } = spawnSync("unshare", args, { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "ignore"] });
    const [nanoseconds = "", ...rest] = (stdout ?? "").trim().split(" ");
    return rest.join(" ").trim() === expected && Number(nanoseconds) > 0 ? Number(nanoseconds) / 1e9 : undefined;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export interface Against {
  readonly ours: number;
  /** Undefined: no root, or a tool is missing. */
  readonly real: number | undefined;
}

/** Requests a second. */
export function curlRate(): Against {
  const real = timeReal(DOCK, ASK, String(REQUESTS));
  return { ours: REQUESTS / timeOurs(DOCK, ASK, String(REQUESTS)), real: real === undefined ? undefined : REQUESTS / real };
}

/** Megabytes a second. */
export function ncRate(): Against {
  const expected = String(MEGABYTES * 1024 * 1024);
  const work = `{ ${POUR}; }; cat /run/count`;
  const real = timeReal(CABLE, work, expected);
  return { ours: MEGABYTES / timeOurs(CABLE, work, expected), real: real === undefined ? undefined : MEGABYTES / real };
}

/** Timers that fire in a virtual second, of a network of a bridge, rules and as many namespaces, in which nothing is sent any more. */
export function idleEvents(namespaces = 100): number {
  const lab = new Lab();
  const host = lab.ns();
  const bridge = lab.bridge(host);
  lab.address(bridge, "10.0.0.1/16");
  firewallOf(host).read("filter");
  const all = Array.from({ length: namespaces }, (_, i) => {
    const ns = lab.ns();
    const [, port] = lab.veth(ns, host, `10.0.${1 + (i >> 7)}.${1 + (i & 127)}/16`);
    lab.run(() => bridge.addPort(port));
    return ns;
  });
  for (const ns of all) lab.ping(ns, "10.0.0.1");
  // Addresses of the bridge age, neighbours become stale.
  lab.advance(1_000_000);
  if (lab.received(host, 8) !== namespaces) throw new Error("not everybody was heard");
  const { timers } = lab.kernel.sched;
  const { arm } = timers;
  let armed = 0;
  timers.arm = (timer, atNs) => {
    armed++;
    arm.call(timers, timer, atNs);
  };
  lab.advance(1_000_000);
  return armed / 1000;
}
