/**
 * systemd-cgls(1) of systemd 252: the tree of cgroups with their processes. Left out: units and machines, which need a service manager, the
 * pager, extended attributes.
 */

import { Errno } from "../../abi/errno.ts";
import { O_DIRECTORY, O_RDONLY } from "../../abi/fcntl.ts";
import { DT_DIR } from "../../abi/stat.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { type Parsed, UsageError } from "../libc/getopt.ts";
import { readProcFile } from "../libc/libproc.ts";
import { open, readText, stat } from "../libc/unistd.ts";

const ROOT = "/sys/fs/cgroup";

const usage = `systemd-cgls [OPTIONS...] [CGROUP...]

Show the contents of control groups, as a tree.

  -h --help            show this help
     --version         show the version
     --no-pager        there is no pager anyway
  -a --all             show groups without processes, too
     --cgroup-id=BOOL  show the numbers of the groups
  -l --full            do not shorten commands
  -k                   there are no kernel threads`;

interface Settings {
  readonly all: boolean;
  readonly full: boolean;
  readonly ids: boolean;
}

/** The names of the cgroups in a directory. Differs from Linux: by name, where the real tool takes the order of the directory. */
function* subgroups(sys: Sys, path: string): Proc<string[]> {
  const fd = yield* open(sys, path, O_RDONLY | O_DIRECTORY);
  const names: string[] = [];
  for (;;) {
    const entries = yield* sys.getdents64(fd);
    if (entries.length === 0) break;
    for (const { name, type } of entries) if (type === DT_DIR && name !== "." && name !== "..") names.push(name);
  }
  yield* sys.close(fd);
  return names.sort();
}

function* pidsOf(sys: Sys, path: string): Proc<number[]> {
  try {
    return (yield* readText(sys, `${path}/cgroup.procs`))
      .split("\n")
      .filter((line) => line !== "" && line !== "0")
      .map(Number);
  } catch (e) {
    // A threaded cgroup tells only its threads.
    if (e instanceof Errno) return [];
    throw e;
  }
}

function* isEmpty(sys: Sys, path: string): Proc<boolean> {
  return ((yield* readProcFile(sys, `${path}/cgroup.events`)) ?? "").includes("populated 0");
}

/** The command line with its blanks, or `[comm]` where there is none. */
function* commandOf(sys: Sys, pid: number): Proc<string> {
  const words = ((yield* readProcFile(sys, `/proc/${pid}/cmdline`)) ?? "").replace(/\0+$/, "");
  if (words !== "") return words.replaceAll("\0", " ");
  const comm = yield* readProcFile(sys, `/proc/${pid}/comm`);
  return comm === undefined ? "n/a" : `[${comm.trimEnd()}]`;
}

class Tree {
  constructor(
    private readonly c: Command,
    private readonly settings: Settings,
  ) {}

  /** Shows what is in a cgroup, below its title; `columns` is the room that is left. */
  *show(path: string, prefix: string, columns: number): Proc<void> {
    const { sys } = this.c;
    const groups: string[] = [];
    for (const name of yield* subgroups(sys, path)) if (this.settings.all || !(yield* isEmpty(sys, `${path}/${name}`))) groups.push(name);
    yield* this.showProcesses(path, prefix, columns, groups.length > 0);
    for (const [i, name] of groups.entries()) {
      const last = i === groups.length - 1;
      const id = this.settings.ids ? ` (#${(yield* stat(sys, `${path}/${name}`)).ino})` : "";
      yield* this.c.print(`${prefix}${last ? "└─" : "├─"}${name}${id}\n`);
      yield* this.show(`${path}/${name}`, `${prefix}${last ? "  " : "│ "}`, columns - 2);
    }
  }

  private *showProcesses(path: string, prefix: string, columns: number, more: boolean): Proc<void> {
    const pids = [...new Set(yield* pidsOf(this.c.sys, path))].sort((a, b) => a - b);
    const width = String(pids.at(-1) ?? 0).length;
    const room = this.settings.full ? Number.POSITIVE_INFINITY : columns > width + 3 ? columns - (width + 3) : 20;
    for (const [i, pid] of pids.entries()) {
      const text = yield* commandOf(this.c.sys, pid);
      const shown = text.length > room ? `${text.slice(0, room - 1).trimEnd()}…` : text;
      yield* this.c.print(`${prefix}${more || i < pids.length - 1 ? "├─" : "└─"}${String(pid).padStart(width)} ${shown}\n`);
    }
  }
}

function* columnsOf(c: Command): Proc<number> {
  const asked = Number(c.env.get("COLUMNS"));
  if (asked > 0) return asked;
  try {
    const { cols } = yield* c.sys.ioctl(1, "TIOCGWINSZ");
    return cols > 0 ? cols : 80;
  } catch (e) {
    if (e instanceof Errno) return 80;
    throw e;
  }
}

function isYes(text: string): boolean {
  return ["1", "yes", "y", "true", "t", "on"].includes(text.toLowerCase());
}

/** `/web` is a path in the tree; `web` alone names a controller, which all are in one tree: its root. */
function pathOf(word: string): string {
  const path = word.includes(":") ? word.slice(word.indexOf(":") + 1) : word;
  return path.startsWith("/") ? path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1") : "/";
}

function* run(c: Command): Proc<number> {
  const long = [
    { name: "no-pager" },
    { name: "all", as: "a" },
    { name: "full", as: "l" },
    { name: "cgroup-id", arg: "required" },
    { name: "help", as: "h" },
    { name: "version" },
  ] as const;
  let parsed: Parsed;
  try {
    parsed = yield* c.getopt({ short: "halk", long });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    return yield* c.fail(e.message);
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("version")) {
    yield* c.print("systemd 252 (252.39-1~deb12u2)\n");
    return 0;
  }
  const id = options.findLast((o) => o.name === "cgroup-id");
  const tree = new Tree(c, { all: has("a"), full: has("l"), ids: id === undefined || isYes(id.arg) });
  const columns = yield* columnsOf(c);
  const cwd = yield* c.sys.getcwd();
  const shown = function* (title: string, path: string): Proc<boolean> {
    yield* c.print(`${title}:\n`);
    try {
      yield* tree.show(path, "", columns);
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.stdout.flush();
      yield* c.eprint(`Failed to list cgroup tree: ${e.message}\n`);
      return false;
    }
  };
  if (operands.length === 0) {
    const inside = cwd === ROOT || cwd.startsWith(`${ROOT}/`);
    return (yield* inside ? shown(`Working directory ${cwd}`, cwd) : shown("Control group /", ROOT)) ? 0 : 1;
  }
  let good = true;
  for (const word of operands) {
    if (word === ROOT || word.startsWith(`${ROOT}/`)) good = (yield* shown(`Directory ${word}`, word)) && good;
    else {
      const path = pathOf(word);
      good = (yield* shown(`Control group ${path}`, path === "/" ? ROOT : ROOT + path)) && good;
    }
  }
  return good ? 0 : 1;
}

export const systemdCgls: Executable = {
  name: "systemd-cgls",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/systemd-cgls"],
  sizeBytes: 23016,
};
