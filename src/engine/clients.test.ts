/**
 * The engine with clients that know nothing of it: the real docker CLI and dockerode, over `npm run -s machine -- --serve PORT`. Skipped where the
 * CLI is not installed, or where this host does not let programs connect to themselves.
 */

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** A free port, if a connection to it arrives. */
function findPort(): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    const end = (port: number | undefined): void => {
      server.close();
      resolve(port);
    };
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      const client = connect(port, "127.0.0.1");
      const timer = setTimeout(() => {
        client.destroy();
        end(undefined);
      }, 1000);
      client.on("error", () => {});
      client.on("connect", () => {
        clearTimeout(timer);
        client.destroy();
        end(port);
      });
    });
  });
}

const found = spawnSync("docker", ["--version"], { encoding: "utf8" });
const cli = found.status === 0 && found.stdout.startsWith("Docker version 28.");
const port = await findPort();
if (!cli) console.info("clients: no docker CLI 28 on this host, its session is skipped");
if (port === undefined) console.info("clients: 127.0.0.1 cannot be reached on this host, all is skipped");

let machine: ChildProcess | undefined;
let home = "";

/** Ends the machine and what npm started for it. */
function stop(): void {
  if (machine?.pid !== undefined && machine.exitCode === null) {
    try {
      process.kill(-machine.pid, "SIGKILL");
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== "ESRCH") throw e;
    }
  }
  machine = undefined;
}

beforeAll(async () => {
  if (port === undefined) return;
  home = mkdtempSync(join(tmpdir(), "drydock-clients-"));
  const child = spawn("npm", ["run", "-s", "machine", "--", "--serve", String(port)], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  machine = child;
  process.once("exit", stop);
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes("DOCKER_HOST=")) resolve();
    });
    child.on("exit", (status) => reject(new Error(`the machine ended with ${status}: ${said}`)));
  });
}, 180_000);

afterAll(() => {
  stop();
  process.removeListener("exit", stop);
  if (home !== "") rmSync(home, { recursive: true, force: true });
});

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

function run(command: string, args: readonly string[], input = ""): Promise<Ended> {
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: home,
    TZ: "UTC",
    TERM: "xterm",
    DOCKER_BUILDKIT: "0",
    DOCKER_HOST: `tcp://127.0.0.1:${port}`,
  };
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd: home, env, encoding: "utf8", timeout: 30_000 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : 128;
      resolve({ stdout, stderr, status });
    });
    child.stdin?.end(input);
  });
}

const docker = (...args: string[]): Promise<Ended> => run("docker", args);

/** What a client is told on its standard output by a command that succeeds. */
async function told(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await docker(...args);
  expect({ args, stderr, status }).toEqual({ args, stderr: "", status: 0 });
  return stdout;
}

/** On a terminal: typed text in, shown text out. */
const onTerminal = (line: string, typed: string): Promise<Ended> => run("script", ["-qec", line, "/dev/null"], typed);

const ID = /^[0-9a-f]{64}\n$/;

