import fc from "fast-check";
import { expect, test } from "vitest";
import { C_IN, decodeDns, type DnsMessage, type DnsRecord, encodeDns, makeQuery, T_A, T_AAAA, T_CNAME, T_MX, T_SOA, T_TXT } from "./dns.ts";

const records: readonly DnsRecord[] = [
  { name: "www.example.com", type: T_CNAME, class: C_IN, ttl: 60, data: { kind: "name", name: "example.com" } },
  { name: "example.com", type: T_A, class: C_IN, ttl: 300, data: { kind: "address", addr: 0x5db8d822 } },
  { name: "example.com", type: T_AAAA, class: C_IN, ttl: 300, data: { kind: "address6", groups: [0x2606, 0x2800, 0, 0, 0, 0, 0, 1] } },
  { name: "example.com", type: T_MX, class: C_IN, ttl: 1, data: { kind: "mx", preference: 10, name: "mail.example.com" } },
  { name: "example.com", type: T_TXT, class: C_IN, ttl: 1, data: { kind: "text", texts: ["v=spf1 -all", "x"] } },
  {
    ...{ name: "example.com", type: T_SOA, class: C_IN, ttl: 1 },
    data: { kind: "soa", mname: "ns.example.com", rname: "admin.example.com", numbers: [1, 2, 3, 4, 5] },
  },
];

test("a message is read as it was written", () => {
  const message: DnsMessage = { ...makeQuery(4711, "www.example.com", T_A), response: true, recursionAvailable: true, answers: records };
  expect(decodeDns(encodeDns(message))).toEqual(message);
});

test("a name that stood before is a pointer to it", () => {
  expect(encodeDns(makeQuery(1, "example.com", T_A)).length).toBe(12 + 13 + 4);
  const [, address] = records as [DnsRecord, DnsRecord];
  expect(encodeDns({ ...makeQuery(1, "example.com", T_A), answers: [address] }).length).toBe(12 + 13 + 4 + 2 + 10 + 4);
});

test("what is no message is none, and loops of pointers end", () => {
  expect(decodeDns(Uint8Array.of(1, 2, 3))).toBeUndefined();
  expect(decodeDns(Uint8Array.of(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1))).toBeUndefined();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeDns(bytes)));
});
