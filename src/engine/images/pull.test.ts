import { beforeAll, expect, test } from "vitest";
import { boot, type TestMachine } from "../../machine/testing.ts";
import type { JsonMessage } from "../api/image.ts";

let m: TestMachine;

beforeAll(() => {
  m = boot();
});

function ask(method: string, path: string, rest = ""): { status: number; body: string } {
  const { stdout } = m.run(`curl -s -w '\\n%{http_code}' -X ${method} --unix-socket /var/run/docker.sock ${rest} 'http://d/v1.41${path}'`, {
    limitNs: 300e9,
  });
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at).trimEnd() };
}

const messages = (body: string): JsonMessage[] => body.split("\r\n").map((line) => JSON.parse(line) as JsonMessage);

/** What happened, in order, each step of a layer once. */
function steps(body: string): string[] {
  const seen: string[] = [];
  for (const { id, status, error } of messages(body)) {
    const line = error ?? `${id === undefined ? "" : `${id}: `}${status}`;
    if (seen[seen.length - 1] !== line) seen.push(line);
  }
  return seen;
}

test("a pull tells its steps; the second one finds everything there", () => {
  const first = ask("POST", "/images/create?fromImage=busybox&tag=latest");
  expect(first.status).toBe(200);
  const told = steps(first.body).map((line) => line.replace(/^[0-9a-f]{12}/, "LAYER").replace(/sha256:[0-9a-f]{64}/, "DIGEST"));
  expect(told).toEqual([
    "latest: Pulling from library/busybox",
    "LAYER: Pulling fs layer",
    "LAYER: Downloading",
    "LAYER: Verifying Checksum",
    "LAYER: Download complete",
    "LAYER: Extracting",
    "LAYER: Pull complete",
    "Digest: DIGEST",
    "Status: Downloaded newer image for busybox:latest",
  ]);
  const downloads = messages(first.body).filter(({ status }) => status === "Downloading");
  const last = downloads[downloads.length - 1]?.progressDetail;
  expect(last?.current).toBe(last?.total);
  const again = steps(ask("POST", "/images/create?fromImage=busybox&tag=latest").body).slice(-1);
  expect(again).toEqual(["Status: Image is up to date for busybox:latest"]);
  const [image] = JSON.parse(ask("GET", "/images/json").body);
  expect(image.RepoTags).toEqual(["busybox:latest"]);
  const digest = image.RepoDigests[0].slice("busybox@".length);
  expect(steps(ask("POST", `/images/create?fromImage=busybox&tag=${digest}`).body).slice(-1)).toEqual([
    `Status: Image is up to date for busybox@${digest}`,
  ]);
  expect(JSON.parse(ask("GET", "/distribution/busybox/json").body).Descriptor.digest).toBe(digest);
  m.check();
});

test("what a registry does not have or not give is said as the engine says it", () => {
  const pull = (name: string, tag: string) => ask("POST", `/images/create?fromImage=${name}&tag=${tag}`);
  const message = (text: string): string => JSON.stringify({ message: text });
  expect(pull("nosuch", "latest")).toEqual({
    status: 404,
    body: message(
      "pull access denied for nosuch, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ),
  });
  expect(pull("busybox", "nope")).toEqual({
    status: 404,
    body: message("manifest for busybox:nope not found: manifest unknown: manifest unknown"),
  });
  expect(pull(`busybox`, `sha256:${"0".repeat(64)}`).status).toBe(404);
  m.run("ip route >/root/routes; ip route del default");
  const unreachable = (where: string): string =>
    message(`Get "https://registry-1.docker.io/v2/": dial ${where}: connect: network is unreachable`);
  expect(pull("busybox", "1").body).toBe(unreachable("tcp 203.0.113.30:443"));
  m.run("ip link set eth0 down");
  expect(pull("busybox", "1").body).toBe(unreachable("tcp: lookup registry-1.docker.io on 10.0.2.3:53: dial udp 10.0.2.3:53"));
  m.run("ip link set eth0 up; ip route add $(grep default /root/routes)");
});

test("an image that was pushed can be pulled; layers that the registry has are not sent again", () => {
  ask("POST", "/images/create?fromImage=busybox&tag=latest");
  const { Id: id } = JSON.parse(ask("GET", "/images/busybox/json").body) as { Id: string };
  const tag = (repo: string): void => void ask("POST", `/images/busybox/tag?repo=registry.example.com/${repo}&tag=1`);
  const push = (repo: string): string[] =>
    steps(ask("POST", `/images/registry.example.com/${repo}/push?tag=1`, "-H 'X-Registry-Auth: e30='").body).map((line) =>
      line.replace(/[0-9a-f]{12}: /, "LAYER: ").replace(/sha256:[0-9a-f]{64} size: \d+/, "DIGEST"),
    );
  tag("e2/one");
  expect(push("e2/one")).toEqual([
    "The push refers to repository [registry.example.com/e2/one]",
    "LAYER: Preparing",
    "LAYER: Pushing",
    "LAYER: Pushed",
    "1: digest: DIGEST",
    "undefined",
  ]);
  expect(push("e2/one").slice(1, -2)).toEqual(["LAYER: Preparing", "LAYER: Layer already exists"]);
  tag("e2/two");
  expect(push("e2/two").slice(1, -2)).toEqual(["LAYER: Preparing", "LAYER: Mounted from e2/one"]);
  for (const name of ["registry.example.com/e2/one:1", "registry.example.com/e2/two:1", "busybox"]) ask("DELETE", `/images/${name}`);
  expect(ask("GET", "/images/json").body).toBe("[]");
  const back = ask("POST", "/images/create?fromImage=registry.example.com/e2/two&tag=1");
  expect(steps(back.body).slice(-1)).toEqual(["Status: Downloaded newer image for registry.example.com/e2/two:1"]);
  expect((JSON.parse(ask("GET", "/images/registry.example.com/e2/two:1/json").body) as { Id: string }).Id).toBe(id);
  m.check();
});
