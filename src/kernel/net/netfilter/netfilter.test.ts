import { expect, test } from "vitest";
import type { IptChain, IptReplace, IptRule, IptTableName, IptTarget } from "../../../abi/iptables.ts";
import { ip, Lab } from "../../../machine/net-testing.ts";
import { Random } from "../../random.ts";
import { newDatagram, ipLocalOut } from "../ipv4/output.ts";
import { routeOutput } from "../ipv4/route.ts";
import type { NetNamespace } from "../net-namespace.ts";
import { conntrackOf } from "./conntrack.ts";
import { firewallOf } from "./netfilter.ts";
import { invert, sameTuple, type Tuple } from "./tuple.ts";

const target = (name: string, options: Readonly<Record<string, string>> = {}): IptTarget => ({
  name,
  goto: false,
  options: Object.entries(options).map(([option, value]) => ({ name: option, invert: false, values: [value] })),
});

const rule = (to: IptTarget, more: Partial<IptRule> = {}): IptRule => ({ matches: [], target: to, packets: 0, bytes: 0, ...more });

/** Puts rules at the end of chains, which are made if need be. */
function append(ns: NetNamespace, table: IptTableName, rules: Readonly<Record<string, readonly IptRule[]>>): void {
  const old = firewallOf(ns).read(table);
  const chains: IptChain[] = old.chains.map((chain) => ({ ...chain, rules: [...chain.rules, ...(rules[chain.name] ?? [])] }));
  for (const [name, made] of Object.entries(rules))
    if (!chains.some((c) => c.name === name)) chains.push({ name, packets: 0, bytes: 0, rules: made });
  firewallOf(ns).replace({ ...old, chains });
}

const read = (ns: NetNamespace, table: IptTableName): IptReplace => firewallOf(ns).read(table);
const counters = (ns: NetNamespace, table: IptTableName, chain: string): number[] =>
  read(ns, table)
    .chains.find((c) => c.name === chain)
    ?.rules.map((r) => r.packets) ?? [];

/** client 10.0.1.2 – router – server 10.0.2.2, which knows no way back to the client. */
function routed(): { lab: Lab; client: NetNamespace; router: NetNamespace; server: NetNamespace } {
  const lab = new Lab();
  const [client, router, server] = [lab.ns(), lab.ns(), lab.ns()];
  const [c] = lab.veth(client, router, "10.0.1.2/24", "10.0.1.1/24");
  lab.veth(router, server, "10.0.2.1/24", "10.0.2.2/24");
  lab.route(client, "0.0.0.0/0", "10.0.1.1", c);
  lab.forward(router);
  return { lab, client, router, server };
}

test("MASQUERADE gives packets the router's address, and answers find their way back", () => {
  const { lab, client, router, server } = routed();
  lab.ping(client, "10.0.2.2");
  lab.advance(10);
  expect([lab.received(server, 8), lab.received(client, 0)]).toEqual([1, 0]);
  append(router, "nat", { POSTROUTING: [rule(target("MASQUERADE"), { outInterface: { name: "veth1", invert: false } })] });
  lab.watch().ping(client, "10.0.2.2", { sequence: 2 });
  lab.ping(client, "10.0.2.2", { sequence: 3 });
  lab.advance(10);
  expect([lab.received(server, 8), lab.received(client, 0)]).toEqual([3, 2]);
  // Only the first packet of a connection asks the table.
  expect(counters(router, "nat", "POSTROUTING")).toEqual([1]);
  const [ct] = conntrackOf(router).entries;
  expect(ct?.reply).toMatchObject({ src: ip("10.0.2.2"), dst: ip("10.0.2.1") });
  const rewrites = lab.events.filter((e) => e.name === "nf_hook" && e.verdict === "rewrite");
  expect(rewrites).toHaveLength(4);
  expect(rewrites[0]).toMatchObject({
    chain: "POSTROUTING",
    rule: 1,
    target: "MASQUERADE",
    from: { ipSrc: ip("10.0.1.2") },
    packet: { ipSrc: ip("10.0.2.1") },
  });
});

test("an ICMP error about a translated packet reaches its sender, and quotes what he had sent", () => {
  const { lab, client, router, server } = routed();
  append(router, "nat", { POSTROUTING: [rule(target("MASQUERADE"))] });
  lab.watch();
  lab.run(() => {
    const route = routeOutput(client, { dst: ip("10.0.2.2"), src: 0, oif: 0, iif: 0, mark: 0, tos: 0 });
    const udp = { kind: "udp", srcPort: 5000, dstPort: 9 } as const;
    ipLocalOut(
      client,
      newDatagram(client, route, 0, ip("10.0.2.2"), { protocol: 17, ttl: 64, tos: 0, dontFragment: false }, udp, new Uint8Array(5)),
    );
  });
  lab.advance(10);
  expect(lab.received(client, 3)).toBe(1);
  expect(client.mib.icmp.inErrors).toBe(0);
  expect(server.mib.icmp.outTypes[3]).toBe(1);
});

