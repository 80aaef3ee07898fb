/** The filesystem type of a device number, from mountinfo: proc(5). */

import { makedev } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, readText } from "../libc/unistd.ts";

/** The type, such as `tmpfs`, of the filesystem with this `st_dev`; undefined where no mount shows it. */
export function* fsTypeOf(sys: Sys, dev: number): Proc<string | undefined> {
  const text = yield* optional(readText(sys, "/proc/self/mountinfo"));
  let type: string | undefined;
  for (const line of (text ?? "").split("\n")) {
    const match = /^\S+ \S+ ([0-9]+):([0-9]+) .* - (\S+) /.exec(line);
    if (match !== null && makedev(Number(match[1]), Number(match[2])) === dev) type = match[3];
  }
  return type;
}
