/** Archives as they come from clients and registries: what they are compressed with is found out. moby `pkg/archive`, `pkg/symlink`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { GunzipSource, GzipError } from "../../userland/libc/gzip.ts";
import { O_CLOEXEC, O_RDONLY } from "../../abi/fcntl.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import { open, optional, readlink } from "../../userland/libc/unistd.ts";
import { EINVAL, ENOENT, ENOTDIR } from "../../abi/errno.ts";
import { LayerError } from "../../image/layer.ts";
import { joinClean } from "../../image/path.ts";
import { systemError } from "../errors.ts";
import { pathError } from "./files.ts";

/** Longer than any magic number. */
const PEEK_BYTES = 10;

const startsWith = (bytes: Uint8Array, ...magic: readonly number[]): boolean => magic.every((byte, i) => bytes[i] === byte);

/**
 * The uncompressed bytes of what may be compressed. Errors: systemError for what cannot be read.
 * Differs from Linux: only gzip; moby reads bzip2 itself as well, and runs xz(1), which says what ours says where it is not installed.
 */
export function* decompressed(sys: Sys, source: ByteSource): Proc<ByteSource> {
  const head: Uint8Array[] = [];
  let length = 0;
  while (length < PEEK_BYTES) {
    const part = yield* source.read();
    if (part === undefined) break;
    head.push(part.slice());
    length += part.length;
  }
  const start = new Uint8Array(length);
  let at = 0;
  for (const part of head) {
    start.set(part, at);
    at += part.length;
  }
  const whole = prefixed(start, source);
  if (startsWith(start, 0x1f, 0x8b, 0x08)) return gunzipped(sys, whole);
  if (startsWith(start, 0x42, 0x5a, 0x68)) throw systemError("bzip2 data invalid: decompression is not supported in Drydock");
  if (startsWith(start, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) throw systemError('exec: "xz": executable file not found in $PATH');
  return whole;
}

function prefixed(start: Uint8Array, source: ByteSource): ByteSource {
  let first = start.length > 0;
  return {
    *read() {
      if (!first) return yield* source.read();
      first = false;
      return start;
    },
  };
}

function gunzipped(sys: Sys, source: ByteSource): ByteSource {
  const inner = new GunzipSource(sys, source);
  return {
    *read() {
      try {
        return yield* inner.read();
      } catch (e) {
        if (e instanceof GzipError) throw new LayerError(GO_GZIP[e.kind]);
        throw e;
      }
    },
  };
}

/** Go's words for what gzip(1) says otherwise. */
const GO_GZIP: Readonly<Record<GzipError["kind"], string>> = {
  format: "gzip: invalid header",
  eof: "unexpected EOF",
  crc: "gzip: invalid checksum",
  length: "gzip: invalid checksum",
  data: "flate: corrupt input before offset",
};

const CHUNK_BYTES = 32 * 1024;

/** A file as a source; close() it. Errors: systemError `open …: no such file or directory`. */
export function* openSource(sys: Sys, path: string): Proc<ByteSource & { readonly sizeBytes: number; close(): Proc<void> }> {
  const fd = yield* pathError("open", path, open(sys, path, O_RDONLY | O_CLOEXEC));
  const { size } = yield* sys.fstat(fd);
  const buffer = new Uint8Array(CHUNK_BYTES);
  return {
    sizeBytes: size,
    *read() {
      const n = yield* pathError("read", path, sys.read(fd, buffer));
      return n === 0 ? undefined : buffer.subarray(0, n);
    },
    close: () => sys.close(fd),
  };
}

const MAX_LINKS = 255;

/** Where `path` leads to below `base`, taking `base` for the root whatever symbolic links say. Errors: systemError for a path out of it. */
export function* pathInScope(sys: Sys, base: string, path: string): Proc<string> {
  const joined = joinClean(base, path);
  if (joined !== base && !joined.startsWith(`${base}/`)) throw systemError(`evalSymlinksInScope: ${joined} is not in ${base}`);
  const todo = path.split("/").reverse();
  const parts: string[] = [];
  let links = 0;
  while (todo.length > 0) {
    const part = todo.pop();
    if (part === undefined || part === "" || part === ".") continue;
    if (part === "..") {
      parts.pop();
      continue;
    }
    const target = yield* optional(readlink(sys, `${base}/${[...parts, part].join("/")}`), [EINVAL, ENOENT, ENOTDIR]);
    if (target === undefined) parts.push(part);
    else {
      if (++links > MAX_LINKS) throw systemError(`evalSymlinksInScope: too many links in ${base}/${path}`);
      if (target.startsWith("/")) parts.length = 0;
      todo.push(...target.split("/").reverse());
    }
  }
  return parts.length === 0 ? base : `${base}/${parts.join("/")}`;
}
