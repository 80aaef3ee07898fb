/** pmap(1) of procps-ng: the memory map of a process, from /proc/PID/maps and smaps. Left out: -X, -XX, -c, -C, -n, -N. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { readProcess, readProcFile } from "../libc/libproc.ts";
import { procpsGetopt, usageTail } from "../libc/procps.ts";
import { basename } from "../libc/unistd.ts";

const usage = `
Usage:
 pmap [options] PID [PID ...]

Options:
 -x, --extended              show details
 -d, --device                show the device format
 -q, --quiet                 do not display header and footer
 -p, --show-path             show path in the mapping
 -A, --range=<low>[,<high>]  limit results to the given range
${usageTail("pmap")}`;

const busyboxUsage = `pmap [-xq] PID...

Display process memory usage

	-x	Show details
	-q	Quiet`;

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly mode: string;
  readonly offset: string;
  readonly device: string;
  readonly path: string;
  /** KiB. */
  readonly rss: number;
  readonly dirty: number;
}

/** `maps`, or `smaps` with its lines of details. */
function parseMaps(text: string): Mapping[] {
  const all: Mapping[] = [];
  for (const line of text.split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) [0-9]+ *(.*)$/.exec(line);
    if (match !== null) {
      const [, start = "", end = "", perms = "", offset = "", device = "", path = ""] = match;
      // Shared mappings have an s where private ones have a dash.
      const mode = `${perms.slice(0, 3)}${perms[3] === "s" ? "s" : "-"}-`;
      all.push({ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), mode, offset, device, path, rss: 0, dirty: 0 });
      continue;
    }
    const last = all.at(-1);
    const detail = /^(Rss|Shared_Dirty|Private_Dirty): *([0-9]+) kB/.exec(line);
    if (detail === null || last === undefined) continue;
    const n = Number(detail[2]);
    all[all.length - 1] = detail[1] === "Rss" ? { ...last, rss: n } : { ...last, dirty: last.dirty + n };
  }
  return all;
}

function nameOf({ path }: Mapping, whole: boolean): string {
  if (path === "") return "  [ anon ]";
  if (path.startsWith("[")) return path === "[stack]" ? "  [ stack ]" : "  [ anon ]";
  return whole ? path : basename(path);
}

const hex = (n: number): string => n.toString(16).padStart(16, "0");
const kib = (m: Mapping): number => Math.floor((m.end - m.start) / 1024);
const sum = (list: readonly Mapping[], of: (m: Mapping) => number): number => list.reduce((total, m) => total + of(m), 0);

function deviceOf({ device }: Mapping): string {
  const [major = "0", minor = "0"] = device.split(":");
  return `${major.padStart(3, "0")}:${minor.padStart(5, "0")}`;
}

interface Look {
  readonly extended: boolean;
  readonly device: boolean;
  readonly quiet: boolean;
  readonly path: boolean;
}

function plainText(list: readonly Mapping[], o: Look): string {
  const lines = list.map((m) => `${hex(m.start)} ${`${kib(m)}K`.padStart(6)} ${m.mode} ${nameOf(m, o.path)}\n`);
  return lines.join("") + (o.quiet ? "" : ` total ${`${sum(list, kib)}K`.padStart(16)}\n`);
}

function extendedText(list: readonly Mapping[], o: Look): string {
  const row = (address: string, a: number, b: number, d: number): string =>
    `${address} ${String(a).padStart(7)} ${String(b).padStart(7)} ${String(d).padStart(7)} `;
  return (
    (o.quiet ? "" : "Address           Kbytes     RSS   Dirty Mode  Mapping\n") +
    list.map((m) => `${row(hex(m.start), kib(m), m.rss, m.dirty)}${m.mode} ${nameOf(m, o.path)}\n`).join("") +
    (o.quiet
      ? ""
      : `---------------- ------- ------- ------- \n${row(
          "total kB        ",
          sum(list, kib),
          sum(list, (m) => m.rss),
          sum(list, (m) => m.dirty),
        )}\n`)
  );
}

function deviceText(list: readonly Mapping[], o: Look): string {
  const writable = list.filter((m) => m.mode[1] === "w" && m.mode[3] !== "s");
  const shared = list.filter((m) => m.mode[3] === "s");
  return (
    (o.quiet ? "" : "Address           Kbytes Mode  Offset           Device    Mapping\n") +
    list
      .map(
        (m) =>
          `${hex(m.start)} ${String(kib(m)).padStart(7)} ${m.mode} ${m.offset.padStart(16, "0")} ${deviceOf(m)} ${nameOf(m, o.path)}\n`,
      )
      .join("") +
    (o.quiet ? "" : `mapped: ${sum(list, kib)}K    writeable/private: ${sum(writable, kib)}K    shared: ${sum(shared, kib)}K\n`)
  );
}

function* run(c: Command): Proc<number> {
  const { options, operands } =
    c.voice === "busybox"
      ? yield* c.getopt({ short: "xq" })
      : yield* procpsGetopt(
          c,
          {
            short: "xdqpA:hV",
            long: [
              { name: "extended", as: "x" },
              { name: "device", as: "d" },
              { name: "quiet", as: "q" },
              { name: "show-path", as: "p" },
              { name: "range", as: "A", arg: "required" },
            ],
          },
          usage,
        );
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) {
    yield* c.print(usage);
    return 0;
  }
  const pids = operands.map((word) => word.replace(/^\/proc\//, ""));
  if (pids.length === 0 || pids.some((pid) => !/^[0-9]+$/.test(pid))) {
    yield* c.eprint(usage);
    return 1;
  }
  const range = options
    .findLast((o) => o.name === "A")
    ?.arg.split(",")
    .map((n) => Number.parseInt(n, 16));
  const look = { extended: has("x"), device: has("d"), quiet: has("q"), path: has("p") };
  let status = 0;
  for (const pid of pids) {
    const p = yield* readProcess(c.sys, Number(pid), { cmdline: true });
    const text = p === undefined ? undefined : yield* readProcFile(c.sys, `/proc/${pid}/${look.extended ? "smaps" : "maps"}`);
    if (p !== undefined && text === undefined && look.extended) {
      yield* c.warn(`cannot open /proc/${pid}/smaps: No such file or directory`);
      return 1;
    }
    if (p === undefined || text === undefined) {
      // procps says nothing, with a status of its own.
      status = 42;
      continue;
    }
    let list = parseMaps(text);
    if (range !== undefined) list = list.filter((m) => m.end > (range[0] ?? 0) && m.start <= (range[1] ?? range[0] ?? 0));
    yield* c.print(`${pid}:   ${p.cmdline.length > 0 ? p.cmdline.join(" ") : `[${p.comm}]`}\n`);
    yield* c.print(look.extended ? extendedText(list, look) : look.device ? deviceText(list, look) : plainText(list, look));
  }
  return status;
}

export const pmap: Executable = {
  name: "pmap",
  main: command({ help: help("pmap [options] PID [PID ...]", busyboxUsage) }, run),
  paths: ["/usr/bin/pmap"],
  needed: ["libproc2.so.0", "libc.so.6"],
  sizeBytes: 35160,
  applet: "/usr/bin/pmap",
};
