/** What is wrong with a config.json before anything is made of it. runc `libcontainer/configs/validate`, `specconv`, `utils_linux.go`. */

import type { Proc, Sys } from "../abi/sys.ts";
import { stat } from "../userland/libc/unistd.ts";
import { RuncError, withPath } from "./error.ts";
import { namespaceTypes, type Spec, type SpecProcess } from "./spec.ts";

/** Sysctls that belong to the IPC namespace; those of the network begin with `net.`. */
const IPC_SYSCTLS = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

/** Errors: RuncError. */
export function validateProcess(process: SpecProcess | undefined): asserts process is SpecProcess {
  if (process === undefined) throw new RuncError("process property must not be empty");
  if (!process.cwd) throw new RuncError("Cwd property must not be empty");
  if (!process.cwd.startsWith("/")) throw new RuncError("Cwd must be an absolute path");
  if (process.args === undefined || process.args.length === 0) throw new RuncError("args must not be empty");
  if (process.selinuxLabel) throw new RuncError("selinux label is specified in config, but selinux is disabled or not supported");
  if (process.apparmorProfile) throw new RuncError("apparmor profile is specified in config, but apparmor is disabled or not supported");
}

/** Errors: RuncError. `rootfs` is absolute. */
export function* validateSpec(sys: Sys, spec: Spec, rootfs: string): Proc<void> {
  const namespaces = spec.linux?.namespaces ?? [];
  const seen = new Set<string>();
  for (const { type, path } of namespaces) {
    const shown = `{${JSON.stringify(type)} ${JSON.stringify(path ?? "")}}`;
    if (!namespaceTypes.includes(type)) throw new RuncError(`namespace ${shown} does not exist`);
    if (seen.has(type)) throw new RuncError(`malformed spec file: duplicated ns ${shown}`);
    seen.add(type);
  }
  if (seen.has("user")) {
    if ((spec.linux?.uidMappings ?? []).length === 0) throw new RuncError("User namespaces enabled, but no uid mappings found.");
    if ((spec.linux?.gidMappings ?? []).length === 0) throw new RuncError("User namespaces enabled, but no gid mappings found.");
  }
  yield* withPath("invalid rootfs: stat", rootfs, stat(sys, rootfs));
  if (spec.hostname && !seen.has("uts")) throw new RuncError("unable to set hostname without a private UTS namespace");
  const { maskedPaths = [], readonlyPaths = [], uidMappings, gidMappings, sysctl = {} } = spec.linux ?? {};
  if (!seen.has("mount") && maskedPaths.length + readonlyPaths.length > 0)
    throw new RuncError("unable to restrict sys entries without a private MNT namespace");
  if (!seen.has("user") && (uidMappings ?? gidMappings) !== undefined)
    throw new RuncError("user namespace mappings specified, but USER namespace isn't enabled in the config");
  for (const name of Object.keys(sysctl)) checkSysctl(name, seen);
}

function checkSysctl(name: string, namespaces: ReadonlySet<string>): void {
  if (IPC_SYSCTLS.has(name) || name.startsWith("fs.mqueue.")) {
    if (!namespaces.has("ipc")) throw new RuncError(`sysctl ${JSON.stringify(name)} is not allowed in the hosts ipc namespace`);
  } else if (name.startsWith("net.")) {
    if (!namespaces.has("network")) throw new RuncError(`sysctl ${JSON.stringify(name)} not allowed in host network namespace`);
  } else if (name === "kernel.domainname" || name === "kernel.hostname") {
    if (!namespaces.has("uts")) throw new RuncError(`sysctl ${JSON.stringify(name)} is not allowed in the hosts uts namespace`);
  } else throw new RuncError(`sysctl ${JSON.stringify(name)} is not in a separate kernel namespace`);
}
