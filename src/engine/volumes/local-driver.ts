/** The driver `local`: a directory a volume below /var/lib/docker/volumes, over which something may be mounted while it is used. moby `volume/local/local.go`. */

import { EBUSY, EEXIST, EINVAL, ENOENT, Errno } from "../../abi/errno.ts";
import { MNT_DETACH } from "../../abi/mount.ts";
import { DT_DIR, type Stat, S_IFDIR, S_IFMT } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { parseMountOptions } from "../../userland/libc/mountflags.ts";
import { lstat, mkdir, optional, readDir } from "../../userland/libc/unistd.ts";
import type { Volume } from "../api/volume.ts";
import { type Daemon, formatTime } from "../daemon.ts";
import { invalidParameter, systemError } from "../errors.ts";
import { makeDirs, readJson, removeAll, writeAtomically } from "../files.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const OPTIONS = ["type", "device", "o", "size"];

/** opts.json. */
interface MountOptionsJson {
  readonly MountType: string;
  readonly MountOpts: string;
  readonly MountDevice: string;
  readonly Quota: { readonly Size: number };
}

export interface LocalVolume {
  readonly name: string;
  readonly labels: Record<string, string> | null;
  readonly options: Record<string, string> | null;
  /** RFC 3339. */
  readonly createdAt: string;
  /** `…/_data`. */
  readonly mountpoint: string;
  /** What is mounted there while it is used. */
  readonly mount: MountOptionsJson | undefined;
  /** How many use it now. */
  active: number;
}

export class LocalDriver {
  constructor(private readonly daemon: Daemon) {}

  get root(): string {
    return `${this.daemon.config.root}/volumes`;
  }

  *start(): Proc<void> {
    yield* makeDirs(this.daemon.sys, this.root, 0o701);
  }

  /** Names of the volumes that are there. */
  *names(): Proc<string[]> {
    const names: string[] = [];
    for (const { name, type } of yield* readDir(this.daemon.sys, this.root)) {
      if (type !== DT_DIR || name === "." || name === ".." || !NAME.test(name)) continue;
      if ((yield* optional(lstat(this.daemon.sys, `${this.root}/${name}/_data`))) !== undefined) names.push(name);
    }
    return names.sort();
  }

  /** Errors: invalidParameter in the driver's words. */
  *create(name: string, options: Record<string, string> | null, labels: Record<string, string> | null): Proc<LocalVolume> {
    const { sys } = this.daemon;
    checkName(name);
    const mount = checkOptions(options ?? {});
    const directory = `${this.root}/${name}`;
    yield* optional(mkdir(sys, directory, 0o701), [EEXIST]);
    yield* optional(mkdir(sys, `${directory}/_data`, 0o755), [EEXIST]);
    if (mount !== undefined) yield* writeAtomically(sys, `${directory}/opts.json`, JSON.stringify(mount), 0o600);
    return yield* this.open(name, options, labels);
  }

  /** One that is there. */
  *open(name: string, options: Record<string, string> | null, labels: Record<string, string> | null): Proc<LocalVolume> {
    const { sys } = this.daemon;
    const directory = `${this.root}/${name}`;
    const { mtime } = yield* lstat(sys, directory);
    const mount = yield* readJson<MountOptionsJson>(sys, `${directory}/opts.json`);
    return { name, labels, options, createdAt: formatTime(mtime.sec, 0), mountpoint: `${directory}/_data`, mount, active: 0 };
  }

  *remove(volume: LocalVolume): Proc<void> {
    yield* this.unmountAll(volume);
    yield* removeAll(this.daemon.sys, `${this.root}/${volume.name}`);
  }

  /** One more uses it. Errors: systemError `error while mounting volume …`. */
  *mount(volume: LocalVolume): Proc<void> {
    volume.active++;
    if (volume.mount === undefined || volume.active > 1) return;
    const { MountType, MountOpts, MountDevice } = volume.mount;
    const { flags, data } = parseMountOptions(MountOpts);
    try {
      yield* this.daemon.sys.mount(MountDevice, volume.mountpoint, MountType, flags, data);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      volume.active--;
      const how = `flags: 0x${flags.toString(16)}${data === "" ? "" : `, data: ${data}`}`;
      const what = `mount ${MountDevice}:${volume.mountpoint}${flags === 0 && data === "" ? "" : `, ${how}`}`;
      throw systemError(
        `error while mounting volume '${volume.mountpoint}': failed to mount local volume: ${what}: ${e.message.toLowerCase()}`,
      );
    }
  }

  /** One less. */
  *unmount(volume: LocalVolume): Proc<void> {
    // None, where an earlier daemon has mounted it.
    if (volume.active > 0) volume.active--;
    if (volume.active === 0) yield* this.unmountAll(volume);
  }

  private *unmountAll(volume: LocalVolume): Proc<void> {
    volume.active = 0;
    if (volume.mount !== undefined) yield* optional(this.daemon.sys.umount2(volume.mountpoint, MNT_DETACH), [EINVAL, ENOENT, EBUSY]);
  }
}

function checkName(name: string): void {
  if (name.length === 1) throw invalidParameter("volume name is too short, names should be at least two alphanumeric characters");
  if (!NAME.test(name))
    throw invalidParameter(
      `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
}

function checkOptions(options: Readonly<Record<string, string>>): MountOptionsJson | undefined {
  const names = Object.keys(options);
  if (names.length === 0) return undefined;
  for (const name of names) if (!OPTIONS.includes(name)) throw invalidParameter(`invalid option: ${JSON.stringify(name)}`);
  if (options.size !== undefined) throw invalidParameter("quota size requested but no quota support");
  for (const name of ["device", "type"])
    if (options[name] === undefined) throw invalidParameter(`missing required option: ${JSON.stringify(name)}`);
  return { MountType: options.type as string, MountOpts: options.o ?? "", MountDevice: options.device as string, Quota: { Size: 0 } };
}

export const volumeJson = ({ name, labels, options, createdAt, mountpoint }: LocalVolume): Volume => ({
  CreatedAt: createdAt,
  Driver: "local",
  Labels: labels,
  Mountpoint: mountpoint,
  Name: name,
  Options: options,
  Scope: "local",
});

/** Bytes of the files below a directory, those with several names once: moby `directory.Size`. */
export function* sizeBelow(sys: Sys, path: string, seen = new Set<string>()): Proc<number> {
  let bytes = 0;
  for (const { name } of yield* readDir(sys, path)) {
    if (name === "." || name === "..") continue;
    const found: Stat | undefined = yield* optional(lstat(sys, `${path}/${name}`));
    if (found === undefined) continue;
    if ((found.mode & S_IFMT) === S_IFDIR) bytes += yield* sizeBelow(sys, `${path}/${name}`, seen);
    else if (!seen.has(`${found.dev}:${found.ino}`)) {
      seen.add(`${found.dev}:${found.ino}`);
      bytes += found.size;
    }
  }
  return bytes;
}
