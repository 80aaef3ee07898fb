import { beforeAll, expect, test } from "vitest";
import { boot, type TestMachine } from "../../machine/testing.ts";

let m: TestMachine;

beforeAll(() => {
  m = boot();
  m.run("mkdir -p t/a; echo hi >t/a/f; ln -s f t/a/l; touch -d 2020-01-01 t/a/f t/a; tar -C t -cf t.tar a");
});

/** Status and body of a request to the daemon. */
function ask(method: string, path: string, rest = ""): { status: number; body: string } {
  const url = path.replace(/[{}[\]"!]/g, (ch) => `%${ch.charCodeAt(0).toString(16)}`);
  const { stdout } = m.run(`curl -s -w '\\n%{http_code}' -X ${method} --unix-socket /var/run/docker.sock ${rest} 'http://d/v1.41${url}'`);
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at).trimEnd() };
}

const send = (path: string, file: string) => ask("POST", path, `-H 'Content-Type: application/x-tar' --data-binary @${file}`);
const message = (text: string): string => JSON.stringify({ message: text });
const failed = (text: string): string => JSON.stringify({ errorDetail: { message: text }, error: text });
const importTiny = (name: string): string =>
  (JSON.parse(send(`/images/create?fromSrc=-&repo=${name}&tag=1&message=hello`, "t.tar").body) as { status: string }).status;

test("an imported archive is an image, under names, until the last of them goes", () => {
  const answer = send(
    "/images/create?fromSrc=-&repo=e2/tiny&tag=1&message=hello&changes=CMD%20%5B%22x%22%5D&changes=ENV%20A=b&changes=LABEL%20k=v%20l=w",
    "t.tar",
  );
  const { status: id } = JSON.parse(answer.body) as { status: string };
  const inspect = JSON.parse(ask("GET", "/images/e2/tiny:1/json").body);
  expect(inspect).toMatchObject({ Id: id, RepoTags: ["e2/tiny:1"], RepoDigests: [], Comment: "hello", Size: 4, Os: "linux" });
  expect(inspect.Config).toMatchObject({ Cmd: ["x"], Env: ["A=b"], Labels: { k: "v", l: "w" }, Entrypoint: null });
  expect(ask("POST", "/images/e2/tiny:1/tag?repo=e2/tiny&tag=2")).toEqual({ status: 201, body: "" });
  const list = JSON.parse(ask("GET", '/images/json?filters={"label":["k=v"]}').body);
  expect(list).toMatchObject([
    { Id: id, RepoTags: ["e2/tiny:1", "e2/tiny:2"], RepoDigests: null, Size: 4, Containers: -1, SharedSize: -1 },
  ]);
  expect(JSON.parse(ask("GET", '/images/json?filters={"reference":["e2/*:2"]}').body)).toMatchObject([{ RepoTags: ["e2/tiny:2"] }]);
  expect(JSON.parse(ask("GET", `/images/${id.slice(7, 15)}/history`).body)).toMatchObject([
    { Comment: "hello", Size: 4, Tags: ["e2/tiny:1", "e2/tiny:2"] },
  ]);
  expect(ask("DELETE", "/images/e2/tiny:1").body).toBe('[{"Untagged":"e2/tiny:1"}]');
  const [layer] = inspect.RootFS.Layers;
  expect(ask("DELETE", "/images/e2/tiny:2").body).toBe(`[{"Untagged":"e2/tiny:2"},{"Deleted":"${id}"},{"Deleted":"${layer}"}]`);
  expect(m.run("ls -A /var/lib/docker/overlay2 /var/lib/docker/overlay2/l /var/lib/docker/image/overlay2/layerdb/sha256").stdout).toBe(
    "/var/lib/docker/image/overlay2/layerdb/sha256:\n\n/var/lib/docker/overlay2:\nl\n\n/var/lib/docker/overlay2/l:\n",
  );
  m.check();
});

test("what was saved is loaded as the same image, whose layers have the same bytes", () => {
  const id = importTiny("e2/saved");
  m.run("curl -s --unix-socket /var/run/docker.sock http://d/images/get?names=e2/saved:1 -o s.tar");
  expect(m.run("tar xOf s.tar --wildcards '*/layer.tar' | cmp - t.tar && echo same").stdout).toBe("same\n");
  ask("DELETE", "/images/e2/saved:1");
  const bar = `"progressDetail":{"current":10240,"total":10240},"progress":"[${"=".repeat(50)}\\u003e]  10.24kB/10.24kB"`;
  const layer = m.run("sha256sum t.tar").stdout.slice(0, 12);
  const line = `{"status":"Loading layer",${bar},"id":"${layer}"}`;
  expect(send("/images/load?quiet=0", "s.tar").body).toBe([line, line, '{"stream":"Loaded image: e2/saved:1\\n"}'].join("\r\n"));
  expect(JSON.parse(ask("GET", "/images/e2/saved:1/json").body)).toMatchObject({ Id: id });
  expect(send("/images/load", "s.tar").body).toBe('{"stream":"Loaded image: e2/saved:1\\n"}');
  // The name means another image meanwhile.
  const other = importTiny("e2/other");
  ask("POST", "/images/e2/other:1/tag?repo=e2/saved&tag=1");
  expect(send("/images/load", "s.tar").body).toBe(
    [
      `{"stream":"The image e2/saved:1 already exists, renaming the old one with ID ${other} to empty string\\n"}`,
      '{"stream":"Loaded image: e2/saved:1\\n"}',
    ].join("\r\n"),
  );
  ask("DELETE", "/images/e2/saved:1");
  ask("DELETE", "/images/e2/other:1");
});

