/** The files of a cgroup as declarations: name, mode, for which cgroups, how to read and write; and how Linux reads numbers from them. */

import { EINVAL, ERANGE } from "../../../abi/errno.ts";
import type { Cgroup, ControllerName } from "../../cgroup/cgroup.ts";
import type { PsiTrigger } from "../../cgroup/psi.ts";
import type { Task } from "../../task/task.ts";
import type { Opener } from "./inode.ts";

export interface CgroupFile {
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  /** There only where this controller is enabled. */
  readonly controller?: ControllerName;
  /** Whether the root has it too. */
  readonly root: "yes" | "no";
  /** CFTYPE_NS_DELEGATABLE: can be written at the root of a cgroup namespace from inside, also with nsdelegate. */
  readonly delegatable?: boolean;
  /** Hidden for now: pressure files while cgroup.pressure is 0. */
  hidden?(cgroup: Cgroup): boolean;
  /** Errors: EOPNOTSUPP where the file cannot be read just now. */
  read?(cgroup: Cgroup, reader: Task): string;
  /** One write as a whole, without blanks around it. Errors: EINVAL for what it does not understand, ERANGE. */
  write?(cgroup: Cgroup, text: string, writer: Task, opener: Opener): void;
  /** A write that asks to be told (pressure files): what poll of this descriptor waits for. Errors: EINVAL. */
  trigger?(cgroup: Cgroup, text: string): PsiTrigger;
}

/** Linux `kstrtoint` and its like: decimal, 0x hexadecimal, 0 octal. Errors: EINVAL; ERANGE beyond `max`. */
export function parseInteger(text: string, max = 0x7fffffff): number {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(text);
  if (match === null) throw EINVAL;
  const digits = match[2] as string;
  const octal = /^0[0-7]+$/.test(digits);
  if (!octal && /^0\d/.test(digits)) throw EINVAL;
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  if (value > max) throw ERANGE;
  return match[1] === "-" ? -value : value;
}

/** As parseInteger, for numbers without a sign: `-1` is EINVAL. */
export function parseUnsigned(text: string): number {
  if (text.startsWith("-")) throw EINVAL;
  return parseInteger(text, Number.MAX_SAFE_INTEGER);
}

/** `max`, or a count. Errors: EINVAL; ERANGE below 0 or beyond an int. */
export function parseCount(text: string): number {
  if (text === "max") return Number.POSITIVE_INFINITY;
  const value = parseInteger(text);
  if (value < 0) throw ERANGE;
  return value;
}

const SUFFIXES = "kmgtpe";
const PAGE_SIZE = 4096;

/** Linux `page_counter_memparse`: `max`, or bytes that may end in K, M, G, T, P or E, in whole pages. Nothing is 0. Errors: EINVAL. */
export function parseBytes(text: string): number {
  if (text === "max") return Number.POSITIVE_INFINITY;
  const match = /^(0[xX][0-9a-fA-F]+|\d*)([kmgtpe]?)$/i.exec(text);
  if (match === null) throw EINVAL;
  const suffix = (match[2] as string).toLowerCase();
  const bytes = Number(match[1] === "" ? 0 : match[1]) * 1024 ** (suffix === "" ? 0 : SUFFIXES.indexOf(suffix) + 1);
  return bytes > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : Math.floor(bytes / PAGE_SIZE) * PAGE_SIZE;
}

export const showLimit = (value: number): string => `${value === Number.POSITIVE_INFINITY ? "max" : value}\n`;
