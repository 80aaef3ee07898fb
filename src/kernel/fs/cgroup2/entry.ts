/** The files of a cgroup as declarations: name, mode, for which cgroups, how to read and write. */

import { EINVAL } from "../../../abi/errno.ts";
import type { Cgroup, ControllerName } from "../../cgroup/cgroup.ts";
import type { Task } from "../../task/task.ts";

export interface CgroupFile {
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  /** There only where this controller is enabled. */
  readonly controller?: ControllerName;
  /** Whether the root has it too: "yes", "no", or it "only". */
  readonly root: "yes" | "no" | "only";
  /** Errors: EOPNOTSUPP where the file cannot be read just now. */
  read?(cgroup: Cgroup, reader: Task): string;
  /** One write as a whole. Errors: EINVAL for what it does not understand, ERANGE. */
  write?(cgroup: Cgroup, text: string, writer: Task): void;
  /** Counts up when the content changed, for poll (POLLPRI). */
  version?(cgroup: Cgroup): number;
}

const UNITS = ["", "k", "m", "g", "t"];

/** A count, or with `sizes` a number of bytes that may end in K, M, G or T; or `max`. Errors: EINVAL. */
export function parseLimit(text: string, sizes: boolean): number {
  const word = text.trim();
  if (word === "max") return Number.POSITIVE_INFINITY;
  const match = (sizes ? /^(\d+)([kmgt]?)$/i : /^(\d+)()$/).exec(word);
  if (match === null) throw EINVAL;
  return Number(match[1]) * 1024 ** UNITS.indexOf((match[2] as string).toLowerCase());
}

export const showLimit = (value: number): string => `${value === Number.POSITIVE_INFINITY ? "max" : value}\n`;
