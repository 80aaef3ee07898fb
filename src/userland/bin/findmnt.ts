/** findmnt(8) of util-linux: the mounts, as a tree or a list, from /proc/self/mountinfo. Left out: --poll, --fstab, --verify. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { readProcFile } from "../libc/libproc.ts";
import { type TableStyle, tableText } from "../libc/smartcols.ts";
import { dirname } from "../libc/unistd.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `findmnt [OPTIONS] [DEVICE | MOUNTPOINT]
Show mounted filesystems.

  -D, --df              like df
  -J, --json            JSON
  -l, --list            a list, not a tree
  -M, --mountpoint DIR  the mount at DIR
  -n, --noheadings      no headings
  -o, --output LIST     columns: ${["AVAIL", "FSROOT", "FSTYPE", "ID", "MAJ:MIN", "OPTIONS", "PARENT", "PROPAGATION"].join(" ")}
                        SIZE SOURCE TARGET USE% USED
  -P, --pairs           KEY="value"
  -R, --submounts       what is mounted below, too
  -r, --raw             no padding
  -S, --source DEVICE   the mounts of DEVICE
  -T, --target PATH     the mount that PATH is on
  -t, --types LIST      only these types
  -U, --uniq            only the topmost of each target
  -a, --ascii           draw with ASCII

  -h, --help            show this help
  -V, --version         show the version`;

const long = [
  { name: "df", as: "D" },
  { name: "json", as: "J" },
  { name: "list", as: "l" },
  { name: "mountpoint", as: "M", arg: "required" },
  { name: "noheadings", as: "n" },
  { name: "output", as: "o", arg: "required" },
  { name: "pairs", as: "P" },
  { name: "submounts", as: "R" },
  { name: "raw", as: "r" },
  { name: "source", as: "S", arg: "required" },
  { name: "target", as: "T", arg: "required" },
  { name: "types", as: "t", arg: "required" },
  { name: "uniq", as: "U" },
  { name: "kernel", as: "k" },
  { name: "ascii", as: "a" },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
] as const;

interface Mount {
  readonly id: number;
  readonly parent: number;
  readonly device: string;
  readonly root: string;
  readonly target: string;
  readonly options: string;
  readonly propagation: string;
  readonly type: string;
  readonly source: string;
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

function parseMountinfo(text: string): Mount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [id = "", parent = "", device = "", root = "", target = "", options = "", ...tags] = before.split(" ");
      const [type = "", source = "", superOptions = ""] = after.split(" ");
      // The mount's own options come first; those of the filesystem that are not there yet follow.
      const own = options.split(",");
      const rest = superOptions.split(",").filter((o) => o !== "" && !own.includes(o));
      const propagation = tags.some((t) => t.startsWith("shared:"))
        ? tags.some((t) => t.startsWith("master:"))
          ? "shared,slave"
          : "shared"
        : tags.some((t) => t.startsWith("master:"))
          ? "private,slave"
          : tags.includes("unbindable")
            ? "unbindable"
            : "private";
      return {
        id: Number(id),
        parent: Number(parent),
        device,
        root: unescape(root),
        target: unescape(target),
        options: [...own, ...rest].join(","),
        propagation,
        type,
        source: unescape(source),
      };
    });
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

function* cell(c: Command, m: Mount, column: string, tree: string): Proc<string> {
  switch (column) {
    case "TARGET":
      return tree + m.target;
    case "SOURCE":
      return m.root === "/" ? m.source : `${m.source}[${m.root}]`;
    case "FSTYPE":
      return m.type;
    case "OPTIONS":
      return m.options;
    case "FSROOT":
      return m.root;
    case "ID":
      return String(m.id);
    case "PARENT":
      return String(m.parent);
    case "MAJ:MIN":
      return m.device;
    case "PROPAGATION":
      return m.propagation;
    default:
      return yield* sizeCell(c, m, column);
  }
}

function* sizeCell(c: Command, m: Mount, column: string): Proc<string> {
  try {
    const s = yield* c.sys.statfs(m.target);
    const used = (s.blocks - s.bfree) * s.bsize;
    if (column === "SIZE") return human(s.blocks * s.bsize);
    if (column === "AVAIL") return human(s.bavail * s.bsize);
    if (column === "USED") return human(used);
    return s.blocks === 0 ? "-" : `${Math.round((100 * used) / (s.blocks * s.bsize))}%`;
  } catch (e) {
    if (e instanceof Errno) return "";
    throw e;
  }
}

const columnNames = [
  "TARGET",
  "SOURCE",
  "FSTYPE",
  "OPTIONS",
  "FSROOT",
  "ID",
  "PARENT",
  "MAJ:MIN",
  "PROPAGATION",
  "SIZE",
  "AVAIL",
  "USED",
  "USE%",
];
const rightColumns = new Set(["ID", "PARENT", "SIZE", "AVAIL", "USED", "USE%"]);

interface Row {
  readonly mount: Mount;
  readonly tree: string;
}

/** Every mount below the roots of `mounts`, with what is drawn before it. */
function treeRows(mounts: readonly Mount[], ascii: boolean): Row[] {
  const symbols = ascii ? { branch: "|-", last: "`-", vert: "| " } : { branch: "├─", last: "└─", vert: "│ " };
  const rows: Row[] = [];
  const ids = new Set(mounts.map((m) => m.id));
  const walk = (m: Mount, own: string, below: string): void => {
    rows.push({ mount: m, tree: own });
    const children = mounts.filter((child) => child.parent === m.id && child.id !== m.id);
    for (const [i, child] of children.entries()) {
      const last = i === children.length - 1;
      walk(child, below + (last ? symbols.last : symbols.branch), below + (last ? "  " : symbols.vert));
    }
  };
  for (const m of mounts) if (!ids.has(m.parent) || m.parent === m.id) walk(m, "", "");
  return rows;
}

