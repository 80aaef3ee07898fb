/** How ls prints: names with quotes, colours and indicators; lines of -l; columns. coreutils `src/ls.c`. */

import { isBlk, isChr, isDir, isFifo, isLnk, isReg, isSock, major, minor, type Stat, type Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { columnLines, type Cell, commaLines } from "../libc/columns.ts";
import type { Command } from "../libc/command.ts";
import { busyboxSize, showBlocks } from "../libc/humansize.ts";
import { modeString } from "../libc/mode.ts";
import { IdNames } from "../libc/passwd.ts";
import { isPrintable, quotearg } from "../libc/quotearg.ts";
import { strftime } from "../libc/strftime.ts";
import { wcswidth } from "../libc/wcwidth.ts";
import { busyboxName, Palette } from "./color.ts";
import { type Entry, timeOf } from "./entry.ts";
import type { Settings } from "./options.ts";

/** Half a Gregorian year: older files show their year. */
const RECENT_SEC = 31556952 / 2;

const padStart = (text: string, width: number): string => " ".repeat(Math.max(0, width - wcswidth(text))) + text;
const padEnd = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - wcswidth(text)));

/** The letter behind a name under -F, -p and --file-type. */
function indicatorOf(mode: number, settings: Settings): string {
  if (settings.indicator === "none") return "";
  if (isDir(mode)) return "/";
  if (settings.indicator === "slash") return "";
  if (isLnk(mode)) return "@";
  if (isFifo(mode)) return "|";
  if (isSock(mode)) return "=";
  return settings.indicator === "classify" && isReg(mode) && (mode & 0o111) !== 0 ? "*" : "";
}

export class Listing {
  private readonly ids: IdNames;
  private readonly palette: Palette | undefined;

  constructor(
    private readonly c: Command,
    private readonly settings: Settings,
    private readonly now: Timespec,
  ) {
    this.ids = new IdNames(c.sys);
    this.palette = settings.color && c.voice === "gnu" ? new Palette(c.env.get("LS_COLORS")) : undefined;
  }

  /** A name as shown, without colour. */
  quoted(name: string): string {
    if (this.c.voice === "busybox") {
      let out = "";
      for (const ch of name) out += isPrintable(ch) ? ch : "?";
      return out;
    }
    const text = quotearg(name, this.settings.quoting);
    if (!this.settings.questionMarks) return text;
    let out = "";
    for (const ch of text) out += isPrintable(ch) ? ch : "?";
    return out;
  }

  /** The total of blocks, in the words of the line above a listing. */
  total(entries: readonly Entry[]): string {
    const bytes = entries.reduce((sum, entry) => sum + (entry.st?.blocks ?? 0) * 512, 0);
    if (this.c.voice === "busybox") return this.settings.fileSize === undefined ? `${Math.floor(bytes / 1024)}` : busyboxSize(bytes);
    return showBlocks(bytes, this.settings.blockSize);
  }

  private blocksOf(entry: Entry): string {
    return entry.st === undefined ? "?" : showBlocks(entry.st.blocks * 512, this.settings.blockSize);
  }

