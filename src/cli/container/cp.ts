/** `docker cp`: between a container and here, as tar archives. Real counterparts: docker/cli `cli/command/container/cp.go`, moby/go-archive `copy.go`. */

import { Errno } from "../../abi/errno.ts";
import { isDir, isLnk, isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { ContainerPathStat } from "../../engine/api/container.ts";
import { canonicalize } from "../../userland/libc/realpath.ts";
import { Input } from "../../userland/libc/stdio.ts";
import type { ByteSink, ByteSource } from "../../userland/libc/stream.ts";
import { TarWriter } from "../../userland/libc/tar.ts";
import { dirname, lstat, optional, readlink, stat } from "../../userland/libc/unistd.ts";
import { extract, TreeArchiver } from "../archive.ts";
import { decodeBase64 } from "../base64.ts";
import type { Cli } from "../cli.ts";
import { defineCommand, exactly } from "../command.ts";
import { ApiError, CliError } from "../errors.ts";
import { absolutePath, cleanPath } from "../files.ts";
import { bool } from "../flags.ts";
import { humanSize } from "../format/units.ts";
import { copyAll } from "../stdcopy.ts";

/** Go's os.FileMode. */
const GO_DIR = 2 ** 31;
const GO_SYMLINK = 2 ** 27;
const hasMode = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

/** One end of the copy. */
interface End {
  readonly path: string;
  readonly exists: boolean;
  readonly directory: boolean;
}

const endsInSlash = (path: string): boolean => path.endsWith("/");
const meansContents = (path: string): boolean => path === "." || path.endsWith("/.");

/** The cleaned path, still with what says that it is a directory, or its contents. */
function keepTrailing(clean: string, original: string): string {
  if (meansContents(original) && !meansContents(clean)) return `${clean === "/" ? "" : clean}/.`;
  return endsInSlash(original) && !endsInSlash(clean) ? `${clean}/` : clean;
}

function splitEntry(path: string): [dir: string, base: string] {
  const clean = cleanPath(path);
  if (meansContents(path)) return [clean, "."];
  return [dirname(clean), clean === "/" ? "/" : clean.slice(clean.lastIndexOf("/") + 1)];
}

/** `container:path`; the container is empty for a path here. */
function splitArgument(text: string): [container: string, path: string] {
  if (text.startsWith("/")) return ["", text];
  const colon = text.indexOf(":");
  return colon < 0 || text.startsWith(".") ? ["", text] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** Where an archive of `source` is unpacked, and how its first name changes. Errors: CliError. */
function plan(sourceBase: string, sourceIsDir: boolean, target: End): { dir: string; rename: (name: string) => string } {
  if (target.exists && target.directory) return { dir: target.path, rename: (name) => name };
  if (target.exists && sourceIsDir) throw new CliError("cannot copy directory");
  if (!target.exists && !sourceIsDir && (endsInSlash(target.path) || meansContents(target.path))) throw new CliError("no such directory");
  const [dir, base] = splitEntry(target.path);
  const old = sourceBase === "/" ? "" : sourceBase;
  return { dir, rename: (name) => name.replace(old, () => base) };
}

/** The path in the container, as the daemon sees it; undefined where there is none. */
function* containerStat(cli: Cli, container: string, path: string): Proc<ContainerPathStat | undefined> {
  const client = yield* cli.client();
  try {
    const head = yield* client.send("HEAD", `/containers/${container}/archive`, { query: { path } });
    return statOf(head.headers.get("X-Docker-Container-Path-Stat"));
  } catch (e) {
    // An answer to HEAD has no words; the request that follows gets them.
    if (e instanceof ApiError || e instanceof CliError) return undefined;
    throw e;
  }
}

const statOf = (header: string | undefined): ContainerPathStat | undefined =>
  header === undefined ? undefined : (JSON.parse(decodeUtf8(decodeBase64(header))) as ContainerPathStat);

const joinTarget = (path: string, target: string): string =>
  target.startsWith("/") ? target : cleanPath(`${splitEntry(path)[0]}/${target}`);

/** The end here, its links followed. Errors: CliError. */
function* localTarget(cli: Cli, given: string): Proc<End> {
  let path = given;
  for (let n = 0; n <= 10; n++) {
    const found = yield* optional(lstat(cli.sys, path));
    if (found === undefined) {
      const parent = splitEntry(path)[0];
      const above = yield* optional(stat(cli.sys, parent));
      if (above === undefined) throw new CliError(`lstat ${parent}: no such file or directory`);
      if (!isDir(above.mode)) throw new CliError("not a directory");
      return { path, exists: false, directory: false };
    }
    if (!isLnk(found.mode)) return { path, exists: true, directory: isDir(found.mode) };
    path = joinTarget(path, yield* readlink(cli.sys, path));
  }
  throw new CliError(`too many symlinks in ${given}`);
}

/** Errors: CliError where nothing can be written there. */
function* checkOutput(cli: Cli, path: string): Proc<void> {
  const parent = dirname(cleanPath(path));
  if (path !== "" && (yield* optional(stat(cli.sys, parent))) === undefined)
    throw new CliError(`invalid output path: directory ${JSON.stringify(parent)} does not exist`);
  const there = yield* optional(stat(cli.sys, path));
  if (there === undefined || isDir(there.mode) || isReg(there.mode)) return;
  throw new CliError(`invalid output path: ${JSON.stringify(path)} must be a directory or a regular file`);
}

interface Options {
  readonly follow: boolean;
  readonly archive: boolean;
  readonly quiet: boolean;
}

function* fromContainer(cli: Cli, container: string, source: string, target: string, { follow, quiet }: Options): Proc<void> {
  const local = target === "-" ? "-" : keepTrailing(yield* absolutePath(cli.sys, target), target);
  if (local !== "-") yield* checkOutput(cli, local);
  let path = source;
  let renamed: string | undefined;
  if (follow) {
    const found = yield* containerStat(cli, container, source);
    if (found !== undefined && hasMode(found.mode, GO_SYMLINK)) {
      path = keepTrailing(joinTarget(source, found.linkTarget), source);
      if (splitEntry(source)[1] !== splitEntry(path)[1]) renamed = splitEntry(source)[1];
    }
  }
  const client = yield* cli.client();
  const { head, body } = yield* client.request("GET", `/containers/${container}/archive`, { query: { path } });
  const info = statOf(head.headers.get("X-Docker-Container-Path-Stat"));
  if (local === "-") {
    yield* copyAll(body, cli.stdout);
    return;
  }
  const base = splitEntry(path)[1];
  const { dir, rename } = plan(renamed ?? base, info !== undefined && hasMode(info.mode, GO_DIR), yield* localTarget(cli, local));
  const first = (name: string): string => (renamed === undefined ? name : name.replace(base, () => renamed as string));
  let bytes = 0;
  const counted: ByteSource = {
    *read() {
      const part = yield* body.read();
      bytes += part?.length ?? 0;
      return part;
    },
  };
  yield* extract(cli.sys, counted, dir, (name) => rename(first(name)));
  if (!quiet) yield* cli.eprint(`Successfully copied ${humanSize(bytes, 3)} to ${local}\n`);
}

function* toContainer(cli: Cli, container: string, source: string, target: string, options: Options): Proc<void> {
  let found = yield* containerStat(cli, container, target);
  let path = target;
  if (found !== undefined && hasMode(found.mode, GO_SYMLINK)) {
    path = joinTarget(target, found.linkTarget);
    found = yield* containerStat(cli, container, path);
  }
  const end: End = { path, exists: found !== undefined, directory: found !== undefined && hasMode(found.mode, GO_DIR) };
  let dir = end.path;
  let bytes = 0;
  let write: (sink: ByteSink) => Proc<void>;
  if (source === "-") {
    if (!end.directory) throw new CliError(`destination "${container}:${target}" must be a directory`);
    write = (sink) => copyAll(new Input(cli.sys, 0), sink);
  } else {
    const local = keepTrailing(yield* absolutePath(cli.sys, source), source);
    const { resolved, name, directory } = yield* localSource(cli, local, options.follow);
    const planned = plan(name, directory, end);
    dir = planned.dir;
    write = function* (sink) {
      const counting: ByteSink = {
        *write(part) {
          bytes += part.length;
          yield* sink.write(part);
        },
      };
      const writer = new TarWriter(counting, "pax");
      yield* new TreeArchiver(cli.sys, writer).add(resolved, planned.rename(name));
      yield* writer.end(512);
    };
  }
  const client = yield* cli.client();
  yield* client.send("PUT", `/containers/${container}/archive`, {
    query: { path: dir, noOverwriteDirNonDir: "true", copyUIDGID: options.archive ? "true" : undefined },
    stream: { type: "application/x-tar", write },
  });
  if (!options.quiet && source !== "-") yield* cli.eprint(`Successfully copied ${humanSize(bytes, 3)} to ${container}:${path}\n`);
}

/** What is copied from here: where it is, what it is called in the archive. Errors: CliError. */
function* localSource(cli: Cli, path: string, follow: boolean): Proc<{ resolved: string; name: string; directory: boolean }> {
  try {
    const resolved = follow || meansContents(path) || endsInSlash(path) ? yield* canonicalize(cli.sys, path, "existing") : cleanPath(path);
    const { mode } = yield* lstat(cli.sys, resolved);
    if (endsInSlash(path) && !isDir(mode)) throw new CliError(`lstat ${path}: not a directory`);
    return { resolved, name: splitEntry(path)[1], directory: isDir(mode) };
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    throw new CliError(`lstat ${path}: ${e.message.toLowerCase()}`);
  }
}

export const cp = defineCommand({
  use: "cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tdocker cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
  short: "Copy files between a container and the local filesystem",
  long: `Copy files between a container and the local filesystem

As the source, '-' is a tar archive from STDIN that is unpacked
in a directory of the container. As the destination, '-' is
STDOUT, which gets a tar archive of what is in the container.`,
  aliases: ["docker container cp", "docker cp"],
  args: exactly(2),
  flags: {
    archive: bool("Keep user and group ids", { short: "a" }),
    "follow-link": bool("Follow symbolic links in SRC_PATH", { short: "L" }),
    quiet: bool("Do not tell of the progress, as where there is no terminal", { short: "q" }),
  },
  *run({ cli, o, args, given }) {
    const [source, target] = args as [string, string];
    if (source === "") throw new CliError("source can not be empty");
    if (target === "") throw new CliError("destination can not be empty");
    const quiet = given("quiet") ? o.quiet : !(yield* cli.isTerminal(1));
    const options: Options = { follow: o["follow-link"], archive: o.archive, quiet };
    const [from, fromPath] = splitArgument(source);
    const [to, toPath] = splitArgument(target);
    if (from !== "" && to !== "") throw new CliError("copying between containers is not supported");
    if (from !== "") yield* fromContainer(cli, from, fromPath, toPath, options);
    else if (to !== "") yield* toContainer(cli, to, fromPath, toPath, options);
    else throw new CliError("must specify at least one container source");
  },
});
