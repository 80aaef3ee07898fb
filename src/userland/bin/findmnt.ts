/**
 * findmnt(8) of util-linux: the mounts, as a tree or a list, from /proc/self/mountinfo. Left out: --poll, --verify, tags (LABEL=, UUID=)
 * and what needs them, the user space's own options.
 */

import { ENOENT, Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { readFstab } from "../libc/fstab.ts";
import { getopt, type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readProcFile } from "../libc/libproc.ts";
import { mergedOptions, type MountInfo, parseMountinfo } from "../libc/mountinfo.ts";
import { canonicalize } from "../libc/realpath.ts";
import { type TableStyle, tableText } from "../libc/smartcols.ts";
import { dirname, optional, stat } from "../libc/unistd.ts";
import { badUsage, matchesTypes } from "../libc/utillinux.ts";

const usage = `findmnt [OPTIONS] [DEVICE | MOUNTPOINT]
   or: findmnt [OPTIONS] DEVICE MOUNTPOINT
Show mounted filesystems.

  -s, --fstab           those of /etc/fstab
  -F, --tab-file FILE   those of FILE
  -k, --kernel          those that are mounted (default)
  -N, --task TID        those that the task TID sees

  -A, --all             no filters
  -a, --ascii           draw with ASCII
  -b, --bytes           sizes in bytes
  -D, --df              like df
  -d, --direction WORD  forward or backward
  -f, --first-only      only the first one
  -i, --invert          the others
  -J, --json            JSON
  -l, --list            a list, not a tree
  -M, --mountpoint DIR  the mount at DIR
  -n, --noheadings      no headings
  -O, --options LIST    only with these mount options
  -o, --output LIST     columns; with + in front, these too
      --output-all      all columns
  -P, --pairs           KEY="value"
      --pseudo          only those without a device
      --real            only those with one
  -R, --submounts       what is mounted below, too
  -r, --raw             no padding
  -S, --source DEVICE   the mounts of DEVICE
  -T, --target PATH     the mount that PATH is on
      --tree            a tree, even of a list
  -t, --types LIST      only these types
  -U, --uniq            only one of each target
  -u, --notruncate      never cut a column
  -v, --nofsroot        no [/dir] after the source of bind mounts

  -h, --help            show this help
  -V, --version         show the version

Columns: AVAIL FREQ FSROOT FSTYPE FS-OPTIONS ID MAJ:MIN OPTIONS OPT-FIELDS PARENT PASSNO PROPAGATION SIZE SOURCE SOURCES TARGET TID USED
USE% VFS-OPTIONS`;

const long = [
  { name: "fstab", as: "s" },
  { name: "tab-file", as: "F", arg: "required" },
  { name: "kernel", as: "k" },
  { name: "task", as: "N", arg: "required" },
  { name: "all", as: "A" },
  { name: "ascii", as: "a" },
  { name: "bytes", as: "b" },
  { name: "nocanonicalize", as: "C" },
  { name: "canonicalize", as: "c" },
  { name: "df", as: "D" },
  { name: "direction", as: "d", arg: "required" },
  { name: "first-only", as: "f" },
  { name: "invert", as: "i" },
  { name: "json", as: "J" },
  { name: "list", as: "l" },
  { name: "mountpoint", as: "M", arg: "required" },
  { name: "noheadings", as: "n" },
  { name: "options", as: "O", arg: "required" },
  { name: "output", as: "o", arg: "required" },
  { name: "output-all" },
  { name: "pairs", as: "P" },
  { name: "pseudo" },
  { name: "real" },
  { name: "submounts", as: "R" },
  { name: "raw", as: "r" },
  { name: "source", as: "S", arg: "required" },
  { name: "target", as: "T", arg: "required" },
  { name: "tree" },
  { name: "types", as: "t", arg: "required" },
  { name: "uniq", as: "U" },
  { name: "notruncate", as: "u" },
  { name: "nofsroot", as: "v" },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
] as const;

/** mnt_fs_get_propagation(), as findmnt names it. */
function propagation({ tags }: MountInfo): string {
  const words = [tags.some((t) => t.startsWith("shared:")) ? "shared" : "private"];
  if (tags.some((t) => t.startsWith("master:"))) words.push("slave");
  if (tags.includes("unbindable")) words.push("unbindable");
  return words.join(",");
}

const humanUnits = ["B", "K", "M", "G", "T", "P"];

function human(bytes: number): string {
  if (bytes === 0) return "0";
  let power = 0;
  let value = bytes;
  while (value >= 1024 && power < humanUnits.length - 1) {
    value /= 1024;
    power++;
  }
  const text = value.toFixed(1).replace(/\.0$/, "");
  return `${value >= 100 ? Math.round(value) : text}${humanUnits[power]}`;
}

interface View {
  readonly tid: number;
  readonly bytes: boolean;
  readonly fsroot: boolean;
}

function* cell(c: Command, m: MountInfo, column: string, view: View): Proc<string> {
  switch (column) {
    case "TARGET":
      return m.target;
    case "SOURCE":
    case "SOURCES":
      return m.root === "/" || !view.fsroot || column === "SOURCES" ? m.source : `${m.source}[${m.root}]`;
    case "FSTYPE":
      return m.type;
    case "OPTIONS":
      return m.fsOptions === "" ? m.vfsOptions : mergedOptions(m);
    case "VFS-OPTIONS":
      return m.vfsOptions;
    case "FS-OPTIONS":
      return m.fsOptions;
    case "OPT-FIELDS":
      return m.tags.join(" ");
    case "FSROOT":
      return m.root;
    case "ID":
      return String(m.id);
    case "TID":
      return String(view.tid);
    case "PARENT":
      return String(m.parent);
    case "MAJ:MIN":
      return m.device;
    case "PROPAGATION":
      return propagation(m);
    case "FREQ":
    case "PASSNO":
      return "";
    default:
      return yield* sizeCell(c, m, column, view.bytes);
  }
}

function* sizeCell(c: Command, m: MountInfo, column: string, bytes: boolean): Proc<string> {
  try {
    const s = yield* c.sys.statfs(m.target);
    const used = (s.blocks - s.bfree) * s.bsize;
    const show = (n: number): string => (bytes ? String(n) : human(n));
    if (column === "SIZE") return show(s.blocks * s.bsize);
    if (column === "AVAIL") return show(s.bavail * s.bsize);
    if (column === "USED") return show(used);
    return s.blocks === 0 ? "-" : `${Math.round((100 * used) / (s.blocks * s.bsize))}%`;
  } catch (e) {
    if (e instanceof Errno) return "";
    throw e;
  }
}

/** In the order of --output-all. */
const columnNames = [
  "AVAIL",
  "FREQ",
  "FSROOT",
  "FSTYPE",
  "FS-OPTIONS",
  "ID",
  "MAJ:MIN",
  "OPTIONS",
  "OPT-FIELDS",
  "PARENT",
  "PASSNO",
  "PROPAGATION",
  "SIZE",
  "SOURCE",
  "SOURCES",
  "TARGET",
  "TID",
  "USED",
  "USE%",
  "VFS-OPTIONS",
];
const DEFAULT_COLUMNS = ["TARGET", "SOURCE", "FSTYPE", "OPTIONS"];
const DF_COLUMNS = ["SOURCE", "FSTYPE", "SIZE", "USED", "AVAIL", "USE%", "TARGET"];
const rightColumns = new Set(["ID", "PARENT", "SIZE", "AVAIL", "USED", "USE%", "FREQ", "PASSNO", "TID"]);

interface Row {
  readonly mount: MountInfo;
  readonly cells: readonly string[];
  readonly children: Row[];
}

/** The mounts as a forest: whose parent is not among them stands at the top. */
function forest(rows: readonly Row[]): Row[] {
  const ids = new Map(rows.map((row) => [row.mount.id, row]));
  const tops: Row[] = [];
  for (const row of rows) {
    const parent = ids.get(row.mount.parent);
    if (parent === undefined || parent === row) tops.push(row);
    else parent.children.push(row);
  }
  return tops;
}

/** Draws the branches before the targets. */
function drawn(tops: readonly Row[], target: number, ascii: boolean): string[][] {
  const symbols = ascii ? { branch: "|-", last: "`-", vert: "| " } : { branch: "├─", last: "└─", vert: "│ " };
  const lines: string[][] = [];
  const walk = (row: Row, own: string, below: string): void => {
    lines.push(row.cells.map((text, i) => (i === target ? own + text : text)));
    for (const [i, child] of row.children.entries()) {
      const last = i === row.children.length - 1;
      walk(child, below + (last ? symbols.last : symbols.branch), below + (last ? "  " : symbols.vert));
    }
  };
  for (const row of tops) walk(row, "", "");
  return lines;
}

function json(tops: readonly Row[], names: readonly string[]): string {
  const objects = (rows: readonly Row[], depth: number): string => {
    const pad = "   ".repeat(depth);
    const one = (row: Row): string => {
      const fields = names.map((name, i) => `${pad}   "${name.toLowerCase()}": ${row.cells[i] ? JSON.stringify(row.cells[i]) : "null"}`);
      if (row.children.length > 0) fields.push(`${pad}   "children": [\n${objects(row.children, depth + 2)}\n${pad}   ]`);
      return `{\n${fields.join(",\n")}\n${pad}}`;
    };
    return pad + rows.map(one).join(",");
  };
  return `{\n   "filesystems": [\n${objects(tops, 2)}\n   ]\n}\n`;
}

/** The longest mount point that is `path` or above it; the last mounted wins. */
function mountOf(mounts: readonly MountInfo[], path: string): MountInfo | undefined {
  for (let at = path; ; at = dirname(at)) {
    const found = mounts.findLast((m) => m.target === at);
    if (found !== undefined || at === "/" || at === ".") return found;
  }
}

/** The name without links where there is such a file. */
function* real(c: Command, path: string): Proc<string> {
  return (yield* optional(canonicalize(c.sys, path, "existing"))) ?? path;
}

const PSEUDO = ["cgroup", "cgroup2", "devpts", "devtmpfs", "mqueue", "nsfs", "overlay", "proc", "sysfs", "tmpfs"];

const matchesOptions = (options: string, list: string): boolean => {
  const have = options.split(",");
  return list.split(",").every((o) => (o.startsWith("no") && !have.includes(o) ? !have.includes(o.slice(2)) : have.includes(o)));
};

/** What the options and operands leave of `mounts`, and whether they chose. */
function* choose(
  c: Command,
  mounts: readonly MountInfo[],
  options: readonly Option[],
  operands: readonly string[],
): Proc<{ readonly list: MountInfo[]; readonly chosen: boolean }> {
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const tests: ((m: MountInfo) => boolean)[] = [];
  const types = arg("t");
  if (types !== undefined) tests.push((m) => matchesTypes(m.type, types));
  const wanted = arg("O");
  if (wanted !== undefined) tests.push((m) => matchesOptions(mergedOptions(m), wanted));
  if (has("pseudo")) tests.push((m) => PSEUDO.includes(m.type));
  if (has("real")) tests.push((m) => !PSEUDO.includes(m.type));
  const source = arg("S") ?? (operands.length === 2 ? operands[0] : undefined);
  if (source !== undefined) {
    const path = yield* real(c, source);
    tests.push((m) => m.source === source || m.source === path || m.device === source);
  }
  const at = arg("M") ?? operands[1];
  if (at !== undefined) {
    const path = yield* real(c, at);
    tests.push((m) => m.target === path);
  }
  const inside = arg("T");
  if (inside !== undefined) {
    const path = yield* optional(canonicalize(c.sys, inside, "existing"));
    const mount = path === undefined ? undefined : mountOf(mounts, path);
    tests.push((m) => m === mount);
  }
  const operand = operands.length === 1 ? operands[0] : undefined;
  if (operand !== undefined) {
    const path = yield* real(c, operand);
    tests.push((m) => m.target === path || m.source === operand || m.source === path);
  }
  const invert = has("i") && tests.length > 0;
  let list = mounts.filter((m) => tests.every((test) => test(m)) !== invert);
  if (has("U")) list = list.filter((m) => list.findLast((other) => other.target === m.target) === m);
  return { list, chosen: tests.length > 0 };
}

/** The tables that can be shown. Throws Exit where one cannot be read. */
function* readTable(c: Command, options: readonly Option[]): Proc<MountInfo[]> {
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const file = arg("F") ?? (options.some((o) => o.name === "s") ? "/etc/fstab" : undefined);
  if (file !== undefined) {
    if ((yield* optional(stat(c.sys, file))) === undefined && arg("F") !== undefined)
      yield* c.fail(`can't read ${file}: ${ENOENT.message}`);
    const { entries } = yield* readFstab(c.sys, file);
    return entries.map((e, i) => ({
      ...{ id: -1 - i, parent: 0, device: "", root: "/", tags: [], fsOptions: "" },
      ...{ source: e.source, target: e.target, type: e.type, vfsOptions: e.options },
    }));
  }
  const path = `/proc/${arg("N") ?? "self"}/mountinfo`;
  const info = yield* readProcFile(c.sys, path);
  return info === undefined ? yield* c.fail(`can't read ${path}: ${ENOENT.message}`) : parseMountinfo(info);
}

function* run(c: Command): Proc<number> {
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: "AabCcDd:efF:ihJklM:nN:O:o:PRrsS:T:t:UuvV", long });
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("findmnt from util-linux 2.38.1\n");
    return 0;
  }
  const asked = options.findLast((o) => o.name === "o")?.arg.toUpperCase();
  const listed = asked?.replace(/^\+/, "").split(",");
  const usual = has("output-all") ? columnNames : has("D") ? DF_COLUMNS : DEFAULT_COLUMNS;
  const names = listed === undefined ? usual : asked?.startsWith("+") ? [...usual, ...listed] : listed;
  for (const name of names) if (!columnNames.includes(name)) return yield* c.fail(`unknown column: ${name}`);
  const mounts = yield* readTable(c, options);
  if (options.findLast((o) => o.name === "d")?.arg === "backward") mounts.reverse();
  const { list: all, chosen } = yield* choose(c, mounts, options, operands);
  let list = has("f") ? all.slice(0, 1) : all;
  let tree = !chosen || has("tree");
  if (has("R")) {
    const roots = new Set(list.map((m) => m.id));
    for (const m of mounts) if (roots.has(m.parent)) roots.add(m.id);
    list = mounts.filter((m) => roots.has(m.id));
    tree = true;
  }
  const tid = yield* c.sys.getpid();
  const view: View = { tid, bytes: has("b"), fsroot: !has("v") };
  if (has("D")) {
    const sized: MountInfo[] = [];
    for (const m of list) if (!["0", ""].includes(yield* sizeCell(c, m, "SIZE", true))) sized.push(m);
    list = sized;
    tree = false;
  }
  const rows: Row[] = [];
  for (const mount of list) {
    const cells: string[] = [];
    for (const name of names) cells.push(yield* cell(c, mount, name, view));
    rows.push({ mount, cells, children: [] });
  }
  if (rows.length === 0) return 1;
  const style: TableStyle = has("r") ? "raw" : has("P") ? "pairs" : "table";
  if (style !== "table" || has("l") || !names.includes("TARGET")) tree = false;
  if (has("J")) {
    yield* c.print(json(tree ? forest(rows) : rows, names));
    return 0;
  }
  const lines = tree ? drawn(forest(rows), names.indexOf("TARGET"), has("a")) : rows.map((row) => row.cells);
  const columns = names.map((name) => ({ name, right: rightColumns.has(name) }));
  yield* c.print(tableText(columns, lines, { style, headings: !has("n") }));
  return 0;
}

export const findmnt: Executable = {
  name: "findmnt",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/findmnt"],
  needed: ["libmount.so.1", "libsmartcols.so.1", "libblkid.so.1", "libudev.so.1", "libc.so.6"],
  sizeBytes: 85600,
};
