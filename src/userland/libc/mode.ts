/**
 * Permission bits as text: `-rwxr-xr-x` as ls shows it, and the symbolic modes of chmod(1) (gnulib modechange.c).
 */

import { isBlk, isChr, isDir, isFifo, isLnk, isReg, isSock, S_ISGID, S_ISUID, S_ISVTX } from "../../abi/stat.ts";

/** The first letter of a mode string. */
export function typeLetter(mode: number): string {
  if (isReg(mode)) return "-";
  if (isDir(mode)) return "d";
  if (isLnk(mode)) return "l";
  if (isChr(mode)) return "c";
  if (isBlk(mode)) return "b";
  if (isFifo(mode)) return "p";
  return isSock(mode) ? "s" : "?";
}

/** The nine letters of the permissions. */
export function permissionString(mode: number): string {
  const special = (on: boolean, x: boolean, letter: string, none: string): string =>
    on ? (x ? letter : letter.toUpperCase()) : x ? "x" : none;
  const rw = (shift: number): string => (mode & (4 << shift) ? "r" : "-") + (mode & (2 << shift) ? "w" : "-");
  return (
    rw(6) +
    special((mode & S_ISUID) !== 0, (mode & 0o100) !== 0, "s", "-") +
    rw(3) +
    special((mode & S_ISGID) !== 0, (mode & 0o010) !== 0, "s", "-") +
    rw(0) +
    special((mode & S_ISVTX) !== 0, (mode & 0o001) !== 0, "t", "-")
  );
}

/** `drwxr-xr-x`. */
export const modeString = (mode: number): string => typeLetter(mode) + permissionString(mode);

type Change =
  | { readonly kind: "octal"; readonly op: string; readonly bits: number; readonly mentioned: number }
  | {
      readonly kind: "symbolic";
      readonly op: string;
      /** The bits of the classes named; 0 where none is, then the umask holds. */
      readonly who: number;
      readonly perms: string;
    };

/** A compiled mode, applied by `adjustMode`. */
export type ModeChange = readonly Change[];

/** Compiles `755`, `u+x,go=`, `+2000` …; undefined where it is no mode. */
export function compileMode(text: string): ModeChange | undefined {
  if (/^[0-7]+$/.test(text)) {
    const bits = Number.parseInt(text, 8);
    if (bits > 0o7777) return undefined;
    // Up to four digits leave the set-ID bits of a directory as they are.
    return [{ kind: "octal", op: "=", bits, mentioned: text.length < 5 ? (bits & 0o6000) | 0o1777 : 0o7777 }];
  }
  const changes: Change[] = [];
  for (const clause of text.split(",")) {
    const match = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*|[0-7]+))+)$/.exec(clause);
    if (match === null) return undefined;
    let who = 0;
    for (const letter of match[1] ?? "") who |= { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 }[letter] ?? 0;
    for (const [, op = "", perms = ""] of (match[2] ?? "").matchAll(/([-+=])([ugo](?![a-zA-Z])|[0-7]+|[rwxXst]*)/g)) {
      if (!/^[0-7]+$/.test(perms)) changes.push({ kind: "symbolic", op, who, perms });
      else {
        const bits = Number.parseInt(perms, 8);
        if (bits > 0o7777 || who !== 0) return undefined;
        changes.push({ kind: "octal", op, bits, mentioned: 0o7777 });
      }
    }
  }
  return changes;
}

/** The new permission bits (07777) of a file with `mode`. `umask` counts where a clause names no class. */
export function adjustMode(mode: number, change: ModeChange, umask: number, dir = isDir(mode)): number {
  let now = mode & 0o7777;
  for (const step of change) {
    let bits: number;
    let affected: number;
    if (step.kind === "octal") {
      bits = step.bits;
      affected = dir ? step.mentioned : 0o7777;
    } else {
      bits = symbolicBits(step.perms, now, dir);
      affected = step.who === 0 ? 0o7777 : step.who;
      // chmod -R g=rx must not take a directory's set-group-ID away unless s is named.
      const keep = dir && !step.perms.includes("s") ? 0o6000 : 0;
      affected &= ~keep;
      bits &= step.who === 0 ? ~umask : step.who;
      bits &= ~keep;
    }
    if (step.op === "=") {
      const kept = step.kind === "symbolic" && step.who === 0 ? 0 : ~affected & 0o7777;
      const dirKept = dir && step.kind === "symbolic" && !step.perms.includes("s") ? 0o6000 : 0;
      now = (now & (kept | dirKept)) | bits;
    } else if (step.op === "+") now |= bits;
    else now &= ~bits;
  }
  return now;
}

function symbolicBits(perms: string, now: number, dir: boolean): number {
  if (perms === "u" || perms === "g" || perms === "o") {
    const shift = perms === "u" ? 6 : perms === "g" ? 3 : 0;
    return ((now >> shift) & 7) * 0o111;
  }
  let bits = 0;
  for (const letter of perms) {
    if (letter === "r") bits |= 0o444;
    else if (letter === "w") bits |= 0o222;
    else if (letter === "x") bits |= 0o111;
    else if (letter === "X") bits |= dir || (now & 0o111) !== 0 ? 0o111 : 0;
    else if (letter === "s") bits |= 0o6000;
    else if (letter === "t") bits |= 0o1000;
  }
  return bits;
}
