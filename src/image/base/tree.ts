/** A part of a root filesystem as a declaration: what one layer of a base image holds. */

import { type ElfImage, encodeElf } from "../../abi/elf.ts";
import { syntheticSeed } from "../../abi/synthetic.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";

interface Node {
  /** Without a slash in front or behind. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtimeSec: number;
}

export type TreeEntry = Node &
  (
    | { readonly kind: "dir" }
    /** `head`, and synthetic bytes of stream `seed` after it, up to `sizeBytes`. */
    | { readonly kind: "file"; readonly head: Uint8Array; readonly sizeBytes: number; readonly seed: number }
    | { readonly kind: "symlink"; readonly target: string }
    /** Another name of a file that is in the same layer. */
    | { readonly kind: "hardlink"; readonly target: string }
  );

/** What the loaders read of an executable is kept as bytes. */
const ELF_HEAD_BYTES = 1024;

/** Directories that are not 0755 root:root, wherever they come up. */
const SPECIAL_DIRS: Readonly<Record<string, readonly [mode: number, uid: number, gid: number]>> = {
  tmp: [0o1777, 0, 0],
  "var/tmp": [0o1777, 0, 0],
  root: [0o700, 0, 0],
};

export class Tree {
  private readonly byPath = new Map<string, TreeEntry>();

  constructor(
    readonly mtimeSec: number,
    /** Makes the synthetic bytes of this tree's files others than those of a file of the same name elsewhere. */
    private readonly salt: string,
  ) {}

  /** In the order of Docker's archives: a directory before what is in it, names by their bytes. */
  get entries(): TreeEntry[] {
    const key = (path: string): string => path.replaceAll("/", "\0");
    return [...this.byPath.values()].sort((a, b) => (key(a.path) < key(b.path) ? -1 : 1));
  }

  /** Bytes of all files: what Docker calls the size of a layer. */
  get sizeBytes(): number {
    let sum = 0;
    for (const entry of this.byPath.values()) if (entry.kind === "file") sum += entry.sizeBytes;
    return sum;
  }

  /** Directories of the usual mode. */
  dirs(...paths: readonly string[]): void {
    for (const path of paths) this.dir(path);
  }

  dir(path: string, mode?: number, uid?: number, gid?: number): void {
    const [m, u, g] = SPECIAL_DIRS[path] ?? [0o755, 0, 0];
    this.add({ kind: "dir", path, mode: mode ?? m, uid: uid ?? u, gid: gid ?? g, mtimeSec: this.mtimeSec });
  }

  text(path: string, content: string, mode = 0o644, uid = 0, gid = 0): void {
    const head = encodeUtf8(content);
    this.add({ kind: "file", path, head, sizeBytes: head.length, seed: 0, mode, uid, gid, mtimeSec: this.mtimeSec });
  }

  /** A file of which nothing is modelled but its size. */
  filler(path: string, sizeBytes: number, mode = 0o644): void {
    this.add({
      kind: "file",
      path,
      head: new Uint8Array(0),
      sizeBytes,
      seed: this.seedOf(path),
      mode,
      uid: 0,
      gid: 0,
      mtimeSec: this.mtimeSec,
    });
  }

  elf(path: string, elf: ElfImage, sizeBytes: number, mode = 0o755): void {
    const bytes = encodeElf(elf);
    const head = new Uint8Array(Math.max(bytes.length, Math.min(ELF_HEAD_BYTES, sizeBytes)));
    head.set(bytes);
    const size = Math.max(sizeBytes, head.length);
    this.add({ kind: "file", path, head, sizeBytes: size, seed: this.seedOf(path), mode, uid: 0, gid: 0, mtimeSec: this.mtimeSec });
  }

  link(path: string, target: string): void {
    this.add({ kind: "symlink", path, target, mode: 0o777, uid: 0, gid: 0, mtimeSec: this.mtimeSec });
  }

  hardlink(path: string, target: string): void {
    const file = this.byPath.get(target);
    if (file === undefined) throw new Error(`no file ${target} to link ${path} to`);
    const { mode, uid, gid } = file;
    this.add({ kind: "hardlink", path, target, mode, uid, gid, mtimeSec: this.mtimeSec });
  }

  /**
   * Fills up to `targetBytes` with files that are named `stem0.ext`, …, each of at most `pieceBytes`: for the thousands of files that are left out.
   * Throws if the tree is larger already.
   */
  fillUp(targetBytes: number, stem: string, ext: string, pieceBytes = 4_000_000): void {
    let rest = targetBytes - this.sizeBytes;
    if (rest < 0) throw new Error(`${stem}: ${-rest} bytes too many`);
    for (let i = 0; rest > 0; i++) {
      const size = Math.min(rest, pieceBytes);
      this.filler(`${stem}${i}${ext}`, size);
      rest -= size;
    }
  }

  private seedOf(path: string): number {
    return syntheticSeed(`${this.salt}/${path}`);
  }

  /** Adds an entry and the directories above it; what was there first stays. */
  private add(entry: TreeEntry): void {
    for (let at = entry.path.indexOf("/"); at > 0; at = entry.path.indexOf("/", at + 1)) {
      const parent = entry.path.slice(0, at);
      if (!this.byPath.has(parent)) this.dir(parent);
    }
    if (!this.byPath.has(entry.path)) this.byPath.set(entry.path, entry);
  }
}
