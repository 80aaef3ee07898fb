/** df(1) of coreutils, and busybox's: space and inodes of filesystems. */

import { Errno } from "../../abi/errno.ts";
import type { Statfs } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { type BlockSize, busyboxSize, humanSize, parseBlockSize, showBlocks } from "../libc/humansize.ts";
import { findMount, type MountEntry, readMounts, statOrNothing } from "../libc/mntent.ts";
import { quote, quotef } from "../libc/quotearg.ts";
import { stat } from "../libc/unistd.ts";
import { wcswidth } from "../libc/wcwidth.ts";

const usage = `df [OPTION]... [FILE]...
Show the space on the filesystems that hold the FILEs, or on all.

  -a, --all             include pseudo and duplicate filesystems
  -B, --block-size=SIZE  scale sizes by SIZE
  -h, --human-readable  sizes like 1023M
  -H, --si              the same with powers of 1000
  -i, --inodes          inodes instead of blocks
  -k                    blocks of 1024 bytes
  -l, --local           only local filesystems (all are)
      --output[=LIST]   the columns of LIST: source fstype itotal iused iavail ipcent size used avail pcent file target
  -P, --portability     the output format of POSIX
      --sync            sync first
      --total           a line with the sums
  -t, --type=TYPE       only filesystems of TYPE
  -T, --print-type      print the types
  -x, --exclude-type=TYPE  not those of TYPE
      --help            show this help and exit`;

type Field = "source" | "fstype" | "itotal" | "iused" | "iavail" | "ipcent" | "size" | "used" | "avail" | "pcent" | "file" | "target";

const minWidths: Readonly<Record<Field, number>> = {
  source: 14,
  fstype: 4,
  itotal: 5,
  iused: 5,
  iavail: 5,
  ipcent: 4,
  size: 5,
  used: 5,
  avail: 5,
  pcent: 4,
  file: 0,
  target: 0,
};
const leftAligned: readonly Field[] = ["source", "fstype", "file", "target"];
const captions: Readonly<Record<Field, string>> = {
  source: "Filesystem",
  fstype: "Type",
  itotal: "Inodes",
  iused: "IUsed",
  iavail: "IFree",
  ipcent: "IUse%",
  size: "Size",
  used: "Used",
  avail: "Avail",
  pcent: "Use%",
  file: "File",
  target: "Mounted on",
};

