/**
 * pstree(1) of psmisc: the processes as a tree, identical branches in one. Lines are drawn with Unicode on a terminal,
 * with ASCII elsewhere. Left out: -C (colours by age), -N and -S (namespaces), -Z (SELinux).
 */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { BUSYBOX_VERSION } from "../libc/help.ts";
import { idsOf, readProcesses } from "../libc/libproc.ts";
import { getpwnam, IdNames } from "../libc/passwd.ts";
import { isatty } from "../libc/stdio.ts";
import { wcswidth } from "../libc/wcwidth.ts";

const usage = `Usage: pstree [-acglpstTu] [ -h | -H PID ] [ -n ]
              [ -A | -G | -U ] [ PID | USER ]
   or: pstree -V

Display a tree of processes.

  -a, --arguments     show command line arguments; implies -c
  -A, --ascii         use ASCII line drawing characters
  -c, --compact-not   don't compact identical subtrees
  -g, --show-pgids    show process group ids
  -G, --vt100         use VT100 line drawing characters
  -h, --highlight-all highlight current process and its ancestors
  -H PID, --highlight-pid=PID
                      highlight this process and its ancestors
  -l, --long          don't truncate long lines
  -n, --numeric-sort  sort output by PID
  -p, --show-pids     show PIDs; implies -c
  -s, --show-parents  show parents of the selected process
  -t, --thread-names  show full thread names
  -T, --hide-threads  hide threads, show only processes
  -u, --uid-changes   show uid transitions
  -U, --unicode       use UTF-8 (Unicode) line drawing characters
  -V, --version       display version information

  PID    start at this PID; default is 1 (init)
  USER   show only trees rooted at processes of this user

`;

const busyboxUsage = `BusyBox v${BUSYBOX_VERSION} multi-call binary.

Usage: pstree [-p] [PID|USER]

Display process tree, optionally start from USER or PID

	-p	Show pids
`;

const long = [
  { name: "arguments", as: "a" },
  { name: "ascii", as: "A" },
  { name: "compact-not", as: "c" },
  { name: "show-pgids", as: "g" },
  { name: "vt100", as: "G" },
  { name: "highlight-all", as: "h" },
  { name: "highlight-pid", as: "H", arg: "required" },
  { name: "long", as: "l" },
  { name: "numeric-sort", as: "n" },
  { name: "show-pids", as: "p" },
  { name: "show-parents", as: "s" },
  { name: "thread-names", as: "t" },
  { name: "hide-threads", as: "T" },
  { name: "uid-changes", as: "u" },
  { name: "unicode", as: "U" },
  { name: "version", as: "V" },
] as const;

/** What lines are drawn with; each is as wide as its name in ASCII. */
interface Symbols {
  readonly empty: string;
  readonly branch: string;
  readonly vert: string;
  readonly last: string;
  readonly single: string;
  readonly first: string;
}

const ascii: Symbols = { empty: "  ", branch: "|-", vert: "| ", last: "`-", single: "---", first: "-+-" };
const unicode: Symbols = { empty: "  ", branch: "├─", vert: "│ ", last: "└─", single: "───", first: "─┬─" };
const vt100: Symbols = {
  empty: "  ",
  branch: "\x1b(0tq\x1b(B",
  vert: "\x1b(0x\x1b(B ",
  last: "\x1b(0mq\x1b(B",
  single: "\x1b(0qqq\x1b(B",
  first: "\x1b(0qwq\x1b(B",
};

interface Node {
  readonly pid: number;
  readonly ppid: number;
  /** A thread stands in braces. */
  readonly name: string;
  readonly args: readonly string[];
  readonly pgid: number;
  readonly uid: number;
  readonly children: Node[];
  highlight: boolean;
}

interface Look {
  readonly symbols: Symbols;
  readonly args: boolean;
  readonly compact: boolean;
  readonly pids: boolean;
  readonly pgids: boolean;
  readonly uids: boolean;
  readonly width: number;
}

