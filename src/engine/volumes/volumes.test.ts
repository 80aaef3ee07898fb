import { beforeEach, expect, test } from "vitest";
import { bootDocker, type DockerMachine } from "../../machine/docker-testing.ts";
import type { Volume } from "../api/volume.ts";

let m: DockerMachine;

beforeEach(() => {
  m = bootDocker();
});

function run(name: string, body: object = {}): { status: number; text: string } {
  const created = m.api("POST", `/containers/create?name=${name}`, { Image: "alpine", Cmd: ["sleep", "10000"], ...body });
  return created.status === 201 ? m.api("POST", `/containers/${name}/start`) : created;
}
const pid = (name: string): number => (m.api("GET", `/containers/${name}/json`).body as { State: { Pid: number } }).State.Pid;
const inside = (name: string, text: string): string => m.run(`nsenter -t ${pid(name)} -a ${text}`).stdout;
const names = (): string[] => (m.api("GET", "/volumes").body as { Volumes: Volume[] }).Volumes.map(({ Name }) => Name);

test("a new volume gets what the image has in its place, with owners and modes; one that is not empty nothing", () => {
  m.run(
    "mkdir -p /tmp/c/srv/sub; echo one > /tmp/c/srv/file; ln -s file /tmp/c/srv/link; chown 3:4 /tmp/c/srv/file; chmod 2750 /tmp/c/srv; chown 5:6 /tmp/c/srv",
  );
  m.run("tar cf /tmp/c.tar -C /tmp/c .");
  m.api("POST", "/containers/create?name=source", { Image: "alpine", Cmd: ["true"] });
  m.run(
    "curl -s --unix-socket /var/run/docker.sock -X PUT -H 'Content-Type: application/x-tar' --data-binary @/tmp/c.tar 'http://localhost/v1.41/containers/source/archive?path=/'",
  );
  m.api("POST", "/commit?container=source&repo=filled");
  run("box", { Image: "filled", HostConfig: { Binds: ["data:/srv"] } });
  expect(m.run("cd /var/lib/docker/volumes/data/_data && stat -c '%n %a %u:%g' . file sub && readlink link && cat file").stdout).toBe(
    ". 2750 5:6\nfile 644 3:4\nsub 755 0:0\nfile\none\n",
  );
  m.run("echo two > /var/lib/docker/volumes/data/_data/file; rm /var/lib/docker/volumes/data/_data/link");
  run("other", { Image: "filled", HostConfig: { Binds: ["data:/srv:ro"] } });
  expect(inside("other", "ls /srv")).toBe("file\nsub\n");
  expect(inside("other", "cat /srv/file")).toBe("two\n");
});

test("named volumes stay, those without a name go with their container", () => {
  run("box", {
    Volumes: { "/image": {} },
    HostConfig: { Binds: ["data:/data", "/tmp/made:/made:ro"], Tmpfs: { "/t": "size=1m" }, Mounts: [{ Type: "volume", Target: "/anon" }] },
  });
  expect(
    names()
      .map((name) => (name.length === 64 ? "anonymous" : name))
      .sort(),
  ).toEqual(["anonymous", "anonymous", "data"]);
  expect(m.run("test -d /tmp/made; echo $?").stdout).toBe("0\n");
  expect(inside("box", "sh -c 'echo x > /made/x; echo y > /data/y; grep -c \" /t tmpfs\" /proc/mounts'")).toBe("1\n");
  expect(m.run("ls /tmp/made; cat /var/lib/docker/volumes/data/_data/y").stdout).toBe("y\n");
  const { Id } = m.api("GET", "/containers/box/json").body as { Id: string };
  expect(m.api("DELETE", "/volumes/data")).toMatchObject({ status: 409, body: { message: `remove data: volume is in use - [${Id}]` } });
  m.api("DELETE", "/containers/box?force=1&v=1");
  expect(names()).toEqual(["data"]);
  expect(m.run("systemctl restart docker").status).toBe(0);
  expect(names()).toEqual(["data"]);
  expect(m.api("POST", "/volumes/prune").body).toEqual({ VolumesDeleted: ["data"], SpaceReclaimed: 2 });
  expect(m.run("ls /var/lib/docker/volumes; mount | grep docker").stdout).toBe("metadata.db\n");
  m.check();
});

test("what a volume's options name is mounted while a container has it", () => {
  m.api("POST", "/volumes/create", { Name: "ram", DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=10m" } });
  m.api("POST", "/volumes/create", { Name: "lost", DriverOpts: { type: "none", device: "/nope", o: "bind" } });
  run("box", { HostConfig: { Binds: ["ram:/ram"] } });
  run("also", { HostConfig: { VolumesFrom: ["box:ro"] } });
  expect(inside("also", "grep ' /ram ' /proc/mounts")).toBe("tmpfs /ram tmpfs ro,relatime,size=10240k 0 0\n");
  m.api("DELETE", "/containers/box?force=1");
  expect(m.run("grep -c volumes/ram /proc/mounts").stdout).toBe("1\n");
  m.api("DELETE", "/containers/also?force=1");
  expect(m.run("grep -c volumes/ram /proc/mounts").stdout).toBe("0\n");
  expect(run("sad", { HostConfig: { Binds: ["lost:/x"] } }).text).toContain(
    "error while mounting volume '/var/lib/docker/volumes/lost/_data': failed to mount local volume: mount /nope:/var/lib/docker/volumes/lost/_data, flags: 0x1000: no such file or directory",
  );
});

test("requests that cannot be are refused in the engine's words", () => {
  const create = (body: object): string => {
    const { status, text } = m.api("POST", "/volumes/create", body);
    return `${status} ${(JSON.parse(text) as { message?: string }).message ?? "made"}`;
  };
  expect([
    create({ Name: "a" }),
    create({ Name: "x", Driver: "foo" }),
    create({ Name: "-ab" }),
    create({ Name: "xx", DriverOpts: { foo: "bar" } }),
    create({ Name: "xx", DriverOpts: { type: "tmpfs" } }),
    create({ Name: "xx", DriverOpts: { size: "10" } }),
  ]).toEqual([
    "400 create a: volume name is too short, names should be at least two alphanumeric characters",
    '404 create x: error looking up volume plugin foo: plugin "foo" not found',
    '400 create -ab: "-ab" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    '400 create xx: invalid option: "foo"',
    '400 create xx: missing required option: "device"',
    "400 create xx: quota size requested but no quota support",
  ]);
  expect(names()).toEqual([]);
  expect(m.api("GET", "/volumes/nope")).toMatchObject({ status: 404, body: { message: "get nope: no such volume" } });
  expect(m.api("DELETE", "/volumes/nope?force=1").status).toBe(204);
  const refused = (hostConfig: object): string =>
    m.api("POST", "/containers/create?name=box", { Image: "alpine", HostConfig: hostConfig }).text;
  expect(refused({ Binds: ["v1:/a"], Tmpfs: { "/a": "" } })).toBe('{"message":"Duplicate mount point: /a"}\n');
  expect(refused({ Mounts: [{ Type: "bind", Source: "/nope", Target: "/x" }] })).toBe(
    '{"message":"invalid mount config for type \\"bind\\": bind source path does not exist: /nope"}\n',
  );
});
