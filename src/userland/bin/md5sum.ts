/** md5sum(1), sha1sum … sha512sum(1), b2sum(1) of coreutils 9.1, and busybox's: digests of files, and checking them. */

import { blake2b } from "@noble/hashes/blake2.js";
import { md5, sha1 } from "@noble/hashes/legacy.js";
import { sha224, sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { quotef } from "../libc/quotearg.ts";
import { Input } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

/** One running digest, as the hash library has it. */
interface Digest {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

interface Algorithm {
  /** In `--tag` lines and messages. */
  readonly tag: string;
  readonly bits: number;
  readonly create: (bits: number) => Digest;
  readonly nsPerByte: number;
}

const algorithms = {
  md5sum: { tag: "MD5", bits: 128, create: () => md5.create(), nsPerByte: 2 },
  sha1sum: { tag: "SHA1", bits: 160, create: () => sha1.create(), nsPerByte: 2 },
  sha224sum: { tag: "SHA224", bits: 224, create: () => sha224.create(), nsPerByte: 4 },
  sha256sum: { tag: "SHA256", bits: 256, create: () => sha256.create(), nsPerByte: 4 },
  sha384sum: { tag: "SHA384", bits: 384, create: () => sha384.create(), nsPerByte: 3 },
  sha512sum: { tag: "SHA512", bits: 512, create: () => sha512.create(), nsPerByte: 3 },
  b2sum: { tag: "BLAKE2b", bits: 512, create: (bits: number) => blake2b.create({ dkLen: bits / 8 }), nsPerByte: 1 },
} as const satisfies Readonly<Record<string, Algorithm>>;

const usage = (name: string, a: Algorithm): string => `${name} [OPTION]... [FILE]...
Print or check ${a.tag} (${a.bits}-bit) digests. With no FILE, or when FILE is -, read standard input.

  -b, --binary         mark files with * (no other difference)
  -c, --check          read digests from the FILEs and check them${a.tag === "BLAKE2b" ? "\n  -l, --length=BITS    digest length, a multiple of 8" : ""}
      --tag            lines in BSD style
  -t, --text           mark files with a space (default)
  -z, --zero           lines end in a zero byte, and names are not escaped

When checking:
      --ignore-missing  say nothing of files that are missing
      --quiet          no OK lines
      --status         no output: the status tells
      --strict         wrong lines are failures
  -w, --warn           tell about each wrong line
      --help           show this help and exit`;
const busyboxUsage = (name: string, a: Algorithm): string => `${name} [-c[sw]] [FILE]...

Print or check ${a.tag} checksums

\t-c\tCheck sums against list in FILEs
\t-s\tDon't output anything, status code shows success
\t-w\tWarn about improperly formatted checksum lines`;

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** The digest of a file, or the errno. */
function* digestOf(c: Command, a: Algorithm, bits: number, name: string): Proc<string | Errno> {
  let input = c.stdin;
  try {
    if (name !== "-") input = new Input(c.sys, yield* open(c.sys, name));
    const digest = a.create(bits);
    for (;;) {
      const bytes = yield* input.read();
      if (bytes === undefined) break;
      yield* c.sys.spend(bytes.length * a.nsPerByte);
      digest.update(bytes);
    }
    return hex(digest.digest());
  } catch (e) {
    if (e instanceof Errno) return e;
    throw e;
  } finally {
    if (input !== c.stdin) yield* c.sys.close(input.fd);
  }
}

const escapeName = (name: string): string => name.replace(/[\\\n\r]/g, (ch) => (ch === "\\" ? "\\\\" : ch === "\n" ? "\\n" : "\\r"));
const unescapeName = (name: string): string =>
  name.replace(/\\([\\nr])/g, (_, ch: string) => (ch === "n" ? "\n" : ch === "r" ? "\r" : "\\"));

interface CheckOptions {
  readonly ignoreMissing: boolean;
  readonly quiet: boolean;
  readonly status: boolean;
  readonly strict: boolean;
  readonly warn: boolean;
}

function* checkFile(c: Command, a: Algorithm, bits: number, list: string, o: CheckOptions): Proc<boolean> {
  const gnu = c.voice === "gnu";
  let input = c.stdin;
  const shown = list === "-" ? "standard input" : quotef(list);
  try {
    if (list !== "-") input = new Input(c.sys, yield* open(c.sys, list));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(gnu ? quotef(list) : `can't open '${list}'`, e);
    return false;
  }
  let [wrong, mismatched, unreadable, good, number, verified] = [0, 0, 0, 0, 0, 0];
  const digits = bits / 4;
  const plain = new RegExp(`^(\\\\?)([0-9a-fA-F]{${a.tag === "BLAKE2b" ? "2,128" : digits}}) [ *](.+)$`, "s");
  const tagged = new RegExp(`^(\\\\?)${a.tag}(?:-([0-9]+))? \\((.+)\\) = ([0-9a-fA-F]+)$`, "s");
  for (;;) {
    const line = yield* input.readLine();
    if (line === undefined) break;
    number++;
    if (gnu && line.startsWith("#")) continue;
    const p = plain.exec(line);
    const t = p === null && gnu ? tagged.exec(line) : null;
    const expected = p?.[2] ?? t?.[4];
    const raw = p?.[3] ?? t?.[3];
    if (expected === undefined || raw === undefined) {
      wrong++;
      if (o.warn) yield* c.warn(gnu ? `${shown}: ${number}: improperly formatted ${a.tag} checksum line` : `invalid format`);
      continue;
    }
    good++;
    const name = (p?.[1] ?? t?.[1]) === "\\" ? unescapeName(raw) : raw;
    const actual = yield* digestOf(c, a, a.tag === "BLAKE2b" ? expected.length * 4 : bits, name);
    if (actual instanceof Errno) {
      if (o.ignoreMissing && actual.name === "ENOENT") continue;
      unreadable++;
      yield* c.stdout.flush();
      yield* c.perror(gnu ? quotef(name) : `can't open '${name}'`, actual);
      if (!o.status) yield* c.print(gnu ? `${name}: FAILED open or read\n` : `${name}: FAILED\n`);
      continue;
    }
    verified++;
    const ok = actual === expected.toLowerCase();
    if (!ok) mismatched++;
    if (!o.status && !(ok && o.quiet)) yield* c.print(`${name}: ${ok ? "OK" : "FAILED"}\n`);
  }
  if (input !== c.stdin) yield* c.sys.close(input.fd);
  yield* c.stdout.flush();
  if (!gnu) {
    const failed = mismatched + unreadable;
    if (failed > 0 && !o.status) yield* c.warn(`WARNING: ${failed} of ${good} computed checksums did NOT match`);
    if (good === 0 && number > 0) yield* c.warn(`no checksum lines found`);
    return failed === 0 && good > 0;
  }
  if (good === 0) {
    yield* c.warn(`${shown}: no properly formatted checksum lines found`);
    return false;
  }
  if (!o.status) {
    const say = function* (n: number, one: string, many: string): Proc<void> {
      if (n > 0) yield* c.warn(`WARNING: ${n} ${n === 1 ? one : many}`);
    };
    yield* say(wrong, "line is improperly formatted", "lines are improperly formatted");
    yield* say(unreadable, "listed file could not be read", "listed files could not be read");
    yield* say(mismatched, "computed checksum did NOT match", "computed checksums did NOT match");
    if (o.ignoreMissing && verified === 0) yield* c.warn(`${shown}: no file was verified`);
  }
  return mismatched === 0 && unreadable === 0 && (!o.strict || wrong === 0) && !(o.ignoreMissing && verified === 0);
}

const runner = (a: Algorithm): ((c: Command) => Proc<number>) =>
  function* (c) {
    const gnu = c.voice === "gnu";
    const blake = a.tag === "BLAKE2b";
    const { options, operands } = yield* c.getopt({
      short: gnu ? `bctwz${blake ? "l:" : ""}` : "csw",
      long: gnu
        ? [
            { name: "binary", as: "b" },
            { name: "check", as: "c" },
            { name: "tag" },
            { name: "text", as: "t" },
            { name: "warn", as: "w" },
            { name: "zero", as: "z" },
            { name: "ignore-missing" },
            { name: "quiet" },
            { name: "status" },
            { name: "strict" },
            ...(blake ? [{ name: "length", arg: "required", as: "l" } as const] : []),
          ]
        : [],
    });
    const has = (name: string): boolean => options.some((o) => o.name === name);
    const length = options.findLast((o) => o.name === "l")?.arg;
    if (length !== undefined && (!/^[0-9]+$/.test(length) || Number(length) % 8 !== 0)) {
      yield* c.warn(`invalid length: ‘${length}’`);
      return yield* c.fail("length is not a multiple of 8");
    }
    const bits = Number(length ?? 0) || a.bits;
    const names = operands.length === 0 ? ["-"] : operands;
    if (has("c")) {
      if (has("tag")) throw new UsageError("the --tag option is meaningless when verifying checksums");
      const o = {
        ignoreMissing: has("ignore-missing"),
        quiet: has("quiet"),
        status: has("status") || has("s"),
        strict: has("strict"),
        warn: has("w"),
      };
      let ok = true;
      for (const name of names) if (!(yield* checkFile(c, a, bits, name, o))) ok = false;
      return ok ? 0 : 1;
    }
    for (const only of ["ignore-missing", "quiet", "status", "strict", "w"]) {
      if (has(only) && gnu)
        throw new UsageError(`the --${only === "w" ? "warn" : only} option is meaningful only when verifying checksums`);
    }
    let status = 0;
    const end = has("z") ? "\0" : "\n";
    for (const name of names) {
      const digest = yield* digestOf(c, a, bits, name);
      if (digest instanceof Errno) {
        yield* c.stdout.flush();
        yield* c.perror(gnu ? quotef(name) : `can't open '${name}'`, digest);
        status = 1;
        continue;
      }
      const escapes = gnu && !has("z") && /[\\\n\r]/.test(name);
      const shown = escapes ? escapeName(name) : name;
      const mark = escapes ? "\\" : "";
      const tag = blake && bits !== a.bits ? `${a.tag}-${bits}` : a.tag;
      const marker = options.findLast((o) => o.name === "b" || o.name === "t")?.name === "b" ? "*" : " ";
      yield* c.print(has("tag") ? `${mark}${tag} (${shown}) = ${digest}${end}` : `${mark}${digest} ${marker}${shown}${end}`);
    }
    return status;
  };

function make(name: keyof typeof algorithms, sizeBytes: number, busybox: boolean): Executable {
  const a: Algorithm = algorithms[name];
  const main = command({ help: help(usage(name, a), busyboxUsage(name, a)), writeError: { last: () => ["write error"] } }, runner(a));
  return { name, paths: [`/usr/bin/${name}`], sizeBytes, main, ...(busybox ? { applet: `/usr/bin/${name}` } : {}) };
}

export const md5sum = make("md5sum", 52176, true);
export const sha1sum = make("sha1sum", 56272, true);
export const sha224sum = make("sha224sum", 60368, false);
export const sha256sum = make("sha256sum", 60368, true);
export const sha384sum = make("sha384sum", 64464, false);
export const sha512sum = make("sha512sum", 64464, true);
export const b2sum = make("b2sum", 60400, false);
