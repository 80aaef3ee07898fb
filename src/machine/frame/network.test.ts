import { expect, test } from "vitest";
import type { LinkCounters, NetworkEntity, PacketEntity } from "../../bridge/messages.ts";
import { FrameBuilder } from "../frame.ts";
import { inspect } from "../inspect.ts";
import { boot, type TestMachine } from "../testing.ts";
import { isPacketEvent } from "../frame.ts";

const HOST = 4026531840;

/** What a page knows that has merged every frame. */
class Watcher {
  readonly networks = new Map<number, NetworkEntity>();
  readonly counters = new Map<string, LinkCounters>();
  packets: PacketEntity[] = [];
  leftOut = 0;
  readonly frames: FrameBuilder;

  constructor(m: TestMachine) {
    this.frames = new FrameBuilder(m.machine);
  }

  /** Takes frames for a tenth of a second. Returns how many networks and counters came. */
  look(): readonly [number, number] {
    let networks = 0;
    let counters = 0;
    for (let i = 0; i < 6; i++) {
      const frame = this.frames.build({ kind: "asap" }, 1);
      for (const ino of frame.networks?.remove ?? []) this.networks.delete(ino);
      for (const one of frame.networks?.upsert ?? []) this.networks.set(one.ino, one);
      for (const one of frame.linkCounters ?? []) this.counters.set(`${one.netNs} ${one.ifindex}`, one);
      networks += (frame.networks?.upsert.length ?? 0) + (frame.networks?.remove.length ?? 0);
      counters += frame.linkCounters?.length ?? 0;
      this.packets.push(...(frame.packets?.shown ?? []));
      this.leftOut += frame.packets?.leftOut ?? 0;
    }
    return [networks, counters];
  }

  named(name: string): NetworkEntity | undefined {
    return [...this.networks.values()].find((one) => one.name === name);
  }
}

const PAIR = [
  "ip netns add blue; ip link add v0 type veth peer name v1 netns blue",
  "ip addr add 10.0.0.1/24 dev v0; ip link set v0 up; ip -n blue addr add 10.0.0.2/24 dev v1; ip -n blue link set v1 up",
].join("; ");
const SEND = "ping -c 1 -W 1 10.0.0.2";
/** Datagrams to a port where nobody is. */
const PROBE = "traceroute -n -q 1 -m 1 10.0.0.2";

function watched(): { m: TestMachine; watcher: Watcher } {
  const m = boot();
  m.run("true");
  const watcher = new Watcher(m);
  watcher.look();
  return { m, watcher };
}

test("the machine's own network is there, with its card and the way out", () => {
  const { watcher } = watched();
  const host = watcher.networks.get(HOST);
  expect(host?.links.map(({ name, kind, up, addresses }) => ({ name, kind, up, addresses }))).toEqual([
    { name: "lo", kind: "loopback", up: true, addresses: ["127.0.0.1/8"] },
    { name: "eth0", kind: "uplink", up: true, addresses: ["10.0.2.15/24"] },
  ]);
  expect(host?.routes.map(({ dst, gateway, dev }) => ({ dst, gateway, dev }))).toEqual([
    { dst: "default", gateway: "10.0.2.2", dev: 2 },
    { dst: "10.0.2.0/24", gateway: undefined, dev: 2 },
  ]);
});

test("a namespace comes with its name and its end of the wire, and goes", () => {
  const { m, watcher } = watched();
  m.run("ip netns add blue");
  watcher.look();
  expect(watcher.named("blue")).toBeUndefined();
  m.run("ip netns del blue");
  m.run(PAIR);
  watcher.look();
  const blue = watcher.named("blue");
  const v0 = watcher.networks.get(HOST)?.links.find(({ name }) => name === "v0");
  const v1 = blue?.links.find(({ name }) => name === "v1");
  expect(v1).toMatchObject({
    kind: "veth",
    up: true,
    carrier: true,
    addresses: ["10.0.0.2/24"],
    peer: { netNs: HOST, ifindex: v0?.ifindex },
  });
  expect(v0?.peer).toEqual({ netNs: blue?.ino, ifindex: v1?.ifindex });
  m.run("ip link add br0 type bridge; ip link set v0 master br0; echo 1 > /proc/sys/net/ipv4/ip_forward");
  watcher.look();
  const host = watcher.networks.get(HOST);
  const bridge = host?.links.find(({ kind }) => kind === "bridge");
  expect(host?.links.find(({ name }) => name === "v0")?.master).toBe(bridge?.ifindex);
  expect(host?.forwarding).toBe(true);
  m.run("ip netns del blue");
  watcher.look();
  expect(watcher.networks.size).toBe(1);
});

test("only what changed is sent: idle networks cost nothing, traffic only its links' counters", () => {
  const { m, watcher } = watched();
  m.run(PAIR);
  m.run("sleep 3");
  watcher.look();
  expect(watcher.look()).toEqual([0, 0]);
  m.run("sleep 1; ls > /dev/null");
  expect(watcher.look()).toEqual([0, 0]);
  m.run(SEND);
  const [networks, counters] = watcher.look();
  expect(networks).toBe(0);
  expect(counters).toBe(2);
  const v0 = watcher.networks.get(HOST)?.links.find(({ name }) => name === "v0");
  expect(watcher.counters.get(`${HOST} ${v0?.ifindex}`)).toMatchObject({ rxDropped: 0, txDropped: 0 });
  m.run("ip -n blue addr add 10.0.0.3/24 dev v1");
  expect(watcher.look()[0]).toBe(1);
});

