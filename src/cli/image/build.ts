/**
 * `docker build` in the classic manner: the context goes to the daemon as a tar archive, the daemon tells of its steps. Real counterparts: docker/cli
 * `cli/command/image/build.go`, `build/context.go`. Left out: contexts that are URLs (of archives and of git).
 */

import { ENOENT, Errno } from "../../abi/errno.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { parseDockerignore, PatternError, PatternMatcher } from "../../builder/dockerignore.ts";
import { parseNormalizedNamed } from "../../image/reference.ts";
import { GzipSink } from "../../userland/libc/gzip.ts";
import { canonicalize } from "../../userland/libc/realpath.ts";
import { Input } from "../../userland/libc/stdio.ts";
import type { ByteSink } from "../../userland/libc/stream.ts";
import { emptyEntry, TarWriter } from "../../userland/libc/tar.ts";
import { lstat, optional, readFile, readText, stat, unlink, writeFile } from "../../userland/libc/unistd.ts";
import { TreeArchiver } from "../archive.ts";
import type { Cli } from "../cli.ts";
import { defineCommand, exactly, type Invocation } from "../command.ts";
import { CliError } from "../errors.ts";
import { absolutePath } from "../files.ts";
import { bool, bytes, custom, type Flags, int, list, string, strings } from "../flags.ts";
import { humanSize } from "../format/units.ts";
import { toRecord } from "../opts/keyvalue.ts";
import { parseUlimit } from "../opts/ulimit.ts";
import { checkEnv, checkExtraHost, checkLabel } from "../opts/validate.ts";
import { showProgress } from "./progress.ts";

function checkTag(text: string): string {
  parseNormalizedNamed(text, "client");
  return text;
}

const flags = {
  "add-host": list('Add a line to /etc/hosts of the build ("host:ip")', { check: checkExtraHost }),
  "build-arg": list("Set variables of the build", { check: checkEnv }),
  "cache-from": strings("Images to take cached steps from"),
  "cgroup-parent": string('The cgroup to put those of "RUN" below'),
  compress: bool("Compress the context by gzip"),
  "cpu-period": int("Length of the period that --cpu-quota refers to, in microseconds"),
  "cpu-quota": int("CPU time within each period, in microseconds"),
  "cpu-shares": int("CPU shares, relative to others", { short: "c" }),
  "cpuset-cpus": string("CPUs to run on (0-3, 0,1)"),
  "cpuset-mems": string("Memory nodes to use (0-3, 0,1)"),
  "disable-content-trust": bool("Skip the verification of signatures", { default: true }),
  file: string('Name of the Dockerfile ("PATH/Dockerfile" unless given)', { short: "f" }),
  "force-rm": bool("Remove intermediate containers in any case"),
  iidfile: string("Write the image's ID to this file"),
  isolation: string("Technology of isolation"),
  label: list("Set metadata of the image", { check: checkLabel }),
  memory: bytes("Memory limit", { short: "m" }),
  "memory-swap": bytes("Limit of memory and swap together: -1 for unlimited swap", { unlimited: true }),
  network: string("Network of the RUN instructions", { default: "default" }),
  "no-cache": bool("Take nothing from the cache"),
  platform: string("Platform of the image, where the server has several"),
  pull: bool("Look for a newer version of the base image"),
  quiet: bool("Print nothing but the image's ID at the end", { short: "q" }),
  rm: bool("Remove intermediate containers after a successful build", { default: true }),
  "security-opt": strings("Security options"),
  "shm-size": bytes('Size of "/dev/shm"'),
  squash: bool("Make one layer of all new ones", { only: "experimental" }),
  tag: list('Name and maybe tag of the image ("name:tag")', { short: "t", check: checkTag }),
  target: string("The stage to stop at"),
  ulimit: custom("ulimit", "Resource limits", parseUlimit, { shown: "[]" }),
} satisfies Flags;

type Values = Invocation<typeof flags>["o"];

/** What is sent: how to write it, and the name of the Dockerfile in it. */
interface Context {
  readonly dockerfile: string;
  readonly write: (sink: ByteSink) => Proc<void>;
}

const DOCKERFILE = "Dockerfile";
const DOCKERIGNORE = ".dockerignore";

