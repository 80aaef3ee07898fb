import { gunzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { LayerArchive } from "./archive.ts";
import { Tree } from "./tree.ts";

function tree(): Tree {
  const t = new Tree(1_700_000_000, "test");
  t.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
  t.filler("usr/lib/big", 1_000_003);
  t.filler("usr/lib/small", 100);
  t.filler("usr/lib/page", 4096);
  t.elf("bin/x", { type: "ET_DYN", needed: [], program: "x", voice: "gnu" }, 70_000);
  t.link("bin/y", "x");
  t.hardlink("bin/z", "bin/x");
  t.dir("tmp");
  return t;
}

test("gzip of an archive is that archive, and pieces of both are pieces of the whole", () => {
  const archive = new LayerArchive(tree().entries, () => undefined);
  const plain = archive.read(0, archive.sizeBytes);
  const packed = archive.readGzip(0, archive.gzipBytes);
  expect(Buffer.compare(gunzipSync(packed), plain)).toBe(0);
  expect(packed.length).toBeLessThan(plain.length / 2.7);
  const { diffId, digest } = archive.identify();
  expect(diffId).toBe(`sha256:${createHash("sha256").update(plain).digest("hex")}`);
  expect(digest).toBe(`sha256:${createHash("sha256").update(packed).digest("hex")}`);
  for (const size of [1, 511, 1360, 4096, 70_001]) {
    for (const at of [0, 1, 600, 5000, 123_456]) {
      expect(Buffer.compare(archive.read(at, size), plain.subarray(at, at + size))).toBe(0);
      expect(Buffer.compare(archive.readGzip(at, size), packed.subarray(at, at + size))).toBe(0);
    }
  }
});

test("what is recorded for a layer is found by what the layer is", () => {
  const first = new LayerArchive(tree().entries, () => undefined);
  const again = new LayerArchive(tree().entries, () => undefined);
  expect(again.fingerprint).toBe(first.fingerprint);
  const other = tree();
  other.filler("usr/lib/more", 1);
  expect(new LayerArchive(other.entries, () => undefined).fingerprint).not.toBe(first.fingerprint);
});
