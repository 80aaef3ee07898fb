/** prlimit(1) of util-linux: shows and sets the limits of a process. */

import { Errno } from "../../abi/errno.ts";
import * as limits from "../../abi/resource.ts";
import type { Rlimit } from "../../abi/resource.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Option, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { tableText } from "../libc/smartcols.ts";
import { badUsage, execOrFail } from "../libc/utillinux.ts";

interface Resource {
  readonly name: string;
  readonly letter: string;
  readonly number: number;
  readonly description: string;
  readonly unit: string;
}

const resources: readonly Resource[] = [
  { name: "AS", letter: "v", number: limits.RLIMIT_AS, description: "address space limit", unit: "bytes" },
  { name: "CORE", letter: "c", number: limits.RLIMIT_CORE, description: "max core file size", unit: "bytes" },
  { name: "CPU", letter: "t", number: limits.RLIMIT_CPU, description: "CPU time", unit: "seconds" },
  { name: "DATA", letter: "d", number: limits.RLIMIT_DATA, description: "max data size", unit: "bytes" },
  { name: "FSIZE", letter: "f", number: limits.RLIMIT_FSIZE, description: "max file size", unit: "bytes" },
  { name: "LOCKS", letter: "x", number: limits.RLIMIT_LOCKS, description: "max number of file locks held", unit: "locks" },
  { name: "MEMLOCK", letter: "l", number: limits.RLIMIT_MEMLOCK, description: "max locked-in-memory address space", unit: "bytes" },
  { name: "MSGQUEUE", letter: "q", number: limits.RLIMIT_MSGQUEUE, description: "max bytes in POSIX mqueues", unit: "bytes" },
  { name: "NICE", letter: "e", number: limits.RLIMIT_NICE, description: "max nice prio allowed to raise", unit: "" },
  { name: "NOFILE", letter: "n", number: limits.RLIMIT_NOFILE, description: "max number of open files", unit: "files" },
  { name: "NPROC", letter: "u", number: limits.RLIMIT_NPROC, description: "max number of processes", unit: "processes" },
  { name: "RSS", letter: "m", number: limits.RLIMIT_RSS, description: "max resident set size", unit: "bytes" },
  { name: "RTPRIO", letter: "r", number: limits.RLIMIT_RTPRIO, description: "max real-time priority", unit: "" },
  { name: "RTTIME", letter: "y", number: limits.RLIMIT_RTTIME, description: "timeout for real-time tasks", unit: "microsecs" },
  { name: "SIGPENDING", letter: "i", number: limits.RLIMIT_SIGPENDING, description: "max number of pending signals", unit: "signals" },
  { name: "STACK", letter: "s", number: limits.RLIMIT_STACK, description: "max stack size", unit: "bytes" },
];

const usage = `prlimit [OPTIONS] [--RESOURCE[=LIMIT]]... [-p PID | COMMAND [ARG]...]
Show or change the resource limits of a process. LIMIT is SOFT:HARD, SOFT:, :HARD or VALUE for both.

  -p, --pid PID      act on this process
  -o, --output LIST  columns: DESCRIPTION,HARD,RESOURCE,SOFT,UNITS
      --noheadings   no headings
      --raw          no padding
      --verbose      say what is changed

${resources.map((r) => `  -${r.letter}, --${r.name.toLowerCase().padEnd(12)} ${r.description}`).join("\n")}

  -h, --help         show this help
  -V, --version      show the version`;

const columnNames = ["DESCRIPTION", "HARD", "RESOURCE", "SOFT", "UNITS"];

