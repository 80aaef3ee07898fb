/**
 * The cpuset controller: "Cpuset" in Documentation/admin-guide/cgroup-v2.rst, Linux `kernel/cgroup/cpuset.c`.
 *
 * Differs from Linux: there are no partitions: cpuset.cpus.partition is `member` and cannot be changed; there is one memory node.
 */

import { EINVAL, ERANGE } from "../../abi/errno.ts";

/** Linux `bitmap_parselist`: `0-2,4` as a bit mask. Errors: EINVAL; ERANGE beyond `count`. */
export function parseList(text: string, count: number): number {
  let mask = 0;
  for (const part of text.split(/[,\s]+/)) {
    if (part === "") continue;
    const match = /^(\d+|N)(?:-(\d+|N))?$/.exec(part);
    if (match === null) throw EINVAL;
    const number = (word: string): number => (word === "N" ? count - 1 : Number(word));
    const [from, to] = [number(match[1] as string), number((match[2] ?? match[1]) as string)];
    if (to < from) throw EINVAL;
    if (to >= count) throw ERANGE;
    for (let bit = from; bit <= to; bit++) mask |= 1 << bit;
  }
  return mask;
}

export function showList(mask: number): string {
  const parts: string[] = [];
  for (let bit = 0; bit < 31; bit++) {
    if ((mask & (1 << bit)) === 0) continue;
    let to = bit;
    while ((mask & (1 << (to + 1))) !== 0) to++;
    parts.push(to === bit ? `${bit}` : `${bit}-${to}`);
    bit = to;
  }
  return parts.join(",");
}

export class CpusetController {
  /** cpuset.cpus and cpuset.mems as bit masks; 0: nothing asked for, all of the parent's. */
  cpus = 0;
  mems = 0;

  reset(): void {
    this.cpus = 0;
    this.mems = 0;
  }
}
