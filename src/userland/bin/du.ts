/** du(1) of coreutils, and busybox's: space that files take. Left out: --files0-from, --exclude-from. */

import { Errno } from "../../abi/errno.ts";
import { isDir, isLnk, type Stat, type Timespec } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { joinPath } from "../libc/copy.ts";
import { fnmatch } from "../libc/fnmatch.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { type BlockSize, busyboxSize, parseBlockSize, showBlocks } from "../libc/humansize.ts";
import { quote, quoteaf } from "../libc/quotearg.ts";
import { strftime } from "../libc/strftime.ts";
import { lstat, readDir, stat } from "../libc/unistd.ts";
import { parseCount, parseSize } from "../libc/xstrtol.ts";

const usage = `du [OPTION]... [FILE]...
Show the space that the FILEs take, directories with what is in them.

  -0, --null              end each line with NUL, not newline
  -a, --all               show all files, not only directories
      --apparent-size     sizes, not disk usage
  -B, --block-size=SIZE   scale sizes by SIZE
  -b, --bytes             same as --apparent-size --block-size=1
  -c, --total             show the sum of all
  -D, -H, --dereference-args  follow links among the operands
  -d, --max-depth=N       show directories at most N levels deep
  -h, --human-readable    sizes like 1K 234M 2G
      --si                the same with powers of 1000
      --inodes            count inodes, not space
  -k, -m                  blocks of 1 KiB, of 1 MiB
  -L, --dereference       follow all links
  -l, --count-links       count hard links as often as they occur
  -P, --no-dereference    follow no links (the default)
  -S, --separate-dirs     directories without their subdirectories
  -s, --summarize         only a total for each operand
  -t, --threshold=SIZE    skip what is smaller; if negative, what is larger
      --time              show the last modification
      --exclude=PATTERN   skip files that match
  -x, --one-file-system   skip directories on other filesystems
      --help              show this help and exit`;

interface Settings {
  readonly all: boolean;
  readonly apparent: boolean;
  readonly inodes: boolean;
  readonly block: BlockSize;
  readonly depth: number;
  readonly dereference: "never" | "operands" | "always";
  readonly countLinks: boolean;
  readonly separate: boolean;
  readonly threshold: number;
  readonly time: boolean;
  readonly exclude: readonly string[];
  readonly oneFileSystem: boolean;
  readonly end: string;
}

interface Sum {
  amount: number;
  latest: Timespec;
}

class Counter {
  private readonly seen = new Set<string>();
  readonly total: Sum = { amount: 0, latest: { sec: 0, nsec: 0 } };
  status = 0;

  constructor(
    private readonly c: Command,
    private readonly settings: Settings,
  ) {}

  private *failed(path: string, e: Errno, what: string): Proc<void> {
    yield* this.c.stdout.flush();
    yield* this.c.perror(this.c.voice === "gnu" ? `cannot ${what} ${quoteaf(path)}` : path, e);
    this.status = 1;
  }

  /** What a file counts by itself. */
  private own(st: Stat): number {
    if (this.settings.inodes) return 1;
    return this.settings.apparent ? (isDir(st.mode) || isLnk(st.mode) || st.size > 0 ? st.size : 0) : st.blocks * 512;
  }

  *count(path: string, level: number, topDev: number | undefined): Proc<{ all: Sum; own: number } | undefined> {
    const { c, settings } = this;
    let st: Stat;
    try {
      const follow = settings.dereference === "always" || (settings.dereference === "operands" && level === 0);
      st = yield* follow ? stat(c.sys, path) : lstat(c.sys, path);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.failed(path, e, "access");
      return undefined;
    }
    if (settings.exclude.some((pattern) => fnmatch(pattern, path) || fnmatch(pattern, path.slice(path.lastIndexOf("/") + 1))))
      return undefined;
    if (settings.oneFileSystem && topDev !== undefined && topDev !== st.dev) return undefined;
    const key = `${st.dev}:${st.ino}`;
    if (st.nlink > 1 || isDir(st.mode) || settings.dereference === "always") {
      if (!settings.countLinks || isDir(st.mode)) {
        if (this.seen.has(key)) return undefined;
        this.seen.add(key);
      }
    }
    const own = this.own(st);
    const all: Sum = { amount: own, latest: st.mtime };
    let shown = own;
    if (isDir(st.mode)) {
      try {
        for (const { name } of yield* readDir(c.sys, path)) {
          if (name === "." || name === "..") continue;
          const child = yield* this.count(joinPath(path, name), level + 1, topDev ?? st.dev);
          if (child === undefined) continue;
          all.amount += child.all.amount;
          shown += child.own;
          if (child.all.latest.sec > all.latest.sec) all.latest = child.all.latest;
        }
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* this.failed(path, e, "read directory");
      }
    }
    const amount = settings.separate ? shown : all.amount;
    if ((isDir(st.mode) ? level <= settings.depth : settings.all && level <= settings.depth) || level === 0) {
      yield* this.print(amount, all.latest, path);
    }
    if (level === 0) {
      this.total.amount += all.amount;
      if (all.latest.sec > this.total.latest.sec) this.total.latest = all.latest;
    }
    // With -S a directory counts nothing towards its parent.
    return { all, own: isDir(st.mode) ? 0 : own };
  }

