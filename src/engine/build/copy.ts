/**
 * COPY and ADD: which files are meant, what they are cached by, and how they get into a layer. moby `builder/dockerfile/copy.go`, `internals.go`. Copying goes
 * through archives that docker-untar unpacks, so that no link in an image leads out of it.
 */

import { EEXIST, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../../abi/fcntl.ts";
import { isDir } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { applyLayer, LayerError, packLayer, packOne } from "../../image/layer.ts";
import { cleanPath } from "../../image/path.ts";
import { TarError, TarReader } from "../../userland/libc/tar.ts";
import { basename, dirname, lstat, mkdir, optional, readText, stat } from "../../userland/libc/unistd.ts";
import { EngineError, isFailure, systemError, withContext } from "../errors.ts";
import { decompressed, openSource } from "../images/archive.ts";
import { piped } from "../images/byte-pipe.ts";
import { namesIn } from "../images/files.ts";
import { pathInRoot } from "../rootfs-path.ts";
import type { Source } from "./context.ts";
import { hashOfHashes } from "./file-hash.ts";
import { hasWildcards, patternRegex } from "./pattern.ts";

/** One thing to be copied. */
export interface CopyItem {
  readonly source: Source;
  /** In the source. */
  readonly path: string;
  /** `file:…`, `dir:…`, or bare for what was downloaded. */
  readonly hash: string;
  /** It is copied as it is, archive or not. */
  readonly asItIs?: boolean;
}

/** For cache and history: one item's hash, or that of all together. */
export function hashOfItems(items: readonly CopyItem[]): string {
  const [first] = items;
  return items.length === 1 && first !== undefined
    ? first.hash
    : hashOfHashes(
        "multi",
        items.map(({ hash }) => hash),
      );
}

/** What a word of COPY or ADD names. `isContext`: the words of the error say so. Errors: systemError. Blocks. */
export function* findItems(sys: Sys, source: Source, word: string, isContext: boolean): Proc<CopyItem[]> {
  const path = word.replace(/^\//, "").replace(/^\.\//, "");
  if (!hasWildcards(path)) return [yield* itemAt(sys, source, path, isContext)];
  const found: CopyItem[] = [];
  yield* matching(sys, source, "", patternRegex(path), path.split("/").length, isContext, found);
  return found;
}

function* matching(
  sys: Sys,
  source: Source,
  dir: string,
  pattern: RegExp,
  depth: number,
  isContext: boolean,
  found: CopyItem[],
): Proc<void> {
  for (const name of yield* namesIn(sys, dir === "" ? source.root : `${source.root}/${dir}`)) {
    const path = dir === "" ? name : `${dir}/${name}`;
    if (pattern.test(path)) found.push(yield* itemAt(sys, source, path, isContext));
    if (depth > 1 && isDir((yield* lstat(sys, `${source.root}/${path}`)).mode))
      yield* matching(sys, source, path, pattern, depth - 1, isContext, found);
  }
}

function* itemAt(sys: Sys, source: Source, path: string, isContext: boolean): Proc<CopyItem> {
  const full = yield* source.resolve(path);
  const found = yield* optional(stat(sys, full), [ENOENT, ENOTDIR]);
  if (found === undefined) {
    const where = isContext ? "file not found in build context or excluded by .dockerignore: " : "";
    throw systemError(`${where}stat ${path}: file does not exist`);
  }
  const hash = isDir(found.mode) ? yield* source.hashes.tree(full) : `file:${yield* source.hashes.file(full)}`;
  return { source, path, hash };
}

// ── Copying ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Copying {
  /** Where the layer is mounted. */
  readonly root: string;
  /** Absolute; a slash at its end means a directory. */
  readonly dest: string;
  /** Undefined: as in the source. */
  readonly owner: Owner | undefined;
  /** ADD. */
  readonly unpack: boolean;
}

/** Errors: systemError `failed to copy files: …`. Blocks. */
export function* copyItem(sys: Sys, item: CopyItem, copying: Copying): Proc<void> {
  try {
    yield* copyOne(sys, item, copying);
  } catch (e) {
    if (e instanceof LayerError) throw systemError(`failed to copy files: ${e.message}`);
    if (!isFailure(e)) throw e;
    throw systemError(withContext("failed to copy files", e).message);
  }
}

function* copyOne(sys: Sys, item: CopyItem, { root, dest, owner, unpack }: Copying): Proc<void> {
  const from = yield* item.source.resolve(item.path);
  let to = yield* pathInRoot(sys, root, dest);
  const there = yield* statOf(sys, to);
  if (isDir((yield* stat(sys, from)).mode)) return yield* copyDirectory(sys, from, to, there === "directory", owner);
  if (unpack && item.asItIs !== true && (yield* isArchive(sys, from))) {
    yield* makeOwnedDirs(sys, to, { uid: 0, gid: 0 });
    return yield* unpackInto(sys, from, to);
  }
  if (dest.endsWith("/") || there === "directory") to = cleanPath(`${to}/${basename(item.path)}`);
  try {
    yield* makeOwnedDirs(sys, dirname(to), owner ?? { uid: 0, gid: 0 });
  } catch (e) {
    if (!isFailure(e)) throw e;
    throw withContext("failed to create new directory", e);
  }
  yield* piped(
    sys,
    (sink) => packOne(sys, from, basename(to), sink),
    (source) => applyLayer(sys, source, dirname(to), { whiteouts: "literal" }),
  );
  if (owner !== undefined) yield* chown(sys, to, owner);
}

function* statOf(sys: Sys, path: string): Proc<"directory" | "other" | undefined> {
  try {
    return isDir((yield* lstat(sys, path)).mode) ? "directory" : "other";
  } catch (e) {
    if (e === ENOENT) return undefined;
    if (e === ENOTDIR) throw systemError(`lstat ${path}: not a directory`);
    throw e;
  }
}

function* copyDirectory(sys: Sys, from: string, to: string, existed: boolean, owner: Owner | undefined): Proc<void> {
  try {
    yield* makeOwnedDirs(sys, to, { uid: 0, gid: 0 });
    yield* piped(
      sys,
      (sink) => packLayer(sys, from, sink, { whiteouts: "literal" }),
      (source) => applyLayer(sys, source, to, { whiteouts: "literal" }),
    );
  } catch (e) {
    if (e instanceof LayerError) throw systemError(`failed to copy directory: ${e.message}`);
    if (!isFailure(e)) throw e;
    throw withContext("failed to copy directory", e);
  }
  if (owner === undefined) return;
  if (!existed) yield* chown(sys, to, owner);
  yield* chownBelow(sys, from, to, owner);
}

const chown = (sys: Sys, path: string, { uid, gid }: Owner): Proc<void> => sys.fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);

