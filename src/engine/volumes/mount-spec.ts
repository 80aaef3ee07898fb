/** What `-v`, `--mount`, `--tmpfs` and `--volumes-from` say, checked: moby `volume/mounts/linux_parser.go`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { optional, stat } from "../../userland/libc/unistd.ts";
import type { Mount } from "../api/container.ts";
import { type EngineError, invalidParameter, systemError } from "../errors.ts";
import type { ContainerMount } from "../parts.ts";

const PROPAGATIONS = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];
/** Words of a mode: one of each row at most. */
const MODES: readonly (readonly string[])[] = [["rw", "ro"], ["z", "Z"], PROPAGATIONS, ["nocopy"], ["consistent", "cached", "delegated"]];
export const DEFAULT_PROPAGATION = "rprivate";

/** A mount as the parser leaves it. `Name` of a volume without one is chosen later. */
export interface ParsedMount {
  readonly mount: ContainerMount;
  readonly spec: Mount;
}

function isMode(mode: string): boolean {
  if (mode === "") return true;
  const words = mode.split(",");
  return (
    words.every((word) => MODES.some((row) => row.includes(word))) &&
    MODES.every((row) => words.filter((word) => row.includes(word)).length <= 1)
  );
}

/** path.Clean(). */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== ".." || parts[parts.length - 1] === "..") parts.push(part);
    else if (parts.length > 0) parts.pop();
    else if (!path.startsWith("/")) parts.push(part);
  }
  const joined = parts.join("/");
  return path.startsWith("/") ? `/${joined.replace(/^(\.\.\/?)+/, "")}` : joined || ".";
}

const mountConfig = ({ Type }: Mount, why: string): EngineError =>
  invalidParameter(`invalid mount config for type ${JSON.stringify(Type ?? "")}: ${why}`);
const missing = (field: string): string => `field ${field} must not be empty`;
const extra = (field: string): string => `field ${field} must not be specified`;

/** Errors: invalidParameter. */
export function checkDestination(path: string): void {
  const why = destinationFault(path);
  if (why !== undefined) throw invalidParameter(why);
}

function destinationFault(path: string): string | undefined {
  if (cleanPath(path) === "/") return "invalid specification: destination can't be '/'";
  return absoluteFault(path);
}

const absoluteFault = (path: string): string | undefined =>
  path.startsWith("/") ? undefined : `invalid mount path: '${path}' mount path must be absolute`;

function fault(spec: Mount): string | undefined {
  const { Type, Source = "", Target = "", ReadOnly, BindOptions, VolumeOptions } = spec;
  if (Target === "") return missing("Target");
  const destination = destinationFault(Target);
  if (destination !== undefined) return destination;
  switch (Type) {
    case "bind": {
      if (Source === "") return missing("Source");
      const { Propagation = "" } = BindOptions ?? {};
      if (Propagation !== "" && !PROPAGATIONS.includes(Propagation)) return `invalid propagation mode: ${Propagation}`;
      if (VolumeOptions != null) return extra("VolumeOptions");
      return absoluteFault(Source);
    }
    case "volume":
      if (BindOptions != null) return extra("BindOptions");
      return Source === "" && ReadOnly ? "must not set ReadOnly mode when using anonymous volumes" : undefined;
    case "tmpfs":
      if (BindOptions != null) return extra("BindOptions");
      return Source !== "" ? extra("Source") : undefined;
    default:
      return "mount type unknown";
  }
}

/** parseMountSpec() of what has no fault. */
function mountOf(spec: Mount, mode: string): ContainerMount {
  const { Type = "", Source = "", Target = "", ReadOnly = false, BindOptions, VolumeOptions } = spec;
  const base = { Type, Destination: cleanPath(Target), Mode: mode, RW: !ReadOnly, Spec: spec };
  switch (Type) {
    case "bind":
      return { ...base, Source: cleanPath(Source), Propagation: BindOptions?.Propagation || DEFAULT_PROPAGATION };
    case "volume":
      return {
        ...base,
        Name: Source,
        Source: "",
        Driver: VolumeOptions?.DriverConfig?.Name ?? "",
        Propagation: "",
        CopyData: !(VolumeOptions?.NoCopy ?? false),
      };
    default:
      return { ...base, Source: "", Propagation: "" };
  }
}

/** One of HostConfig.Mounts. Errors: invalidParameter, also for a bind whose source is not there. */
export function* parseMount(sys: Sys, spec: Mount): Proc<ParsedMount> {
  const why = fault(spec);
  if (why !== undefined) throw mountConfig(spec, why);
  if (spec.Type === "bind" && (yield* optional(stat(sys, spec.Source as string))) === undefined)
    throw mountConfig(spec, `bind source path does not exist: ${spec.Source}`);
  return { mount: mountOf(spec, ""), spec };
}

