/** The capabilities of a container. moby `oci/caps`. */

import { capNames } from "../../abi/capability.ts";

const DEFAULT = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

export const allCapabilities = (): string[] => capNames.map((name) => `CAP_${name.toUpperCase()}`);

/** `add` and `drop` are normalised. */
export function capabilitiesOf(add: readonly string[], drop: readonly string[], privileged: boolean): string[] {
  if (privileged) return allCapabilities();
  const base = drop.includes("ALL") ? [] : DEFAULT.filter((name) => !drop.includes(name));
  if (add.includes("ALL")) return allCapabilities().filter((name) => !drop.includes(name));
  return [...base, ...add.filter((name) => !base.includes(name))];
}
