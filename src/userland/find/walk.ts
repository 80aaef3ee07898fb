/**
 * The walk of find(1) over directory trees: fts(3) as findutils uses it. Calls back for each file, before or after what is in it.
 *
 * Differs from Linux: names are looked up by whole paths instead of relative to directory descriptors.
 */

import { ELOOP, ENOENT, Errno } from "../../abi/errno.ts";
import { type Dirent, DT_LNK, DT_UNKNOWN, isDir, type Stat } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { lstat, readDir, stat } from "../libc/unistd.ts";

export type Follow = "never" | "arguments" | "always";

export interface WalkOptions {
  follow: Follow;
  depthFirst: boolean;
  maxdepth: number;
  mindepth: number;
  /** Stay on the filesystem of the argument. */
  xdev: boolean;
}

/** One file during the walk. */
export class Visit {
  /** Set by -prune: do not descend. */
  pruned = false;
  private known: Stat | undefined;

  constructor(
    private readonly sys: Sys,
    readonly path: string,
    /** The last component. */
    readonly name: string,
    readonly depth: number,
    /** The command-line argument that this is under. */
    readonly argument: string,
    readonly follow: Follow,
    private readonly direntType: number,
  ) {}

  /** Whether links are followed here. */
  get follows(): boolean {
    return this.follow === "always" || (this.follow === "arguments" && this.depth === 0);
  }

  /** stat(2) or lstat(2) as -L, -H and -P ask; a link to nothing is the link itself. */
  *stat(): Proc<Stat> {
    if (this.known === undefined) {
      if (!this.follows) this.known = yield* lstat(this.sys, this.path);
      else {
        try {
          this.known = yield* stat(this.sys, this.path);
        } catch (e) {
          if (e !== ENOENT && e !== ELOOP) throw e;
          this.known = yield* lstat(this.sys, this.path);
        }
      }
    }
    return this.known;
  }

  /** The file type bits of the mode, from the directory entry where that is enough. */
  *type(): Proc<number> {
    if (this.known === undefined && this.direntType !== DT_UNKNOWN && !(this.follows && this.direntType === DT_LNK))
      return this.direntType << 12;
    return (yield* this.stat()).mode & 0o170000;
  }

  /** The same without following. */
  *lstat(): Proc<Stat> {
    return this.follows ? yield* lstat(this.sys, this.path) : yield* this.stat();
  }
}

export interface Walker {
  readonly sys: Sys;
  readonly options: WalkOptions;
  visit(visit: Visit): Proc<void>;
  /** Something cannot be read. */
  failed(path: string, e: Errno): Proc<void>;
  loop(path: string, ancestor: string): Proc<void>;
  /** Everything in a directory was visited: -execdir … + runs what it collected. */
  left(dir: string): Proc<void>;
}

interface Ancestor {
  readonly dev: number;
  readonly ino: number;
  readonly path: string;
}

/** Walks over one argument of the command line. */
export function* walk(w: Walker, argument: string): Proc<void> {
  const trimmed = argument.replace(/\/+$/, "");
  const name = trimmed === "" ? argument : argument.slice(trimmed.lastIndexOf("/") + 1);
  const top = new Visit(w.sys, argument, name, 0, argument, w.options.follow, DT_UNKNOWN);
  try {
    const st = yield* top.stat();
    yield* enter(w, top, [], st.dev);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* w.failed(argument, e);
  }
}

function* enter(w: Walker, visit: Visit, ancestors: readonly Ancestor[], rootDev: number): Proc<void> {
  const { options } = w;
  const inDepth = visit.depth >= options.mindepth;
  const dir = isDir(yield* visit.type());
  if (!dir || visit.depth >= options.maxdepth) {
    if (inDepth) yield* w.visit(visit);
    return;
  }
  // Only a link can lead back up, or a bind mount; without -L the directory's identity is not asked for.
  let here: Ancestor | undefined;
  if (options.follow === "always" || options.xdev) {
    const st = yield* visit.stat();
    here = { dev: st.dev, ino: st.ino, path: visit.path };
    const again = ancestors.find((a) => a.dev === st.dev && a.ino === st.ino);
    if (again !== undefined) return yield* w.loop(visit.path, again.path);
  }
  if (!options.depthFirst && inDepth) yield* w.visit(visit);
  const stays = !options.xdev || here?.dev === rootDev;
  if (!visit.pruned && stays) yield* children(w, visit, here === undefined ? ancestors : [...ancestors, here], rootDev);
  if (options.depthFirst && inDepth) yield* w.visit(visit);
}

function* children(w: Walker, visit: Visit, ancestors: readonly Ancestor[], rootDev: number): Proc<void> {
  let entries: Dirent[];
  try {
    entries = yield* readDir(w.sys, visit.path);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* w.failed(visit.path, e);
  }
  const base = visit.path.endsWith("/") ? visit.path : `${visit.path}/`;
  for (const entry of entries) {
    if (entry.name === "." || entry.name === "..") continue;
    const path = base + entry.name;
    const child = new Visit(w.sys, path, entry.name, visit.depth + 1, visit.argument, visit.follow, entry.type);
    try {
      yield* enter(w, child, ancestors, rootDev);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* w.failed(path, e);
    }
  }
  yield* w.left(visit.path);
}
