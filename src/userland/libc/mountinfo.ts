/** /proc/self/mountinfo as libmount reads it: proc_pid_mountinfo(5). */

import type { Proc, Sys } from "../../abi/sys.ts";
import { readText } from "./unistd.ts";

export interface MountInfo {
  readonly id: number;
  readonly parent: number;
  /** `major:minor`. */
  readonly device: string;
  /** What of the filesystem is seen there. */
  readonly root: string;
  readonly target: string;
  /** Options of the mount, and of the filesystem. */
  readonly vfsOptions: string;
  readonly fsOptions: string;
  /** The optional fields: `shared:1`, `master:2` … */
  readonly tags: readonly string[];
  readonly type: string;
  readonly source: string;
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export function parseMountinfo(text: string): MountInfo[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [id, parent, device = "", root = "", target = "", vfsOptions = "", ...tags] = before.split(" ");
      const [type = "", source = "", fsOptions = ""] = after.split(" ");
      return {
        id: Number(id),
        parent: Number(parent),
        device,
        root: unescape(root),
        target: unescape(target),
        vfsOptions,
        fsOptions,
        tags,
        type,
        source: unescape(source),
      };
    });
}

export function* readMountinfo(sys: Sys): Proc<MountInfo[]> {
  return parseMountinfo(yield* readText(sys, "/proc/self/mountinfo"));
}

/** mnt_fs_get_options(): both kinds of options as one list, read-only where either is. */
export function mergedOptions({ vfsOptions, fsOptions }: Pick<MountInfo, "vfsOptions" | "fsOptions">): string {
  const own = vfsOptions.split(",");
  const rest = fsOptions.split(",").filter((o) => o !== "" && o !== "rw" && o !== "ro" && !own.includes(o));
  const access = own.includes("ro") || fsOptions.split(",").includes("ro") ? "ro" : "rw";
  return [access, ...own.filter((o) => o !== "rw" && o !== "ro"), ...rest].join(",");
}
