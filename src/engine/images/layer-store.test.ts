import fc from "fast-check";
import { expect, test } from "vitest";
import type { Proc, Sys } from "../../abi/sys.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { digestOf } from "../../image/oci.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";
import { concat } from "../../userland/libc/stdio.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import type { ByteSink, ByteSource } from "../../userland/libc/stream.ts";
import { DIRTYPE, emptyEntry, LNKTYPE, SYMTYPE, type TarEntry, TarWriter } from "../../userland/libc/tar.ts";
import { mkdir, readText, unlink, writeFile } from "../../userland/libc/unistd.ts";
import { piped } from "./byte-pipe.ts";
import { namesIn } from "./files.ts";
import { EMPTY_LAYER, LayerStore, totalSize } from "./layer-store.ts";
import { Overlay2 } from "./overlay2.ts";

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

type Entry = readonly [fields: Partial<TarEntry>, content?: string];

function* tar(entries: readonly Entry[], format: "gnu" | "pax" | "ustar" = "gnu", record = 10240): Proc<Uint8Array> {
  const out = memory();
  const writer = new TarWriter(out, format);
  for (const [fields, content = ""] of entries) {
    const bytes = encodeUtf8(content);
    yield* writer.entry({ ...emptyEntry, mode: 0o644, mtime: { sec: 1000, nsec: 0 }, ...fields, size: bytes.length });
    yield* writer.write(bytes);
  }
  yield* writer.end(record);
  return out.bytes();
}

let next = 0;

function* freshStore(sys: Sys, root = `/root/store${next++}`): Proc<LayerStore> {
  const driver = new Overlay2(sys, `${root}/overlay2`);
  yield* driver.start();
  const store = new LayerStore(sys, `${root}/layerdb`, driver);
  yield* store.restore();
  return store;
}

const BASE: readonly Entry[] = [
  [{ name: "etc/", type: DIRTYPE, mode: 0o755 }],
  [{ name: "etc/passwd" }, "root\n"],
  [{ name: "etc/link", type: SYMTYPE, linkname: "passwd" }],
  [{ name: "bin/", type: DIRTYPE, mode: 0o755 }],
  [{ name: "bin/tool", mode: 0o755 }, "x".repeat(2000)],
  [{ name: "bin/again", type: LNKTYPE, linkname: "bin/tool" }],
  [{ name: "var/", type: DIRTYPE, mode: 0o755 }],
  [{ name: "var/log/", type: DIRTYPE, mode: 0o755 }],
];

test("a layer's archive comes out byte for byte as it went in", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[a-zé][a-z0-9_é]{0,120}$/), { minLength: 1, maxLength: 6 }),
      fc.constantFrom("gnu" as const, "pax" as const),
      fc.integer({ min: 1, max: 4000 }),
      fc.integer({ min: 0, max: 3000 }),
      fc.constantFrom(512, 10240),
      (names, format, piece, size, record) => {
        const [before, after, diffId, archived, told] = m.run(function* (sys) {
          const store = yield* freshStore(sys);
          const bytes = yield* tar(
            names.map((name, i) => [{ name }, "y".repeat(size * i)] as const),
            format,
            record,
          );
          const layer = yield* store.register(source(bytes, piece), undefined);
          const out = memory();
          yield* store.writeTar(layer, out);
          return [bytes, out.bytes(), layer.diffId, digestOf(bytes), yield* store.tarSize(layer)] as const;
        });
        expect(after).toEqual(before);
        expect(diffId).toBe(archived);
        expect(told).toBe(before.length);
      },
    ),
    { numRuns: 8, seed: 7 },
  );
});

test("what a container changes is told, kept as a layer, and found again by the next daemon", () => {
  m.run(function* (sys) {
    const root = `/root/store${next++}`;
    const store = yield* freshStore(sys, root);
    const base = yield* store.register(source(yield* tar(BASE)), undefined);
    expect(totalSize(base)).toBe(5 + 6 + 2000);
    yield* store.createWritable("box", base.chainId);
    const merged = yield* store.mount("box");
    expect(merged).toMatch(new RegExp(`^${root}/overlay2/[0-9a-f]{64}/merged$`));
    expect(yield* store.mount("box")).toBe(merged);
    expect(yield* namesIn(sys, merged)).toEqual([".dockerenv", "bin", "dev", "etc", "proc", "sys", "var"]);
    expect(yield* store.changes("box")).toEqual([]);
    yield* writeFile(sys, `${merged}/etc/new`, "abc");
    yield* unlink(sys, `${merged}/bin/tool`);
    yield* sys.unlinkat(AT_FDCWD, `${merged}/var/log`, 0x200);
    yield* sys.unlinkat(AT_FDCWD, `${merged}/var`, 0x200);
    yield* mkdir(sys, `${merged}/var`, 0o755);
    yield* mkdir(sys, `${merged}/opt`, 0o755);
    yield* writeFile(sys, `${merged}/opt/f`, "abcd");
    expect(yield* store.changes("box")).toEqual([
      { Path: "/bin", Kind: 0 },
      { Path: "/bin/tool", Kind: 2 },
      { Path: "/etc", Kind: 0 },
      { Path: "/etc/new", Kind: 1 },
      { Path: "/opt", Kind: 1 },
      { Path: "/opt/f", Kind: 1 },
      { Path: "/var", Kind: 0 },
      { Path: "/var/log", Kind: 2 },
    ]);
    expect(yield* store.writableSize("box")).toEqual({ rw: 7, rootFs: 7 + 2011 });
    yield* store.unmount("box");
    yield* store.unmount("box");
    expect(yield* namesIn(sys, merged.replace(/\/merged$/, ""))).toEqual(["diff", "link", "lower", "work"]);
    const child = yield* piped(
      sys,
      (sink) => store.packWritable("box", sink),
      (content) => store.register(content, base.chainId),
    );
    expect(child.parent?.chainId).toBe(base.chainId);
    const again = yield* freshStore(sys, root);
    expect(
      again
        .list()
        .map(({ chainId }) => chainId)
        .sort(),
    ).toEqual([base.chainId, child.chainId].sort());
    expect(again.peek(child.chainId)?.sizeBytes).toBe(7);
    yield* again.createWritable("second", child.chainId);
    const second = yield* again.mount("second");
    expect(yield* readText(sys, `${second}/opt/f`)).toBe("abcd");
    expect(yield* namesIn(sys, `${second}/bin`)).toEqual(["again"]);
    expect(yield* namesIn(sys, `${second}/var`)).toEqual([]);
    yield* again.unmount("second");
    yield* again.removeWritable("second");
    yield* again.removeWritable("box");
    // The images that held them are not part of this: nothing holds the layers any more.
    expect(yield* namesIn(sys, `${root}/layerdb/mounts`)).toEqual([]);
    expect((yield* namesIn(sys, `${root}/overlay2`)).length).toBe(1);
    expect(yield* namesIn(sys, `${root}/overlay2/l`)).toEqual([]);
    expect(yield* namesIn(sys, `${root}/layerdb/sha256`)).toEqual([]);
  });
  m.check();
});