/** One of HostConfig.Binds: `source:destination:mode`. Errors: systemError. */
export function parseBind(raw: string, volumeDriver: string): ParsedMount {
  const parts = raw.split(":");
  const [first = "", second = "", mode = ""] = parts;
  const invalid = (why = ""): EngineError => systemError(`invalid volume specification: '${raw}'${why === "" ? "" : `: ${why}`}`);
  if (first === "" || parts.length > 3 || (parts.length === 2 && isMode(second))) throw invalid();
  if (!isMode(mode)) throw systemError(`invalid mode: ${mode}`);
  const words = mode.split(",");
  const [source, target] = parts.length === 1 ? ["", first] : [first, second];
  const isBind = source.startsWith("/");
  const propagation = words.find((word) => PROPAGATIONS.includes(word));
  const noCopy = words.includes("nocopy");
  const driver = volumeDriver !== "" && !isBind ? { DriverConfig: { Name: volumeDriver } } : {};
  const spec: Mount = {
    Type: isBind ? "bind" : "volume",
    ...(source === "" ? {} : { Source: source }),
    Target: target,
    ...(words.includes("ro") ? { ReadOnly: true } : {}),
    ...(propagation === undefined ? {} : { BindOptions: { Propagation: propagation } }),
    ...(noCopy || "DriverConfig" in driver ? { VolumeOptions: { ...driver, ...(noCopy ? { NoCopy: true } : {}) } } : {}),
  };
  const why = fault(spec);
  if (why !== undefined) throw invalid(mountConfig(spec, why).message);
  return { mount: mountOf(spec, mode), spec };
}

/** `container[:mode]`. Errors: invalidParameter. */
export function parseVolumesFrom(text: string): { readonly container: string; readonly readOnly: boolean } {
  if (text === "") throw invalidParameter("volumes-from specification cannot be an empty string");
  const colon = text.indexOf(":");
  const mode = colon < 0 ? "" : text.slice(colon + 1);
  if (!isMode(mode)) throw invalidParameter(`invalid mode: ${mode}`);
  // Of all modes, only these make sense of another container's mounts.
  const words = mode.split(",");
  if (words.some((word) => PROPAGATIONS.includes(word) || word === "nocopy")) throw invalidParameter(`invalid mode: ${mode}`);
  return { container: colon < 0 ? text : text.slice(0, colon), readOnly: words.includes("ro") };
}

// ── tmpfs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const FLAGS = new Map<string, string>(
  [
    ["ro", "rw"],
    ["suid", "nosuid"],
    ["dev", "nodev"],
    ["exec", "noexec"],
    ["sync", "async"],
    ["dirsync"],
    ["remount"],
    ["mand", "nomand"],
    ["atime", "noatime"],
    ["diratime", "nodiratime"],
    ["bind"],
    ["rbind"],
    ["unbindable", "runbindable", ...PROPAGATIONS],
    ["relatime", "norelatime"],
    ["strictatime", "nostrictatime"],
  ].flatMap((row) => row.map((word) => [word, row[0] as string] as const)),
);
const DATA = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

/** The last of those that contradict each other counts: MergeTmpfsOptions(). Errors: systemError. */
export function mergeTmpfsOptions(options: readonly string[]): string[] {
  const seen = new Set<string>();
  const merged: string[] = [];
  for (const option of [...options].reverse()) {
    if (option === "defaults") continue;
    const parts = /^([^=]*)=(.*)$/s.exec(option)?.slice(1) ?? [option];
    const key = FLAGS.get(option) ?? (parts.length === 2 && DATA.includes(parts[0] as string) ? `${parts[0]}=` : undefined);
    if (key === undefined) throw systemError(`invalid tmpfs option [${parts.map((part) => JSON.stringify(part)).join(" ")}]`);
    if (!seen.has(key)) merged.unshift(option);
    seen.add(key);
  }
  return merged;
}

/** ConvertTmpfsOptions(): `ro,mode=700,size=1000000`. */
export function tmpfsData({ TmpfsOptions, ReadOnly }: Mount): string {
  const { SizeBytes = 0, Mode = 0 } = TmpfsOptions ?? {};
  const words: string[] = [];
  if (ReadOnly) words.push("ro");
  if (Mode !== 0) words.push(`mode=${Mode.toString(8)}`);
  if (SizeBytes !== 0) {
    const [suffix, unit] = (
      [
        ["g", 2 ** 30],
        ["m", 2 ** 20],
        ["k", 2 ** 10],
      ] as const
    ).find(([, base]) => SizeBytes >= base && SizeBytes % base === 0) ?? ["", 1];
    words.push(`size=${SizeBytes / unit}${suffix}`);
  }
  return words.join(",");
}
