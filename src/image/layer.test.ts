import fc from "fast-check";
import { expect, test } from "vitest";
import { S_IFCHR, S_IFIFO } from "../abi/stat.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../abi/utf8.ts";
import { KernelUnderTest } from "../machine/kernel-testing.ts";
import { concat } from "../userland/libc/stdio.ts";
import type { ByteSink, ByteSource } from "../userland/libc/stream.ts";
import { CHRTYPE, DIRTYPE, emptyEntry, LNKTYPE, SYMTYPE, type TarEntry, TarReader, TarWriter } from "../userland/libc/tar.ts";
import { lstat, mkdir, readDir, readFile, readlink, readText, symlink, writeFile } from "../userland/libc/unistd.ts";
import { AT_FDCWD } from "../abi/fcntl.ts";
import { applyLayer, packLayer, removeAll, type UnpackOptions, unpack } from "./layer.ts";
import { digestOf } from "./oci.ts";

const m = new KernelUnderTest();

function memory(): ByteSink & { bytes(): Uint8Array } {
  const parts: Uint8Array[] = [];
  return {
    *write(bytes) {
      parts.push(bytes.slice());
    },
    bytes: () => concat(parts),
  };
}

/** Delivers `bytes` in pieces of `size`. */
function source(bytes: Uint8Array, size = 1000): ByteSource {
  let at = 0;
  return {
    *read() {
      if (at >= bytes.length) return undefined;
      at += size;
      return bytes.subarray(at - size, at);
    },
  };
}

function* tar(entries: readonly (readonly [fields: Partial<TarEntry>, content?: string])[]): Proc<Uint8Array> {
  const out = memory();
  const writer = new TarWriter(out, "pax");
  for (const [fields, content = ""] of entries) {
    const bytes = encodeUtf8(content);
    yield* writer.entry({ ...emptyEntry, mode: 0o644, mtime: { sec: 1000, nsec: 0 }, ...fields, size: bytes.length });
    yield* writer.write(bytes);
  }
  yield* writer.end();
  return out.bytes();
}

function* listing(sys: Sys, dir: string): Proc<string[]> {
  const lines: string[] = [];
  for (const { name } of yield* readDir(sys, dir)) {
    if (name === "." || name === "..") continue;
    const st = yield* lstat(sys, `${dir}/${name}`);
    const type = st.mode >> 12;
    const rest =
      type === 10 ? ` -> ${yield* readlink(sys, `${dir}/${name}`)}` : type === 8 ? ` ${yield* readText(sys, `${dir}/${name}`)}` : "";
    lines.push(`${name} ${st.mode.toString(8)} ${st.uid}:${st.gid}${rest}`);
    if (type === 4) for (const line of yield* listing(sys, `${dir}/${name}`)) lines.push(`${name}/${line}`);
  }
  return lines.sort();
}

let count = 0;
function* freshDir(sys: Sys): Proc<string> {
  const dir = `/tmp/layer${++count}`;
  yield* mkdir(sys, dir);
  return dir;
}

const apply = (
  entries: readonly (readonly [fields: Partial<TarEntry>, content?: string])[],
  whiteouts: UnpackOptions["whiteouts"] = "overlay",
): string[] =>
  m.run(function* (sys) {
    const dir = yield* freshDir(sys);
    try {
      yield* applyLayer(sys, source(yield* tar(entries)), dir, { whiteouts });
    } catch (e) {
      return [(e as Error).message];
    }
    return yield* listing(sys, dir);
  });

test("names lead nowhere but into the directory, and links are followed inside of it", () => {
  expect(apply([[{ name: "../../evil" }, "x"]])).toEqual(["evil 100644 0:0 x"]);
  expect(apply([[{ name: "/abs/file" }, "x"]])).toEqual(["abs 40755 0:0", "abs/file 100644 0:0 x"]);
  expect(
    apply([
      [{ name: "real", type: DIRTYPE, mode: 0o755 }],
      [{ name: "s", type: SYMTYPE, linkname: "/real", mode: 0o777 }],
      [{ name: "s/through" }, "x"],
    ]),
  ).toEqual(["real 40755 0:0", "real/through 100644 0:0 x", "s 120777 0:0 -> /real"]);
});

test("what cannot be unpacked is told as docker-untar tells it", () => {
  expect(apply([[{ name: "a", type: SYMTYPE, linkname: "../../../etc" }], [{ name: "a/through" }, "x"]])).toEqual([
    "Error processing tar file(exit status 1): open /a/through: no such file or directory",
  ]);
  expect(
    apply([
      [{ name: "p" }, "1"],
      [{ name: "p/q" }, "2"],
    ]),
  ).toEqual(["Error processing tar file(exit status 1): open /p/q: not a directory"]);
  expect(apply([[{ name: "hl", type: LNKTYPE, linkname: "nothere" }]])).toEqual([
    "Error processing tar file(exit status 1): link /nothere /hl: no such file or directory",
  ]);
  expect(apply([[{ name: "hl", type: LNKTYPE, linkname: "../../etc/passwd" }]])).toEqual([
    "Error processing tar file(exit status 1): link /etc/passwd /hl: no such file or directory",
  ]);
  expect(apply([[{ name: "weird", type: "V" }]])).toEqual(["Error processing tar file(exit status 1): unhandled tar header type 86"]);
  expect(
    apply([
      [{ name: "p" }, "1"],
      [{ name: "./p" }, "2"],
    ]),
  ).toEqual(["Error processing tar file(duplicates of file paths not supported): "]);
  expect(apply([[{ name: "d/x" }, "1"], [{ name: "d/.wh.x" }]])).toEqual([
    'Error processing tar file(exit status 1): failed to mknod("/d/x", S_IFCHR, 0): file exists',
  ]);
});