test("archives that are none, or that would lead out, are refused in the engine's words", () => {
  const eof = "Error processing tar file(exit status 1): unexpected EOF";
  m.run("printf junk >junk; printf xx >manifest.json; tar cf badman.tar manifest.json");
  expect(send("/images/create?fromSrc=-", "junk")).toEqual({ status: 500, body: message(eof) });
  expect(send("/images/load", "junk")).toEqual({ status: 200, body: failed(eof) });
  expect(send("/images/load", "badman.tar").body).toBe(failed("invalid character 'x' looking for beginning of value"));
  expect(send("/images/load", "t.tar").body).toMatch(
    /"open \/var\/lib\/docker\/tmp\/docker-import-\d+\/a\/json: no such file or directory"/,
  );
  m.run(`printf '[{"Config":"../../../../etc/passwd","RepoTags":["a:b"],"Layers":[]}]' >manifest.json; tar cf badman.tar manifest.json`);
  expect(send("/images/load", "badman.tar").body).toMatch(
    /"evalSymlinksInScope: \/var\/etc\/passwd is not in \/var\/lib\/docker\/tmp\/docker-import-\d+"/,
  );
  m.run("ln -s /etc a; tar cf sym.tar a; rm a; mkdir a; echo x >a/evil; tar rf sym.tar a/evil; rm -r a");
  expect(send("/images/load", "sym.tar").body).toBe(
    failed("Error processing tar file(exit status 1): open /a/evil: no such file or directory"),
  );
  const zeros = `sha256:${"0".repeat(64)}`;
  m.run(`printf '{"rootfs":{"type":"layers","diff_ids":["${zeros}"]}}' >c.json; head -c 1024 /dev/zero >l.tar`);
  m.run(
    `printf '[{"Config":"c.json","RepoTags":["a:b"],"Layers":["l.tar"]}]' >manifest.json; tar cf badman.tar manifest.json c.json l.tar`,
  );
  expect(send("/images/load", "badman.tar").body).toBe(
    failed(
      `invalid diffID for layer 0: expected "${zeros}", got "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"`,
    ),
  );
  expect(ask("GET", "/images/json").body).toBe("[]");
  expect(m.run("ls -A /var/lib/docker/tmp /var/lib/docker/overlay2; ls /etc/evil").stdout).toBe(
    "/var/lib/docker/overlay2:\nl\n\n/var/lib/docker/tmp:\n",
  );
  m.check();
});