interface Usage {
  readonly mount: MountEntry;
  readonly file: string;
  readonly total: number;
  readonly free: number;
  readonly avail: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

const pseudo = new Set([
  "autofs",
  "proc",
  "subfs",
  "debugfs",
  "devpts",
  "fusectl",
  "mqueue",
  "rpc_pipefs",
  "sysfs",
  "devfs",
  "kernfs",
  "ignore",
]);

function usageOf(mount: MountEntry, fs: Statfs, file: string): Usage {
  return {
    mount,
    file,
    total: fs.blocks * fs.bsize,
    free: fs.bfree * fs.bsize,
    avail: fs.bavail * fs.bsize,
    inodes: fs.files,
    inodesFree: fs.ffree,
  };
}

const percent = (used: number, avail: number): string => (used + avail === 0 ? "-" : `${Math.ceil((used * 100) / (used + avail))}%`);

interface Settings {
  readonly all: boolean;
  readonly types: readonly string[];
  readonly excluded: readonly string[];
}

/** All filesystems worth showing: each device once, the mount nearest to the root. */
function* allFilesystems(c: Command, settings: Settings): Proc<Usage[]> {
  const byDevice = new Map<number, { mount: MountEntry; at: number }>();
  const chosen: MountEntry[] = [];
  for (const mount of yield* readMounts(c.sys)) {
    const st = yield* statOrNothing(c.sys, mount.dir);
    if (settings.all) chosen.push(mount);
    else if (st !== undefined && !pseudo.has(mount.type)) {
      const before = byDevice.get(st.dev);
      if (before === undefined) {
        byDevice.set(st.dev, { mount, at: chosen.length });
        chosen.push(mount);
      } else if (before.mount.dir.length > mount.dir.length) {
        chosen[before.at] = mount;
        byDevice.set(st.dev, { mount, at: before.at });
      } else if (before.mount.dir === mount.dir) chosen[before.at] = mount;
    }
  }
  const usages: Usage[] = [];
  for (const mount of chosen) {
    if (!isWanted(mount, settings)) continue;
    try {
      const fs = yield* c.sys.statfs(mount.dir);
      if (fs.blocks > 0 || settings.all || settings.types.length > 0) usages.push(usageOf(mount, fs, "-"));
    } catch (e) {
      if (!(e instanceof Errno)) throw e; // Hidden below another mount, or not ours to see.
    }
  }
  return usages;
}

const isWanted = (mount: MountEntry, settings: Settings): boolean =>
  (settings.types.length === 0 || settings.types.includes(mount.type)) && !settings.excluded.includes(mount.type);

function cell(field: Field, u: Usage, show: (bytes: number) => string, count: (n: number) => string): string {
  switch (field) {
    case "source":
      return u.mount.source;
    case "fstype":
      return u.mount.type;
    case "itotal":
      return u.inodes === 0 ? "-" : count(u.inodes);
    case "iused":
      return u.inodes === 0 ? "-" : count(u.inodes - u.inodesFree);
    case "iavail":
      return u.inodes === 0 ? "-" : count(u.inodesFree);
    case "ipcent":
      return u.inodes === 0 ? "-" : percent(u.inodes - u.inodesFree, u.inodesFree);
    case "size":
      return show(u.total);
    case "used":
      return show(u.total - u.free);
    case "avail":
      return show(u.avail);
    case "pcent":
      return percent(u.total - u.free, u.avail);
    case "file":
      return u.file;
    case "target":
      return u.mount.dir;
  }
}

function totalOf(usages: readonly Usage[]): Usage {
  const sum = (pick: (u: Usage) => number): number => usages.reduce((total, u) => total + pick(u), 0);
  return {
    mount: { source: "total", dir: "-", type: "-", options: "" },
    file: "-",
    total: sum((u) => u.total),
    free: sum((u) => u.free),
    avail: sum((u) => u.avail),
    inodes: sum((u) => u.inodes),
    inodesFree: sum((u) => u.inodesFree),
  };
}

function* printTable(c: Command, fields: readonly Field[], rows: readonly string[][]): Proc<void> {
  const widths = fields.map((field, i) => Math.max(minWidths[field], ...rows.map((row) => wcswidth(row[i] ?? ""))));
  for (const row of rows) {
    const cells = row.map((text, i) => {
      const gap = " ".repeat(Math.max(0, (widths[i] ?? 0) - wcswidth(text)));
      const left = leftAligned.includes(fields[i] ?? "source");
      return left ? (i === row.length - 1 ? text : text + gap) : gap + text;
    });
    yield* c.print(`${cells.join(" ")}\n`);
  }
}

/** The name of a block size in the header: 1K-blocks, 1M-blocks, 512-blocks … */
function blockCaption(block: { unit: number; suffix: string }): string {
  for (const [base, letters] of [
    [1024, "KMGTPE"],
    [1000, "kMGTPE"],
  ] as const) {
    let power = 0;
    let unit = block.unit;
    while (unit >= base && unit % base === 0) {
      unit /= base;
      power++;
    }
    if (power > 0) return `${unit}${letters[power - 1] ?? ""}${base === 1000 ? "B" : ""}-blocks`;
  }
  return `${block.unit}B-blocks`;
}

function fieldsOf(options: readonly { name: string; arg: string; hasArg: boolean }[]): Field[] {
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const output = options.filter((o) => o.name === "output");
  if (output.length > 0) {
    const all = Object.keys(minWidths) as Field[];
    const listed = output.filter((o) => o.hasArg).flatMap((o) => o.arg.split(","));
    if (listed.length === 0)
      return ["source", "fstype", "itotal", "iused", "iavail", "ipcent", "size", "used", "avail", "pcent", "file", "target"];
    const fields: Field[] = [];
    for (const name of listed) {
      const field = all.find((f) => f === name);
      if (field === undefined) throw new UsageError(`option --output: field ${quote(name)} unknown`);
      if (fields.includes(field)) throw new UsageError(`option --output: field ${quote(name)} used more than once`);
      fields.push(field);
    }
    for (const [name, what] of [
      ["i", "-i"],
      ["P", "-P"],
      ["T", "-T"],
    ] as const) {
      if (has(name)) throw new UsageError(`options ${what} and --output are mutually exclusive`);
    }
    return fields;
  }
  const middle: Field[] = has("i") ? ["itotal", "iused", "iavail", "ipcent"] : ["size", "used", "avail", "pcent"];
  return ["source", ...(has("T") ? (["fstype"] as const) : []), ...middle, "target"];
}

function* collect(c: Command, operands: readonly string[], settings: Settings): Proc<{ usages: Usage[]; status: number }> {
  if (operands.length === 0) return { usages: yield* allFilesystems(c, settings), status: 0 };
  const usages: Usage[] = [];
  let status = 0;
  for (const file of operands) {
    try {
      yield* stat(c.sys, file);
      const mount = yield* findMount(c.sys, file);
      if (mount !== undefined && isWanted(mount, settings)) usages.push(usageOf(mount, yield* c.sys.statfs(mount.dir), file));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (c.voice === "gnu") yield* c.perror(quotef(file), e);
      else yield* c.warn(`${file}: can't find mount point`);
      status = 1;
    }
  }
  return { usages, status };
}

function* runGnu(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "aB:iF:hHklmPTt:vx:",
    long: [
      { name: "all", as: "a" },
      { name: "block-size", arg: "required" },
      { name: "inodes", as: "i" },
      { name: "human-readable", as: "h" },
      { name: "si", as: "H" },
      { name: "local", as: "l" },
      { name: "output", arg: "optional" },
      { name: "portability", as: "P" },
      { name: "print-type", as: "T" },
      { name: "sync" },
      { name: "no-sync" },
      { name: "total" },
      { name: "type", arg: "required", as: "t" },
      { name: "exclude-type", arg: "required", as: "x" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  let block: BlockSize = { unit: c.env.has("POSIXLY_CORRECT") ? 512 : 1024, suffix: "" };
  for (const o of options) {
    if (o.name === "h") block = "human";
    else if (o.name === "H") block = "si";
    else if (o.name === "k") block = { unit: 1024, suffix: "" };
    else if (o.name === "m") block = { unit: 1024 * 1024, suffix: "" };
    else if (o.name === "B" || o.name === "block-size") {
      const size = parseBlockSize(o.arg);
      if (size === undefined) return yield* c.fail(`invalid ${o.name === "B" ? "-B" : "--block-size"} argument '${o.arg}'`);
      block = size;
    }
  }
  const types = options.filter((o) => o.name === "t" || o.name === "F").map((o) => o.arg);
  const excluded = options.filter((o) => o.name === "x").map((o) => o.arg);
  const both = types.find((type) => excluded.includes(type));
  if (both !== undefined) return yield* c.fail(`file system type ${quote(both)} both selected and excluded`);
  const fields = fieldsOf(options);
  if (has("sync")) yield* c.sys.sync();
  const { usages, status } = yield* collect(c, operands, { all: has("a"), types, excluded });
  if (usages.length === 0) {
    if (status === 0) yield* c.warn("no file systems processed");
    return 1;
  }
  const size = block;
  const show = (bytes: number): string => showBlocks(bytes, size);
  const count = (n: number): string => (size === "human" ? humanSize(n) : size === "si" ? humanSize(n, 1000) : `${n}`);
  const caption = (field: Field): string => {
    if (field === "size" && typeof size !== "string") return has("P") ? `${size.unit}-blocks` : blockCaption(size);
    if (field === "avail" && typeof size !== "string" && !has("output")) return "Available";
    if (field === "avail" && typeof size !== "string") return "Avail";
    if (field === "pcent" && has("P")) return "Capacity";
    return captions[field];
  };
  const shown = has("total") ? [...usages, totalOf(usages)] : usages;
  yield* printTable(c, fields, [fields.map(caption), ...shown.map((u) => fields.map((field) => cell(field, u, show, count)))]);
  return status;
}

function* runBusybox(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({ short: "PkmhTaiB:t:" });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const human = has("h");
  const blockText = options.findLast((o) => o.name === "B")?.arg;
  const parsed = blockText === undefined ? undefined : parseBlockSize(blockText);
  const unit = has("m") ? 1024 * 1024 : parsed !== undefined && typeof parsed !== "string" ? parsed.unit : 1024;
  const header = has("i")
    ? "   Inodes"
    : human
      ? "     Size"
      : has("P")
        ? `${unit}-blocks`
        : unit === 1024
          ? "1K-blocks"
          : unit === 1048576
            ? "1M-blocks"
            : `${unit}-blocks`;
  const type = has("T");
  yield* c.print(
    `Filesystem           ${type ? "Type       " : ""}${header.padEnd(15)}Used Available ${has("P") ? "Capacity" : "Use%"} Mounted on\n`,
  );
  const { usages, status } = yield* collect(c, operands, {
    all: has("a"),
    types: options.filter((o) => o.name === "t").map((o) => o.arg),
    excluded: [],
  });
  const show = (value: number): string => (has("i") ? `${value}` : human ? busyboxSize(value) : `${Math.floor(value / unit)}`).padStart(9);
  for (const u of usages) {
    const [total, free, avail] = has("i") ? [u.inodes, u.inodesFree, u.inodesFree] : [u.total, u.free, u.avail];
    const used = total - free;
    const share = used + avail === 0 ? 0 : Math.floor((used * 100 + (used + avail) / 2) / (used + avail));
    const { source } = u.mount;
    const name = source.length > 20 && !has("P") ? `${source}\n${" ".repeat(20)}` : source.padEnd(20);
    yield* c.print(
      `${name} ${type ? `${u.mount.type.padEnd(10)} ` : ""}${show(total)} ${show(used)} ${show(avail)} ${`${share}`.padStart(3)}% ${u.mount.dir}\n`,
    );
  }
  return status;
}

export const df: Executable = {
  name: "df",
  paths: ["/usr/bin/df"],
  sizeBytes: 102200,
  applet: "/bin/df",
  main: command(
    { version: COREUTILS, help: help(usage, "df [-PkmhTai] [-B SIZE] [-t TYPE] [FILESYSTEM]...\n\nPrint filesystem usage statistics") },
    (c) => (c.voice === "gnu" ? runGnu(c) : runBusybox(c)),
  ),
};
