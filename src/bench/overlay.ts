/** What overlays cost as their layers grow in number: nanoseconds of this computer a call. */

import { AT_FDCWD, O_CREAT, O_DIRECTORY, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { timeBody } from "./micro.ts";

/** Names in the merged directory, however many layers share them. */
const NAMES = 400;

function* put(sys: Sys, path: string): Proc<void> {
  const fd = yield* sys.openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0o644);
  yield* sys.write(fd, new Uint8Array(100).fill(120));
  yield* sys.close(fd);
}

/** Mounts an overlay of `layers` lowers at m, each with a directory `d` and its share of the names in it. */
function* prepare(sys: Sys, layers: number): Proc<void> {
  yield* sys.mount("none", "/mnt", "tmpfs", 0, "");
  yield* sys.chdir("/mnt");
  const lowers = Array.from({ length: layers }, (_, i) => `l${i}`);
  for (const dir of [...lowers, "u", "w", "m"]) yield* sys.mkdirat(AT_FDCWD, dir, 0o755);
  for (const dir of lowers) yield* sys.mkdirat(AT_FDCWD, `${dir}/d`, 0o755);
  for (let i = 0; i < NAMES; i++) yield* put(sys, `${lowers[i % layers]}/d/f${i}`);
  yield* sys.mount("overlay", "m", "overlay", 0, `lowerdir=${lowers.join(":")},upperdir=u,workdir=w`);
}

/** Nanoseconds a round of `once`. */
function cost(layers: number, rounds: number, once: (sys: Sys, round: number) => Proc<void>): number {
  let ns = 0;
  timeBody(function* (sys) {
    yield* prepare(sys, layers);
    const start = performance.now();
    for (let i = 0; i < rounds; i++) yield* once(sys, i);
    ns = ((performance.now() - start) * 1e6) / rounds;
  });
  return ns;
}

/** Listing the merged directory of 400 names, a name. */
export const readdirCost = (layers: number): number =>
  cost(layers, 200, function* (sys) {
    const fd = yield* sys.openat(AT_FDCWD, "m/d", O_RDONLY | O_DIRECTORY);
    while ((yield* sys.getdents64(fd)).length > 0);
    yield* sys.close(fd);
  }) / NAMES;

/** stat of names for the first time: each is looked for in the layers. */
export const lookupCost = (layers: number): number =>
  cost(layers, NAMES, function* (sys, i) {
    yield* sys.newfstatat(AT_FDCWD, `m/d/f${i}`, 0);
  });

/** stat of names that were looked up before. */
export const statCost = (layers: number): number =>
  cost(layers, 50 * NAMES, function* (sys, i) {
    yield* sys.newfstatat(AT_FDCWD, `m/d/f${i % NAMES}`, 0);
  });

/** Copying up small files, one after the other. */
export const copyUpCost = (layers: number): number =>
  cost(layers, NAMES, function* (sys, i) {
    yield* sys.fchmodat(AT_FDCWD, `m/d/f${i}`, 0o600);
  });
