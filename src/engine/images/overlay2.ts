/**
 * The storage driver: /var/lib/docker/overlay2/<id>/{diff,link,lower,work,merged,committed} and short links in `l/`. One directory a layer; a container's
 * is mounted over those of its image by mount(2), type overlay. moby `daemon/graphdriver/overlay2`.
 * Left out: quotas (`--storage-opt size`), which need xfs with pquota; the naive diff of kernels whose overlay cannot be read directly; user namespaces.
 */

import { EBUSY, EEXIST, ENOENT, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, AT_REMOVEDIR } from "../../abi/fcntl.ts";
import { MNT_DETACH } from "../../abi/mount.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { mkdir, optional, readlink, symlink, unlink } from "../../userland/libc/unistd.ts";
import { systemError, wordsOf } from "../errors.ts";
import { makeDirs, removeAll, writeAtomically } from "../files.ts";
import { exists, namesIn, pathError, readIfThere } from "./files.ts";
import { Locker } from "./locker.ts";

/** The kernel takes mount options of one page. */
const PAGE_SIZE = 4096;
/** Lower layers that overlay mounts take with short links. */
const MAX_DEPTH = 128;
/** Letters of a short link. */
const LINK_LENGTH = 26;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export interface DriverMetadata {
  readonly LowerDir?: string;
  readonly MergedDir: string;
  readonly UpperDir: string;
  readonly WorkDir: string;
  readonly [key: string]: string;
}

export class Overlay2 {
  /** Mounts that are counted: by merged directory. */
  private readonly mounts = new Map<string, number>();
  private readonly locker: Locker;

  constructor(
    private readonly sys: Sys,
    /** /var/lib/docker/overlay2. */
    readonly home: string,
  ) {
    this.locker = new Locker(sys);
  }

  /** Makes the driver's own directories. */
  *start(): Proc<void> {
    yield* makeDirs(this.sys, this.home, 0o710);
    yield* makeDirs(this.sys, `${this.home}/l`, 0o700);
  }

  private dir(id: string): string {
    return `${this.home}/${id}`;
  }

  /** Where a layer's own files are. */
  diffDir(id: string): string {
    return `${this.dir(id)}/diff`;
  }

  /** Makes an empty layer over `parent`. Leaves nothing behind where it fails. */
  *create(id: string, parent: string | undefined): Proc<void> {
    const { sys } = this;
    const dir = this.dir(id);
    yield* pathError("mkdir", dir, mkdir(sys, dir, 0o710));
    try {
      yield* mkdir(sys, `${dir}/diff`, 0o755);
      const link = yield* this.makeLink(id);
      yield* writeAtomically(sys, `${dir}/link`, link, 0o644);
      if (parent === undefined) return;
      yield* mkdir(sys, `${dir}/work`, 0o700);
      yield* writeAtomically(sys, `${this.dir(parent)}/committed`, "", 0o600);
      yield* writeAtomically(sys, `${dir}/lower`, yield* this.lowerOf(parent), 0o644);
    } catch (e) {
      if (e instanceof Errno) yield* this.remove(id);
      throw e;
    }
  }

  private *makeLink(id: string): Proc<string> {
    const bytes = new Uint8Array(LINK_LENGTH);
    for (;;) {
      yield* this.sys.getrandom(bytes, 0);
      const name = [...bytes].map((byte) => BASE32[byte % 32]).join("");
      try {
        yield* symlink(this.sys, `../${id}/diff`, `${this.home}/l/${name}`);
        return name;
      } catch (e) {
        if (e !== EEXIST) throw e;
      }
    }
  }

  /** What stands in the `lower` file of a layer on top of `parent`. Errors: systemError "max depth exceeded". */
  private *lowerOf(parent: string): Proc<string> {
    const link = yield* readIfThere(this.sys, `${this.dir(parent)}/link`);
    if (link === undefined) throw systemError(`open ${this.dir(parent)}/link: no such file or directory`);
    const below = yield* readIfThere(this.sys, `${this.dir(parent)}/lower`);
    const lowers = [`l/${link}`, ...(below === undefined ? [] : below.split(":"))];
    if (lowers.length > MAX_DEPTH) throw systemError("max depth exceeded");
    return lowers.join(":");
  }

  /** Mounts a layer and returns where; one without lower layers is its own directory. Counted. Errors: systemError. */
  *get(id: string): Proc<string> {
    return yield* this.locker.hold(id, () => this.mount(id));
  }