test("an unchanged container makes the empty layer", () => {
  const diffId = m.run(function* (sys) {
    const store = yield* freshStore(sys);
    const base = yield* store.register(source(yield* tar(BASE)), undefined);
    yield* store.createWritable("box", base.chainId);
    const layer = yield* piped(
      sys,
      (sink) => store.packWritable("box", sink),
      (content) => store.register(content, base.chainId),
    );
    return layer.diffId;
  });
  expect(diffId).toBe(EMPTY_LAYER);
});

test("an archive that cannot be unpacked leaves nothing behind", () => {
  m.run(function* (sys) {
    const root = `/root/store${next++}`;
    const store = yield* freshStore(sys, root);
    const failing = function* (bytes: Uint8Array): Proc<string> {
      try {
        yield* store.register(source(bytes), undefined);
        return "";
      } catch (e) {
        return (e as Error).message;
      }
    };
    expect(yield* failing(encodeUtf8("junk"))).toBe("Error processing tar file(exit status 1): unexpected EOF");
    const twice = yield* tar([
      [{ name: "a" }, "1"],
      [{ name: "a" }, "2"],
    ]);
    expect(yield* failing(twice)).toBe("Error processing tar file(duplicates of file paths not supported): ");
    const hard = yield* tar([[{ name: "a", type: LNKTYPE, linkname: "/etc/passwd" }]]);
    expect(yield* failing(hard)).toBe("Error processing tar file(exit status 1): link /etc/passwd /a: no such file or directory");
    expect(yield* namesIn(sys, `${root}/overlay2`)).toEqual(["l"]);
    expect(yield* namesIn(sys, `${root}/overlay2/l`)).toEqual([]);
    expect(yield* namesIn(sys, `${root}/layerdb/tmp`)).toEqual([]);
  });
  m.check();
});

test("the same layer registered twice at once is one; a daemon killed while unpacking leaves nothing for the next", () => {
  m.run(function* (sys) {
    const root = `/root/store${next++}`;
    const store = yield* freshStore(sys, root);
    const bytes = yield* tar(BASE);
    const one = yield* store.register(source(bytes), undefined);
    const two = yield* store.register(source(bytes), undefined);
    expect(two).toBe(one);
    expect((yield* namesIn(sys, `${root}/overlay2`)).length).toBe(2);
    expect(yield* store.release(one)).toEqual([]);
    expect((yield* store.release(two)).map(({ chainId }) => chainId)).toEqual([one.chainId]);
    // Half unpacked, half removed.
    yield* mkdir(sys, `${root}/overlay2/${"1".repeat(64)}`, 0o700);
    yield* mkdir(sys, `${root}/layerdb/tmp/write-set-1`, 0o700);
    yield* mkdir(sys, `${root}/layerdb/sha256/${"2".repeat(64)}-${"3".repeat(64)}-removing`, 0o700);
    yield* freshStore(sys, root);
    expect(yield* namesIn(sys, `${root}/overlay2`)).toEqual(["l"]);
    expect(yield* namesIn(sys, `${root}/layerdb/tmp`)).toEqual([]);
    expect(yield* namesIn(sys, `${root}/layerdb/sha256`)).toEqual([]);
  });
});

test("mount options that fill a page are given by short paths", () => {
  m.run(function* (sys) {
    const store = yield* freshStore(sys, `/root/${"long-name-".repeat(8)}${next++}`);
    let parent: string | undefined;
    for (let i = 0; i < 36; i++) {
      const layer = yield* store.register(source(yield* tar([[{ name: `f${i}` }, `${i}`]])), parent);
      parent = layer.chainId;
    }
    yield* store.createWritable("box", parent);
    const merged = yield* store.mount("box");
    expect(yield* readText(sys, `${merged}/f0`)).toBe("0");
    expect(yield* readText(sys, `${merged}/f35`)).toBe("35");
    yield* store.unmount("box");
  });
  m.check();
});