  *print(amount: number, latest: Timespec, path: string): Proc<void> {
    const { settings, c } = this;
    if (settings.threshold >= 0 ? amount < settings.threshold : amount > -settings.threshold) return;
    let text: string;
    if (settings.inodes) text = typeof settings.block === "string" ? showBlocks(amount, settings.block) : `${amount}`;
    else if (c.voice === "busybox") text = settings.block === "human" ? busyboxSize(amount) : showBlocks(amount, settings.block);
    else text = showBlocks(amount, settings.block);
    yield* c.print(`${text}\t${settings.time ? `${strftime("%Y-%m-%d %H:%M", latest)}\t` : ""}${path}${settings.end}`);
  }
}

/** An option as it is typed. */
const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`);

function* settingsOf(c: Command, options: readonly { name: string; arg: string; hasArg: boolean }[]): Proc<Settings> {
  const gnu = c.voice === "gnu";
  const has = (...names: string[]): boolean => options.some((o) => names.includes(o.name));
  let block: BlockSize = parseBlockSize(c.env.get("DU_BLOCK_SIZE") ?? c.env.get("BLOCK_SIZE") ?? "") ?? { unit: 1024, suffix: "" };
  let depth = Number.POSITIVE_INFINITY;
  let dereference: Settings["dereference"] = "never";
  let threshold = 0;
  for (const o of options) {
    if (o.name === "h") block = "human";
    else if (o.name === "si") block = "si";
    else if (o.name === "k") block = { unit: 1024, suffix: "" };
    else if (o.name === "m") block = { unit: 1048576, suffix: "" };
    else if (o.name === "b") block = { unit: 1, suffix: "" };
    else if (o.name === "B" || o.name === "block-size") {
      const size = parseBlockSize(o.arg);
      if (size === undefined) return yield* c.fail(`invalid ${dashed(o.name)} argument '${o.arg}'`);
      block = size;
    } else if (o.name === "d") {
      const n = parseCount(o.arg);
      if (n === undefined) {
        if (!gnu) return yield* c.fail(`invalid number '${o.arg}'`);
        throw new UsageError(`invalid maximum depth ${quote(o.arg)}`);
      }
      depth = n;
    } else if (o.name === "L") dereference = "always";
    else if (o.name === "D" || o.name === "H") dereference = "operands";
    else if (o.name === "P") dereference = "never";
    else if (o.name === "t" || o.name === "threshold") {
      const size = parseSize(o.arg.replace(/^-/, ""));
      if (size === undefined) return yield* c.fail(`invalid ${dashed(o.name)} argument '${o.arg}'`);
      if (size === 0 && o.arg.startsWith("-")) return yield* c.fail(`invalid --threshold argument '${o.arg}'`);
      threshold = o.arg.startsWith("-") ? -size : size;
    }
  }
  if (has("s") && has("a") && gnu) throw new UsageError("cannot both summarize and show all entries");
  if (has("s") && depth !== Number.POSITIVE_INFINITY && depth !== 0 && gnu) {
    yield* c.warn(`warning: summarizing conflicts with --max-depth=${depth}`);
    throw new UsageError("");
  }
  if (has("s") && depth === 0 && gnu) yield* c.warn("warning: summarizing is the same as using --max-depth=0");
  return {
    all: has("a"),
    apparent: has("apparent-size", "b"),
    inodes: has("inodes"),
    block,
    depth: has("s") ? 0 : depth,
    dereference,
    countLinks: has("l"),
    separate: has("S"),
    threshold,
    time: has("time"),
    exclude: options.filter((o) => o.name === "exclude").map((o) => o.arg),
    oneFileSystem: has("x"),
    end: has("0") ? "\0" : "\n",
  };
}

export const du: Executable = {
  name: "du",
  paths: ["/usr/bin/du"],
  sizeBytes: 175440,
  applet: "/usr/bin/du",
  main: command(
    { version: COREUTILS, help: help(usage, "du [-aHLdclsxhmk] [FILE]...\n\nSummarize disk space used for FILEs (or directories)") },
    function* (c) {
      const gnu = c.voice === "gnu";
      const { options, operands } = yield* c.getopt({
        short: gnu ? "0abd:chHklmst:xB:DLPS" : "aHLd:clsxhmkb",
        long: gnu
          ? [
              { name: "all", as: "a" },
              { name: "apparent-size" },
              { name: "block-size", arg: "required" },
              { name: "bytes", as: "b" },
              { name: "count-links", as: "l" },
              { name: "dereference", as: "L" },
              { name: "dereference-args", as: "D" },
              { name: "exclude", arg: "required" },
              { name: "human-readable", as: "h" },
              { name: "si" },
              { name: "inodes" },
              { name: "max-depth", arg: "required", as: "d" },
              { name: "null", as: "0" },
              { name: "no-dereference", as: "P" },
              { name: "one-file-system", as: "x" },
              { name: "separate-dirs", as: "S" },
              { name: "summarize", as: "s" },
              { name: "total", as: "c" },
              { name: "threshold", arg: "required" },
              { name: "time" },
            ]
          : [],
      });
      const counter = new Counter(c, yield* settingsOf(c, options));
      for (const path of operands.length === 0 ? ["."] : operands) yield* counter.count(path, 0, undefined);
      if (options.some((o) => o.name === "c")) yield* counter.print(counter.total.amount, counter.total.latest, "total");
      return counter.status;
    },
  ),
};