/** The longest mount point that is `path` or above it; the last mounted wins. */
function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  for (let at = path; ; at = dirname(at)) {
    const found = mounts.findLast((m) => m.target === at);
    if (found !== undefined || at === "/" || at === ".") return found;
  }
}

function* absolute(c: Command, path: string): Proc<string> {
  const full = path.startsWith("/") ? path : `${yield* c.sys.getcwd()}/${path}`;
  const parts: string[] = [];
  for (const part of full.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function* choose(
  c: Command,
  mounts: readonly Mount[],
  options: readonly Option[],
  operands: readonly string[],
): Proc<{ list: Mount[]; tree: boolean }> {
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  let list = [...mounts];
  let tree = true;
  const filter = (test: (m: Mount) => boolean): void => {
    list = list.filter(test);
    tree = false;
  };
  const types = arg("t");
  if (types !== undefined) {
    const negated = types.startsWith("no");
    const names = types.replace(/^no/, "").split(",");
    filter((m) => names.includes(m.type) !== negated);
  }
  const source = arg("S");
  if (source !== undefined) filter((m) => m.source === source);
  const at = arg("M");
  if (at !== undefined) filter((m) => m.target === at);
  const target = arg("T");
  if (target !== undefined) {
    const mount = mountOf(mounts, yield* absolute(c, target));
    filter((m) => m === mount);
  }
  const operand = operands[0];
  if (operand !== undefined) {
    const path = yield* absolute(c, operand);
    filter((m) => (m.target === path || m.source === operand) && (operands[1] === undefined || m.target === operands[1]));
    // Of several mounts on one directory only the topmost is seen.
    list = list.slice(-1);
  }
  if (options.some((o) => o.name === "U")) filter((m) => list.findLast((other) => other.target === m.target) === m);
  if (options.some((o) => o.name === "R")) {
    const roots = new Set(list.map((m) => m.id));
    for (const m of mounts) if (roots.has(m.parent)) roots.add(m.id);
    return { list: mounts.filter((m) => roots.has(m.id)), tree: true };
  }
  return { list, tree };
}

function* run(c: Command): Proc<number> {
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: "aDJklM:no:PRrS:T:t:UhV", long });
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
  const info = yield* readProcFile(c.sys, "/proc/self/mountinfo");
  if (info === undefined) return yield* c.fail("/proc/self/mountinfo: parse error");
  let { list, tree } = yield* choose(c, parseMountinfo(info), options, operands);
  const asked = options
    .findLast((o) => o.name === "o")
    ?.arg.toUpperCase()
    .split(",");
  const names =
    asked ?? (has("D") ? ["SOURCE", "FSTYPE", "SIZE", "USED", "AVAIL", "USE%", "TARGET"] : ["TARGET", "SOURCE", "FSTYPE", "OPTIONS"]);
  for (const name of names) if (!columnNames.includes(name)) return yield* c.fail(`unknown column: ${name}`);
  if (has("D")) {
    tree = false;
    const sizes = new Map<Mount, string>();
    for (const m of list) sizes.set(m, yield* sizeCell(c, m, "SIZE"));
    list = list.filter((m) => sizes.get(m) !== "0" && sizes.get(m) !== "");
  }
  const style: TableStyle = has("r") ? "raw" : has("P") ? "pairs" : has("J") ? "json" : "table";
  if (style !== "table" || has("l")) tree = false;
  const rows = tree ? treeRows(list, has("a")) : list.map((mount) => ({ mount, tree: "" }));
  const cells: string[][] = [];
  for (const row of rows) {
    const one: string[] = [];
    for (const name of names) one.push(yield* cell(c, row.mount, name, row.tree));
    cells.push(one);
  }
  if (rows.length === 0) return 1;
  const columns = names.map((name) => ({ name, right: rightColumns.has(name) }));
  yield* c.print(tableText(columns, cells, { style, headings: !has("n"), jsonName: "filesystems" }));
  return 0;
}

export const findmnt: Executable = {
  name: "findmnt",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/findmnt"],
  needed: ["libmount.so.1", "libsmartcols.so.1", "libblkid.so.1", "libudev.so.1", "libc.so.6"],
  sizeBytes: 85600,
};
