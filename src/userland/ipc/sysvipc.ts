/** The tables of /proc/sysvipc as ipcs(1) and ipcrm(1) read them, and the words of util-linux's `lib/strutils.c` for sizes. */

import type { Proc, Sys } from "../../abi/sys.ts";
import { readText } from "../libc/unistd.ts";

/** One object: the columns of its line by their names in the head. */
export type IpcRow = ReadonlyMap<string, number>;

export type IpcKind = "shm" | "msg" | "sem";

export function* readIpc(sys: Sys, kind: IpcKind): Proc<IpcRow[]> {
  const [head = "", ...lines] = (yield* readText(sys, `/proc/sysvipc/${kind}`)).split("\n");
  const names = head.trim().split(/\s+/);
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const cells = line.trim().split(/\s+/);
      return new Map(names.map((name, i) => [name, name === "perms" ? Number.parseInt(cells[i] ?? "0", 8) : Number(cells[i])]));
    });
}

export const field = (row: IpcRow, name: string): number => row.get(name) ?? 0;

/** size_to_human_string(): one letter, a decimal where it is not whole. */
export function sizeToHuman(bytes: bigint): string {
  const letters = "BKMGTPE";
  let power = 0;
  while (power < letters.length - 1 && bytes >= 1n << BigInt(10 * (power + 1))) power++;
  const unit = 1n << BigInt(10 * power);
  const whole = bytes / unit;
  const tenth = power === 0 ? 0n : ((bytes % unit) * 10n + unit / 2n) / unit;
  if (tenth === 10n) return `${whole + 1n}${letters[power]}`;
  return `${whole}${tenth > 0n ? `.${tenth}` : ""}${letters[power]}`;
}