function limitNumber(text: string): number | undefined {
  if (text === "unlimited" || text === "-1") return limits.RLIM_INFINITY;
  return /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

/** SOFT:HARD with what is left out taken from `old`. */
function* parseLimit(c: Command, { name }: Resource, text: string, old: Rlimit): Proc<Rlimit> {
  const [soft = "", hard] = text.split(":");
  const cur = soft === "" ? old.cur : limitNumber(soft);
  const max = hard === undefined ? cur : hard === "" ? old.max : limitNumber(hard);
  if (cur === undefined || max === undefined || (soft === "" && hard === undefined)) return yield* c.fail(`failed to parse ${name} limit`);
  if (cur > max) return yield* c.fail(`the soft limit ${name} cannot exceed the hard limit`);
  return { cur, max };
}

const show = (value: number): string => (value === limits.RLIM_INFINITY ? "unlimited" : String(value));

function* table(c: Command, pid: number, wanted: readonly Resource[], options: readonly Option[]): Proc<void> {
  const names = options.findLast((o) => o.name === "o")?.arg.split(",") ?? ["RESOURCE", "DESCRIPTION", "SOFT", "HARD", "UNITS"];
  for (const name of names) if (!columnNames.includes(name.toUpperCase())) yield* c.fail(`unknown column: ${name}`);
  const rows: string[][] = [];
  for (const r of wanted) {
    let limit: Rlimit;
    try {
      limit = yield* c.sys.prlimit64(pid, r.number);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(`failed to get the ${r.name} resource limit: ${e.message}`);
    }
    const cells: Record<string, string> = {
      RESOURCE: r.name,
      DESCRIPTION: r.description,
      SOFT: show(limit.cur),
      HARD: show(limit.max),
      UNITS: r.unit,
    };
    rows.push(names.map((name) => cells[name.toUpperCase()] ?? ""));
  }
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const columns = names.map((name) => ({ name: name.toUpperCase(), right: /^(SOFT|HARD)$/i.test(name) }));
  yield* c.print(tableText(columns, rows, { style: has("raw") ? "raw" : "table", headings: !has("noheadings") }));
}

function* run(c: Command): Proc<number> {
  const long = [
    { name: "pid", as: "p", arg: "required" as const },
    { name: "output", as: "o", arg: "required" as const },
    { name: "noheadings" },
    { name: "raw" },
    { name: "verbose" },
    { name: "help", as: "h" },
    { name: "version", as: "V" },
    ...resources.map((r) => ({ name: r.name.toLowerCase(), as: r.letter, arg: "optional" as const })),
  ];
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: `+p:o:hV${resources.map((r) => `${r.letter}::`).join("")}`, long });
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  if (options.some((o) => o.name === "h")) return yield* c.help();
  if (options.some((o) => o.name === "V")) {
    yield* c.print("prlimit from util-linux 2.38.1\n");
    return 0;
  }
  const pidText = options.findLast((o) => o.name === "p")?.arg;
  if (pidText !== undefined && !/^[0-9]+$/.test(pidText)) return yield* c.fail(`invalid PID argument: '${pidText}'`);
  const pid = Number(pidText ?? 0);
  if (pid !== 0 && operands.length > 0) return yield* c.fail("options --pid and COMMAND are mutually exclusive");
  const shown: Resource[] = [];
  let changed = false;
  for (const { name, arg, hasArg } of options) {
    const resource = resources.find((r) => r.letter === name);
    if (resource === undefined) continue;
    if (!hasArg) {
      shown.push(resource);
      continue;
    }
    changed = true;
    try {
      const limit = yield* parseLimit(c, resource, arg.replace(/^=/, ""), yield* c.sys.prlimit64(pid, resource.number));
      if (options.some((o) => o.name === "verbose"))
        yield* c.print(`New ${resource.name} limit for pid ${pid}: <${show(limit.cur)}:${show(limit.max)}>\n`);
      yield* c.sys.prlimit64(pid, resource.number, limit);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      return yield* c.fail(`failed to set the ${resource.name} resource limit: ${e.message}`);
    }
  }
  if (shown.length > 0 || (!changed && operands.length === 0)) yield* table(c, pid, shown.length > 0 ? shown : resources, options);
  return operands.length > 0 ? yield* execOrFail(c, operands) : 0;
}

export const prlimit: Executable = {
  name: "prlimit",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/prlimit"],
  needed: ["libsmartcols.so.1", "libc.so.6"],
  sizeBytes: 39760,
};
