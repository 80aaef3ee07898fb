/** `--device /dev/host[:/dev/container][:rwm]`. Real counterpart: docker/cli `cli/command/container/opts.go`. */

import type { DeviceMapping } from "../../engine/api/container.ts";
import { cleanPath } from "../files.ts";

const isMode = (text: string): boolean => /^[rwm]+$/.test(text) && new Set(text).size === text.length;

/** Errors: Error. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  const [host, second, third] = parts;
  if (parts.length > 3 || host === undefined || host === "") throw new Error(`bad format for path: ${text}`);
  const inside = second === undefined || (parts.length === 2 && isMode(second)) ? host : second;
  if (third !== undefined && !isMode(third)) throw new Error(`bad mode specified: ${third}`);
  if (!inside.startsWith("/")) throw new Error(`${inside} is not an absolute path`);
  const mode = third ?? (second !== undefined && isMode(second) ? second : "rwm");
  return {
    PathOnHost: inside === host ? cleanPath(host) : host,
    PathInContainer: parts.length === 3 ? inside : cleanPath(inside),
    CgroupPermissions: mode,
  };
}
