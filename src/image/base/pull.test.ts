import { expect, test } from "vitest";
import type { Sys } from "../../abi/sys.ts";
import { KernelUnderTest } from "../../machine/kernel-testing.ts";
import { imageSoftware } from "../../machine/world/docker-hub.ts";
import { GunzipSource } from "../../userland/libc/gzip.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import { lstat, mkdir } from "../../userland/libc/unistd.ts";
import { applyLayer } from "../layer.ts";
import { Catalogue } from "./catalogue.ts";
import { recordedDigests } from "./digests.ts";
import { LayerArchive } from "./archive.ts";

const catalogue = new Catalogue(imageSoftware(), recordedDigests);

/** An archive as it travels, in pieces of odd sizes. */
function travelling(archive: LayerArchive): ByteSource {
  let at = 0;
  return {
    *read() {
      const n = Math.min(14_480, archive.gzipBytes - at);
      if (n <= 0) return undefined;
      at += n;
      return archive.readGzip(at - n, n);
    },
  };
}

test("a large layer is unpacked and takes no room in the browser", { timeout: 120_000 }, () => {
  const debian = catalogue.images.find(({ repository, tags }) => repository === "library/debian" && tags.includes("12-slim"));
  const layer = debian?.steps[0]?.layer;
  if (layer === undefined) throw new Error("no layer");
  const archive = catalogue.archiveOf(layer);
  expect(archive.sizeBytes).toBeGreaterThan(70e6);
  const m = new KernelUnderTest();
  const before = m.kernel.rootfs.store.hostBytes;
  m.run(function* (sys: Sys) {
    yield* mkdir(sys, "/tmp/layer");
    const size = yield* applyLayer(sys, new GunzipSource(sys, travelling(archive)), "/tmp/layer", { whiteouts: "overlay" });
    expect(size).toBe(layer.tree().sizeBytes);
    expect((yield* lstat(sys, "/tmp/layer/usr/bin/perl")).size).toBe(3_792_696);
  });
  expect(m.kernel.rootfs.store.hostBytes - before).toBeLessThan(5e6);
});

test("what is recorded of small layers is true", () => {
  let checked = 0;
  for (const { steps } of catalogue.images) {
    for (const { layer } of steps) {
      if (layer === undefined) continue;
      const entries = layer.tree().entries;
      const archive = new LayerArchive(entries, () => undefined);
      const known = recordedDigests[archive.fingerprint];
      if (known === undefined || archive.sizeBytes > 500_000) continue;
      const { diffId, digest, crc32 } = archive.identify();
      expect([layer.key, diffId, digest, crc32]).toEqual([layer.key, `sha256:${known[0]}`, `sha256:${known[1]}`, known[2]]);
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(10);
});
