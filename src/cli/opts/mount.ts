/** `--mount type=bind,source=…,target=…`. Real counterpart: docker/cli `opts/mount.go`. Paths that begin with a dot are made absolute later, where the directory is known. */

import type { Mount } from "../../engine/api/container.ts";
import { cut, readCsv } from "../flags.ts";
import { ramInBytes } from "../format/units.ts";
import { parseBool } from "../strconv.ts";

/** A mount while its fields are read; the newer fields are those of later API versions. */
interface Draft {
  Type: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: { Propagation?: string; NonRecursive?: boolean; ReadOnlyNonRecursive?: boolean; ReadOnlyForceRecursive?: boolean };
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Record<string, string>;
    Subpath?: string;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  ImageOptions?: { Subpath?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

function flagValue(key: string, value: string): boolean {
  try {
    return parseBool(value);
  } catch {
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}

function volume(draft: Draft): NonNullable<Draft["VolumeOptions"]> {
  draft.VolumeOptions ??= { Labels: {}, DriverConfig: {} };
  return draft.VolumeOptions;
}

const bind = (draft: Draft): NonNullable<Draft["BindOptions"]> => (draft.BindOptions ??= {});
const tmpfs = (draft: Draft): NonNullable<Draft["TmpfsOptions"]> => (draft.TmpfsOptions ??= {});

function put(target: Record<string, string>, text: string): void {
  const [key, value] = cut(text, "=");
  if (key !== "") target[key] = value ?? "";
}

function recursion(draft: Draft, key: string, value: string): void {
  if (value === "disabled") bind(draft).NonRecursive = true;
  else if (value === "writable") bind(draft).ReadOnlyNonRecursive = true;
  else if (value === "readonly") bind(draft).ReadOnlyForceRecursive = true;
  else if (value !== "enabled")
    throw new Error(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
}

type Setter = (draft: Draft, value: string, key: string) => void;

const source: Setter = (draft, value) => {
  draft.Source = value;
};
const target: Setter = (draft, value) => {
  draft.Target = value;
};
const readOnly: Setter = (draft, value, key) => {
  draft.ReadOnly = flagValue(key, value);
};

/** What each key of `key=value` does. */
const setters: Readonly<Record<string, Setter>> = {
  type: (draft, value) => {
    draft.Type = value.toLowerCase();
  },
  source,
  src: source,
  target,
  dst: target,
  destination: target,
  readonly: readOnly,
  ro: readOnly,
  consistency: (draft, value) => {
    draft.Consistency = value.toLowerCase();
  },
  "bind-propagation": (draft, value) => {
    bind(draft).Propagation = value.toLowerCase();
  },
  "bind-nonrecursive": (draft, value, key) => {
    bind(draft).NonRecursive = flagValue(key, value);
  },
  "bind-recursive": (draft, value, key) => recursion(draft, key, value),
  "volume-subpath": (draft, value) => {
    volume(draft).Subpath = value;
  },
  "volume-nocopy": (draft, value, key) => {
    volume(draft).NoCopy = flagValue(key, value);
  },
  "volume-label": (draft, value) => put((volume(draft).Labels ??= {}), value),
  "volume-driver": (draft, value) => {
    (volume(draft).DriverConfig ??= {}).Name = value;
  },
  "volume-opt": (draft, value) => put(((volume(draft).DriverConfig ??= {}).Options ??= {}), value),
  "image-subpath": (draft, value) => {
    draft.ImageOptions = { Subpath: value };
  },
  "tmpfs-size": (draft, value, key) => {
    try {
      tmpfs(draft).SizeBytes = ramInBytes(value);
    } catch {
      throw new Error(`invalid value for ${key}: ${value}`);
    }
  },
  "tmpfs-mode": (draft, value, key) => {
    if (!/^[0-7]+$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
    tmpfs(draft).Mode = Number.parseInt(value, 8);
  },
};

/** Keys that may stand alone. */
const BARE = new Set(["readonly", "ro", "volume-nocopy", "bind-nonrecursive"]);

export function parseMount(text: string): Mount {
  const draft: Draft = { Type: "volume" };
  for (const field of readCsv(text)) {
    const [name, value] = cut(field, "=");
    const key = name.toLowerCase();
    const setter = setters[key];
    if (value === undefined) {
      if (!BARE.has(key)) throw new Error(`invalid field '${field}' must be a key=value pair`);
      setter?.(draft, "true", key);
    } else if (setter === undefined) throw new Error(`unexpected key '${key}' in '${field}'`);
    else setter(draft, value, key);
  }
  check(draft);
  if (Object.keys(draft.VolumeOptions?.Labels ?? { x: "" }).length === 0) delete draft.VolumeOptions?.Labels;
  return draft as Mount;
}

function check(draft: Draft): void {
  const { Type: type, BindOptions: options } = draft;
  if (type === "") throw new Error("type is required");
  if (draft.Target === undefined || draft.Target === "") throw new Error("target is required");
  const mixed = (name: string): Error => new Error(`cannot mix '${name}-*' options with mount type '${type}'`);
  if (draft.VolumeOptions !== undefined && type !== "volume") throw mixed("volume");
  if (draft.ImageOptions !== undefined && type !== "image") throw mixed("image");
  if (options !== undefined && type !== "bind") throw mixed("bind");
  if (draft.TmpfsOptions !== undefined && type !== "tmpfs") throw mixed("tmpfs");
  const also = (how: string, what: string): Error =>
    new Error(`option 'bind-recursive=${how}' requires '${what}' to be specified in conjunction`);
  if (options?.ReadOnlyNonRecursive === true && draft.ReadOnly !== true) throw also("writable", "readonly");
  if (options?.ReadOnlyForceRecursive === true) {
    if (draft.ReadOnly !== true) throw also("readonly", "readonly");
    if (options.Propagation !== "rprivate") throw also("readonly", "bind-propagation=rprivate");
  }
}