test("DROP, REJECT, policies and counters", () => {
  const { lab, client, router } = routed();
  append(router, "filter", { FORWARD: [rule(target("DROP"), { src: { addr: ip("10.0.1.2"), mask: 0xffff_ffff, invert: false } })] });
  lab.ping(client, "10.0.2.2");
  lab.advance(10);
  expect(counters(router, "filter", "FORWARD")).toEqual([1]);
  append(router, "filter", { INPUT: [rule(target("REJECT", { "reject-with": "icmp-admin-prohibited" }))] });
  lab.ping(client, "10.0.1.1");
  lab.advance(10);
  expect(lab.received(client, 3)).toBe(1);
  expect(counters(router, "filter", "INPUT")).toEqual([1]);
});

test("user chains: jump, RETURN, goto; loops are refused and change nothing", () => {
  const { lab, client, router } = routed();
  const jump = (name: string, goto = false): IptTarget => ({ name, goto, options: [] });
  append(router, "filter", {
    INPUT: [rule(jump("A")), rule(jump("B", true)), rule(target("DROP"))],
    A: [rule(target("RETURN")), rule(target("DROP"))],
    B: [rule(jump("A"))],
  });
  lab.ping(client, "10.0.1.1");
  lab.advance(10);
  expect(lab.received(client, 0)).toBe(1);
  expect([counters(router, "filter", "INPUT"), counters(router, "filter", "A"), counters(router, "filter", "B")]).toEqual([
    [1, 1, 0],
    [2, 0],
    [1],
  ]);
  const before = read(router, "filter");
  expect(() => append(router, "filter", { A: [rule(jump("B"))] })).toThrow("symbolic links");
  expect(read(router, "filter")).toEqual(before);
});

test("connections end by their timeouts; nothing is armed afterwards", () => {
  const { lab, client, router } = routed();
  append(router, "filter", {
    FORWARD: [rule(target("ACCEPT"), { matches: [{ name: "conntrack", options: [{ name: "ctstate", invert: false, values: ["NEW"] }] }] })],
  });
  lab.ping(client, "10.0.2.2");
  lab.advance(29_000);
  expect(conntrackOf(router).entries.size).toBe(1);
  lab.advance(2_000);
  expect(conntrackOf(router).entries.size).toBe(0);
});

test("fragments are put together before connection tracking, and the answer comes back whole", () => {
  const { lab, client, router } = routed();
  append(router, "nat", { POSTROUTING: [rule(target("MASQUERADE"))] });
  lab.ping(client, "10.0.2.2", { size: 4000 });
  lab.advance(10);
  expect(lab.received(client, 0)).toBe(1);
  expect(conntrackOf(router).entries.size).toBe(1);
});

test("with random translations no tuple belongs to two connections", () => {
  const random = new Random(3);
  const { lab, client, router } = routed();
  append(router, "nat", {
    PREROUTING: [rule(target("DNAT", { "to-destination": "10.0.2.2-10.0.2.4" }), { protocol: { number: 17, invert: false } })],
    POSTROUTING: [rule(target("SNAT", { "to-source": "10.0.2.1:1000-1040" }), { protocol: { number: 17, invert: false } })],
  });
  for (let i = 0; i < 300; i++) {
    lab.run(() => {
      const dst = ip(`10.0.2.${2 + random.below(5)}`);
      const route = routeOutput(client, { dst, src: 0, oif: 0, iif: 0, mark: 0, tos: 0 });
      const udp = { kind: "udp", srcPort: 1000 + random.below(30), dstPort: 1 + random.below(3) } as const;
      ipLocalOut(
        client,
        newDatagram(client, route, 0, dst, { protocol: 17, ttl: 64, tos: 0, dontFragment: false }, udp, new Uint8Array(1)),
      );
    });
  }
  const table = conntrackOf(router);
  const tuples: Tuple[] = [];
  for (const ct of table.entries) {
    expect(table.find(ct.original)).toMatchObject({ ct, reply: false });
    expect(table.find(ct.reply)).toMatchObject({ ct, reply: true });
    expect(ct.reply.dst).toBe(ip("10.0.2.1"));
    expect(invert(invert(ct.reply) as Tuple)).toEqual(ct.reply);
    tuples.push(ct.original, ct.reply);
  }
  expect(table.entries.size).toBeGreaterThan(100);
  for (const [i, a] of tuples.entries()) expect(tuples.findIndex((b) => sameTuple(a, b))).toBe(i);
});
