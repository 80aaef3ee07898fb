/** Limits and weights of single block devices: `/dev/sda:10mb`. Real counterpart: docker/cli `opts/throttledevice.go`, `opts/weightdevice.go`. */

import type { ThrottleDevice, WeightDevice } from "../../engine/api/container.ts";
import { cut } from "../flags.ts";
import { ramInBytes } from "../format/units.ts";

function split(text: string): [path: string, value: string] {
  const [path, value] = cut(text, ":");
  if (value === undefined || path === "") throw new Error(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw new Error(`bad format for device path: ${text}`);
  return [path, value];
}

export function weightDevice(text: string): WeightDevice {
  const [path, value] = split(text);
  const weight = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(weight === 0 || (weight >= 10 && weight <= 1000))) throw new Error(`invalid weight for device: ${text}`);
  return { Path: path, Weight: weight };
}

export function readBps(text: string): ThrottleDevice {
  const [path, value] = split(text);
  try {
    return { Path: path, Rate: ramInBytes(value) };
  } catch {
    const format =
      "The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb";
    throw new Error(`invalid rate for device: ${text}. ${format}`);
  }
}

export function readIops(text: string): ThrottleDevice {
  const [path, value] = split(text);
  if (!/^\d+$/.test(value))
    throw new Error(`invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`);
  return { Path: path, Rate: Number(value) };
}