test("packets are told of while they are watched, wire by wire", () => {
  const { m, watcher } = watched();
  m.run(PAIR);
  m.run(SEND);
  watcher.look();
  expect(watcher.packets).toEqual([]);
  m.run("ip neigh flush all; ip -n blue neigh flush all");
  watcher.frames.watchPackets(true);
  m.run(`${SEND}; ${PROBE}`);
  watcher.look();
  const hops = watcher.packets.filter(({ event }) => event.kind === "hop");
  expect(hops.map(({ header }) => header.replace(/:\d{5}/g, ":PORT"))).toEqual(
    expect.arrayContaining([
      "ARP who has 10.0.0.2? tell 10.0.0.1",
      "ARP 10.0.0.2 is here, to 10.0.0.1",
      "ICMP 10.0.0.1 → 10.0.0.2 echo request 1",
      "ICMP 10.0.0.2 → 10.0.0.1 echo reply 1",
      "ICMP 10.0.0.2 → 10.0.0.1 unreachable",
    ]),
  );
  const blue = watcher.named("blue");
  const datagram = watcher.packets.filter(({ protocol }) => protocol === "udp");
  expect(datagram[0]?.event).toMatchObject({ kind: "hop", from: { netNs: HOST }, to: { netNs: blue?.ino } });
  expect(datagram.at(-1)?.event).toMatchObject({ kind: "drop", at: { netNs: blue?.ino }, reason: "NO_SOCKET" });
  watcher.frames.watchPackets(false);
  watcher.packets = [];
  m.run(SEND);
  watcher.look();
  expect(watcher.packets).toEqual([]);
});

test("of many packets in one frame some are told, the rest is counted", () => {
  const { m, watcher } = watched();
  m.run(PAIR);
  watcher.frames.watchPackets(true);
  m.run("ping -q -f -c 100 10.0.0.2");
  watcher.look();
  expect(watcher.packets.length).toBe(80);
  expect(watcher.leftOut).toBeGreaterThan(50);
});

test("neighbours and listeners are told when asked", () => {
  const { m } = watched();
  m.run(`${PAIR}; ${SEND}`);
  const answer = inspect(m.machine.kernel, { kind: "network", netNs: HOST });
  expect(answer).toMatchObject({
    kind: "network",
    neighbours: [expect.stringMatching(/^10\.0\.0\.2 dev v0 lladdr .* (REACHABLE|DELAY|STALE)$/)],
  });
  expect(inspect(m.machine.kernel, { kind: "network", netNs: 1 })).toEqual({ kind: "error", errno: "ENOENT" });
});

test("who watches leaves no trace: all that happens stays the same", () => {
  const run = (watch: boolean): readonly string[] => {
    const m = boot();
    m.machine.kernel.trace.syscalls = true;
    const told: string[] = [];
    m.machine.kernel.trace.listen((event) => {
      if (isPacketEvent(event)) return;
      const { seq: _, ...rest } = event;
      told.push(
        JSON.stringify(rest, (_key, value) =>
          typeof value === "bigint" ? String(value) : value instanceof Uint8Array ? value.length : value,
        ),
      );
    });
    const frames = new FrameBuilder(m.machine);
    for (const line of [PAIR, SEND, "ip -s -s link; ip neigh; ip netns add red", `${SEND}; ip -n red link set lo up; echo $RANDOM`]) {
      if (watch) {
        frames.watchPackets(true);
        for (const ns of [HOST]) inspect(m.machine.kernel, { kind: "network", netNs: ns });
        frames.build({ kind: "asap" }, 1);
      }
      told.push(JSON.stringify(m.run(line)));
    }
    told.push(String(m.machine.nowNs));
    return told;
  };
  expect(run(true)).toEqual(run(false));
});

test("a rewrite is told at its hook, link and rule, an answer's as undone; a drop with the rule that did it", () => {
  const { m, watcher } = watched();
  m.run(
    `${PAIR}; ip -n blue route add default via 10.0.0.1; ip netns exec blue busybox httpd -p 80 -h /tmp; echo 1 > /proc/sys/net/ipv4/ip_forward`,
  );
  m.run(
    "iptables -t nat -A OUTPUT -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80; ip netns exec blue iptables -A INPUT -p icmp -j REJECT",
  );
  watcher.look();
  expect(watcher.networks.get(HOST)?.rules).toBe(1);
  watcher.frames.watchPackets(true);
  m.run(`echo | nc -N -w 1 10.0.2.15 8080; ${SEND}`);
  watcher.look();
  const v0 = watcher.networks.get(HOST)?.links.find(({ name }) => name === "v0")?.ifindex;
  const rewrites = watcher.packets.flatMap(({ event }) => (event.kind === "rewrite" ? [event] : []));
  expect(rewrites[0]).toEqual({
    ...{ kind: "rewrite", at: { netNs: HOST, ifindex: 1 }, hook: "OUTPUT", what: "DNAT", answer: false },
    ...{ before: "10.0.2.15:8080", after: "10.0.0.2:80", rule: "nat OUTPUT 1 (DNAT)" },
  });
  expect(rewrites.find(({ answer }) => answer)).toEqual({
    ...{ kind: "rewrite", at: { netNs: HOST, ifindex: v0 }, hook: "INPUT", what: "SNAT", answer: true },
    ...{ before: "10.0.0.2:80", after: "10.0.2.15:8080", rule: "nat OUTPUT 1 (DNAT)" },
  });
  const drops = watcher.packets.flatMap(({ event }) => (event.kind === "drop" ? [event] : []));
  expect(drops).toContainEqual({
    ...{ kind: "drop", at: { netNs: watcher.named("blue")?.ino, ifindex: 2 } },
    ...{ reason: "NETFILTER_DROP", rule: "filter INPUT 1 (REJECT)" },
  });
});