/** What was copied, and nothing else that is there. */
function* chownBelow(sys: Sys, from: string, to: string, owner: Owner): Proc<void> {
  for (const name of yield* namesIn(sys, from)) {
    yield* optional(chown(sys, `${to}/${name}`, owner));
    if (isDir((yield* lstat(sys, `${from}/${name}`)).mode)) yield* chownBelow(sys, `${from}/${name}`, `${to}/${name}`, owner);
  }
}

/** mkdir -p; new directories belong to `owner`. Errors: systemError. */
function* makeOwnedDirs(sys: Sys, path: string, owner: Owner): Proc<void> {
  const parts = cleanPath(path).split("/").slice(1);
  for (let i = 1; i <= parts.length; i++) {
    const dir = `/${parts.slice(0, i).join("/")}`;
    const found = yield* optional(stat(sys, dir), [ENOENT]);
    if (found !== undefined) {
      if (!isDir(found.mode)) throw systemError(`mkdir ${dir}: not a directory`);
      continue;
    }
    yield* optional(mkdir(sys, dir, 0o755), [EEXIST]);
    yield* chown(sys, dir, owner);
  }
}

/** A tar archive, maybe compressed, with at least one entry. */
function* isArchive(sys: Sys, path: string): Proc<boolean> {
  const file = yield* openSource(sys, path);
  try {
    return (yield* new TarReader(yield* decompressed(sys, file)).next()) !== undefined;
  } catch (e) {
    if (e instanceof TarError || e instanceof LayerError || e instanceof EngineError) return false;
    throw e;
  } finally {
    yield* file.close();
  }
}

function* unpackInto(sys: Sys, path: string, dir: string): Proc<void> {
  const file = yield* openSource(sys, path);
  try {
    yield* applyLayer(sys, yield* decompressed(sys, file), dir, { whiteouts: "literal" });
  } finally {
    yield* file.close();
  }
}

/** `--chown`, looked up in the image's own /etc/passwd and /etc/group. Errors: systemError. */
export function* ownerOf(sys: Sys, root: string, text: string): Proc<Owner> {
  const [user = "", group = user, ...more] = text.split(":");
  const wrong = (why: string): EngineError => systemError(`unable to convert uid/gid chown string to host mapping: ${why}`);
  if (more.length > 0) throw wrong(`invalid chown string format: ${text}`);
  const lookUp = function* (name: string, file: string, kind: "user" | "group"): Proc<number> {
    if (/^[+-]?\d+$/.test(name)) return Number(name);
    const what = `can't find ${kind === "user" ? "uid" : "gid"} for ${kind} ${name}: `;
    const entries = yield* optional(readText(sys, yield* pathInRoot(sys, root, file)));
    if (entries === undefined) throw wrong(`${what}open ${root}${file}: no such file or directory`);
    const found = entries.split("\n").find((line) => line.split(":")[0] === name);
    if (found === undefined) throw wrong(`${what}no such ${kind}: ${name}`);
    return Number(found.split(":")[2]);
  };
  return { uid: yield* lookUp(user, "/etc/passwd", "user"), gid: yield* lookUp(group, "/etc/group", "group") };
}