  /** The name with all that belongs to it, and its width. */
  private nameCell(entry: Entry, align: boolean, prefix: string): Cell {
    const { settings, palette } = this;
    const text = this.quoted(entry.name);
    const mode = entry.st?.mode ?? entry.type;
    const pad = align && !/^['"]/.test(text) ? " " : "";
    const indicator = indicatorOf(mode, settings);
    let shown = palette === undefined ? text : palette.name(text, entry);
    if (settings.color && this.c.voice === "busybox") shown = busyboxName(text, mode);
    return { text: prefix + pad + shown + indicator, width: prefix.length + pad.length + wcswidth(text) + indicator.length };
  }

  /** Whether names without quotes are set in by one, so that they stand below those that have some. */
  private aligns(entries: readonly Entry[]): boolean {
    const { settings } = this;
    if (settings.quoting !== "shell-escape" && settings.quoting !== "shell") return false;
    if (settings.format === "one" || settings.format === "commas" || (settings.format !== "long" && settings.width === 0)) return false;
    return entries.some((entry) => /^['"]/.test(this.quoted(entry.name)));
  }

  *print(entries: readonly Entry[]): Proc<void> {
    const { settings, c } = this;
    if (c.voice === "busybox") yield* this.printBusybox(entries);
    else if (settings.format === "long") yield* this.printLong(entries);
    else {
      const align = this.aligns(entries);
      const inodeWidth = Math.max(0, ...entries.map((entry) => `${entry.ino}`.length));
      const blockWidth = settings.blocks ? Math.max(0, ...entries.map((entry) => this.blocksOf(entry).length)) : 0;
      const pad = settings.format === "commas" ? 0 : 1;
      const cells = entries.map((entry) => {
        const inode = settings.inode ? `${`${entry.ino}`.padStart(inodeWidth * pad)} ` : "";
        const blocks = settings.blocks ? `${this.blocksOf(entry).padStart(blockWidth * pad)} ` : "";
        return this.nameCell(entry, align, `${inode}${blocks}${settings.context ? "? " : ""}`);
      });
      const lines =
        settings.format === "one"
          ? cells.map((cell) => cell.text)
          : settings.format === "commas"
            ? commaLines(cells, settings.width)
            : settings.width === 0
              ? [cells.map((cell) => cell.text).join("  ")].filter(() => cells.length > 0)
              : columnLines(cells, settings.width, settings.format === "columns", settings.tab);
      for (const line of lines) yield* c.print(line + settings.end);
    }
  }

  private timeText(st: Stat): string {
    const at = timeOf(st, this.settings);
    const age = this.now.sec - at.sec;
    const [old, recent] = this.settings.timeFormat;
    return strftime(age >= 0 && age < RECENT_SEC ? recent : old, at);
  }

  private *owner(st: Stat): Proc<string> {
    return (this.settings.numeric ? undefined : yield* this.ids.user(st.uid)) ?? `${st.uid}`;
  }

  private *groupName(st: Stat): Proc<string> {
    return (this.settings.numeric ? undefined : yield* this.ids.group(st.gid)) ?? `${st.gid}`;
  }

  private *printLong(entries: readonly Entry[]): Proc<void> {
    const { settings, palette } = this;
    const isDevice = (st: Stat | undefined): st is Stat => st !== undefined && (isChr(st.mode) || isBlk(st.mode));
    const widest = (texts: readonly string[]): number => Math.max(0, ...texts.map(wcswidth));
    const devices = entries.map((entry) => entry.st).filter(isDevice);
    const majorWidth = widest(devices.map((st) => `${major(st.rdev)}`));
    const minorWidth = widest(devices.map((st) => `${minor(st.rdev)}`));
    const sizeText = (st: Stat | undefined): string =>
      st === undefined ? "?" : settings.fileSize === undefined ? `${st.size}` : showBlocks(st.size, settings.fileSize);
    const sizes = entries.map((entry) => (isDevice(entry.st) ? "" : sizeText(entry.st)));
    const sizeWidth = Math.max(widest(sizes), devices.length === 0 ? 0 : majorWidth + 2 + minorWidth);
    const cells: { blocks: string; links: string; owner: string; group: string; time: string }[] = [];
    for (const { st } of entries) {
      cells.push({
        blocks: settings.blocks ? (st === undefined ? "?" : showBlocks(st.blocks * 512, settings.blockSize)) : "",
        links: st === undefined ? "?" : `${st.nlink}`,
        owner: st === undefined ? "?" : yield* this.owner(st),
        group: st === undefined ? "?" : yield* this.groupName(st),
        time: st === undefined ? "?" : this.timeText(st),
      });
    }
    const inodeWidth = widest(entries.map((entry) => (entry.st === undefined ? "?" : `${entry.ino}`)));
    const [blocksWidth, linksWidth] = [widest(cells.map((cell) => cell.blocks)), widest(cells.map((cell) => cell.links))];
    const [ownerWidth, groupWidth] = [widest(cells.map((cell) => cell.owner)), widest(cells.map((cell) => cell.group))];
    const timeWidth = widest(cells.map((cell) => cell.time));
    const align = this.aligns(entries);
    for (const [i, entry] of entries.entries()) {
      const cell = cells[i];
      if (cell === undefined) continue;
      const { st } = entry;
      let line = settings.inode ? `${(st === undefined ? "?" : `${entry.ino}`).padStart(inodeWidth)} ` : "";
      if (settings.blocks) line += `${cell.blocks.padStart(blocksWidth)} `;
      line += `${st === undefined ? `${modeString(entry.type)[0] ?? "?"}?????????` : modeString(st.mode)} ${cell.links.padStart(linksWidth)} `;
      const id = settings.numeric ? padStart : padEnd;
      if (settings.owner) line += `${id(cell.owner, ownerWidth)} `;
      if (settings.group) line += `${id(cell.group, groupWidth)} `;
      if (settings.context) line += "? ";
      if (settings.author) line += `${id(cell.owner, ownerWidth)} `;
      line += isDevice(st)
        ? `${`${major(st.rdev)}`.padStart(sizeWidth - 2 - minorWidth)}, ${`${minor(st.rdev)}`.padStart(minorWidth)} `
        : `${(sizes[i] ?? "").padStart(sizeWidth)} `;
      line += `${st === undefined ? padStart(cell.time, timeWidth) : cell.time} ${this.nameCell({ ...entry }, align, "").text}`;
      if (entry.target !== undefined) {
        // The indicator stands behind the target, of what it leads to.
        const mark = indicatorOf(entry.type, settings);
        if (mark !== "" && line.endsWith(mark)) line = line.slice(0, -mark.length);
        const target = this.quoted(entry.target);
        line += ` -> ${palette === undefined ? target : palette.target(target, entry.targetStat, entry.target)}`;
        if (entry.targetStat !== undefined) line += indicatorOf(entry.targetStat.mode, settings);
      }
      yield* this.c.print(line + settings.end);
    }
  }

  private *printBusybox(entries: readonly Entry[]): Proc<void> {
    const { settings, c } = this;
    if (settings.format === "long" || settings.format === "one") {
      for (const entry of entries) yield* c.print(`${yield* this.busyboxLine(entry)}\n`);
      return;
    }
    const extra = (settings.inode ? 8 : 0) + (settings.blocks ? 5 : 0);
    const width = Math.max(0, ...entries.map((entry) => wcswidth(this.quoted(entry.name)))) + 2 + extra;
    const columns = Math.max(1, Math.floor(settings.width / width));
    const rows = Math.ceil(entries.length / columns);
    for (let row = 0; row < rows; row++) {
      let line = "";
      let gap = 0;
      for (let column = 0; column < columns; column++) {
        const entry = entries[settings.format === "across" ? row * columns + column : column * rows + row];
        if (entry === undefined) continue;
        const cell = this.nameCell(entry, false, this.busyboxPrefix(entry));
        line += " ".repeat(gap) + cell.text;
        gap = width - cell.width;
      }
      yield* c.print(`${line}\n`);
    }
  }

  private busyboxPrefix(entry: Entry): string {
    const { settings } = this;
    const blocks = (entry.st?.blocks ?? 0) * 512;
    const shown = settings.fileSize === undefined ? `${Math.floor(blocks / 1024)}`.padStart(6) : busyboxSize(blocks).padStart(7);
    return `${settings.inode ? `${`${entry.ino}`.padStart(7)} ` : ""}${settings.blocks ? `${shown} ` : ""}`;
  }

  private *busyboxLine(entry: Entry): Proc<string> {
    const { settings } = this;
    const { st } = entry;
    const prefix = this.busyboxPrefix(entry);
    if (settings.format === "one" || st === undefined) return this.nameCell(entry, false, prefix).text;
    const [owner, group] = [(yield* this.owner(st)).slice(0, 8).padEnd(8), (yield* this.groupName(st)).slice(0, 8).padEnd(8)];
    const size =
      isChr(st.mode) || isBlk(st.mode)
        ? `${`${major(st.rdev)}`.padStart(4)}, ${`${minor(st.rdev)}`.padStart(3)}`
        : settings.fileSize === undefined
          ? `${st.size}`.padStart(9)
          : busyboxSize(st.size).padStart(7);
    const at = timeOf(st, settings);
    const age = this.now.sec - at.sec;
    const full = settings.timeFormat[0].includes("%N");
    const time = full ? strftime("%Y-%m-%d %H:%M:%S %z", at) : strftime(age < 15768000 && age > -900 ? "%b %e %H:%M" : "%b %e  %Y", at);
    const line = `${modeString(st.mode)} ${`${st.nlink}`.padStart(4)} ${owner} ${group} ${size} ${time} `;
    const name = this.nameCell(entry, false, prefix + line).text;
    if (entry.target === undefined) return name;
    const bare = name.replace(/@$/, "");
    const mark = settings.indicator === "none" || entry.targetStat === undefined ? "" : indicatorOf(entry.targetStat.mode, settings);
    return `${settings.indicator === "none" ? name : bare} -> ${this.quoted(entry.target)}${mark}`;
  }
}