describe.skipIf(!cli || port === undefined)("the docker CLI", () => {
  test("knows the engine's version and pulls an image", async () => {
    expect(await told("version", "--format", "{{.Client.Version}} {{.Server.Version}} {{.Server.APIVersion}}")).toMatch(
      /^28\.\d+\.\d+ 20\.10\.24\S* 1\.\d+\n$/,
    );
    expect(await told("pull", "alpine")).toContain("Status: Downloaded newer image for alpine:latest\n");
    expect(await told("pull", "alpine")).toContain("Status: Image is up to date for alpine:latest\n");
    expect(await told("images", "--format", "{{.Repository}}:{{.Tag}}")).toBe("alpine:latest\n");
    expect(await told("info", "--format", "{{.Driver}} {{.CgroupVersion}} {{.Images}} {{.OSType}}")).toBe("overlay2 2 1 linux\n");
    expect(await told("inspect", "-f", "{{.Os}} {{json .Config.Cmd}}", "alpine")).toBe('linux ["/bin/sh"]\n');
  });

  test("runs containers in the foreground, their status is its own", async () => {
    expect(await docker("run", "--rm", "alpine", "sh", "-c", "echo out; echo err >&2; exit 7")).toEqual({
      stdout: "out\n",
      stderr: "err\n",
      status: 7,
    });
    expect(await run("docker", ["run", "--rm", "-i", "alpine", "cat"], "typed\n")).toEqual({ stdout: "typed\n", stderr: "", status: 0 });
    expect((await docker("run", "--rm", "alpine", "nosuch")).status).toBe(127);
    expect((await docker("run", "--rm", "nosuchimage")).status).toBe(125);
  });

  test("runs a shell on a terminal", async () => {
    const { stdout, status } = await onTerminal("docker run -it --rm alpine sh", "tty; echo $((6*7))\nexit 3\n");
    expect(stdout).toContain("/dev/pts/0\r\n");
    expect(stdout).toContain("42\r\n");
    expect(status).toBe(3);
  });

  test("keeps a container: ps, exec, top, stats, logs -f, cp, diff, stop, rm", async () => {
    expect(
      await told(
        "run",
        "-d",
        "--name",
        "web",
        "-l",
        "tier=front",
        "alpine",
        "sh",
        "-c",
        "for i in 1 2 3; do echo line $i; sleep 0.2; done; sleep 1000",
      ),
    ).toMatch(ID);
    expect(await told("ps", "--format", "{{.Names}} {{.Image}} {{.State}}", "--filter", "label=tier")).toBe("web alpine running\n");
    expect(await docker("exec", "-e", "X=1", "-w", "/tmp", "web", "sh", "-c", "echo $X; pwd; exit 4")).toEqual({
      stdout: "1\n/tmp\n",
      stderr: "",
      status: 4,
    });
    expect((await onTerminal("docker exec -it web tty", "")).stdout).toContain("/dev/pts/0\r\n");
    expect(await told("top", "web", "-o", "pid,comm")).toMatch(/^PID +COMMAND\n\d+ +(sh|sleep)\n/);
    expect(await told("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "web")).toMatch(/^web [12]\n$/);
    await docker("exec", "web", "touch", "/made");
    expect(await told("diff", "web")).toContain("A /made\n");
    writeFileSync(join(home, "file"), "carried\n");
    await docker("cp", "file", "web:/tmp/there");
    await docker("cp", "web:/tmp/there", "back");
    expect(readFileSync(join(home, "back"), "utf8")).toBe("carried\n");
    const follows = docker("logs", "-f", "web");
    await docker("stop", "-t", "0", "web");
    expect(await follows).toEqual({ stdout: "line 1\nline 2\nline 3\n", stderr: "", status: 0 });
    expect(await told("logs", "--tail", "1", "web")).toBe("line 3\n");
    expect(await told("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "web")).toBe("exited 137\n");
    expect(
      await told(
        "events",
        "--since",
        "10m",
        "--until",
        "0s",
        "--filter",
        "container=web",
        "--filter",
        "event=die",
        "--format",
        "{{.Action}} {{.Actor.Attributes.exitCode}}",
      ),
    ).toBe("die 137\n");
    expect(await told("rm", "web")).toBe("web\n");
  });

  test("joins containers by networks and volumes", async () => {
    expect(await told("network", "create", "net")).toMatch(ID);
    expect(await told("volume", "create", "vol")).toBe("vol\n");
    await told(
      "run",
      "-d",
      "--name",
      "server",
      "--network",
      "net",
      "-v",
      "vol:/data",
      "alpine",
      "sh",
      "-c",
      "echo kept > /data/f; sleep 1000",
    );
    expect((await docker("run", "--rm", "--network", "net", "alpine", "ping", "-c", "1", "-q", "server")).stdout).toContain(
      "1 packets received, 0% packet loss",
    );
    expect(await told("run", "--rm", "-v", "vol:/data:ro", "alpine", "cat", "/data/f")).toBe("kept\n");
    expect(await told("network", "inspect", "-f", "{{range .Containers}}{{.Name}}{{end}}", "net")).toBe("server\n");
    expect(await told("network", "ls", "--format", "{{.Name}}", "--filter", "type=custom")).toBe("net\n");
    expect((await docker("volume", "rm", "vol")).stderr).toMatch(
      /^Error response from daemon: remove vol: volume is in use - \[[0-9a-f]{64}\]\n$/,
    );
    await told("rm", "-f", "server");
    expect(await told("volume", "rm", "vol")).toBe("vol\n");
    expect(await told("network", "rm", "net")).toBe("net\n");
  });

  test("builds, saves and loads an image, and says what all weighs", async () => {
    mkdirSync(join(home, "context"));
    writeFileSync(join(home, "context/Dockerfile"), 'FROM alpine\nRUN echo built > /f\nCOPY g /\nCMD ["cat", "/f", "/g"]\n');
    writeFileSync(join(home, "context/g"), "copied\n");
    const built = await docker("build", "-t", "made", "context");
    expect(built.stdout).toMatch(/Step 2\/4 : RUN echo built > \/f\n[\s\S]*Successfully tagged made:latest\n$/);
    expect(await told("run", "--rm", "made")).toBe("built\ncopied\n");
    await told("save", "-o", "made.tar", "made");
    expect(await told("rmi", "made")).toMatch(/^Untagged: made:latest\n(Deleted: sha256:[0-9a-f]{64}\n)+$/);
    expect(await told("load", "-i", "made.tar")).toBe("Loaded image: made:latest\n");
    expect(await told("run", "--rm", "made")).toBe("built\ncopied\n");
    expect(await told("system", "df", "--format", "{{.Type}} {{.TotalCount}}")).toBe(
      "Images 2\nContainers 0\nLocal Volumes 0\nBuild Cache 0\n",
    );
  });
});

// ── dockerode ────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Stream {
  on(event: "data" | "end" | "error", listener: (bytes: Buffer) => void): void;
  write(text: string): void;
  end(): void;
}

interface Container {
  readonly id: string;
  attach(options: object): Promise<Stream>;
  start(): Promise<unknown>;
  wait(): Promise<{ readonly StatusCode: number }>;
  logs(options: object): Promise<Buffer>;
  exec(
    options: object,
  ): Promise<{ start(options: object): Promise<Stream>; inspect(): Promise<{ readonly ExitCode: number; readonly Running: boolean }> }>;
  inspect(): Promise<{ readonly State: { readonly Status: string } }>;
  remove(options?: object): Promise<unknown>;
}

interface Dockerode {
  readonly modem: {
    followProgress(stream: Stream, done: (error: Error | null, lines: readonly { readonly status: string }[]) => void): void;
  };
  ping(): Promise<Buffer>;
  pull(name: string): Promise<Stream>;
  createContainer(options: object): Promise<Container>;
  listContainers(options?: object): Promise<readonly { readonly Names: readonly string[]; readonly State: string }[]>;
  getContainer(name: string): Container;
}

const Client = createRequire(import.meta.url)("dockerode") as new (options: object) => Dockerode;

/** All that a stream brings. */
const collect = (stream: Stream): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    stream.on("data", (bytes) => parts.push(bytes));
    stream.on("end", () => resolve(Buffer.concat(parts)));
    stream.on("error", reject);
  });

/** Multiplexed output as its streams' texts: a head of eight bytes before each piece. */
function demultiplex(bytes: Buffer): { stdout: string; stderr: string } {
  const texts = { stdout: "", stderr: "" };
  for (let at = 0; at < bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    texts[bytes[at] === 2 ? "stderr" : "stdout"] += bytes.toString("utf8", at + 8, end);
    at = end;
  }
  return texts;
}

describe.skipIf(port === undefined)("dockerode", () => {
  const client = new Client({ host: "127.0.0.1", port, protocol: "http" });

  test("pulls and follows the progress", async () => {
    expect((await client.ping()).toString()).toBe("OK");
    const stream = await client.pull("alpine:latest");
    const lines = await new Promise<readonly { readonly status: string }[]>((resolve, reject) =>
      client.modem.followProgress(stream, (error, all) => (error === null ? resolve(all) : reject(error))),
    );
    expect(lines.at(-1)?.status).toMatch(/^Status: .* for alpine:latest$/);
  });

  test("creates, attaches to, starts, waits for and removes a container", async () => {
    const container = await client.createContainer({
      name: "rode",
      Image: "alpine",
      Cmd: ["sh", "-c", "read x; echo got $x; echo bad >&2; exit 5"],
      OpenStdin: true,
      StdinOnce: true,
    });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const output = collect(stream);
    await container.start();
    stream.write("it\n");
    stream.end();
    expect(await container.wait()).toEqual({ Error: null, StatusCode: 5 });
    expect(demultiplex(await output)).toEqual({ stdout: "got it\n", stderr: "bad\n" });
    expect(demultiplex(await container.logs({ stdout: true, stderr: true }))).toEqual({ stdout: "got it\n", stderr: "bad\n" });
    expect((await client.listContainers()).length).toBe(0);
    expect(await client.listContainers({ all: true })).toMatchObject([{ Names: ["/rode"], State: "exited" }]);
    await container.remove();
  });

  test("runs a command in a container, and is told what went wrong", async () => {
    const container = await client.createContainer({ name: "rode", Image: "alpine", Cmd: ["sleep", "1000"] });
    await container.start();
    const exec = await container.exec({ Cmd: ["sh", "-c", "cat; exit 6"], AttachStdin: true, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({ hijack: true, stdin: true });
    const output = collect(stream);
    stream.write("through\n");
    stream.end();
    expect(demultiplex(await output)).toEqual({ stdout: "through\n", stderr: "" });
    expect(await exec.inspect()).toMatchObject({ ExitCode: 6, Running: false });
    await expect(client.createContainer({ name: "rode", Image: "alpine" })).rejects.toMatchObject({ statusCode: 409 });
    await expect(client.getContainer("nosuch").inspect()).rejects.toMatchObject({
      statusCode: 404,
      json: { message: "No such container: nosuch" },
    });
    await container.remove({ force: true });
  });
});
