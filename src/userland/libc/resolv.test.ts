import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";
import { type ResolvConf, searchList } from "./resolv.ts";

const conf = (search: readonly string[], ndots = 1): ResolvConf => ({
  nameservers: [0x7f000001],
  search,
  ndots,
  timeoutSec: 5,
  attempts: 2,
});

test("a name with enough dots is tried as it is first, another one last", () => {
  expect(searchList(conf(["a.test", "b.test"]), "www")).toEqual(["www.a.test", "www.b.test", "www"]);
  expect(searchList(conf(["a.test"]), "www.x")).toEqual(["www.x", "www.x.a.test"]);
  expect(searchList(conf(["a.test"], 2), "www.x")).toEqual(["www.x.a.test", "www.x"]);
  expect(searchList(conf(["a.test"]), "www.")).toEqual(["www"]);
  expect(searchList(conf([]), "www")).toEqual(["www"]);
});

test("the search list completes a name", () => {
  const m = boot();
  const servers = m.read("/etc/resolv.conf");
  m.write("/etc/resolv.conf", `${servers}search nowhere.test com\n`);
  expect(m.run("getent ahostsv4 example | head -1").stdout).toMatch(/STREAM example\.com\n$/);
});

test("a server that says nothing is left for the next one, after the time that options set", () => {
  const m = boot();
  const [, server = ""] = /nameserver (\S+)/.exec(m.read("/etc/resolv.conf")) ?? [];
  m.write("/etc/resolv.conf", `nameserver 10.255.0.1\nnameserver ${server}\noptions timeout:2 attempts:1\n`);
  const { stdout, stderr } = m.run("time getent ahostsv4 example.com | head -1");
  expect(stdout).toMatch(/STREAM example\.com\n$/);
  expect(stderr).toMatch(/real\t0m2\.\d+s/);
});

test("without any server that answers there is nobody to ask again", () => {
  const m = boot();
  m.write("/etc/resolv.conf", "nameserver 127.0.0.1\n");
  expect(m.run("ping -c1 example.com").stderr).toBe("ping: example.com: Temporary failure in name resolution\n");
  expect(m.run("ping -c1 no..name").stderr).toBe("ping: no..name: Name or service not known\n");
});