/** Escape sequences take no columns. */
const columnsOf = (text: string): number => wcswidth(text.replace(/\x1b(?:\[[0-9;]*m|\([0B])/g, ""));

class Drawing {
  private line = "";
  private readonly widths: number[] = [];
  private readonly more: boolean[] = [];
  readonly lines: string[] = [];

  constructor(
    private readonly look: Look,
    private readonly userNames: ReadonlyMap<number, string>,
  ) {}

  private newline(): void {
    const { width } = this.look;
    this.lines.push(columnsOf(this.line) > width ? `${this.line.slice(0, width - 1)}+` : this.line);
    this.line = "";
  }

  /** `(pid,pgid,user)`, or `,pid` before arguments. */
  private info(node: Node, parentUid: number | undefined): string {
    const { pids, pgids, uids, args } = this.look;
    const parts: string[] = [];
    if (pids) parts.push(String(node.pid));
    if (pgids) parts.push(String(node.pgid));
    if (uids && parentUid !== undefined && node.uid !== parentUid) parts.push(this.userNames.get(node.uid) ?? String(node.uid));
    if (parts.length === 0) return "";
    return args && node.args.length > 0 ? `,${parts.join(",")}` : `(${parts.join(",")})`;
  }

  draw(node: Node, level: number, count: number, leaf: boolean, last: boolean, parentUid: number | undefined, closing: number): void {
    const { look } = this;
    const { symbols } = look;
    if (!leaf) {
      for (let i = 0; i < level; i++) {
        this.line += " ".repeat((this.widths[i] ?? 0) + 1);
        this.line += i === level - 1 ? (last ? symbols.last : symbols.branch) : this.more[i + 1] ? symbols.vert : symbols.empty;
      }
    }
    const before = columnsOf(this.line);
    if (count > 1) this.line += `${count}*[`;
    const text = node.name + this.info(node, parentUid);
    this.line += node.highlight ? `\x1b[1m${text}\x1b[0m` : text;
    const shut = "]".repeat(closing + (count > 1 ? 1 : 0));
    this.more[level] = !last;
    if (look.args) {
      this.line += node.args.map((arg) => ` ${arg}`).join("") + shut;
      this.newline();
      this.widths[level] = 1;
    } else {
      this.widths[level] = columnsOf(this.line) - before;
      if (node.children.length === 0) {
        this.line += shut;
        this.newline();
        return;
      }
    }
    const groups = look.compact ? this.group(node.children) : node.children.map((child) => ({ child, count: 1 }));
    for (const [i, { child, count: same }] of groups.entries()) {
      const lastOne = i === groups.length - 1;
      if (i === 0 && !look.args) this.line += lastOne ? symbols.single : symbols.first;
      this.draw(child, level + 1, same, i === 0 && !look.args, lastOne, node.uid, look.args ? 0 : closing + (count > 1 ? 1 : 0));
    }
  }

  /** Identical subtrees once, with how many there are. */
  private group(children: readonly Node[]): { child: Node; count: number }[] {
    const groups = new Map<string, { child: Node; count: number }>();
    for (const child of children) {
      const key = this.shape(child);
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { child, count: 1 });
      else known.count++;
    }
    return [...groups.values()];
  }

  private shape(node: Node): string {
    const { pgids, uids, args } = this.look;
    const own = [node.name, uids ? node.uid : 0, pgids ? node.pgid : 0, args ? node.args.join("\0") : "", node.highlight].join("\x01");
    return `${own}(${node.children.map((child) => this.shape(child)).join()})`;
  }
}

function* readTree(c: Command, has: (name: string) => boolean): Proc<Map<number, Node>> {
  const nodes = new Map<number, Node>();
  for (const p of yield* readProcesses(c.sys, { status: true, cmdline: true })) {
    const args = has("a") ? p.cmdline.slice(1).map((arg) => arg.replace(/[\x00-\x1f\x7f]/g, "?")) : [];
    const name = p.comm;
    nodes.set(p.pid, { pid: p.pid, ppid: p.ppid, name, args, pgid: p.pgrp, uid: idsOf(p, "Uid")[1], children: [], highlight: false });
  }
  if (!has("T")) {
    for (const thread of yield* readProcesses(c.sys, { threads: true })) {
      const leader = nodes.get(thread.pid);
      if (leader === undefined || thread.tid === thread.pid) continue;
      const name = `{${has("t") ? thread.comm : leader.name}}`;
      const { pgid, uid } = leader;
      nodes.set(thread.tid, { pid: thread.tid, ppid: thread.pid, name, args: [], pgid, uid, children: [], highlight: false });
    }
  }
  for (const node of nodes.values()) if (node.ppid !== node.pid) nodes.get(node.ppid)?.children.push(node);
  const byPid = (a: Node, b: Node): number => a.pid - b.pid;
  const byName = (a: Node, b: Node): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.uid - b.uid || a.pid - b.pid);
  for (const node of nodes.values()) node.children.sort(has("n") ? byPid : byName);
  return nodes;
}

