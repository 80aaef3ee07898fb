/**
 * The eight kinds of namespaces as the picture tells them: words and a mark. The hue and the hatching stand in the style sheets under the same name; the
 * mark's shape says the same to whoever cannot tell the hues apart.
 */
import type { NamespaceKind } from "../../bridge/messages.ts";

export interface KindFace {
  readonly kind: NamespaceKind;
  /** What a process has of its own in one of these. */
  readonly isolates: string;
  /** Option of unshare(1) and nsenter(1). */
  readonly option: string;
  /** Path of the mark in a box of 10 × 10 around (0, 0), drawn as a line. */
  readonly mark: string;
}

/** In the order of the columns: who owns the others first. */
export const KINDS: readonly KindFace[] = [
  {
    kind: "user",
    isolates: "user and group ids, capabilities",
    option: "-U",
    mark: "M-2 -2.200a2 2 0 1 0 4 0a2 2 0 1 0-4 0zM-4 4.500a4 3.800 0 0 1 8 0z",
  },
  {
    kind: "mnt",
    isolates: "mount points",
    option: "-m",
    mark: "M-3.500 -4.500v9M-3.500 -1.500h6.500M-3.500 3.500h6.500M3 -2.500v2M3 2.500v2",
  },
  {
    kind: "pid",
    isolates: "process ids",
    option: "-p",
    mark: "M-1.500 -4.500l-1 9M2.500 -4.500l-1 9M-4.300 -1.600h8.600M-4.300 1.600h8.600",
  },
  {
    kind: "uts",
    isolates: "host name and domain name",
    option: "-u",
    mark: "M-4.500 -2.800h6.500l2.500 2.800l-2.500 2.800h-6.500zM-2.400 0h2.600",
  },
  {
    kind: "ipc",
    isolates: "System V IPC and POSIX message queues",
    option: "-i",
    mark: "M-4.500 -1.800h9l-2.500 -2.500M4.500 1.800h-9l2.500 2.500",
  },
  {
    kind: "net",
    isolates: "network devices, addresses, ports",
    option: "-n",
    mark: "M0 -4.600v4.600l-3.800 3.600M0 0l3.800 3.600M-1.200 0a1.200 1.200 0 1 0 2.400 0a1.200 1.200 0 1 0-2.400 0z",
  },
  { kind: "cgroup", isolates: "the root of cgroup paths", option: "-C", mark: "M-4 -4.500v9h8v-9M-4 .5h8M-1.500 2.500h3" },
  {
    kind: "time",
    isolates: "the clocks since boot",
    option: "-T",
    mark: "M-4.300 0a4.300 4.300 0 1 0 8.600 0a4.300 4.300 0 1 0-8.600 0zM0 -2.600v2.600l2 1.400",
  },
];

const byKind = new Map(KINDS.map((face) => [face.kind, face]));

export function getKindFace(kind: NamespaceKind): KindFace {
  return byKind.get(kind) as KindFace;
}
