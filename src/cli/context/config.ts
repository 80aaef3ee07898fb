/** ~/.docker/config.json: what a person prefers. Real counterpart: docker/cli `cli/config/configfile`. Fields that mean nothing here are kept as they are. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, readText, rename, writeFile } from "../../userland/libc/unistd.ts";
import { CliError } from "../errors.ts";
import { makeDirectories } from "../files.ts";

/** The fields that commands look at. */
export interface ConfigFile {
  readonly currentContext?: string;
  readonly detachKeys?: string;
  readonly psFormat?: string;
  readonly imagesFormat?: string;
  readonly networksFormat?: string;
  readonly volumesFormat?: string;
  readonly statsFormat?: string;
  readonly pruneFilters?: readonly string[];
  readonly [other: string]: unknown;
}

/** Absent: empty. Errors: CliError where it is no JSON. */
export function* readConfig(sys: Sys, dir: string): Proc<ConfigFile> {
  const path = `${dir}/config.json`;
  const text = yield* optional(readText(sys, path));
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as ConfigFile;
  } catch {
    throw new CliError(`WARNING: Error loading config file: ${path}: invalid JSON`);
  }
}

export function* writeConfig(sys: Sys, dir: string, config: ConfigFile): Proc<void> {
  yield* makeDirectories(sys, dir, 0o700);
  const temporary = `${dir}/config.json.tmp`;
  yield* writeFile(sys, temporary, JSON.stringify({ auths: {}, ...config }, undefined, "\t"), 0o600);
  yield* rename(sys, temporary, `${dir}/config.json`);
}
