/** Seccomp by `--security-opt`: the default profile, none, or one that the client sends. moby `daemon/seccomp_linux.go`, `profiles/seccomp`. */

import type { SpecSeccomp } from "../../runtime/spec.ts";
import type { HostConfig } from "../api/container.ts";
import { systemError } from "../errors.ts";
import { defaultSeccomp } from "./seccomp.ts";

interface ProfileRule {
  readonly names?: readonly string[];
  readonly name?: string;
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly unknown[] | null;
  readonly includes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  readonly excludes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly syscalls?: readonly ProfileRule[] | null;
}

/** Errors: system for a profile that cannot be read. */
export function seccompOf(host: HostConfig, capabilities: readonly string[]): SpecSeccomp | undefined {
  const option = (host.SecurityOpt ?? []).find((one) => /^seccomp[=:]/.test(one));
  const value = option?.slice("seccomp=".length);
  if (value === "unconfined") return undefined;
  if (value === undefined || value === "default" || value === "builtin") return defaultSeccomp(capabilities);
  let profile: Profile;
  try {
    profile = JSON.parse(value) as Profile;
  } catch {
    throw systemError(`Decoding seccomp profile failed: invalid character '${value[0] ?? ""}' looking for beginning of value`);
  }
  const applies = ({ includes, excludes }: ProfileRule): boolean =>
    (includes?.caps ?? []).every((cap) => capabilities.includes(cap)) &&
    !(excludes?.caps ?? []).some((cap) => capabilities.includes(cap)) &&
    (includes?.arches === undefined || includes.arches.includes("amd64")) &&
    !(excludes?.arches ?? []).includes("amd64");
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: (profile.syscalls ?? []).filter(applies).map((rule) => ({
      names: rule.names ?? (rule.name === undefined ? [] : [rule.name]),
      action: rule.action,
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
      args: rule.args ?? [],
    })),
  };
}
