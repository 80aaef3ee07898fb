/** Who reaches whom, through routes, bridges and rules: on a docker0 made by hand. */

import { expect, test } from "vitest";
import type { ReachWay } from "../bridge/messages.ts";
import { NetNamespace } from "../kernel/net/net-namespace.ts";
import { inspect } from "./inspect.ts";
import { boot, type TestMachine } from "./testing.ts";

const DOCK = `
plug() { ip netns add $1; ip link add v$1 type veth peer name eth0 netns $1; ip -n $1 link set lo up; ip -n $1 link set eth0 up; ip link set v$1 up; ip -n $1 addr add $2 dev eth0; ip -n $1 route add default via $3; }
echo 1 > /proc/sys/net/ipv4/ip_forward
ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
plug a 172.17.0.2/16 172.17.0.1; plug b 172.17.0.3/16 172.17.0.1; plug lan 192.168.7.9/24 192.168.7.1
ip link set va master docker0; ip link set vb master docker0; ip addr add 192.168.7.1/24 dev vlan`;
const RULES = `
iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables -P FORWARD DROP
iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT
iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
iptables -A FORWARD -i docker0 -o docker0 -j ACCEPT
ip netns exec a busybox httpd -p 80 -h /tmp`;

class Asker {
  readonly m: TestMachine = boot();

  constructor() {
    this.m.run("ip link set eth0 up 2> /dev/null");
    expect(this.m.run(DOCK)).toMatchObject({ stderr: "" });
  }

  ino(name: string): number {
    const path = name === "host" ? "/proc/self/ns/net" : `/run/netns/${name}`;
    return Number(this.m.run(`stat -Lc %i ${path}`).stdout);
  }

  name(ino: number): string {
    if (ino === 0) return "outside";
    return ["host", "a", "b", "lan"].find((name) => this.ino(name) === ino) ?? String(ino);
  }

  ways(from: string): ReachWay[] {
    const answer = inspect(this.m.machine.kernel, { kind: "reach", from: this.ino(from) });
    if (answer.kind !== "reach") throw new Error(JSON.stringify(answer));
    return [...answer.ways];
  }

  /** One line a way: what happens, where, by which rule. */
  told(from: string): string[] {
    return this.ways(from).map(({ to, protocol, dst, state, halt, by, rewrites }) =>
      [
        `${this.name(to)} ${protocol} ${dst} ${state} by ${by.map((ino) => this.name(ino)).join(",")}`,
        ...(halt === undefined ? [] : [`${this.name(halt.netNs)} ${halt.words}`]),
        ...rewrites.map(({ netNs, what, rule, before, after }) => `${what} ${before} → ${after} by ${rule} of ${this.name(netNs)}`),
      ].join("; "),
    );
  }
}

test("without rules everybody reaches the neighbours; who has no way back gets no answer", () => {
  const asker = new Asker();
  expect(asker.told("a")).toEqual([
    "host icmp 10.0.2.15 answered by host",
    "host icmp 172.17.0.1 answered by host",
    "host icmp 192.168.7.1 answered by host",
    "b icmp 172.17.0.3 answered by b",
    "lan icmp 192.168.7.9 answered by host,lan",
    expect.stringMatching(/^outside icmp 203\.0\.113\.10 there by host,outside; outside /),
  ]);
  asker.m.run("ip -n lan route del default; ip -n b link set eth0 down");
  expect(asker.told("a").slice(3, 5)).toEqual([
    "b icmp 172.17.0.3 none by ; a finds nobody who has 172.17.0.3 on eth0",
    "lan icmp 192.168.7.9 there by host,lan; lan has no route to 172.17.0.2",
  ]);
  asker.m.run("echo 0 > /proc/sys/net/ipv4/ip_forward");
  expect(asker.told("a")[4]).toBe("lan icmp 192.168.7.9 none by host; host does not forward: net.ipv4.ip_forward is 0");
});

