import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

/** A machine with these files of names. */
function withNames(hosts: string, nsswitch: string): ReturnType<typeof boot> {
  const m = boot();
  m.write("/etc/hosts", hosts);
  m.write("/etc/nsswitch.conf", `hosts: ${nsswitch}\n`);
  return m;
}

test("names come from the sources in the order of nsswitch.conf", () => {
  const hosts = "127.0.0.1 localhost\n10.9.9.9 example.com\n";
  expect(withNames(hosts, "files dns").run("getent ahostsv4 example.com | head -1").stdout).toBe("10.9.9.9        STREAM example.com\n");
  const fromDns = withNames(hosts, "dns files").run("getent ahostsv4 example.com | head -1").stdout;
  expect(fromDns).toMatch(/^203\.0\.113\.\d+ +STREAM example\.com\n$/);
  expect(withNames(hosts, "files").run("getent hosts www.example.com").status).toBe(2);
  expect(withNames(hosts, "dns").run("getent hosts localhost").stdout).not.toContain("10.9.9.9");
});

test("what is in brackets, and sources that nobody has, do not count", () => {
  const m = withNames("10.9.9.9 box.test\n", "mdns4_minimal [NOTFOUND=return] files");
  expect(m.run("getent hosts box.test").stdout).toBe("10.9.9.9        box.test\n");
});

test("all lines of a name are one host, with all its aliases", () => {
  const m = withNames("10.1.0.1 a.test a one # the first\n10.1.0.2\ta.test two\n\nnonsense\n300.1.1.1 a.test\n", "files");
  expect(m.run("getent hosts a.test").stdout).toBe("10.1.0.1        a.test a one two\n10.1.0.2        a.test a one two\n");
  expect(m.run("getent hosts TWO").stdout).toBe("10.1.0.2        a.test two\n");
});

test("an address has the names of its line, or those of DNS", () => {
  const m = withNames("10.1.0.1 a.test a\n", "files dns");
  expect(m.run("getent hosts 10.1.0.1").stdout).toBe("10.1.0.1        a.test a\n");
  expect(m.run("getent hosts 10.1.0.77")).toEqual({ stdout: "", stderr: "", status: 2 });
});

test("addresses are taken in the forms of inet_aton", () => {
  const m = boot();
  for (const text of ["127.1", "0x7f000001", "2130706433", "0177.0.0.1"])
    expect(m.run(`ping -c1 -W1 ${text} | head -1`).stdout).toBe(`PING ${text} (127.0.0.1) 56(84) bytes of data.\n`);
  expect(m.run("ping -c1 127.0.0.256").stderr).toBe("ping: 127.0.0.256: Name or service not known\n");
});
