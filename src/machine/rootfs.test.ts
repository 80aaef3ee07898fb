import { describe, expect, it } from "vitest";
import { executables } from "./executables.ts";
import { libraries } from "./rootfs/libraries.ts";
import { buildRootfs } from "./rootfs.ts";

describe("the host's root filesystem", () => {
  const entries = buildRootfs(executables);
  const paths = new Set(entries.map((entry) => entry.path));

  it("lists every directory before what is in it, and nothing twice", () => {
    const dirs = new Set<string>();
    for (const entry of entries) {
      const parent = entry.path.slice(0, Math.max(1, entry.path.lastIndexOf("/")));
      if (entry.path !== "/") expect(dirs.has(parent), entry.path).toBe(true);
      if (entry.kind === "dir") dirs.add(entry.path);
    }
    expect(paths.size).toBe(entries.length);
  });

  it("has every library that an executable or a library needs", () => {
    for (const entry of entries) {
      if (entry.kind !== "elf") continue;
      for (const soname of entry.elf.needed)
        expect(paths.has(`/usr/lib/x86_64-linux-gnu/${soname}`), `${entry.path}: ${soname}`).toBe(true);
    }
  });

  it("knows the needs of every library that it knows", () => {
    for (const { soname, needed } of libraries.values())
      for (const other of needed) expect(other.startsWith("ld-linux") || libraries.has(other), `${soname}: ${other}`).toBe(true);
  });

  it("is built in a few milliseconds", () => {
    const started = performance.now();
    buildRootfs(executables);
    expect(performance.now() - started).toBeLessThan(20);
  });
});
