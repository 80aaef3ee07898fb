/** The files that ls shows, and their order: extract and compare functions of coreutils `src/ls.c`, gnulib filevercmp. */

import type { Errno } from "../../abi/errno.ts";
import { isDir, isLnk, type Stat, type Timespec } from "../../abi/stat.ts";
import { wcswidth } from "../libc/wcwidth.ts";
import type { Settings } from "./options.ts";

export interface Entry {
  readonly name: string;
  /** Type bits of the mode; from the directory where there was no need to look closer. */
  readonly type: number;
  readonly ino: number;
  /** Undefined where it was not needed, or not to be had. */
  readonly st: Stat | undefined;
  /** Where a symbolic link points. */
  readonly target?: string;
  readonly targetStat?: Stat | undefined;
  readonly error?: Errno;
}

export const timeOf = (st: Stat, settings: Settings): Timespec => st[settings.time];

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Debian's order of characters in a version: ~ before the end, letters before the rest. */
function order(ch: string | undefined): number {
  if (ch === undefined) return -1;
  if (ch === "~") return -2;
  if (/[0-9]/.test(ch)) return 0;
  return /[A-Za-z]/.test(ch) ? ch.charCodeAt(0) : ch.charCodeAt(0) + 256;
}

function compareVersionText(a: string, b: string): number {
  let i = 0;
  let j = 0;
  const isDigit = (ch: string | undefined): boolean => ch !== undefined && ch >= "0" && ch <= "9";
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a[i])) || (j < b.length && !isDigit(b[j]))) {
      const difference = order(a[i]) - order(b[j]);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const one = /^0*([0-9]*)/.exec(a.slice(i));
    const other = /^0*([0-9]*)/.exec(b.slice(j));
    const [x, y] = [one?.[1] ?? "", other?.[1] ?? ""];
    if (x.length !== y.length) return x.length - y.length;
    if (x !== y) return compareText(x, y);
    i += one?.[0].length ?? 0;
    j += other?.[0].length ?? 0;
  }
  return 0;
}

/** filevercmp: natural order of file names with versions. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  for (const first of ["", ".", ".."]) {
    if (a === first) return -1;
    if (b === first) return 1;
  }
  if (a.startsWith(".") !== b.startsWith(".")) return a.startsWith(".") ? -1 : 1;
  const suffix = /(?:\.[A-Za-z~][A-Za-z0-9~]*)*$/;
  const dot = a.startsWith(".") ? 1 : 0;
  const [x, y] = [a.slice(dot), b.slice(dot)];
  const [xs, ys] = [x.replace(suffix, ""), y.replace(suffix, "")];
  const plain = xs === ys ? 0 : compareVersionText(xs, ys);
  return plain !== 0 ? plain : compareVersionText(x, y) || compareText(a, b);
}

function compareBy(settings: Settings): (a: Entry, b: Entry) => number {
  const byName = (a: Entry, b: Entry): number => compareText(a.name, b.name);
  switch (settings.sort) {
    case "none":
      return () => 0;
    case "size":
      return (a, b) => (b.st?.size ?? 0) - (a.st?.size ?? 0) || byName(a, b);
    case "time":
      return (a, b) => {
        const [x, y] = [a.st && timeOf(a.st, settings), b.st && timeOf(b.st, settings)];
        return (y?.sec ?? 0) - (x?.sec ?? 0) || (y?.nsec ?? 0) - (x?.nsec ?? 0) || byName(a, b);
      };
    case "extension": {
      const extension = (name: string): string => /\.[^.]*$/.exec(name)?.[0] ?? "";
      return (a, b) => compareText(extension(a.name), extension(b.name)) || byName(a, b);
    }
    case "version":
      return (a, b) => compareVersions(a.name, b.name);
    case "width":
      return (a, b) => wcswidth(a.name) - wcswidth(b.name) || byName(a, b);
    case "name":
      return byName;
  }
}

/** Whether it is a directory, or a link to one. */
export const leadsToDirectory = (entry: Entry): boolean =>
  isDir(entry.st?.mode ?? entry.type) ||
  (isLnk(entry.st?.mode ?? entry.type) && entry.targetStat !== undefined && isDir(entry.targetStat.mode));

/** Puts the entries into the order that the settings ask for. */
export function sortEntries(entries: Entry[], settings: Settings): void {
  const compare = compareBy(settings);
  if (settings.sort !== "none") entries.sort(settings.reverse ? (a, b) => compare(b, a) : compare);
  else if (settings.reverse) entries.reverse();
  if (settings.directoriesFirst && settings.sort !== "none") {
    entries.sort((a, b) => Number(leadsToDirectory(b)) - Number(leadsToDirectory(a)));
  }
}
