/**
 * The files of a build: the archive that the client sends, unpacked in /var/lib/docker/tmp, and the Dockerfile in it. moby `builder/remotecontext`.
 * Left out: contexts out of git.
 */

import { EISDIR, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { parseDockerignore, PatternError, PatternMatcher } from "../../builder/dockerignore.ts";
import { DockerfileError, type Dockerfile } from "../../builder/parser/node.ts";
import { parseDockerfile } from "../../builder/parser/parse.ts";
import { applyLayer, LayerError } from "../../image/layer.ts";
import { joinClean } from "../../image/path.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import { optional, readText, stat, unlink } from "../../userland/libc/unistd.ts";
import type { Daemon } from "../daemon.ts";
import { invalidParameter, systemError } from "../errors.ts";
import { makeDirs, removeAll } from "../files.ts";
import { decompressed } from "../images/archive.ts";
import { get, readText as readAnswer } from "../images/registry/http-client.ts";
import { pathInRoot } from "../rootfs-path.ts";
import { FileHashes } from "./file-hash.ts";

const DEFAULT_DOCKERFILE = "Dockerfile";

/** Files that COPY and ADD take: of the context, of an image, or one that was downloaded. */
export class Source {
  readonly hashes: FileHashes;

  constructor(
    private readonly sys: Sys,
    readonly root: string,
  ) {
    this.hashes = new FileHashes(sys, root);
  }

  /** Where `path` is, its links taken as if the source were all there is. Errors: systemError for what lies outside. */
  *resolve(path: string): Proc<string> {
    const joined = joinClean(this.root, path);
    if (joined !== this.root && !joined.startsWith(`${this.root}/`))
      throw systemError(`forbidden path outside the build context: ${path} ()`);
    return yield* pathInRoot(this.sys, this.root, path);
  }
}

/** What a build begins with; close() it. */
export interface BuildContext {
  /** Undefined for a Dockerfile alone. */
  readonly source: Source | undefined;
  readonly dockerfile: Dockerfile;
  close(): Proc<void>;
}

/** Reads the body of the request, or what `remote` names. Errors: systemError, invalidParameter. Blocks. */
export function* openContext(daemon: Daemon, body: ByteSource, remote: string, name: string): Proc<BuildContext> {
  if (remote === "") return yield* archiveContext(daemon, body, name);
  if (!/^https?:\/\//.test(remote)) throw systemError(`remoteURL (${remote}) could not be recognized as URL`);
  const answer = yield* get(daemon.sys, remote);
  if (!(answer.headers.get("Content-Type") ?? "").startsWith("text/plain")) {
    try {
      return yield* archiveContext(daemon, answer.body, name);
    } finally {
      yield* answer.close();
    }
  }
  return { source: undefined, dockerfile: parse(yield* readAnswer(answer), remote), *close() {} };
}

function* archiveContext(daemon: Daemon, archive: ByteSource, name: string): Proc<BuildContext> {
  const { sys } = daemon;
  const root = `${daemon.config.root}/tmp/docker-builder${Number.parseInt(yield* daemon.randomHex(4), 16)}`;
  yield* makeDirs(sys, root, 0o700);
  let done = false;
  try {
    try {
      yield* applyLayer(sys, yield* decompressed(sys, archive), root, { whiteouts: "literal" });
    } catch (e) {
      throw e instanceof LayerError ? systemError(e.message) : e;
    }
    const source = new Source(sys, root);
    const dockerfile = yield* readDockerfile(sys, source, name);
    done = true;
    return { source, dockerfile, close: () => removeAll(sys, root) };
  } finally {
    if (!done) yield* removeAll(sys, root);
  }
}

function* readDockerfile(sys: Sys, source: Source, name: string): Proc<Dockerfile> {
  const text = yield* textOf(sys, source, name);
  if (text === undefined) {
    const lower = name.toLowerCase();
    if (name === DEFAULT_DOCKERFILE && (yield* optional(stat(sys, yield* source.resolve(lower)))) !== undefined)
      return yield* readDockerfile(sys, source, lower);
    throw systemError(`Cannot locate specified Dockerfile: ${name}`);
  }
  if (text === "") throw systemError(`the Dockerfile (${name}) cannot be empty`);
  const dockerfile = parse(text, name);
  yield* removeIgnored(sys, source, name);
  return dockerfile;
}

function* textOf(sys: Sys, source: Source, name: string): Proc<string | undefined> {
  const path = yield* source.resolve(name);
  const found = yield* optional(stat(sys, path), [ENOENT, ENOTDIR]);
  if (found === undefined) return undefined;
  if (isDir(found.mode)) throw systemError(`unexpected error reading Dockerfile: read ${path}: ${EISDIR.message.toLowerCase()}`);
  return yield* readText(sys, path);
}

/** The classic builder knows no here-documents. Errors: systemError. */
function parse(text: string, name: string): Dockerfile {
  try {
    return parseDockerfile(text, { heredocs: false });
  } catch (e) {
    if (e instanceof DockerfileError) throw systemError(`failed to parse ${name}: ${e.message}`);
    throw e;
  }
}

/** The client sends both in any case; where .dockerignore names them, COPY is not to see them. */
function* removeIgnored(sys: Sys, source: Source, dockerfile: string): Proc<void> {
  const text = yield* optional(readText(sys, `${source.root}/.dockerignore`), [ENOENT, EISDIR]);
  if (text === undefined) return;
  try {
    const matcher = new PatternMatcher(parseDockerignore(text));
    for (const name of [".dockerignore", dockerfile])
      if (matcher.matches(name)) yield* optional(unlink(sys, yield* source.resolve(name)), [ENOENT, EISDIR]);
  } catch (e) {
    if (e instanceof PatternError) throw invalidParameter(e.message);
    throw e;
  }
}
