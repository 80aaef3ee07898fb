import { expect, test } from "vitest";
import { bootDocker } from "../../machine/docker-testing.ts";

test("a registry in a container takes an image, keeps it in its files, and gives it back", { timeout: 120_000 }, () => {
  const m = bootDocker();
  const ran = m.run("docker run -d -p 5000:5000 --name hub registry:2");
  expect([ran.status, ran.stdout.length]).toEqual([0, 65]);
  m.run("sleep 0.5");
  expect(m.run("docker logs hub 2>&1 | sed 's/.*msg=//; s/ go.version.*//'").stdout).toContain('"listening on [::]:5000"\n');
  const pushed = m.run("docker tag alpine localhost:5000/a && docker push localhost:5000/a");
  expect([pushed.stderr, pushed.status]).toEqual(["", 0]);
  expect(pushed.stdout).toMatch(/latest: digest: sha256:[0-9a-f]{64} size: \d+\n$/);
  const id = m.run("docker image inspect -f '{{.Id}}' alpine").stdout;
  expect(m.run("curl -s localhost:5000/v2/_catalog; curl -s localhost:5000/v2/a/tags/list").stdout).toBe(
    '{"repositories":["a"]}\n{"name":"a","tags":["latest"]}\n',
  );
  expect(m.run("docker exec hub ls /var/lib/registry/docker/registry/v2 /var/lib/registry/docker/registry/v2/repositories/a").stdout).toBe(
    "/var/lib/registry/docker/registry/v2:\nblobs\nrepositories\n\n/var/lib/registry/docker/registry/v2/repositories/a:\n_layers\n_manifests\n_uploads\n",
  );
  expect(m.run("docker rmi localhost:5000/a alpine > /dev/null; docker pull -q localhost:5000/a").stdout).toBe("localhost:5000/a:latest\n");
  expect(m.run("docker image inspect -f '{{.Id}}' localhost:5000/a").stdout).toBe(id);
  expect(m.run("docker run --rm localhost:5000/a echo hello").stdout).toBe("hello\n");
  expect(m.run("curl -s -X DELETE -o /dev/null -w '%{http_code}' localhost:5000/v2/a/manifests/sha256:00").stdout).toBe("405");
  expect(m.run("docker stop hub && docker inspect -f '{{.State.ExitCode}}' hub").stdout).toBe("hub\n2\n");
});
