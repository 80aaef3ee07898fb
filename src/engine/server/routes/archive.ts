/** Files of containers as tar archives: /containers/{name}/archive and /export. moby `daemon/archive.go`, `daemon/export.go`. */

import { Errno, ENOENT, ENOTDIR } from "../../../abi/errno.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK, S_ISGID, S_ISUID, S_ISVTX, type Stat } from "../../../abi/stat.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { applyLayer, LayerError, packLayer, packOne } from "../../../image/layer.ts";
import { encodeBase64 } from "../../../userland/libc/base64.ts";
import { lstat, optional, readlink } from "../../../userland/libc/unistd.ts";
import type { ContainerPathStat } from "../../api/container.ts";
import type { Container } from "../../containers/container.ts";
import type { Containers } from "../../containers/containers.ts";
import { formatTime } from "../../daemon.ts";
import { forbidden, invalidParameter, notFound, systemError } from "../../errors.ts";
import { pathInRoot } from "../../rootfs-path.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

const all = ({ daemon }: Exchange): Containers => daemon.containers as Containers;

export const archiveRoutes: readonly Route[] = [
  { method: "HEAD", path: "/containers/{name:.*}/archive", handler: head },
  { method: "GET", path: "/containers/{name:.*}/archive", handler: get },
  { method: "PUT", path: "/containers/{name:.*}/archive", handler: put },
  { method: "GET", path: "/containers/{name:.*}/export", handler: exportAll },
];

/** Runs with the container's files mounted: of one that runs as it sees them, of others with its volumes in their places. */
function* withFiles<T>(container: Container, act: (files: Files) => Proc<T>): Proc<T> {
  const { daemon, id } = container;
  if (container.running && container.pid > 0) return yield* act(new Files(container, `/proc/${container.pid}/root`, true));
  const rootfs = yield* daemon.images.mountLayer(id);
  try {
    return yield* act(new Files(container, rootfs, false));
  } finally {
    yield* daemon.images.unmountLayer(id);
  }
}

class Files {
  constructor(
    private readonly container: Container,
    private readonly rootfs: string,
    /** Volumes are in their places. */
    private readonly whole: boolean,
  ) {}

  /** Where a path of the container is for us. `follow`: the last component's link as well. */
  *resolve(path: string, follow: boolean): Proc<string> {
    const { sys } = this.container.daemon;
    const full = yield* pathInRoot(sys, this.rootfs, path, follow);
    if (this.whole) return full;
    const inside = full.slice(this.rootfs.length) || "/";
    const mount = this.mountOf(inside);
    if (mount === undefined) return full;
    return yield* pathInRoot(sys, mount.Source, inside.slice(mount.Destination.length), follow);
  }

  private mountOf(inside: string): { Source: string; Destination: string; RW: boolean } | undefined {
    const mounts = Object.values(this.container.mounts).filter(
      ({ Destination, Source }) => Source !== "" && (inside === Destination || inside.startsWith(`${Destination}/`)),
    );
    return mounts.sort((a, b) => b.Destination.length - a.Destination.length)[0];
  }

  /** Errors: forbidden. */
  checkWritable(path: string): void {
    const mount = this.mountOf(path);
    if (mount !== undefined && !mount.RW) throw systemError("mounted volume is marked read-only");
    if (mount === undefined && this.container.hostConfig.ReadonlyRootfs) throw systemError("container rootfs is marked read-only");
  }
}

function pathOf(x: Exchange): string {
  const path = x.query.get("path") ?? "";
  if (path === "") throw invalidParameter("bad parameter: pathcannot be empty");
  return path;
}

const missing = (x: Exchange, path: string): Error => notFound(`Could not find the file ${path} in container ${x.var("name")}`);