test("what is wrong with a request is said as the engine says it", () => {
  const id = importTiny("e2/tiny");
  const cases: readonly (readonly [method: string, path: string, status: number, text: string])[] = [
    ["GET", "/images/nope/json", 404, "no such image: nope: No such image: nope:latest"],
    ["GET", "/images/NOPE/json", 400, "no such image: NOPE: invalid reference format: repository name must be lowercase"],
    ["GET", "/images/sha256:abc/json", 404, "no such image: sha256:abc: No such image: sha256:abc"],
    ["GET", "/images/nope:1/history", 404, "No such image: nope:1"],
    ["POST", "/images/nope/tag?repo=x", 404, "No such image: nope:latest"],
    ["POST", "/images/e2/tiny:1/tag?repo=E2test/tiny&tag=2", 500, "invalid reference format: repository name must be lowercase"],
    ["POST", "/images/e2/tiny:1/tag?repo=e2/tiny&tag=-2", 500, "invalid tag format"],
    ["POST", "/images/e2/tiny:1/tag?tag=2", 500, "invalid reference format"],
    ["POST", "/images/e2/tiny:1/tag?repo=sha256&tag=2", 400, "refusing to create an ambiguous tag using digest algorithm as name"],
    ["GET", '/images/json?filters={"dangling":{"maybe":true}}', 400, "Invalid filter 'dangling=[maybe]'"],
    ["GET", '/images/json?filters={"foo":{"x":true}}', 400, "Invalid filter 'foo'"],
    ["GET", "/images/json?filters=xx", 500, "invalid character 'x' looking for beginning of value"],
    ["GET", '/images/json?filters={"before":["nope"]}', 404, "No such image: nope:latest"],
    ["DELETE", "/images/e2/tiny:2", 404, "No such image: e2/tiny:2"],
    ["DELETE", "/images/%20", 400, "image name cannot be blank"],
    ["POST", "/images/create?fromImage=ALPINE", 400, "invalid reference format: repository name must be lowercase"],
    ["POST", "/images/create?fromImage=scratch&tag=latest", 403, "'scratch' is a reserved name"],
    ["POST", "/images/create?fromImage=alpine&tag=sha256:12", 400, "invalid tag format"],
    ["POST", "/images/create?fromImage=alpine&platform=foo", 400, '"foo": unknown operating system or architecture: invalid argument'],
    [
      "POST",
      "/images/create?fromImage=alpine&platform=foo/bar/baz/x",
      400,
      '"foo/bar/baz/x": cannot parse platform specifier: invalid argument',
    ],
    ["POST", "/images/create?fromSrc=-&repo=x&changes=FOO%20x", 400, "foo is not a valid change command"],
    [
      "POST",
      "/images/create?fromSrc=http://127.0.0.1:1/x",
      500,
      'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    ["POST", "/images/create", 500, 'Get "http:": http: no Host in request URL'],
    [
      "POST",
      "/images/create?fromImage=127.0.0.1:5999/nosuch&tag=latest",
      500,
      'Get "http://127.0.0.1:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused',
    ],
    ["GET", "/images/search?term=a&limit=1000", 400, "Limit 1000 is outside the range of [1, 100]"],
    ["GET", "/images/get?names=nope", 404, "No such image: nope"],
    [
      "GET",
      "/distribution/127.0.0.1:5999/alpine/json",
      500,
      'Get "http://127.0.0.1:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused',
    ],
    ["POST", "/images/alpine/push", 400, "Bad parameters and missing X-Registry-Auth: EOF"],
    ["POST", '/images/prune?filters={"foo":["x"]}', 400, "Invalid filter 'foo'"],
  ];
  for (const [method, path, status, text] of cases) expect([path, ask(method, path)]).toEqual([path, { status, body: message(text) }]);
  expect(ask("POST", "/images/e2/none/push?tag=latest", "-H 'X-Registry-Auth: e30='").body).toBe(
    [
      '{"status":"The push refers to repository [docker.io/e2/none]"}',
      failed("An image does not exist locally with the tag: e2/none"),
    ].join("\r\n"),
  );
  expect(ask("POST", "/images/prune").body).toBe('{"ImagesDeleted":null,"SpaceReclaimed":0}');
  ask("POST", "/images/e2/tiny:1/tag?repo=a/b&tag=1");
  expect(ask("DELETE", `/images/${id}`)).toEqual({
    status: 409,
    body: message(`conflict: unable to delete ${id.slice(7, 19)} (must be forced) - image is referenced in multiple repositories`),
  });
  expect(JSON.parse(ask("DELETE", `/images/${id}?force=1`).body)).toMatchObject([
    { Untagged: "a/b:1" },
    { Untagged: "e2/tiny:1" },
    { Deleted: id },
    {},
  ]);
});

test("a daemon that was killed at any point of an import has the image, or nothing of it", () => {
  const request = "curl -s -X POST --unix-socket /var/run/docker.sock --data-binary @t.tar -H 'Content-Type: application/x-tar'";
  for (let us = 300; us < 3600; us += 300) {
    const name = `k:${us}`;
    const told = m.run(
      `${request} 'http://d/images/create?fromSrc=-&repo=k&tag=${us}' >out & sleep ${us / 1e6}; kill -9 $(pgrep -x dockerd); wait $!; cat out`,
    ).stdout;
    const images = JSON.parse(ask("GET", "/images/json").body) as { RepoTags: string[] }[];
    const has = images.some(({ RepoTags }) => RepoTags.includes(name));
    if (told.includes("sha256:")) expect(has).toBe(true);
    const left = m.run(
      "ls -A /var/lib/docker/tmp /var/lib/docker/image/overlay2/layerdb/tmp; ls /var/lib/docker/overlay2 /var/lib/docker/overlay2/l | grep -c .",
    ).stdout;
    // Two headings, the directory of links, and a layer with its link once there is one.
    const layers = m.run("ls /var/lib/docker/image/overlay2/layerdb/sha256 | wc -l").stdout.trim();
    expect(left).toBe(`/var/lib/docker/image/overlay2/layerdb/tmp:\n\n/var/lib/docker/tmp:\n${layers === "0" ? 3 : 5}\n`);
  }
  m.run("curl -s --unix-socket /var/run/docker.sock http://d/images/json | tr , '\\n' | sed -n 's/.*\"Id\":\"\\(.*\\)\"/\\1/p' >ids");
  for (const id of m.run("cat ids").stdout.trim().split("\n")) expect(ask("DELETE", `/images/${id}?force=1`).status).toBe(200);
  m.check();
});
