/** Addresses of IPv6 as the stack keeps them, packets as bytes, and packets on the way through a machine. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boot } from "../../../machine/testing.ts";
import { SkBuff } from "../skb.ts";
import { readFrameInto, writeFrame } from "../wire.ts";
import { bytesOfIp6, commonPrefix, groupsOfIp6, ip6Of, matchesPrefix, networkOf, readIp6, solicitedNode } from "./ip6.ts";

const address = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });

describe("an address", () => {
  test("comes back from its bytes and its groups", () => {
    fc.assert(
      fc.property(address, (groups) => {
        const addr = ip6Of(groups);
        expect(groupsOfIp6(addr)).toEqual(groups);
        expect(readIp6(bytesOfIp6(addr))).toBe(addr);
      }),
    );
  });

  test("is in each of its networks, and shares with a network's address as many bits as it must", () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 128 }), (groups, length) => {
        const addr = ip6Of(groups);
        const network = networkOf(addr, length);
        expect(matchesPrefix(addr, network, length)).toBe(true);
        expect(commonPrefix(addr, network)).toBeGreaterThanOrEqual(length);
        expect(networkOf(network, length)).toBe(network);
      }),
    );
  });

  test("is asked for in its solicited-node group", () => {
    const groups = [0x2001, 0xdb8, 0, 0, 0, 0, 0x12ab, 0xcdef];
    expect(groupsOfIp6(solicitedNode(ip6Of(groups)))).toEqual([0xff02, 0, 0, 0, 0, 1, 0xffab, 0xcdef]);
  });
});

test("packets come back from their bytes, with right checksums; a changed byte is noticed", () => {
  fc.assert(
    fc.property(address, address, fc.constantFrom(6, 17, 58), fc.uint8Array({ maxLength: 60 }), (src, dst, protocol, payload) => {
      const skb = new SkBuff();
      skb.eth = { dst: 1, src: 2, type: 0x86dd };
      skb.network = { kind: "ipv6", src: ip6Of(src), dst: ip6Of(dst), protocol, ttl: 64, tos: 0, flowLabel: 0 };
      const plain = { mss: 0, windowScale: undefined, sackPermitted: false, timestamps: undefined };
      skb.transport =
        protocol === 58
          ? { kind: "icmp", type: 128, code: 0, id: 7, sequence: 9 }
          : protocol === 17
            ? { kind: "udp", srcPort: 1, dstPort: 2 }
            : { kind: "tcp", srcPort: 1, dstPort: 2, seq: 3, ack: 4, flags: 16, window: 5, ...plain };
      skb.payload = payload;
      const bytes = writeFrame(skb);
      const back = new SkBuff();
      readFrameInto(back, bytes);
      expect(back.corrupt).toBe(false);
      expect([back.network, back.transport, back.payload]).toEqual([skb.network, skb.transport, payload]);
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 0x41;
      const broken = new SkBuff();
      readFrameInto(broken, bytes);
      expect(broken.corrupt).toBe(true);
    }),
  );
});

test("a listener for all addresses of IPv6 hears IPv4 too, and says so by a mapped address", () => {
  const m = boot();
  m.run("ip link set lo up");
  const { stdout } = m.run(
    "(timeout 3 nc -6 -l -v 7000 > got 2> told &); sleep 0.3; echo hello | timeout 2 nc -N 127.0.0.1 7000; sleep 0.2; cat got; grep -c ::ffff:127.0.0.1 told",
  );
  expect(stdout).toBe("hello\n1\n");
});

test("two cannot have a port if both hear the same", () => {
  const m = boot();
  const { stdout } = m.run(
    "(timeout 2 nc -6 -l 7000 &); sleep 0.2; nc -l 7000; echo $?; nc -l ::1 7000; echo $?; (timeout 2 nc -l 7001 &); sleep 0.2; timeout 0.2 nc -l ::1 7001; echo $?",
  );
  expect(stdout).toBe("1\n1\n124\n");
});

test("an idle network of IPv6 arms no timer", () => {
  const m = boot();
  m.run("ip link add va type veth peer name vb; ip link set va up; ip link set vb up; ip addr add 2001:db8::1/64 dev va; sleep 3");
  const before = m.run("cat /proc/net/snmp6 | grep Ip6OutRequests").stdout;
  expect(m.run("sleep 100; cat /proc/net/snmp6 | grep Ip6OutRequests").stdout).toBe(before);
});
