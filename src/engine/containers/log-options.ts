/** Log drivers and what can be said of them. moby `daemon/logger/jsonfilelog`. */

import type { HostConfig } from "../api/container.ts";
import { invalidParameter, systemError } from "../errors.ts";

const JSON_FILE_OPTIONS = [
  "max-file",
  "max-size",
  "compress",
  "labels",
  "labels-regex",
  "env",
  "env-regex",
  "tag",
  "mode",
  "max-buffer-size",
];

/** Errors: invalidParameter. */
export function checkLogConfig({ Type, Config }: HostConfig["LogConfig"]): void {
  if (Type === "none" || Type === "") return;
  if (Type !== "json-file") throw invalidParameter(`error looking up logging plugin ${Type}: plugin ${JSON.stringify(Type)} not found`);
  for (const name of Object.keys(Config ?? {}))
    if (!JSON_FILE_OPTIONS.includes(name)) throw invalidParameter(`unknown log opt '${name}' for json-file log driver`);
}

export interface RotationOptions {
  /** -1: without a limit. */
  readonly maxSizeBytes: number;
  readonly maxFiles: number;
}

/** Errors: system, as they come up when the container is started. */
export function rotationOf(config: Readonly<Record<string, string>>): RotationOptions {
  const fail = (why: string): never => {
    throw systemError(`failed to initialize logging driver: ${why}`);
  };
  const { "max-size": size, "max-file": files } = config;
  let maxSizeBytes = -1;
  if (size !== undefined) {
    maxSizeBytes = parseSize(size) ?? fail(`invalid size: '${size}'`);
    if (maxSizeBytes <= 0) fail("max-size must be a positive number");
  }
  let maxFiles = 1;
  if (files !== undefined) {
    if (!/^[+-]?\d+$/.test(files)) fail(`strconv.Atoi: parsing ${JSON.stringify(files)}: invalid syntax`);
    maxFiles = Number(files);
    if (maxFiles < 1) fail("max-file cannot be less than 1");
  }
  return { maxSizeBytes, maxFiles };
}

/** `10m`, in bytes; go-units' FromHumanSize: powers of 1000. */
function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)b?$/i.exec(text.trim());
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * 1000 ** ["", "k", "m", "g", "t", "p"].indexOf((match[2] as string).toLowerCase()));
}
