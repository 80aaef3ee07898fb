/**
 * The host's root filesystem as data: the tree of a small Debian 12 with /usr merged, its configuration, the executables
 * of `userland/bin` as ELF files, and the shared libraries that they need. `boot.ts` writes it into the root tmpfs.
 * Left out: /etc/ld.so.cache (the loader searches its directories), manual pages, package databases, locales.
 */

import type { ElfImage } from "../abi/elf.ts";
import type { Executable } from "../userland/executable.ts";
import { dockerDemoFiles } from "./rootfs/docker-demo.ts";
import { gshadow, shadow, sudoers, textFiles } from "./rootfs/etc.ts";
import { libraries } from "./rootfs/libraries.ts";
import { miniDockerFiles } from "./rootfs/mini-docker.ts";
import { enabledSockets, unitFiles } from "./rootfs/services.ts";

interface Node {
  /** Absolute; parents come first. */
  readonly path: string;
  /** 0 unless given. */
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since 1970. */
  readonly mtimeSec: number;
}

/** One file of a root filesystem. */
export type RootfsEntry = Node &
  (
    | { readonly kind: "dir"; readonly mode: number }
    | { readonly kind: "file"; readonly mode: number; readonly content: string }
    /** The bytes are `encodeElf(elf)`, and `sizeBytes` long with what follows them. */
    | { readonly kind: "elf"; readonly mode: number; readonly elf: ElfImage; readonly sizeBytes: number }
    | { readonly kind: "symlink"; readonly target: string }
  );

const INTERP = "/lib64/ld-linux-x86-64.so.2";
const LIB_DIR = "/usr/lib/x86_64-linux-gnu";
/** When Debian 12.11 came out: 2025-05-17. */
const MTIME_SEC = 1747440000;
const SHADOW_GID = 42;
const STAFF_GID = 50;
const MAIL_GID = 8;

/** Directories other than 0755 root:root come with their mode and group. */
const dirs: readonly (string | readonly [path: string, mode: number, gid: number])[] = [
  "/",
  "/boot",
  "/dev",
  "/etc",
  "/etc/alternatives",
  "/etc/default",
  "/etc/ld.so.conf.d",
  "/etc/network",
  "/etc/opt",
  "/etc/profile.d",
  "/etc/skel",
  "/etc/sudoers.d",
  "/home",
  "/media",
  "/mnt",
  "/opt",
  ["/proc", 0o555, 0],
  ["/root", 0o700, 0],
  "/root/mini-docker",
  "/run",
  "/srv",
  ["/sys", 0o555, 0],
  ["/tmp", 0o1777, 0],
  "/usr",
  "/usr/bin",
  "/usr/games",
  "/usr/include",
  "/usr/lib",
  LIB_DIR,
  "/usr/lib64",
  "/usr/libexec",
  "/usr/local",
  "/usr/local/bin",
  "/usr/local/etc",
  "/usr/local/games",
  "/usr/local/include",
  "/usr/local/lib",
  "/usr/local/sbin",
  "/usr/local/share",
  "/usr/local/src",
  "/usr/sbin",
  "/usr/share",
  "/usr/src",
  "/var",
  "/var/backups",
  "/var/cache",
  "/var/lib",
  ["/var/local", 0o2775, STAFF_GID],
  "/var/log",
  ["/var/mail", 0o2775, MAIL_GID],
  "/var/opt",
  "/var/spool",
  ["/var/tmp", 0o1777, 0],
];

const links: readonly (readonly [path: string, target: string])[] = [
  ["/bin", "usr/bin"],
  ["/sbin", "usr/sbin"],
  ["/lib", "usr/lib"],
  ["/lib64", "usr/lib64"],
  ["/etc/mtab", "../proc/self/mounts"],
  ["/etc/os-release", "../usr/lib/os-release"],
  ["/var/lock", "/run/lock"],
  ["/var/run", "/run"],
  ["/var/spool/mail", "../mail"],
];

/** update-alternatives(1): a generic name and who may stand behind it, the best first. */
const alternatives: readonly (readonly [name: string, choices: readonly string[]])[] = [
  ["awk", ["/usr/bin/gawk", "/usr/bin/mawk"]],
  ["editor", ["/usr/bin/vim.tiny", "/usr/bin/vi", "/usr/bin/nano"]],
  ["nawk", ["/usr/bin/gawk", "/usr/bin/mawk"]],
  ["nc", ["/usr/bin/nc.openbsd", "/usr/bin/nc.traditional"]],
  ["pager", ["/usr/bin/less", "/usr/bin/more"]],
  ["vi", ["/usr/bin/vim.tiny"]],
  ["view", ["/usr/bin/vim.tiny"]],
];

class Tree {
  readonly entries = new Map<string, RootfsEntry>();

  /** Adds an entry; what was there first stays. */
  add(entry: RootfsEntry): void {
    if (!this.entries.has(entry.path)) this.entries.set(entry.path, entry);
  }

