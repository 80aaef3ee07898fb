import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

test("on a terminal the escape character leads to the commands, and an empty line back", () => {
  const m = boot();
  m.run("nc -l 127.0.0.1 7000 > /tmp/got &");
  const t = m.terminal();
  t.wait(500);
  expect(t.type("telnet 127.0.0.1 7000\n")).toContain("Connected to 127.0.0.1.\r\nEscape character is '^]'.\r\n");
  t.type("one\n");
  expect(t.type("\x1d")).toContain("telnet> ");
  expect(t.type("status\n")).toContain("Connected to 127.0.0.1.\r\n");
  t.type("two\n");
  expect(t.type("\x1d")).toContain("telnet> ");
  expect(t.type("quit\n")).toContain("Connection closed.\r\n");
  expect(m.read("/tmp/got")).toBe("one\r\ntwo\r\n");
  expect(t.type("stty | tail -1; echo \"<$(stty -a | grep -c ' echo ')>\"\n")).toContain("<1>");
  m.check();
});

test("who echoes gets every key by itself", () => {
  const m = boot();
  m.run("(printf '\\377\\373\\001\\377\\373\\003'; sleep 5) | nc -l 127.0.0.1 7000 > /tmp/got &");
  const t = m.terminal();
  t.wait(500);
  t.type("telnet 127.0.0.1 7000\n");
  const echoed = t.type("abc");
  expect(echoed).not.toContain("abc");
  // DO ECHO, DO SGA, and the keys without a line's end.
  expect(m.run("od -An -tx1 /tmp/got").stdout).toBe(" ff fd 01 ff fd 03 61 62 63\n");
  m.check();
});
