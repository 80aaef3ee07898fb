/**
 * lsns(8) of util-linux 2.38: the namespaces that processes are in, from /proc/PID/ns, and those that they are nested in or belong to,
 * by ioctl_ns(2). Left out: cutting at the terminal's width.
 */

import { EACCES, EINVAL, ENOENT, EPERM } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { idsOf, type Process, readProcesses, readProcLink } from "../libc/libproc.ts";
import { IdNames } from "../libc/passwd.ts";
import { tableText } from "../libc/smartcols.ts";
import { open, optional } from "../libc/unistd.ts";
import { badUsage } from "../libc/utillinux.ts";

const usage = `lsns [OPTIONS] [NAMESPACE]
List namespaces and the lowest process in each, or the processes of one.

  -J, --json           as JSON
  -l, --list           as a list rather than a tree
  -n, --noheadings     no headings
  -o, --output LIST    columns: NS,TYPE,PATH,NPROCS,PID,PPID,COMMAND,UID,USER,NETNSID,NSFS,PNS,ONS
      --output-all     all columns
  -p, --task PID       those of this process
  -r, --raw            no padding
  -u, --notruncate     do not cut
  -W, --nowrap         no cells of several lines
  -t, --type NAME      mnt, net, ipc, user, pid, uts, cgroup or time
  -T, --tree[=REL]     as a tree by owner, parent or process

  -h, --help           show this help
  -V, --version        show the version`;

const types = ["mnt", "net", "ipc", "user", "pid", "uts", "cgroup", "time"];
const columnNames = ["NS", "TYPE", "PATH", "NPROCS", "PID", "PPID", "COMMAND", "UID", "USER", "NETNSID", "NSFS", "PNS", "ONS"];
const rightAligned = ["NS", "NPROCS", "PID", "PPID", "UID", "NETNSID", "PNS", "ONS"];
const numeric = ["NS", "NPROCS", "PID", "PPID", "UID", "PNS", "ONS"];
const trees = ["parent", "owner", "process"] as const;
type TreeKind = (typeof trees)[number] | "none";

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
  /** Inode numbers of the namespace that it is nested in and of the user namespace that owns it; 0 where they cannot be seen. */
  parent: number;
  owner: number;
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
      const ns = found.get(ino) ?? { ino, type, processes: [], parent: 0, owner: 0 };
      ns.processes.push(process);
      found.set(ino, ns);
    }
  }
  return [...found.values()].sort((a, b) => a.ino - b.ino);
}

/** The inode behind a descriptor that `call` answers with; 0 where the namespace lies outside of one's own. */
function* related(c: Command, known: Map<number, Namespace>, type: string, call: () => Proc<number>): Proc<number> {
  const fd = yield* optional(call(), [EPERM, EINVAL]);
  if (fd === undefined) return 0;
  const { ino } = yield* c.sys.fstat(fd);
  if (!known.has(ino)) {
    const ns: Namespace = { ino, type, processes: [], parent: 0, owner: 0 };
    known.set(ino, ns);
    yield* relate(c, known, ns, fd);
  }
  yield* c.sys.close(fd);
  return ino;
}

/** Asks for parent and owner, and for theirs. */
function* relate(c: Command, known: Map<number, Namespace>, ns: Namespace, fd: number): Proc<void> {
  if (ns.type === "pid" || ns.type === "user") ns.parent = yield* related(c, known, ns.type, () => c.sys.ioctl(fd, "NS_GET_PARENT"));
  ns.owner = yield* related(c, known, "user", () => c.sys.ioctl(fd, "NS_GET_USERNS"));
}

function* relateAll(c: Command, namespaces: readonly Namespace[]): Proc<Namespace[]> {
  const known = new Map(namespaces.map((ns) => [ns.ino, ns]));
  for (const ns of namespaces) {
    const fd = yield* optional(open(c.sys, `/proc/${ns.processes[0]?.pid}/ns/${ns.type}`), [ENOENT, EACCES]);
    if (fd === undefined) continue;
    yield* relate(c, known, ns, fd);
    yield* c.sys.close(fd);
  }
  return [...known.values()].sort((a, b) => a.ino - b.ino);
}

