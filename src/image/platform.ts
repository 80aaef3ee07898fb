/** `linux/arm64/v8`: containerd `platforms/platforms.go`. */

import type { Platform } from "./oci.ts";

/** What is no platform; its message is containerd's. */
export class InvalidPlatform extends Error {}

const SYSTEMS = [
  "aix",
  "android",
  "darwin",
  "dragonfly",
  "freebsd",
  "hurd",
  "illumos",
  "ios",
  "js",
  "linux",
  "nacl",
  "netbsd",
  "openbsd",
  "plan9",
  "solaris",
  "windows",
  "zos",
];
const ARCHITECTURES = [
  ...[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
  ],
  ...["mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm"],
];
const ALIASES: Readonly<Record<string, string>> = {
  ...{ i386: "386", x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", armhf: "arm", armel: "arm", macos: "darwin" },
};
const PART = /^[A-Za-z0-9_-]+$/;

/** Whether what is made for `platform` is what `wanted` asks for. */
export const suits = (platform: Platform, wanted: Platform): boolean =>
  platform.os === wanted.os &&
  platform.architecture === wanted.architecture &&
  (wanted.variant === undefined || wanted.variant === "" || platform.variant === wanted.variant);

/** `os/architecture/variant`. */
export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  `${os}/${architecture}${variant === undefined || variant === "" ? "" : `/${variant}`}`;

/** Errors: InvalidPlatform. */
export function parsePlatform(specifier: string): Platform {
  const refuse = (why: string): InvalidPlatform => new InvalidPlatform(`${JSON.stringify(specifier)}: ${why}: invalid argument`);
  if (specifier.includes("*")) throw refuse("wildcards not yet supported");
  const parts = specifier.split("/");
  for (const part of parts)
    if (!PART.test(part))
      throw new InvalidPlatform(
        `${JSON.stringify(part)} is an invalid component of ${JSON.stringify(specifier)}: platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument`,
      );
  const [first = "", second = "", third] = parts.map((part) => ALIASES[part.toLowerCase()] ?? part.toLowerCase());
  if (parts.length > 3) throw refuse("cannot parse platform specifier");
  if (parts.length === 1) {
    if (SYSTEMS.includes(first)) return { os: first, architecture: "amd64" };
    if (ARCHITECTURES.includes(first)) return { os: "linux", architecture: first };
    throw refuse("unknown operating system or architecture");
  }
  // armv8 is what arm64 means anyway.
  const variant = second === "arm64" && (third === "v8" || third === "8") ? undefined : third;
  return { os: first, architecture: second, ...(variant === undefined ? {} : { variant }) };
}
