/** column(1) of util-linux 2.38: lists in columns, and tables. Left out: JSON, trees, wrapping and the --table-* options but those below. */

import type { Proc } from "../../abi/sys.ts";
import { Errno } from "../../abi/errno.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { FileLines, InputFiles } from "../libc/lines.ts";
import { UsageError } from "../libc/getopt.ts";
import { wcswidth } from "../libc/wcwidth.ts";

const usage = `column [options] [<file>...]

Columnate lists.

Options:
 -t, --table                      create a table
 -N, --table-columns <names>      comma separated column names
 -l, --table-columns-limit <num>  at most that many columns
 -R, --table-right <columns>      right align text in these columns
 -H, --table-hide <columns>       don't print these columns
 -d, --table-noheadings           don't print a header
 -o, --output-separator <string>  between the columns of a table
 -s, --separator <string>         characters that separate the input's columns
 -x, --fillrows                   fill rows before columns
 -c, --output-width <width>       width of the output in characters
 -L, --keep-empty-lines           don't ignore empty lines
 -h, --help                       show this help`;

function* screenWidth(c: Command): Proc<number> {
  try {
    const { cols } = yield* c.sys.ioctl(1, "TIOCGWINSZ");
    if (cols > 0) return cols;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
  const columns = Number(c.env.get("COLUMNS"));
  return columns > 0 ? columns : 80;
}

/** Entries in columns of equal width, aligned by tabs. */
function fill(entries: readonly string[], width: number, byRows: boolean): string {
  const longest = Math.max(0, ...entries.map(wcswidth));
  const step = (longest + 8) & ~7;
  if (longest >= width) return entries.map((e) => `${e}\n`).join("");
  const columns = Math.max(Math.floor(width / step), 1);
  const rows = Math.ceil(entries.length / columns);
  let out = "";
  for (let row = 0; row < rows; row++) {
    let at = 0;
    for (let column = 0; column < columns; column++) {
      const index = byRows ? row * columns + column : column * rows + row;
      const entry = entries[index];
      if (entry === undefined) break;
      out += entry;
      at += wcswidth(entry);
      const next = byRows ? index + 1 : index + rows;
      if (next >= entries.length || column === columns - 1) break;
      const end = (column + 1) * step;
      while (((at + 8) & ~7) <= end) {
        out += "\t";
        at = (at + 8) & ~7;
      }
    }
    out += "\n";
  }
  return out;
}

interface TableOptions {
  readonly separators: string | undefined;
  readonly between: string;
  readonly names: readonly string[];
  readonly headings: boolean;
  readonly limit: number;
  readonly right: readonly string[];
  readonly hide: readonly string[];
}

function splitCells(line: string, o: TableOptions): string[] {
  const cells: string[] = [];
  let rest = o.separators === undefined ? line.replace(/^[ \t]+/, "") : line;
  for (;;) {
    if (o.separators === undefined && rest === "") break;
    if (cells.length === o.limit - 1) {
      cells.push(rest);
      break;
    }
    const at =
      o.separators === undefined ? rest.search(/[ \t]/) : Array.from(rest).findIndex((ch) => (o.separators as string).includes(ch));
    if (at < 0) {
      cells.push(rest);
      break;
    }
    cells.push(rest.slice(0, at));
    rest = o.separators === undefined ? rest.slice(at).replace(/^[ \t]+/, "") : rest.slice(at + 1);
  }
  return cells;
}

/** Whether a column is among those listed, by number or by name. */
function isListed(list: readonly string[], index: number, count: number, names: readonly string[]): boolean {
  return list.some(
    (word) =>
      word === `${index + 1}` ||
      word === "0" ||
      (word === "-1" && index === count - 1) ||
      (names[index] !== undefined && word === names[index]),
  );
}

function table(lines: readonly string[], o: TableOptions): string {
  const rows = lines.map((line) => (line === "" ? [] : splitCells(line, o)));
  const all = o.names.length > 0 && o.headings ? [o.names, ...rows] : rows;
  const count = Math.max(o.names.length, ...rows.map((row) => row.length));
  const shown = Array.from({ length: count }, (_, i) => i).filter((i) => !isListed(o.hide, i, count, o.names));
  const widths = shown.map((i) => Math.max(...all.map((row) => wcswidth(row[i] ?? ""))));
  return all
    .map((row) => {
      const cells = shown.map((i, k) => {
        const text = row[i] ?? "";
        const space = " ".repeat((widths[k] as number) - wcswidth(text));
        if (isListed(o.right, i, count, o.names)) return space + text;
        return k === shown.length - 1 ? text : text + space;
      });
      return `${cells.join(o.between)}\n`;
    })
    .join("");
}

export const column: Executable = {
  name: "column",
  paths: ["/usr/bin/column"],
  needed: ["libsmartcols.so.1", "libc.so.6"],
  sizeBytes: 55616,
  main: command({ help: help(usage) }, function* (c) {
    const { options, operands } = yield* c.getopt({
      short: "tN:l:R:H:do:s:xc:Lh",
      long: [
        { name: "table", as: "t" },
        { name: "table-columns", arg: "required", as: "N" },
        { name: "table-columns-limit", arg: "required", as: "l" },
        { name: "table-right", arg: "required", as: "R" },
        { name: "table-hide", arg: "required", as: "H" },
        { name: "table-noheadings", as: "d" },
        { name: "output-separator", arg: "required", as: "o" },
        { name: "separator", arg: "required", as: "s" },
        { name: "fillrows", as: "x" },
        { name: "output-width", arg: "required", as: "c" },
        { name: "keep-empty-lines", as: "L" },
      ],
    });
    const has = (name: string): boolean => options.some((o) => o.name === name);
    const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
    if (has("h")) return yield* c.help();
    if (!has("t") && ["N", "l", "R", "H", "d"].some(has)) return yield* c.fail("option --table required for all --table-*");
    const given = arg("c");
    if (given !== undefined && given !== "unlimited" && !/^[0-9]+$/.test(given))
      throw new UsageError(`invalid columns argument: '${given}'`);
    const files = new InputFiles(c, operands, (name) => name);
    const input = new FileLines(files, { encoding: "utf8" });
    const lines: string[] = [];
    for (let some = yield* input.read(); some !== undefined; some = yield* input.read()) {
      for (const line of some) if (has("L") || /[^ \t]/.test(line)) lines.push(line);
    }
    if (lines.length === 0) return files.status;
    if (has("t")) {
      const list = (name: string): string[] => arg(name)?.split(",") ?? [];
      yield* c.print(
        table(lines, {
          separators: arg("s"),
          between: arg("o") ?? "  ",
          names: list("N"),
          headings: !has("d"),
          limit: Number(arg("l") ?? Number.POSITIVE_INFINITY),
          right: list("R"),
          hide: list("H"),
        }),
      );
      return files.status;
    }
    const width = given === undefined ? yield* screenWidth(c) : given === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(given);
    const entries = lines.map((line) => line.replace(/^[ \t]+/, ""));
    yield* c.print(fill(entries, width, has("x")));
    return files.status;
  }),
};