test("rules count: who is dropped, by which rule; a published port leads to the container, and answers are turned back", () => {
  const asker = new Asker();
  expect(asker.m.run(RULES)).toMatchObject({ stderr: "" });
  asker.m.run("ip -n lan route del default");
  expect(asker.told("a").filter((line) => /^(lan|outside)|192\.168\.7\.1:/.test(line))).toEqual([
    "lan icmp 192.168.7.9 answered by host,lan; SNAT 172.17.0.2 → 192.168.7.1 by nat POSTROUTING 1 (MASQUERADE) of host",
    "host tcp 192.168.7.1:8080 none by host; host does not send it back out of va: hairpin is off; DNAT 192.168.7.1:8080 → 172.17.0.2:80 by nat PREROUTING 1 (DNAT) of host",
    "outside icmp 203.0.113.10 answered by host,outside; SNAT 172.17.0.2 → 10.0.2.15 by nat POSTROUTING 1 (MASQUERADE) of host",
  ]);
  expect(asker.told("lan")).toContain(
    "a tcp 192.168.7.1:8080 answered by host,a; DNAT 192.168.7.1:8080 → 172.17.0.2:80 by nat PREROUTING 1 (DNAT) of host",
  );
  expect(asker.told("host")).toContain(
    "a tcp 192.168.7.1:8080 answered by a; DNAT 192.168.7.1:8080 → 172.17.0.2:80 by nat OUTPUT 1 (DNAT) of host",
  );
  asker.m.run("ip -n lan route add default via 192.168.7.1");
  expect(asker.told("lan").filter((line) => / icmp 172\.17\.0\.[23] /.test(line))).toEqual([
    "a icmp 172.17.0.2 none by host; host the policy of FORWARD (filter) drops it",
    "b icmp 172.17.0.3 none by host; host the policy of FORWARD (filter) drops it",
  ]);
  asker.m.run("iptables -I FORWARD -i docker0 -o docker0 -j REJECT");
  expect(asker.told("b").find((line) => line.startsWith("a icmp"))).toBe(
    "a icmp 172.17.0.2 none by ; host rule 1 of FORWARD (filter, REJECT) rejects it",
  );
});

test("a published port that nobody answers says whose fault it is", () => {
  const asker = new Asker();
  asker.m.run(RULES);
  asker.m.run(
    "kill $(pgrep -f httpd); ip netns exec a iptables -A OUTPUT -p icmp -j DROP; ip netns exec a iptables -A INPUT -m limit --limit 1/hour -j LOG",
  );
  expect(asker.told("lan")).toContain(
    "a tcp 192.168.7.1:8080 none by host,a; a refuses it: nobody listens there; DNAT 192.168.7.1:8080 → 172.17.0.2:80 by nat PREROUTING 1 (DNAT) of host",
  );
  expect(asker.told("host").find((line) => line.startsWith("a icmp"))).toBe(
    "a icmp 172.17.0.2 there by a; a rule 1 of OUTPUT (filter, DROP) drops it",
  );
});

test("asking leaves no trace: counters, connections, logs, neighbours and random numbers are as before", () => {
  const asker = new Asker();
  asker.m.run(RULES);
  asker.m.run(
    "iptables -t nat -I POSTROUTING -p tcp -j MASQUERADE --random; iptables -A INPUT -j LOG; iptables -A INPUT -m statistic --mode random --probability 0.5",
  );
  const { kernel } = asker.m.machine;
  const state = (): string =>
    JSON.stringify([
      ...[...kernel.initUserNs.live.all()].flatMap((ns) =>
        ns instanceof NetNamespace
          ? [ns.mib, ns.version, ns.core.version, ns.ipId, [...ns.devices.values()].map(({ stats, ip }) => [stats, ip?.neighbours.size])]
          : [],
      ),
      kernel.sched.clockNs,
    ]);
  const seen = (): string => asker.m.run("iptables-save -c; cat /proc/net/nf_conntrack; dmesg; ip neigh").stdout.replace(/^#.*$/gm, "");
  const before = [seen(), state()];
  const draw = asker.m.machine.kernel.random.below;
  let drawn = 0;
  asker.m.machine.kernel.random.below = function (this: typeof kernel.random, n: number) {
    drawn++;
    return draw.call(this, n);
  };
  const inos = ["host", "a", "b", "lan"].map((name) => asker.ino(name));
  drawn = 0;
  const still = state();
  for (const ino of inos) inspect(kernel, { kind: "reach", from: ino });
  expect([drawn, state()]).toEqual([0, still]);
  expect(seen()).toBe(before[0]);
});