  private *mount(id: string): Proc<string> {
    const { sys } = this;
    const dir = this.dir(id);
    if (!(yield* exists(sys, dir))) throw systemError(`stat ${dir}: no such file or directory`);
    const lowers = yield* readIfThere(sys, `${dir}/lower`);
    if (lowers === undefined) return `${dir}/diff`;
    const merged = `${dir}/merged`;
    const count = this.mounts.get(merged) ?? 0;
    if (count > 0) {
      this.mounts.set(merged, count + 1);
      return merged;
    }
    const readonly = yield* exists(sys, `${dir}/committed`);
    const options = (prefix: string, own: string): string => {
      const below = lowers
        .split(":")
        .map((lower) => prefix + lower)
        .join(":");
      return readonly ? `lowerdir=${own}/diff:${below}` : `lowerdir=${below},upperdir=${own}/diff,workdir=${own}/work`;
    };
    try {
      yield* mkdir(sys, merged, 0o700);
    } catch (e) {
      // A daemon that was killed has left it, perhaps mounted: then it is that mount which the container runs on.
      if (e !== EEXIST) throw e;
      if (yield* this.isMounted(merged)) {
        this.mounts.set(merged, 1);
        return merged;
      }
    }
    try {
      const full = options(`${this.home}/`, dir);
      if (full.length < PAGE_SIZE) yield* sys.mount("overlay", merged, "overlay", 0, full);
      else yield* this.mountFromHome(`${id}/merged`, options("", id));
    } catch (e) {
      yield* optional(sys.unlinkat(AT_FDCWD, merged, AT_REMOVEDIR));
      throw systemError(`error creating overlay mount to ${merged}: ${wordsOf(e)}`);
    }
    this.mounts.set(merged, 1);
    return merged;
  }

  private *isMounted(merged: string): Proc<boolean> {
    const info = (yield* readIfThere(this.sys, "/proc/self/mountinfo")) ?? "";
    return info.split("\n").some((line) => line.split(" ")[4] === merged);
  }

  /** By relative paths, which are shorter: a child of its own changes its directory for it (mountFrom). */
  private *mountFromHome(target: string, options: string): Proc<void> {
    const { sys, home } = this;
    let failure: Errno | undefined;
    const pid = yield* sys.fork(function* () {
      try {
        yield* sys.chdir(home);
        yield* sys.mount("overlay", target, "overlay", 0, options);
        return 0;
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        failure = e;
        return 1;
      }
    });
    yield* sys.wait4(pid, 0);
    if (failure !== undefined) throw failure;
  }

  /** One mount less; after the last one it is unmounted, and the mount point removed so that it ends in other mount namespaces, too. */
  *put(id: string): Proc<void> {
    yield* this.locker.hold(id, () => this.unmount(id));
  }

  private *unmount(id: string): Proc<void> {
    const merged = `${this.dir(id)}/merged`;
    const count = (this.mounts.get(merged) ?? 0) - 1;
    if (count > 0) {
      this.mounts.set(merged, count);
      return;
    }
    this.mounts.delete(merged);
    if (!(yield* exists(this.sys, merged))) return;
    try {
      yield* this.sys.umount2(merged, MNT_DETACH);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    yield* optional(this.sys.unlinkat(AT_FDCWD, merged, AT_REMOVEDIR));
  }

  /** Removes a layer that nobody uses. */
  *remove(id: string): Proc<void> {
    yield* this.locker.hold(id, () => this.removeDir(id));
  }

  private *removeDir(id: string): Proc<void> {
    const link = yield* readIfThere(this.sys, `${this.dir(id)}/link`);
    if (link !== undefined && link !== "") yield* optional(unlink(this.sys, `${this.home}/l/${link}`));
    try {
      yield* removeAll(this.sys, this.dir(id));
    } catch (e) {
      // Something is mounted there still (system.EnsureRemoveAll).
      if (e !== EBUSY) throw e;
      yield* this.unmountBelow(this.dir(id));
      yield* removeAll(this.sys, this.dir(id));
    }
  }

  /** Of a layer, the topmost first: the directories below it. */
  *lowerDirs(id: string): Proc<string[]> {
    const lowers = yield* readIfThere(this.sys, `${this.dir(id)}/lower`);
    if (lowers === undefined) return [];
    const dirs: string[] = [];
    for (const lower of lowers.split(":")) {
      const target = yield* optional(readlink(this.sys, `${this.home}/${lower}`), [ENOENT]);
      if (target !== undefined) dirs.push(`${this.home}/${target.replace(/^\.\.\//, "")}`);
    }
    return dirs;
  }

  /** `GraphDriver.Data` of inspect. */
  *metadata(id: string): Proc<DriverMetadata> {
    const dir = this.dir(id);
    const lowers = yield* this.lowerDirs(id);
    return {
      ...(lowers.length === 0 ? {} : { LowerDir: lowers.join(":") }),
      MergedDir: `${dir}/merged`,
      UpperDir: `${dir}/diff`,
      WorkDir: `${dir}/work`,
    };
  }

  /** Short links to layers that are not there: a killed daemon had not told the layer of its link yet. */
  *removeDeadLinks(): Proc<void> {
    for (const name of yield* namesIn(this.sys, `${this.home}/l`)) {
      const target = yield* optional(readlink(this.sys, `${this.home}/l/${name}`), [ENOENT]);
      if (target !== undefined && !(yield* exists(this.sys, `${this.home}/l/${target}`))) yield* unlink(this.sys, `${this.home}/l/${name}`);
    }
  }

  /** What the daemon's end must not leave behind: every mount below the driver's directory. */
  *cleanup(): Proc<void> {
    yield* this.unmountBelow(this.home);
  }

  private *unmountBelow(dir: string): Proc<void> {
    const info = (yield* readIfThere(this.sys, "/proc/self/mountinfo")) ?? "";
    for (const line of info.split("\n").reverse()) {
      const place = line.split(" ")[4];
      if (place === undefined || !place.startsWith(`${dir}/`)) continue;
      try {
        yield* this.sys.umount2(place, MNT_DETACH);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
    }
  }
}
