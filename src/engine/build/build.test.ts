import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { boot, type TestMachine } from "../../machine/testing.ts";

/** The image that the parity cases use. */
const prepare = readFileSync(join(import.meta.dirname, "../../parity/docker/prepare.sh"), "utf8");
const DOCKERFILE = "mkdir -p /b; cd /b; rm -rf -- *; export DOCKER_BUILDKIT=0\n";

let m: TestMachine;
beforeAll(() => {
  m = boot();
  expect(m.run(`systemctl start docker\n${prepare}`).status).toBe(0);
});

test("a build whose client goes away ends, and leaves neither container nor context", () => {
  const { stdout } = m.run(`${DOCKERFILE}printf 'FROM alpine\\nRUN sleep 1000\\nRUN touch /never\\n' > Dockerfile
docker build . > out 2> /dev/null & sleep 3; pgrep -c -x sleep; kill -9 $!; sleep 3
pgrep -x -c sleep; docker ps -aq | wc -l; ls /var/lib/docker/tmp | wc -l; docker images -aq | wc -l; tail -1 out | cut -c1-17`);
  expect(stdout).toBe("1\n0\n0\n0\n1\n ---> Running in \n");
});

test("an archive that leads out of the context is refused or stays inside", () => {
  const { stdout } = m.run(`${DOCKERFILE}mkdir d; printf 'FROM scratch\\nLABEL a=1\\n' > d/Dockerfile; echo x > evil
tar cf x.tar -C d Dockerfile; tar rPf x.tar --transform 's#^#../../../../escaped/#' evil
docker build - < x.tar 2>&1 | tail -1 | cut -c1-18; find / -xdev -path '*escaped*' | wc -l; ls /var/lib/docker/tmp | wc -l`);
  expect(stdout).toBe("Successfully built\n0\n0\n");
});

test("what is no archive is refused in Go's words, and nothing is left", () => {
  const { stdout } = m.run(`${DOCKERFILE}printf 'FROM alpine\\n' > Dockerfile; tar cf x.tar Dockerfile; head -c 700 x.tar > cut.tar
docker build - < cut.tar 2>&1 | tail -1; ls /var/lib/docker/tmp | wc -l`);
  expect(stdout).toBe("Error response from daemon: Error processing tar file(exit status 1): unexpected EOF\n0\n");
});

test("ten thousand instructions are read before the first is done", () => {
  const { stdout } = m.run(`${DOCKERFILE}{ echo FROM alpine; yes 'ENV A=1' | head -10000; echo NOSUCH; } > Dockerfile
docker build . 2>&1 | tail -1`);
  expect(stdout).toBe("Error response from daemon: dockerfile parse error line 10002: unknown instruction: NOSUCH\n");
});

test("ADD of a URL takes the file as it is, with the server's time", () => {
  const { stdout } = m.run(`${DOCKERFILE}mkdir w; echo served > w/page.txt; tar cf w/x.tar -C w page.txt
(cd w; busybox httpd -f -p 8123 & echo $! > ../pid); sleep 1
printf 'FROM alpine\\nADD http://127.0.0.1:8123/page.txt /a/\\nADD http://127.0.0.1:8123/x.tar /x\\nRUN cat /a/page.txt; stat -c "%%a %%u" /a/page.txt; tar tf /x\\n' > Dockerfile
docker build . 2>&1 | grep -A3 '^served'; docker build . 2>&1 | grep -c 'Using cache'; docker build - < /dev/null 2>&1 | tail -1; kill $(cat pid)`);
  expect(stdout.split("\n").slice(0, 3)).toEqual(["served", "600 0", "page.txt"]);
});
