import { expect, test } from "vitest";
import { boot } from "../machine/testing.ts";

test("dockerd answers over its socket, and ends on SIGTERM", () => {
  const m = boot();
  m.run("dockerd >/tmp/log 2>&1 &\nfor i in 1 2 3 4 5 6 7 8 9; do [ -S /var/run/docker.sock ] && break; sleep 0.1; done");
  const curl = (path: string): string => m.run(`curl -s --unix-socket /var/run/docker.sock http://localhost${path}`).stdout;
  expect(curl("/_ping")).toBe("OK");
  expect(JSON.parse(curl("/v1.41/version"))).toMatchObject({ ApiVersion: "1.41", Version: "20.10.24+dfsg1" });
  expect(JSON.parse(curl("/info"))).toMatchObject({ Containers: 0, CgroupVersion: "2" });
  expect(curl("/v1.99/info")).toBe('{"message":"client version 1.99 is too new. Maximum supported API version is 1.41"}\n');
  expect(curl("/nothing")).toBe('{"message":"page not found"}\n');
  expect(
    m.run("kill $(cat /var/run/docker.pid); wait; echo $?; ls /var/run/docker.sock; cat /var/run/docker.pid; pgrep dockerd").stdout,
  ).toBe("0\n");
  m.check();
});