/** `process` is the one whose line it is; nobody's, for a namespace that is only known by others. */
function* cellsOf(ns: Namespace, process: Process | undefined, names: IdNames): Proc<ReadonlyMap<string, string>> {
  const uid = process === undefined ? 0 : idsOf(process, "Uid")[0];
  const command = process === undefined ? "" : process.cmdline.length > 0 ? process.cmdline.join(" ") : process.comm;
  return new Map([
    ["NS", String(ns.ino)],
    ["TYPE", ns.type],
    ["PATH", process === undefined ? "" : `/proc/${process.pid}/ns/${ns.type}`],
    ["NPROCS", String(ns.processes.length)],
    ["PID", process === undefined ? "" : String(process.pid)],
    ["PPID", process === undefined ? "" : String(process.ppid)],
    ["COMMAND", command],
    ["UID", String(uid)],
    ["USER", (yield* names.user(uid)) ?? String(uid)],
    // Differs from Linux: no link to a named network namespace is looked for.
    ["NETNSID", ns.type === "net" ? "unassigned" : ""],
    ["NSFS", ""],
    ["PNS", String(ns.parent)],
    ["ONS", String(ns.owner)],
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
  readonly tree: TreeKind;
}

/** What a line of lsns is about, as a tree of its parents or owners; those that nobody is in appear where others need them. */
function* namespaceTree(c: Command, q: Query, all: readonly Namespace[], wanted: readonly Namespace[]): Proc<Row[]> {
  const names = new IdNames(c.sys);
  const above = (ns: Namespace): Namespace | undefined => {
    const ino = q.tree === "parent" ? ns.parent : ns.owner;
    return all.find((other) => other.ino === ino);
  };
  const shown = new Set<Namespace>();
  for (const ns of wanted) for (let at: Namespace | undefined = ns; at !== undefined && !shown.has(at); at = above(at)) shown.add(at);
  // Owners take part in a tree of parents too, each for itself.
  if (q.tree === "parent") for (const ns of [...shown]) for (const owner of all) if (owner.ino === ns.owner) shown.add(owner);
  const rows = new Map<Namespace, { cells: ReadonlyMap<string, string>; children: Row[] }>();
  // Of the types that were not asked for no processes are known, and they come first.
  const asked = (ns: Namespace): boolean => q.types.length === 0 || q.types.includes(ns.type);
  for (const ns of [...all.filter((n) => !asked(n)), ...all.filter(asked)]) {
    if (!shown.has(ns)) continue;
    const processes = asked(ns) ? ns.processes : [];
    rows.set(ns, { cells: yield* cellsOf({ ...ns, processes }, processes[0], names), children: [] });
  }
  const roots: Row[] = [];
  for (const [ns, row] of rows) {
    const parent = above(ns);
    ((parent === undefined ? undefined : rows.get(parent))?.children ?? roots).push(row);
  }
  for (const row of [...rows.values()]) row.children.sort((a, b) => Number(a.cells.get("NS")) - Number(b.cells.get("NS")));
  return roots;
}

function* list(c: Command, q: Query): Proc<number> {
  const processes = (yield* readProcesses(c.sys, { status: true, cmdline: true })).sort((a, b) => a.pid - b.pid);
  const namespaces = yield* readNamespaces(c, processes);
  const byNamespace = q.inode === undefined && (q.tree === "owner" || q.tree === "parent");
  const all = byNamespace || q.columns.includes("PNS") || q.columns.includes("ONS") ? yield* relateAll(c, namespaces) : namespaces;
  if (byNamespace) {
    const wanted = all.filter(
      (ns) => (q.types.length === 0 || q.types.includes(ns.type)) && (q.task === undefined || ns.processes.some((p) => p.pid === q.task)),
    );
    return yield* show(c, q, yield* namespaceTree(c, q, all, wanted), "NS");
  }
  const names = new IdNames(c.sys);
  const tree = new Tree(q.tree !== "process" || q.has("r"));
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
  return yield* show(c, q, tree.roots, "COMMAND");
}

function* show(c: Command, q: Query, roots: readonly Row[], treeColumn: string): Proc<number> {
  if (roots.length === 0) return q.task === undefined ? 0 : 1;
  if (q.has("J")) {
    yield* c.print(`{\n   "namespaces": [\n${jsonRows(roots, q.columns, "      ")}\n   ]\n}\n`);
    return 0;
  }
  const columns = q.columns.map((name) => ({ name, right: name !== treeColumn && rightAligned.includes(name) }));
  const rows = flatten(roots, q.columns, q.has("r") ? "" : treeColumn, "", true);
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
  const how = options.findLast((o) => o.name === "T");
  const tree = how === undefined ? (has("l") ? "none" : "process") : how.hasArg ? trees.find((t) => t === how.arg) : "owner";
  if (tree === undefined) return yield* c.fail(`unknown tree type: ${how?.arg}`);
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
  const columns = has("output-all")
    ? columnNames
    : listed === undefined
      ? usual
      : [...(listed.startsWith("+") ? usual : []), ...listed.replace(/^\+/, "").split(",")];
  for (const name of columns) {
    if (!columnNames.includes(name.toUpperCase())) return yield* c.fail(`unknown column: ${name}`);
  }
  return yield* list(c, {
    has,
    task: task === undefined ? undefined : Number(task),
    inode: inode === undefined ? undefined : Number(inode),
    types: wanted,
    columns: columns.map((name) => name.toUpperCase()),
    tree: inode === undefined || how === undefined ? tree : "none",
  });
}

export const lsns: Executable = {
  name: "lsns",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/lsns"],
  needed: ["libsmartcols.so.1", "libmount.so.1", "libc.so.6"],
  sizeBytes: 84288,
};
