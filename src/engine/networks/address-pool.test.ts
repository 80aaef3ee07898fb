import { expect, test } from "vitest";
import { formatIpv4, parseIpv4 } from "../../abi/inet.ts";
import { AddressPool, DEFAULT_POOLS, formatCidr, parseCidr, Subnets } from "./address-pool.ts";
import { overlaps, type Prefix } from "./links.ts";

const cidr = (text: string): Prefix => parseCidr(text) as Prefix;
const ip = (text: string): number => parseIpv4(text) as number;

test("the lowest free address is given, within the range", () => {
  const pool = new AddressPool(cidr("10.1.0.0/24"), cidr("10.1.0.128/25"));
  expect([pool.takeAny(), pool.takeAny()].map((addr) => formatIpv4(addr as number))).toEqual(["10.1.0.128", "10.1.0.129"]);
  pool.free(ip("10.1.0.128"));
  expect(pool.takeAny()).toBe(ip("10.1.0.128"));
  pool.take(ip("10.1.0.9"));
  expect(() => pool.take(ip("10.1.0.9"))).toThrow("Address already in use");
  expect(() => pool.take(ip("10.1.0.255"))).toThrow("Address already in use");
  expect(() => pool.take(ip("10.2.0.9"))).toThrow("Requested address is out of range");
});

test("a pool of two addresses ends", () => {
  const pool = new AddressPool(cidr("10.1.0.0/30"));
  expect([pool.takeAny(), pool.takeAny(), pool.takeAny()]).toEqual([ip("10.1.0.1"), ip("10.1.0.2"), undefined]);
});

test("default subnets follow each other, past what is given or busy, until there are no more", () => {
  const subnets = new Subnets(DEFAULT_POOLS);
  subnets.take(cidr("172.18.0.0/16"));
  const busy = cidr("172.19.4.0/24");
  const given: string[] = [];
  for (;;) {
    try {
      given.push(formatCidr(subnets.takeDefault((subnet) => overlaps(subnet, busy))));
    } catch (e) {
      expect(String(e)).toContain("could not find an available, non-overlapping IPv4 address pool");
      break;
    }
  }
  expect(given.slice(0, 3)).toEqual(["172.17.0.0/16", "172.20.0.0/16", "172.21.0.0/16"]);
  expect(given.slice(12, 15)).toEqual(["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]);
  expect(given).toHaveLength(1 + 12 + 16);
  expect(() => subnets.take(cidr("172.20.3.0/24"))).toThrow("Pool overlaps with other one on this address space");
});

test("a default subnet that was given back is not given away again before all others were", () => {
  const subnets = new Subnets([{ base: "10.0.0.0/14", size: 16 }]);
  const given = Array.from({ length: 5 }, () => {
    const subnet = subnets.takeDefault(() => false);
    subnets.free(subnet);
    return formatCidr(subnet);
  });
  expect(given).toEqual(["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.0.0.0/16"]);
});