/** The Dockerfile's path in the context; it begins with `..` where it lies outside. Errors: CliError. */
function* relativeDockerfile(cli: Cli, dir: string, name: string): Proc<string> {
  if (name === "-") return name;
  let path = name === "" ? `${dir}/${DOCKERFILE}` : yield* absolutePath(cli.sys, name);
  if (name === "" && (yield* optional(lstat(cli.sys, path))) === undefined) {
    const lower = `${dir}/${DOCKERFILE.toLowerCase()}`;
    if ((yield* optional(lstat(cli.sys, lower))) !== undefined) path = lower;
  }
  try {
    path = yield* canonicalize(cli.sys, path, "existing");
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new CliError(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat ${path}: ${e.message.toLowerCase()}`,
    );
  }
  return path === dir || path.startsWith(`${dir === "/" ? "" : dir}/`) ? path.slice(dir === "/" ? 1 : dir.length + 1) : `../${path}`;
}

/** The patterns of .dockerignore; the Dockerfile and .dockerignore itself are sent in any case. */
function* ignored(cli: Cli, dir: string, dockerfile: string): Proc<PatternMatcher> {
  const text = yield* optional(readText(cli.sys, `${dir}/.dockerignore`), [ENOENT]);
  const patterns = text === undefined ? [] : parseDockerignore(text);
  const keep = new PatternMatcher(patterns);
  const kept = [".dockerignore", ...(dockerfile === "-" ? [] : [dockerfile])]
    .filter((name) => keep.matches(name))
    .map((name) => `!${name}`);
  return new PatternMatcher([...patterns, ...kept]);
}

/** A directory as a context. Errors: CliError. */
function* directoryContext(cli: Cli, given: string, name: string): Proc<Context> {
  const { sys } = cli;
  const dir = yield* canonicalize(sys, given, "existing");
  if (!isDir((yield* stat(sys, dir)).mode)) throw new CliError(`unable to prepare context: context must be a directory: ${dir}`);
  const dockerfile = yield* relativeDockerfile(cli, dir, name);
  let matcher: PatternMatcher;
  try {
    matcher = yield* ignored(cli, dir, dockerfile);
  } catch (e) {
    if (e instanceof PatternError) throw new CliError(`error checking context: ${e.message}`);
    throw e;
  }
  // One that is not in the context is sent along under a name of its own.
  const outside = dockerfile === "-" || dockerfile.startsWith("../");
  const added = outside ? `.dockerfile.${(yield* sys.getpid()).toString(16).padStart(20, "0")}` : dockerfile;
  const content = outside
    ? dockerfile === "-"
      ? yield* new Input(sys, 0).readAll()
      : yield* readFile(sys, dockerfile.slice(3))
    : undefined;
  return {
    dockerfile: added,
    *write(sink) {
      const writer = new TarWriter(sink, "pax");
      const wanted = (path: string, directory: boolean): "yes" | "no" | "below" => {
        if (content !== undefined && path === DOCKERIGNORE) return "no";
        if (!matcher.matches(path)) return "yes";
        return directory && matcher.hasExclusions ? "below" : "no";
      };
      yield* new TreeArchiver(sys, writer, { wanted, rootOwned: true }).add(dir, "");
      if (content !== undefined) {
        yield* addFile(writer, added, content);
        // COPY is not to see what was not there.
        const patterns = (yield* optional(readText(sys, `${dir}/${DOCKERIGNORE}`), [ENOENT])) ?? "";
        yield* addFile(writer, DOCKERIGNORE, encodeUtf8(`${patterns}\n${DOCKERIGNORE}\n${added}\n`));
      }
      yield* writer.end(512);
    },
  };
}

function* addFile(writer: TarWriter, name: string, content: Uint8Array): Proc<void> {
  yield* writer.entry({ ...emptyEntry, name, mode: 0o600, size: content.length });
  yield* writer.write(content);
}

const isArchive = (head: Uint8Array): boolean =>
  (head[0] === 0x1f && head[1] === 0x8b) || new TextDecoder().decode(head.subarray(257, 262)) === "ustar";

/** Standard input as a context: an archive, or a Dockerfile alone. Errors: CliError. */
function* stdinContext(cli: Cli, name: string): Proc<Context> {
  const all = yield* new Input(cli.sys, 0).readAll();
  if (isArchive(all)) return { dockerfile: name, write: (sink) => sink.write(all) };
  if (name === "-") throw new CliError("unable to prepare context: build context is not an archive");
  if (name !== "")
    throw new CliError("unable to prepare context: ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  return {
    dockerfile: DOCKERFILE,
    *write(sink) {
      const writer = new TarWriter(sink, "pax");
      yield* addFile(writer, DOCKERFILE, all);
      yield* writer.end(512);
    },
  };
}

function* contextOf(cli: Cli, given: string, name: string): Proc<Context> {
  if (given === "-") return yield* stdinContext(cli, name);
  if ((yield* optional(stat(cli.sys, given))) !== undefined) return yield* directoryContext(cli, given, name);
  if (/^(https?|git|ssh):\/\/|^(git@|github\.com\/)/.test(given))
    throw new CliError(`not supported in Drydock: a build context at ${given}`);
  throw new CliError(`unable to prepare context: path ${JSON.stringify(given)} not found`);
}

/** Variables whose value is taken from the client's environment where they have none; null where that has none either. */
function buildArguments(cli: Cli, given: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    given.map((text): [string, string | null] => {
      const at = text.indexOf("=");
      return at < 0 ? [text, cli.env.get(text) ?? null] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function queryOf(cli: Cli, o: Values, dockerfile: string): Record<string, string | number | boolean | readonly string[] | undefined> {
  return {
    t: o.tag,
    securityopt: o["security-opt"],
    extrahosts: o["add-host"],
    q: o.quiet,
    nocache: o["no-cache"],
    rm: o.rm ? undefined : "0",
    forcerm: o["force-rm"],
    pull: o.pull,
    squash: o.squash,
    isolation: o.isolation,
    cpusetcpus: o["cpuset-cpus"],
    networkmode: o.network,
    cpusetmems: o["cpuset-mems"],
    cpushares: o["cpu-shares"] || undefined,
    cpuquota: o["cpu-quota"] || undefined,
    cpuperiod: o["cpu-period"] || undefined,
    memory: o.memory || undefined,
    memswap: o["memory-swap"] || undefined,
    cgroupparent: o["cgroup-parent"],
    shmsize: o["shm-size"] || undefined,
    dockerfile,
    target: o.target,
    ulimits: JSON.stringify(o.ulimit),
    buildargs: JSON.stringify(buildArguments(cli, o["build-arg"])),
    labels: JSON.stringify(toRecord(o.label)),
    cachefrom: JSON.stringify(o["cache-from"]),
    platform: o.platform.toLowerCase(),
    version: "1",
  };
}

/** Counts what goes by. */
class Counter implements ByteSink {
  bytes = 0;
  constructor(private readonly sink: ByteSink) {}

  *write(part: Uint8Array): Proc<void> {
    this.bytes += part.length;
    yield* this.sink.write(part);
  }
}

export const build = defineCommand({
  use: "build [OPTIONS] PATH | URL | -",
  short: "Build an image from a Dockerfile",
  aliases: ["docker image build", "docker build", "docker builder build"],
  args: exactly(1),
  flags,
  topic: "common",
  completes: "files",
  *run({ cli, o, args }) {
    const given = args[0] as string;
    if (!o["disable-content-trust"]) throw new CliError("not supported in Drydock: content trust");
    if (given === "-" && o.file === "-") throw new CliError("invalid argument: can't use stdin for both build context and dockerfile");
    if (o.iidfile !== "") yield* optional(unlink(cli.sys, o.iidfile));
    const context = yield* contextOf(cli, given, o.file);
    const client = yield* cli.client();
    let sending = "";
    const { body } = yield* client.request("POST", "/build", {
      query: queryOf(cli, o, context.dockerfile),
      headers: { "X-Registry-Config": "e30=" },
      stream: {
        type: "application/x-tar",
        *write(sink) {
          sending = yield* sendContext(cli, context, o, sink);
        },
      },
    });
    let id = "";
    let said = o.quiet ? sending : "";
    const keep = function* (text: string): Proc<void> {
      said += text;
    };
    try {
      yield* showProgress(cli, body, {
        to: "stdout",
        ...(o.quiet ? { instead: keep } : {}),
        *aux(value) {
          id = (value as { ID?: string }).ID ?? id;
        },
      });
    } catch (e) {
      if (e instanceof CliError) yield* cli.eprint(said);
      throw e;
    }
    if (o.quiet) {
      const answer = said.slice(sending.length);
      id = answer.trim();
      yield* cli.print(answer);
    }
    if (o.iidfile === "") return;
    if (id === "") throw new CliError(`Server did not provide an image ID. Cannot write ${o.iidfile}`);
    yield* writeFile(cli.sys, o.iidfile, encodeUtf8(id));
  },
});

/** Returns what was said of it, or would have been. */
function* sendContext(cli: Cli, context: Context, o: Values, sink: ByteSink): Proc<string> {
  const compressed = o.compress ? new GzipSink(cli.sys, sink) : undefined;
  const counter = new Counter(compressed ?? sink);
  yield* context.write(counter);
  if (compressed !== undefined) yield* compressed.finish();
  const line = `Sending build context to Docker daemon ${humanSize(counter.bytes).padStart(8)}`;
  const text = `${line}\r\r\n`;
  if (!o.quiet) yield* cli.print(text);
  return text;
}
