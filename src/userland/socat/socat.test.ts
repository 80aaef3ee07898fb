import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

test("the status of a program that fails is told", () => {
  const m = boot();
  const { stdout, stderr, status } = m.run("socat -u SYSTEM:'echo hi; sleep 0.1; exit 3' -");
  expect({ stdout, status }).toEqual({ stdout: "hi\n", status: 1 });
  expect(stderr).toMatch(/^2026\/01\/01 00:00:\d\d socat\[\d+\] E waitpid\(\): child \d+ exited with status 3\n$/);
});

test("a program on a terminal of its own, through a port", () => {
  const m = boot();
  m.run("socat TCP-LISTEN:7000,reuseaddr,fork EXEC:'bash -c tty',pty,stderr,setsid,ctty & sleep 0.3");
  expect(m.run("socat - TCP:127.0.0.1:7000 < /dev/null").stdout).toMatch(/^\/dev\/pts\/\d+\r\n$/);
  m.run("kill %1");
});

test("children of a listener that has ended are not left behind", () => {
  const m = boot();
  m.run("socat TCP-LISTEN:7000,fork PIPE & sleep 0.3; for i in 1 2 3; do echo $i | socat - TCP:127.0.0.1:7000; done; sleep 1");
  expect(m.run("ps -e -o stat,comm | grep -c socat").stdout).toBe("1\n");
  m.run("kill %1; wait");
  m.check();
});

test("crlf makes line ends for the network", () => {
  const m = boot();
  m.run("nc -l 127.0.0.1 7000 > /tmp/got & sleep 0.3; printf 'GET /\\n\\n' | socat -u - TCP:127.0.0.1:7000,crlf; wait");
  expect(m.read("/tmp/got")).toBe("GET /\r\n\r\n");
});

test("idle connections end after -T seconds", () => {
  const m = boot();
  const { status, stderr } = m.run("socat -d -d -T 2 PIPE TCP-LISTEN:7000 & sleep 0.3; sleep 10 | nc 127.0.0.1 7000 & wait %1");
  expect(status).toBe(0);
  expect(stderr).toContain("inactivity timeout triggered\n");
});