/** A copy of the line from the first ancestor to `node` with nothing beside it. */
function withParents(nodes: ReadonlyMap<number, Node>, node: Node): Node {
  let top = node;
  for (let parent = nodes.get(node.ppid); parent !== undefined && parent !== top; parent = nodes.get(parent.ppid))
    top = { ...parent, children: [top] };
  return top;
}

function* symbolsFor(c: Command, has: (name: string) => boolean): Proc<Symbols> {
  if (has("A")) return ascii;
  if (has("U")) return unicode;
  if (has("G")) return vt100;
  const utf8 = /utf-?8/i.test(c.env.get("LC_ALL") || c.env.get("LC_CTYPE") || c.env.get("LANG") || "");
  return c.voice === "gnu" && utf8 && (yield* isatty(c.sys, 1)) ? unicode : ascii;
}

function* screenWidth(c: Command): Proc<number> {
  const env = Number(c.env.get("COLUMNS") ?? 0);
  if (env > 0) return env;
  try {
    return (yield* c.sys.ioctl(1, "TIOCGWINSZ")).cols || 132;
  } catch (e) {
    if (e instanceof Errno) return 132;
    throw e;
  }
}

function* roots(c: Command, nodes: ReadonlyMap<number, Node>, operand: string | undefined, parents: boolean): Proc<Node[] | undefined> {
  if (operand === undefined || /^[0-9]+$/.test(operand)) {
    const node = nodes.get(operand === undefined || operand === "0" ? 1 : Number(operand));
    if (node === undefined) return [];
    return [parents ? withParents(nodes, node) : node];
  }
  const user = yield* getpwnam(c.sys, operand);
  if (user === undefined) {
    yield* c.eprint(`No such user name: ${operand}\n`);
    return undefined;
  }
  return [...nodes.values()].filter((node) => node.uid === user.uid && nodes.get(node.ppid)?.uid !== user.uid);
}

function* parse(c: Command): Proc<Parsed | undefined> {
  if (c.voice === "busybox") return yield* c.getopt({ short: "p" });
  try {
    return getopt(c.args, { short: "aAcgGhH:lnpstTuUV", long });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint((c.args.includes("--help") ? "" : `${c.name}: ${e.message}\n`) + usage);
    return undefined;
  }
}

function* run(c: Command): Proc<number> {
  const parsed = yield* parse(c);
  if (parsed === undefined) return 1;
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("V")) {
    yield* c.eprint("pstree (PSmisc) 23.6\n");
    return 0;
  }
  if (operands.length > 1) {
    yield* c.eprint(usage);
    return 1;
  }
  const nodes = yield* readTree(c, has);
  const marked = has("h") ? yield* c.sys.getpid() : Number(options.findLast((o) => o.name === "H")?.arg ?? 0);
  if (marked > 0 && c.env.get("TERM")) for (let at = nodes.get(marked); at !== undefined; at = nodes.get(at.ppid)) at.highlight = true;
  const trees = yield* roots(c, nodes, operands[0], has("s"));
  if (trees === undefined) return 1;
  const userNames = new Map<number, string>();
  const names = new IdNames(c.sys);
  for (const { uid } of nodes.values()) if (!userNames.has(uid)) userNames.set(uid, (yield* names.user(uid)) ?? String(uid));
  const drawing = new Drawing(
    {
      symbols: yield* symbolsFor(c, has),
      args: has("a"),
      compact: !has("c") && !has("p") && !has("a"),
      pids: has("p"),
      pgids: has("g"),
      uids: has("u"),
      width: has("l") ? Number.POSITIVE_INFINITY : yield* screenWidth(c),
    },
    userNames,
  );
  for (const [i, tree] of trees.entries()) {
    if (i > 0) drawing.lines.push("");
    drawing.draw(tree, 0, 1, true, true, has("u") ? 0 : undefined, 0);
  }
  for (const line of drawing.lines) yield* c.print(`${line}\n`);
  return 0;
}

export const pstree: Executable = {
  name: "pstree",
  main: command({ help: busyboxUsage }, run),
  paths: ["/usr/bin/pstree"],
  needed: ["libtinfo.so.6", "libc.so.6"],
  sizeBytes: 36640,
  applet: "/usr/bin/pstree",
};
