import fc from "fast-check";
import { expect, test } from "vitest";
import { parseIpv4 } from "../../abi/inet.ts";
import { type Filter, FilterError, parseFilter } from "./filter.ts";
import { decodeFrame, type Packet } from "./packet.ts";

const names = {
  host: (name: string): readonly number[] | undefined => {
    const addr = parseIpv4(name);
    return addr === undefined ? (name === "box" ? [0x0a000001, 0x0a000003] : undefined) : [addr];
  },
  port: (name: string): number | undefined => (/^\d+$/.test(name) ? Number(name) : { http: 80, domain: 53 }[name]),
};
const filter = (text: string): Filter => parseFilter(text, names);

/** An Ethernet frame with an IPv4 packet of one protocol between two ends. */
function packet(protocol: number, src: string, srcPort: number, dst: string, dstPort: number): Packet {
  const bytes = new Uint8Array(14 + 20 + 20);
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0]);
  view.setUint16(16, 40);
  bytes[22] = 64;
  bytes[23] = protocol;
  view.setUint32(26, parseIpv4(src) as number);
  view.setUint32(30, parseIpv4(dst) as number);
  view.setUint16(34, srcPort);
  view.setUint16(36, dstPort);
  bytes[46] = 0x50;
  const decoded = decodeFrame(bytes);
  if (decoded === undefined) throw new Error("no packet");
  return decoded;
}

const [TCP, UDP, ICMP] = [6, 17, 1];
const web = packet(TCP, "10.0.0.1", 4000, "10.0.0.2", 80);
const dns = packet(UDP, "10.0.0.2", 4000, "10.0.1.9", 53);
const ping = packet(ICMP, "10.0.0.1", 0x0800, "10.0.1.9", 0);

/** Which of the three a filter lets through. */
const passed = (text: string): string => ["web", "dns", "ping"].filter((_, i) => filter(text)([web, dns, ping][i] as Packet)).join(" ");

test("an empty filter takes everything", () => {
  expect(passed("")).toBe("web dns ping");
});

test.each([
  ["tcp", "web"],
  ["udp or icmp", "dns ping"],
  ["not tcp", "dns ping"],
  ["ip and ! udp", "web ping"],
  ["port 80", "web"],
  ["port http", "web"],
  ["src port 80", ""],
  ["dst port 53 or 80", "web dns"],
  ["tcp port 53", ""],
  ["udp port domain", "dns"],
  ["portrange 50-60", "dns"],
  ["host 10.0.0.1", "web ping"],
  ["host box", "web ping"],
  ["src host 10.0.0.2", "dns"],
  ["dst 10.0.0.2", "web"],
  ["net 10.0.1.0/24", "dns ping"],
  ["src net 10.0.1.0/24", ""],
  ["host 10.0.0.1 and not (port 80 or udp)", "ping"],
  ["tcp or udp and port 53", "dns"],
  ["ether host 02:00:00:00:00:01", "web dns ping"],
  ["arp", ""],
])("%s", (text, expected) => {
  expect(passed(text)).toBe(expected);
});

test.each(["foo bar", "port x", "host", "(tcp", "tcp and", "port 70000", "net 10.0.0.0/33"])("%s is refused", (text) => {
  expect(() => filter(text)).toThrow(FilterError);
});

test("whatever is typed is a filter or is refused", () => {
  const word = fc.constantFrom(
    "tcp",
    "udp",
    "and",
    "or",
    "not",
    "(",
    ")",
    "port",
    "80",
    "host",
    "10.0.0.1",
    "src",
    "dst",
    "net",
    "10.0.0.0/8",
    "ether",
    "!",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      try {
        filter(words.join(" "))(web);
      } catch (e) {
        if (!(e instanceof FilterError)) throw e;
      }
    }),
  );
});