test("outside of a root of its own, what leads out is refused", () => {
  const refused = (fields: Partial<TarEntry>): string =>
    m.run(function* (sys) {
      const dir = yield* freshDir(sys);
      try {
        yield* unpack(sys, source(yield* tar([[fields]])), dir, { whiteouts: "literal" });
        return "unpacked";
      } catch (e) {
        return (e as Error).message.replaceAll(dir, "DIR");
      }
    });
  expect(refused({ name: "../evil" })).toBe('"../evil" is outside of "DIR"');
  expect(refused({ name: "a", type: LNKTYPE, linkname: "../../etc/passwd" })).toBe('invalid hardlink "/etc/passwd" -> "../../etc/passwd"');
  expect(refused({ name: "a", type: SYMTYPE, linkname: "../../../etc" })).toBe('invalid symlink "DIR/a" -> "../../../etc"');
  expect(refused({ name: "a", type: SYMTYPE, linkname: "b" })).toBe("unpacked");
});

test("whiteouts become devices, opaque directories an attribute, and go back", () => {
  const [first, again] = m.run(function* (sys) {
    const dir = yield* freshDir(sys);
    const bytes = yield* tar([
      [{ name: "d/", type: DIRTYPE, mode: 0o750, uid: 5 }],
      [{ name: "d/.wh..wh..opq", mode: 0o750, uid: 5, mtime: { sec: 0, nsec: 0 } }],
      [{ name: "d/kept" }, "k"],
      [{ name: ".wh.gone", mode: 0o600 }],
    ]);
    yield* applyLayer(sys, source(bytes), dir, { whiteouts: "overlay" });
    const gone = yield* lstat(sys, `${dir}/gone`);
    expect([gone.mode, gone.rdev]).toEqual([S_IFCHR, 0]);
    expect(decodeUtf8(yield* sys.getxattr(`${dir}/d`, "trusted.overlay.opaque"))).toBe("y");
    const packed = memory();
    yield* packLayer(sys, dir, packed, { whiteouts: "overlay" });
    const other = yield* freshDir(sys);
    yield* applyLayer(sys, source(packed.bytes()), other, { whiteouts: "overlay" });
    const repacked = memory();
    yield* packLayer(sys, other, repacked, { whiteouts: "overlay" });
    const names: string[] = [];
    const reader = new TarReader(source(packed.bytes()));
    for (let e = yield* reader.next(); e !== undefined; e = yield* reader.next()) names.push(e.name);
    expect(names).toEqual(["d/", "d/.wh..wh..opq", "d/kept", ".wh.gone"]);
    return [digestOf(packed.bytes()), digestOf(repacked.bytes())];
  });
  expect(again).toBe(first);
});

test("where the layers below are at hand, whiteouts remove from them", () => {
  const left = m.run(function* (sys) {
    const dir = yield* freshDir(sys);
    const lower = yield* tar([
      [{ name: "a/1" }, "1"],
      [{ name: "a/2" }, "2"],
      [{ name: "b/1" }, "1"],
      [{ name: "c" }, "c"],
    ]);
    yield* applyLayer(sys, source(lower), dir, { whiteouts: "remove" });
    const upper = yield* tar([[{ name: ".wh.c" }], [{ name: "a/.wh.2" }], [{ name: "b/2" }, "2"], [{ name: "b/.wh..wh..opq" }]]);
    yield* applyLayer(sys, source(upper), dir, { whiteouts: "remove" });
    return yield* listing(sys, dir);
  });
  expect(left.map((line) => line.split(" ")[0])).toEqual(["a", "a/1", "b", "b/2"]);
});

test("device nodes, times, owners, modes and attributes come as they are recorded", () => {
  m.run(function* (sys) {
    const dir = yield* freshDir(sys);
    const bytes = yield* tar([
      [{ name: "null", type: CHRTYPE, mode: 0o666, devmajor: 1, devminor: 3 }],
      [{ name: "su", mode: 0o4755, uid: 0, gid: 42, mtime: { sec: 7, nsec: 500 } }, "x"],
      [{ name: "ping", pax: new Map([["SCHILY.xattr.security.capability", "\x01\0\0\x02\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0"]]) }, "x"],
    ]);
    yield* applyLayer(sys, source(bytes, 7), dir, { whiteouts: "overlay" });
    const su = yield* lstat(sys, `${dir}/su`);
    expect([su.mode & 0o7777, su.gid, su.mtime]).toEqual([0o4755, 42, { sec: 7, nsec: 500 }]);
    expect((yield* lstat(sys, `${dir}/null`)).rdev).toBe(0x100003);
    expect((yield* sys.getxattr(`${dir}/ping`, "security.capability")).length).toBe(20);
  });
});

