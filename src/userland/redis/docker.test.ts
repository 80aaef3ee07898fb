import { expect, test } from "vitest";
import { bootDocker } from "../../machine/docker-testing.ts";

test("redis in a container: as its own user, with its client, its volume, its end", { timeout: 120_000 }, () => {
  const m = bootDocker();
  expect(m.run("docker run -d --name cache redis:7-alpine > /dev/null; sleep 0.5; docker exec cache redis-cli set a 1").stdout).toBe(
    "OK\n",
  );
  expect(m.run("docker top cache").stdout).toContain("redis-server");
  expect(m.run("docker exec cache sh -c 'id -un 999; ps -o user,pid,args | grep redis-server | grep -v grep'").stdout).toContain("redis");
  expect(m.run("docker logs cache").stdout).toContain("Redis version=7.4.4, bits=64");
  expect(m.run("docker stop cache").stdout).toBe("cache\n");
  expect(m.run("docker logs cache | tail -1").stdout).toContain("# Redis is now ready to exit, bye bye...");
  expect(m.run("docker inspect -f '{{.State.ExitCode}}' cache").stdout).toBe("0\n");
  expect(m.run("docker start cache; sleep 0.5; docker exec cache redis-cli get a").stdout).toBe("cache\n1\n");
  expect(m.run("docker run --rm redis:7 redis-server --version").stdout).toContain("Redis server v=7.4.4");
});