  dir(path: string, mode = 0o755, gid = 0): void {
    this.add({ kind: "dir", path, mode, gid, mtimeSec: MTIME_SEC });
  }

  file(path: string, content: string, mode = 0o644, gid = 0): void {
    this.add({ kind: "file", path, content, mode, gid, mtimeSec: MTIME_SEC });
  }

  link(path: string, target: string): void {
    this.add({ kind: "symlink", path, target, mtimeSec: MTIME_SEC });
  }

  elf(path: string, elf: ElfImage, sizeBytes: number, mode: number): void {
    this.parents(path);
    this.add({ kind: "elf", path, elf, sizeBytes, mode, mtimeSec: MTIME_SEC });
  }

  /** Executables may name directories of their own. */
  parents(path: string): void {
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) this.dir(path.slice(0, at));
  }
}

/** A link beside its target names it alone, as Debian's packages do. */
function linkTarget(link: string, target: string): string {
  const dir = link.slice(0, link.lastIndexOf("/") + 1);
  return target.startsWith(dir) && !target.slice(dir.length).includes("/") ? target.slice(dir.length) : target;
}

function addExecutables(tree: Tree, executables: readonly Executable[]): void {
  for (const { name, paths, needed = ["libc.so.6"], sizeBytes = 14648, mode = 0o755 } of executables) {
    const [file, ...others] = paths ?? [];
    if (file === undefined) continue;
    const loader = file.startsWith(`${LIB_DIR}/ld-linux`);
    tree.elf(
      file,
      {
        type: "ET_DYN",
        needed,
        program: name,
        voice: name === "busybox" ? "busybox" : "gnu",
        ...(needed.length === 0 ? {} : { interp: INTERP }),
        ...(loader ? { soname: name } : {}),
      },
      sizeBytes,
      mode,
    );
    for (const path of others) {
      tree.parents(path);
      tree.link(path, linkTarget(path, file));
    }
  }
}

/** Every library that an executable asks for, and what those ask for. */
function addLibraries(tree: Tree, executables: readonly Executable[]): void {
  const wanted = ["libc.so.6", ...executables.flatMap((e) => (e.paths === undefined ? [] : (e.needed ?? [])))];
  const seen = new Set<string>();
  for (let soname = wanted.pop(); soname !== undefined; soname = wanted.pop()) {
    const library = libraries.get(soname);
    if (library === undefined || seen.has(soname)) continue;
    seen.add(soname);
    wanted.push(...library.needed);
    const { file, needed, sizeBytes } = library;
    tree.elf(`${LIB_DIR}/${file}`, { type: "ET_DYN", needed, soname, voice: "gnu" }, sizeBytes, soname === "libc.so.6" ? 0o755 : 0o644);
    if (file !== soname) tree.link(`${LIB_DIR}/${soname}`, file);
  }
}

/** The root filesystem with `executables` installed and `services` enabled; parents come before what is in them. */
export function buildRootfs(
  executables: readonly Executable[],
  hostname = "drydock",
  services: readonly string[] = [],
): readonly RootfsEntry[] {
  const tree = new Tree();
  for (const dir of dirs) {
    if (typeof dir === "string") tree.dir(dir);
    else tree.dir(...dir);
  }
  for (const [path, target] of links) tree.link(path, target);
  for (const [path, content] of textFiles(hostname)) tree.file(path, content);
  for (const [path, content, mode] of [...miniDockerFiles, ...dockerDemoFiles]) tree.file(path, content, mode);
  for (const [path, content] of unitFiles) {
    tree.parents(path);
    tree.file(path, content);
  }
  for (const name of services) {
    const link = `/etc/systemd/system/multi-user.target.wants/${name}.service`;
    tree.parents(link);
    tree.link(link, `/lib/systemd/system/${name}.service`);
  }
  for (const name of enabledSockets) {
    const link = `/etc/systemd/system/sockets.target.wants/${name}`;
    tree.parents(link);
    tree.link(link, `/lib/systemd/system/${name}`);
  }
  tree.file("/etc/shadow", shadow(), 0o640, SHADOW_GID);
  tree.file("/etc/gshadow", gshadow(), 0o640, SHADOW_GID);
  tree.file("/etc/sudoers", sudoers, 0o440);
  tree.file("/etc/subuid", "");
  tree.file("/etc/subgid", "");
  addExecutables(tree, executables);
  addLibraries(tree, executables);
  for (const [name, choices] of alternatives) {
    const choice = choices.find((path) => tree.entries.has(path));
    const taken = tree.entries.get(`/usr/bin/${name}`);
    if (choice === undefined || (taken !== undefined && taken.kind !== "symlink")) continue;
    tree.entries.delete(`/usr/bin/${name}`);
    tree.link(`/etc/alternatives/${name}`, choice);
    tree.link(`/usr/bin/${name}`, `/etc/alternatives/${name}`);
  }
  return [...tree.entries.values()];
}
