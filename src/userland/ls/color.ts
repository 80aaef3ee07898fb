/** Colours of file names: LS_COLORS as dircolors(1) writes it, with the colours that ls has built in; busybox's own. */

import { isBlk, isChr, isDir, isFifo, isLnk, isReg, isSock, S_ISGID, S_ISUID, S_ISVTX, type Stat } from "../../abi/stat.ts";
import type { Entry } from "./entry.ts";

/** Sequences by the two letters of LS_COLORS; empty where a type has none. */
const builtIn: ReadonlyMap<string, string> = new Map([
  ["lc", "\x1b["],
  ["rc", "m"],
  ["rs", "0"],
  ["di", "01;34"],
  ["ln", "01;36"],
  ["pi", "33"],
  ["so", "01;35"],
  ["bd", "01;33"],
  ["cd", "01;33"],
  ["ex", "01;32"],
  ["do", "01;35"],
  ["su", "37;41"],
  ["sg", "30;43"],
  ["st", "37;44"],
  ["ow", "34;42"],
  ["tw", "30;42"],
  ["cl", "\x1b[K"],
]);

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)|\^(.)/g, (_, escape: string | undefined, control: string | undefined) => {
    if (control !== undefined) return control === "?" ? "\x7f" : String.fromCharCode(control.charCodeAt(0) & 31);
    if (escape === undefined) return "";
    if (/^[0-7]/.test(escape)) return String.fromCharCode(Number.parseInt(escape, 8));
    if (/^x./.test(escape)) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return { a: "\x07", b: "\b", e: "\x1b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "?": "\x7f", _: " " }[escape] ?? escape;
  });

/** The colours in force. */
export class Palette {
  private readonly codes = new Map(builtIn);
  private readonly suffixes: (readonly [string, string])[] = [];
  private started = false;

  constructor(lsColors: string | undefined) {
    for (const item of (lsColors ?? "").split(":")) {
      const at = item.indexOf("=");
      if (at < 0) continue;
      const [name, value] = [unescape(item.slice(0, at)), unescape(item.slice(at + 1))];
      if (name.startsWith("*")) this.suffixes.unshift([name.slice(1), value]);
      else this.codes.set(name, value);
    }
  }

  private code(name: string): string {
    const code = this.codes.get(name) ?? "";
    return /^0*$/.test(code) ? "" : code;
  }

  /** The colour of a file of this name and mode. */
  private colorOf(name: string, mode: number, nlink: number, missing: boolean, orphan: boolean): string {
    if (missing) return this.code("mi") || this.code("or");
    if (isReg(mode)) return this.colorOfRegular(name, mode, nlink);
    if (isDir(mode)) {
      const [sticky, writable] = [(mode & S_ISVTX) !== 0, (mode & 0o002) !== 0];
      const special = sticky && writable ? this.code("tw") : writable ? this.code("ow") : sticky ? this.code("st") : "";
      return special || this.code("di");
    }
    if (isLnk(mode)) return (orphan && this.code("or")) || (this.codes.get("ln") === "target" ? "" : this.code("ln"));
    if (isFifo(mode)) return this.code("pi");
    if (isSock(mode)) return this.code("so");
    if (isBlk(mode)) return this.code("bd");
    return isChr(mode) ? this.code("cd") : "";
  }

  private colorOfRegular(name: string, mode: number, nlink: number): string {
    if (mode & S_ISUID && this.code("su") !== "") return this.code("su");
    if (mode & S_ISGID && this.code("sg") !== "") return this.code("sg");
    if (mode & 0o111 && this.code("ex") !== "") return this.code("ex");
    if (nlink > 1 && this.code("mh") !== "") return this.code("mh");
    const lower = name.toLowerCase();
    const found = this.suffixes.find(([suffix]) => lower.endsWith(suffix.toLowerCase()));
    return found !== undefined && !/^0*$/.test(found[1]) ? found[1] : this.code("fi");
  }

  private paint(text: string, color: string): string {
    if (color === "") return text;
    const [left, right, reset] = [this.codes.get("lc") ?? "", this.codes.get("rc") ?? "", this.codes.get("rs") ?? ""];
    const first = this.started ? "" : left + reset + right;
    this.started = true;
    return `${first}${left}${color}${right}${text}${left}${reset}${right}`;
  }

  /** `text`, the name of `entry` as shown, in its colour. */
  name(text: string, entry: Entry): string {
    const mode = entry.st?.mode ?? entry.type;
    const orphan = isLnk(mode) && entry.targetStat === undefined;
    if (isLnk(mode) && this.codes.get("ln") === "target" && entry.targetStat !== undefined)
      return this.target(text, entry.targetStat, entry.name);
    return this.paint(text, this.colorOf(entry.name, mode, entry.st?.nlink ?? 1, entry.error !== undefined, orphan));
  }

  /** What a link points to. */
  target(text: string, st: Stat | undefined, name: string): string {
    return this.paint(text, st === undefined ? this.colorOf(name, 0, 1, true, true) : this.colorOf(name, st.mode, st.nlink, false, false));
  }
}

/** busybox: bold and colour by the type of the file, 15 standing for an executable. */
const busyboxBold = [1, 0, 1, 7, 1, 7, 1, 7, 0, 7, 1, 7, 1, 7, 0, 1];
const busyboxHue = [31, 35, 35, 37, 34, 37, 35, 35, 0, 37, 36, 37, 35, 37, 37, 32];

export function busyboxName(text: string, mode: number): string {
  const index = isReg(mode) && (mode & 0o111) !== 0 ? 15 : (mode >> 12) & 15;
  return `\x1b[${busyboxBold[index] ?? 0};${busyboxHue[index] ?? 0}m${text}\x1b[m`;
}