test("docker cp does not put a file in the place of a directory", () => {
  const told = m.run(function* (sys) {
    const dir = yield* freshDir(sys);
    yield* mkdir(sys, `${dir}/d`);
    try {
      yield* unpack(sys, source(yield* tar([[{ name: "d" }, "x"]])), dir, { whiteouts: "literal", noOverwriteDirNonDir: true });
    } catch (e) {
      return (e as Error).message.replaceAll(dir, "DIR");
    }
    return "overwritten";
  });
  expect(told).toBe('cannot overwrite directory "DIR/d" with non-directory "DIR"');
});

interface Made {
  readonly kind: "dir" | "file" | "link" | "hard" | "fifo" | "whiteout";
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly sec: number;
  readonly content: Uint8Array;
}

const made: fc.Arbitrary<Made> = fc.record({
  kind: fc.constantFrom("dir", "file", "link", "hard", "fifo", "whiteout"),
  name: fc.stringMatching(/^[a-zé. ]{1,12}$/).filter((name) => !/^\.{1,2}$|^\.wh/.test(name)),
  mode: fc.integer({ min: 0, max: 0o777 }),
  uid: fc.integer({ min: 0, max: 3_000_000 }),
  sec: fc.integer({ min: 0, max: 2_000_000_000 }),
  content: fc.uint8Array({ maxLength: 2000 }),
});

/** Makes what it is told below `dir`; what cannot be made there is left out. */
function* build(sys: Sys, dir: string, plan: readonly Made[]): Proc<void> {
  const dirs = [dir];
  const files: string[] = [];
  const times: [string, number][] = [];
  for (const [i, { kind, name, mode, uid, sec, content }] of plan.entries()) {
    const path = `${dirs[content.length % dirs.length]}/${name}`;
    if ((yield* readDir(sys, path.slice(0, path.lastIndexOf("/")))).some((e) => e.name === name)) continue;
    if (kind === "dir") {
      yield* mkdir(sys, path);
      dirs.push(path);
      if (i % 3 === 0) yield* sys.setxattr(path, "trusted.overlay.opaque", encodeUtf8("y"), 0);
    } else if (kind === "link") yield* symlink(sys, name.repeat(20), path);
    else if (kind === "fifo") yield* sys.mknodat(AT_FDCWD, path, S_IFIFO | 0o644, 0);
    else if (kind === "whiteout") yield* sys.mknodat(AT_FDCWD, path, S_IFCHR, 0);
    else if (kind === "hard" && files.length > 0) {
      yield* sys.linkat(AT_FDCWD, files[i % files.length] as string, AT_FDCWD, path, 0);
      continue;
    } else {
      yield* writeFile(sys, path, content);
      files.push(path);
    }
    if (kind === "whiteout") continue;
    yield* sys.fchownat(AT_FDCWD, path, uid, uid, 0x100);
    if (kind !== "link") yield* sys.fchmodat(AT_FDCWD, path, mode);
    times.push([path, sec]);
  }
  for (const [path, sec] of times) yield* sys.utimensat(AT_FDCWD, path, { sec, nsec: 0 }, { sec, nsec: 0 }, 0x100);
}

test("packing what was unpacked from a packed tree gives the same bytes", () => {
  fc.assert(
    fc.property(fc.array(made, { maxLength: 25 }), (plan) => {
      const [first, again] = m.run(function* (sys) {
        const dir = yield* freshDir(sys);
        yield* build(sys, dir, plan);
        const packed = memory();
        yield* packLayer(sys, dir, packed, { whiteouts: "overlay" });
        const other = yield* freshDir(sys);
        yield* applyLayer(sys, source(packed.bytes(), 700), other, { whiteouts: "overlay" });
        const repacked = memory();
        yield* packLayer(sys, other, repacked, { whiteouts: "overlay" });
        yield* removeAll(sys, dir);
        yield* removeAll(sys, other);
        return [packed.bytes(), repacked.bytes()];
      });
      expect(again).toEqual(first);
    }),
    { numRuns: 30 },
  );
});

test("a layer of which a part is missing is refused", () => {
  const told = m.run(function* (sys) {
    const dir = yield* freshDir(sys);
    const bytes = yield* tar([[{ name: "f" }, "x".repeat(5000)]]);
    try {
      yield* applyLayer(sys, source(bytes.subarray(0, 3000)), dir, { whiteouts: "overlay" });
    } catch (e) {
      return (e as Error).message;
    }
    return (yield* readFile(sys, `${dir}/f`)).length;
  });
  expect(told).toBe("Error processing tar file(exit status 1): unexpected EOF");
});