/** Go's base name of a path: `.` is kept. */
function baseOf(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

const goModes: readonly (readonly [bits: number, go: number])[] = [
  [S_IFDIR, 2 ** 31],
  [S_IFLNK, 2 ** 27],
  [S_IFBLK, 2 ** 26],
  [S_IFCHR, 2 ** 26 + 2 ** 21],
  [S_IFIFO, 2 ** 25],
  [S_IFSOCK, 2 ** 24],
];

/** os.FileMode. */
function goMode(mode: number): number {
  const kind = goModes.find(([bits]) => bits === (mode & S_IFMT))?.[1] ?? 0;
  const setuid = (mode & S_ISUID) !== 0 ? 2 ** 23 : 0;
  const setgid = (mode & S_ISGID) !== 0 ? 2 ** 22 : 0;
  const sticky = (mode & S_ISVTX) !== 0 ? 2 ** 20 : 0;
  return kind + setuid + setgid + sticky + (mode & 0o777);
}

interface Found {
  readonly path: string;
  readonly stat: Stat;
  readonly answer: ContainerPathStat;
}

/** Errors: notFound. */
function* find(x: Exchange, files: Files, path: string): Proc<Found> {
  const { sys } = x.daemon;
  const dots = /(^|\/)\.?$/.test(path.replace(/\/+$/, "")) || path.endsWith("/");
  const full = yield* files.resolve(path, dots);
  const stat = yield* optional(lstat(sys, full), [ENOENT, ENOTDIR]);
  if (stat === undefined) throw missing(x, path);
  const isLink = (stat.mode & S_IFMT) === S_IFLNK;
  if (path.endsWith("/") && (stat.mode & S_IFMT) !== S_IFDIR) throw systemError(`lstat ${full}/: not a directory`);
  const linkTarget = isLink ? yield* targetOf(sys, full, path) : "";
  const answer = {
    name: baseOf(path),
    size: stat.size,
    mode: goMode(stat.mode),
    mtime: formatTime(stat.mtime.sec, stat.mtime.nsec),
    linkTarget,
  };
  return { path: full, stat, answer };
}

/** As a path of the container. */
function* targetOf(sys: Sys, full: string, path: string): Proc<string> {
  const target = yield* readlink(sys, full);
  if (target.startsWith("/")) return target;
  const dir = path.replace(/\/+$/, "").replace(/\/[^/]*$/, "");
  const parts: string[] = [];
  for (const part of `${dir}/${target}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function tell(x: Exchange, { answer }: Found): void {
  x.headers.set("X-Docker-Container-Path-Stat", encodeBase64(encodeUtf8(JSON.stringify(answer))));
}

function* head(x: Exchange): Proc<void> {
  const path = pathOf(x);
  const container = all(x).require(x.var("name"));
  tell(x, yield* withFiles(container, (files) => find(x, files, path)));
  yield* x.bare(200);
}

function* get(x: Exchange): Proc<void> {
  const path = pathOf(x);
  const container = all(x).require(x.var("name"));
  yield* withFiles(container, function* (files) {
    const found = yield* find(x, files, path);
    tell(x, found);
    const stream = yield* x.streaming(200, "application/x-tar");
    const name = baseOf(path);
    if ((found.stat.mode & S_IFMT) === S_IFDIR)
      yield* packLayer(x.daemon.sys, found.path, stream, { whiteouts: "literal", rootName: name === "/" ? "." : name });
    else yield* packOne(x.daemon.sys, found.path, name, stream);
    yield* stream.end();
  });
  yield* all(x).event(container, "archive-path");
}

function* put(x: Exchange): Proc<void> {
  const path = pathOf(x);
  const container = all(x).require(x.var("name"));
  yield* withFiles(container, function* (files) {
    const full = yield* files.resolve(path, true);
    const stat = yield* optional(lstat(x.daemon.sys, full), [ENOENT, ENOTDIR]);
    if (stat === undefined) throw missing(x, path);
    if ((stat.mode & S_IFMT) !== S_IFDIR) throw systemError("extraction point is not a directory");
    files.checkWritable(path);
    try {
      yield* applyLayer(x.daemon.sys, x.body, full, { whiteouts: "literal", noOverwriteDirNonDir: x.flag("noOverwriteDirNonDir") });
    } catch (e) {
      if (e instanceof LayerError) throw systemError(e.message);
      if (e instanceof Errno) throw systemError(e.message.toLowerCase());
      throw e;
    }
  });
  yield* all(x).event(container, "extract-to-dir");
  yield* x.empty(200);
}

function* exportAll(x: Exchange): Proc<void> {
  const container = all(x).require(x.var("name"));
  if (container.removing) throw forbidden(`You cannot export container ${container.id} which is being removed`);
  const rootfs = yield* x.daemon.images.mountLayer(container.id);
  try {
    const stream = yield* x.streaming(200, "application/octet-stream");
    yield* packLayer(x.daemon.sys, rootfs, stream, { whiteouts: "literal" });
    yield* stream.end();
  } finally {
    yield* x.daemon.images.unmountLayer(container.id);
  }
  yield* all(x).event(container, "export");
}
