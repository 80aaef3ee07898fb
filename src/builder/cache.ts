/** Whether a step was done before: by the configuration of its container, or by the history of another image. moby `image/cache`. */

import type { History } from "../image/oci.ts";
import type { BuildConfig } from "./image-config.ts";

/** What decides about a step of the classic builder. */
export interface ComparedConfig extends BuildConfig {
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  OpenStdin?: boolean;
  Tty?: boolean;
}

const sameList = (a: readonly string[] | null | undefined, b: readonly string[] | null | undefined): boolean => {
  const [x, y] = [a ?? [], b ?? []];
  return x.length === y.length && x.every((item, i) => item === y[i]);
};

function sameMap(
  a: Readonly<Record<string, unknown>> | null | undefined,
  b: Readonly<Record<string, unknown>> | null | undefined,
): boolean {
  const [x, y] = [Object.entries(a ?? {}), b ?? {}];
  return x.length === Object.keys(y).length && x.every(([key, value]) => key in y && (typeof value === "object" || value === y[key]));
}

/** The engine 20.10 compares these fields and no others. */
export function sameStep(a: ComparedConfig, b: ComparedConfig): boolean {
  if (a.OpenStdin === true || b.OpenStdin === true) return false;
  return (
    (a.AttachStdout ?? false) === (b.AttachStdout ?? false) &&
    (a.AttachStderr ?? false) === (b.AttachStderr ?? false) &&
    (a.User ?? "") === (b.User ?? "") &&
    (a.Tty ?? false) === (b.Tty ?? false) &&
    sameList(a.Cmd, b.Cmd) &&
    sameList(a.Env, b.Env) &&
    sameList(a.Entrypoint, b.Entrypoint) &&
    sameMap(a.Labels, b.Labels) &&
    sameMap(a.ExposedPorts, b.ExposedPorts) &&
    sameMap(a.Volumes, b.Volumes)
  );
}

/** What `--cache-from` needs to know of an image. */
export interface Chain {
  readonly history: readonly History[];
  readonly diffIds: readonly string[];
}

/** Whether `image` was made on top of `parent`, as far as their histories and layers say; undefined is no parent at all. */
export function isBuiltOn(image: Chain, parent: Chain | undefined): boolean {
  if (image.history.length === 0) return false;
  if (parent === undefined || (parent.history.length === 0 && parent.diffIds.length === 0)) return true;
  if (parent.history.length >= image.history.length || parent.diffIds.length > image.diffIds.length) return false;
  const sameEntry = (a: History, b: History | undefined): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b ?? {}));
  return (
    parent.history.every((entry, i) => sameEntry(entry, image.history[i])) &&
    parent.diffIds.every((diffId, i) => diffId === image.diffIds[i])
  );
}

const sorted = (entry: object): unknown => Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1));

/** The layer that the entry of the history made; undefined if it made none. */
export function layerOfEntry({ history, diffIds }: Chain, index: number): string | undefined {
  if (history[index]?.empty_layer === true) return undefined;
  return diffIds[history.slice(0, index).filter(({ empty_layer }) => empty_layer !== true).length];
}
