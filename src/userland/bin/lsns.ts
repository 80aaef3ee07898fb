/**
 * lsns(8) of util-linux: the namespaces that processes are in, from /proc/PID/ns. Left out: columns and trees of parent and owner, which
 * need the NS_GET_* ioctls; cutting at the terminal's width; namespaces without processes.
 */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { idsOf, type Process, readProcesses, readProcLink } from "../libc/libproc.ts";
import { IdNames } from "../libc/passwd.ts";
import { tableText } from "../libc/smartcols.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `lsns [OPTIONS] [NAMESPACE]
List namespaces and the lowest process in each, or the processes of one.

  -J, --json           as JSON
  -l, --list           as a list rather than a tree
  -n, --noheadings     no headings
  -o, --output LIST    columns: NS,TYPE,PATH,NPROCS,PID,PPID,COMMAND,UID,USER,NETNSID,NSFS
  -p, --task PID       those of this process
  -r, --raw            no padding
  -u, --notruncate     do not cut
  -W, --nowrap         no cells of several lines
  -t, --type NAME      mnt, net, ipc, user, pid, uts, cgroup or time

  -h, --help           show this help
  -V, --version        show the version`;

const types = ["mnt", "net", "ipc", "user", "pid", "uts", "cgroup", "time"];
const columnNames = ["NS", "TYPE", "PATH", "NPROCS", "PID", "PPID", "COMMAND", "UID", "USER", "NETNSID", "NSFS"];
const rightAligned = ["NS", "NPROCS", "PID", "PPID", "UID", "NETNSID"];
const numeric = ["NS", "NPROCS", "PID", "PPID", "UID"];

const long = [
  { name: "json", as: "J" },
  { name: "list", as: "l" },
  { name: "noheadings", as: "n" },
  { name: "output", as: "o", arg: "required" as const },
  { name: "output-all" },
  { name: "task", as: "p", arg: "required" as const },
  { name: "raw", as: "r" },
  { name: "notruncate", as: "u" },
  { name: "nowrap", as: "W" },
  { name: "type", as: "t", arg: "required" as const },
  { name: "tree", as: "T", arg: "optional" as const },
  { name: "help", as: "h" },
  { name: "version", as: "V" },
];

interface Namespace {
  readonly ino: number;
  readonly type: string;
  readonly processes: Process[];
}

/** One line of the answer, and those that hang below it. */
interface Row {
  readonly cells: ReadonlyMap<string, string>;
  readonly children: Row[];
}

/** All namespaces, by inode number; the processes in each by PID. */
function* readNamespaces(c: Command, processes: readonly Process[]): Proc<Namespace[]> {
  const found = new Map<number, Namespace>();
  for (const process of processes) {
    for (const type of types) {
      const link = yield* readProcLink(c.sys, `/proc/${process.pid}/ns/${type}`);
      const ino = Number(/\[(\d+)\]/.exec(link ?? "")?.[1]);
      if (Number.isNaN(ino)) continue;
      const ns = found.get(ino) ?? { ino, type, processes: [] };
      ns.processes.push(process);
      found.set(ino, ns);
    }
  }
  return [...found.values()].sort((a, b) => a.ino - b.ino);
}

function* cellsOf(ns: Namespace, process: Process, names: IdNames): Proc<ReadonlyMap<string, string>> {
  const [uid] = idsOf(process, "Uid");
  return new Map([
    ["NS", String(ns.ino)],
    ["TYPE", ns.type],
    ["PATH", `/proc/${process.pid}/ns/${ns.type}`],
    ["NPROCS", String(ns.processes.length)],
    ["PID", String(process.pid)],
    ["PPID", String(process.ppid)],
    ["COMMAND", process.cmdline.length > 0 ? process.cmdline.join(" ") : process.comm],
    ["UID", String(uid)],
    ["USER", (yield* names.user(uid)) ?? String(uid)],
    // Differs from Linux: no link to a named network namespace is looked for.
    ["NETNSID", ns.type === "net" ? "unassigned" : ""],
    ["NSFS", ""],
  ]);
}

/** Lines become children of the last line of the parent process. */
class Tree {
  readonly roots: Row[] = [];
  private readonly last = new Map<number, Row>();

  constructor(private readonly flat: boolean) {}

  add(process: Process, cells: ReadonlyMap<string, string>): void {
    const row: Row = { cells, children: [] };
    const above = this.flat ? undefined : this.last.get(process.ppid);
    (above?.children ?? this.roots).push(row);
    this.last.set(process.pid, row);
  }
}

function flatten(rows: readonly Row[], columns: readonly string[], tree: string, lead: string, top: boolean): string[][] {
  return rows.flatMap((row, i) => {
    const isLast = i === rows.length - 1;
    const prefix = top ? "" : `${lead}${isLast ? "└─" : "├─"}`;
    const cells = columns.map((name) => (name === tree ? prefix : "") + (row.cells.get(name) ?? ""));
    return [cells, ...flatten(row.children, columns, tree, top ? "" : `${lead}${isLast ? "  " : "│ "}`, false)];
  });
}

function jsonRows(rows: readonly Row[], columns: readonly string[], indent: string): string {
  const objects = rows.map((row) => {
    const fields = columns.map((name) => {
      const value = row.cells.get(name) ?? "";
      return `${indent}   "${name.toLowerCase()}": ${value === "" ? "null" : numeric.includes(name) ? value : JSON.stringify(value)}`;
    });
    if (row.children.length > 0)
      fields.push(`${indent}   "children": [\n${jsonRows(row.children, columns, `${indent}      `)}\n${indent}   ]`);
    return `{\n${fields.join(",\n")}\n${indent}}`;
  });
  return indent + objects.join(",");
}

interface Query {
  readonly has: (name: string) => boolean;
  readonly task: number | undefined;
  readonly inode: number | undefined;
  readonly types: readonly string[];
  readonly columns: readonly string[];
}

function* list(c: Command, q: Query): Proc<number> {
  const processes = (yield* readProcesses(c.sys, { status: true, cmdline: true })).sort((a, b) => a.pid - b.pid);
  const namespaces = yield* readNamespaces(c, processes);
  const names = new IdNames(c.sys);
  const tree = new Tree(q.has("l") || q.has("r"));
  if (q.inode !== undefined) {
    const ns = namespaces.find((n) => n.ino === q.inode);
    if (ns === undefined) return yield* c.fail(`not found namespace: ${q.inode}`);
    for (const process of ns.processes) tree.add(process, yield* cellsOf(ns, process, names));
  } else {
    for (const ns of namespaces) {
      if (q.types.length > 0 && !q.types.includes(ns.type)) continue;
      if (q.task !== undefined && !ns.processes.some((p) => p.pid === q.task)) continue;
      const lowest = ns.processes[0] as Process;
      tree.add(lowest, yield* cellsOf(ns, lowest, names));
    }
  }
  if (tree.roots.length === 0) return q.task === undefined ? 0 : 1;
  if (q.has("J")) {
    yield* c.print(`{\n   "namespaces": [\n${jsonRows(tree.roots, q.columns, "      ")}\n   ]\n}\n`);
    return 0;
  }
  const columns = q.columns.map((name) => ({ name, right: rightAligned.includes(name) }));
  const rows = flatten(tree.roots, q.columns, "COMMAND", "", true);
  yield* c.print(tableText(columns, rows, { style: q.has("r") ? "raw" : "table", headings: !q.has("n") }));
  return 0;
}

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, { short: "JlnrhVuWp:o:t:T::", long }, c.voice);
  } catch (e) {
    if (e instanceof UsageError) return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  if (has("V")) {
    yield* c.print("lsns from util-linux 2.38.1\n");
    return 0;
  }
  if (has("T")) return yield* c.fail("--tree is not built into this machine: it needs the NS_GET_PARENT ioctl");
  if (has("output-all")) return yield* c.fail("--output-all is not built into this machine: PNS and ONS need the NS_GET_PARENT ioctl");
  const wanted = options.filter((o) => o.name === "t").map((o) => o.arg);
  for (const type of wanted) if (!types.includes(type)) return yield* c.fail(`unknown namespace type: ${type}`);
  const task = options.findLast((o) => o.name === "p")?.arg;
  if (task !== undefined && !/^[0-9]+$/.test(task)) return yield* c.fail(`invalid PID argument: '${task}'`);
  const [inode] = operands;
  if (inode !== undefined && task !== undefined) return yield* c.fail("--task is mutually exclusive with <namespace>");
  if (inode !== undefined && !/^[0-9]+$/.test(inode)) return yield* c.fail(`invalid namespace argument: '${inode}'`);
  const listed = options.findLast((o) => o.name === "o")?.arg;
  const net = wanted.includes("net") ? ["NETNSID", "NSFS"] : [];
  const usual = inode === undefined ? ["NS", "TYPE", "NPROCS", "PID", "USER", ...net, "COMMAND"] : ["PID", "PPID", "USER", "COMMAND"];
  const columns = listed === undefined ? usual : [...(listed.startsWith("+") ? usual : []), ...listed.replace(/^\+/, "").split(",")];
  for (const name of columns) {
    if (["PNS", "ONS"].includes(name.toUpperCase())) return yield* c.fail(`column ${name} is not built into this machine`);
    if (!columnNames.includes(name.toUpperCase())) return yield* c.fail(`unknown column: ${name}`);
  }
  return yield* list(c, {
    has,
    task: task === undefined ? undefined : Number(task),
    inode: inode === undefined ? undefined : Number(inode),
    types: wanted,
    columns: columns.map((name) => name.toUpperCase()),
  });
}

export const lsns: Executable = {
  name: "lsns",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/lsns"],
  needed: ["libsmartcols.so.1", "libmount.so.1", "libc.so.6"],
  sizeBytes: 84288,
};
