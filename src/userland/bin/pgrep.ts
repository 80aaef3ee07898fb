/** pgrep(1), pkill(1) of procps-ng: processes by name and other marks, listed or signalled. */

import { Errno } from "../../abi/errno.ts";
import { findSignalNumber } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { BUSYBOX_VERSION } from "../libc/help.ts";
import { idsOf, type Process, readProcesses, readProcFile, readProcLink, readUptime, HZ, ttyName } from "../libc/libproc.ts";
import { getgrnam, getpwnam } from "../libc/passwd.ts";
import { attempt, busyboxSignalList, procpsGetopt, usageTail } from "../libc/procps.ts";
import { regcomp, RegexError } from "../libc/regex.ts";
import { readText } from "../libc/unistd.ts";

const common = ` -c, --count               count of matching processes
 -f, --full                use full process name to match
 -g, --pgroup <PGID,...>   match listed process group IDs
 -G, --group <GID,...>     match real group IDs
 -i, --ignore-case         match case insensitively
 -n, --newest              select most recently started
 -o, --oldest              select least recently started
 -O, --older <seconds>     select where older than seconds
 -P, --parent <PPID,...>   match only child processes of the given parent
 -s, --session <SID,...>   match session IDs
 -t, --terminal <tty,...>  match by controlling terminal
 -u, --euid <ID,...>       match by effective IDs
 -U, --uid <ID,...>        match by real IDs
 -x, --exact               match exactly with the command name
 -F, --pidfile <file>      read PIDs from file
 -r, --runstates <state>   match runstates [D,S,Z,...]
 -A, --ignore-ancestors    exclude our ancestors from results
 --cgroup <grp,...>        match by cgroup v2 names
 --ns <PID>                match the processes that belong to the same
                           namespace as <pid>
 --nslist <ns,...>         list which namespaces will be considered for
                           the --ns option.
                           Available namespaces: ipc, mnt, net, pid, user, uts
${usageTail("pgrep")}`;

const usages = {
  pgrep: `
Usage:
 pgrep [options] <pattern>

Options:
 -d, --delimiter <string>  specify output delimiter
 -l, --list-name           list PID and process name
 -a, --list-full           list PID and full command line
 -v, --inverse             negates the matching
 -w, --lightweight         list all TID
${common}`,
  pkill: `
Usage:
 pkill [options] <pattern>

Options:
 -<sig>, --signal <sig>    signal to send (either number or name)
 -e, --echo                display what is killed
${common}`,
} as const;

const busyboxUsages = {
  pgrep: `BusyBox v${BUSYBOX_VERSION} multi-call binary.

Usage: pgrep [-flanovx] [-s SID|-P PPID|PATTERN]

Display process(es) selected by regex PATTERN

	-l	Show command name too
	-a	Show command line too
	-f	Match against entire command line
	-n	Show the newest process only
	-o	Show the oldest process only
	-v	Negate the match
	-x	Match whole name (not substring)
	-s	Match session ID (0 for current)
	-P	Match parent process ID
`,
  pkill: `BusyBox v${BUSYBOX_VERSION} multi-call binary.

Usage: pkill [-l|-SIGNAL] [-xfvno] [-s SID|-P PPID|PATTERN]

Send signal to processes selected by regex PATTERN

	-l	List all signals
	-x	Match whole name (not substring)
	-f	Match against entire command line
	-s SID	Match session ID (0 for current)
	-P PPID	Match parent process ID
	-v	Negate the match
	-n	Signal the newest process only
	-o	Signal the oldest process only
`,
} as const;

type Test = (p: Process) => boolean;

interface Criteria {
  readonly tests: Test[];
  pattern: string | undefined;
  full: boolean;
  exact: boolean;
  icase: boolean;
  inverse: boolean;
  newest: boolean;
  oldest: boolean;
  threads: boolean;
}

class Matcher {
  readonly criteria: Criteria = {
    tests: [],
    pattern: undefined,
    full: false,
    exact: false,
    icase: false,
    inverse: false,
    newest: false,
    oldest: false,
    threads: false,
  };

  constructor(
    private readonly c: Command,
    private readonly who: "pgrep" | "pkill",
  ) {}

  /** Wrong usage with a hint; status 2. */
  *hint(message: string): Proc<never> {
    yield* this.c.warn(message);
    yield* this.c.eprint(`Try \`${this.c.name} --help' for more information.\n`);
    throw new Exit(2);
  }

  *badId(kind: string, word: string): Proc<never> {
    yield* this.c.warn(`invalid ${kind}: ${word}`);
    yield* this.c.eprint(usages[this.who]);
    throw new Exit(2);
  }

  /** Adds the test of one option with a list; false if `name` is none of those. */
  *list(name: string, arg: string): Proc<boolean> {
    const { sys } = this.c;
    const words = arg.split(",");
    const add = (of: (p: Process) => number, ids: readonly number[]): void => {
      this.criteria.tests.push((p) => ids.includes(of(p)));
    };
    const numbers = (kind: string, zero: number): Proc<number[]> => this.numbers(kind, words, zero);
    if (name === "g") add((p) => p.pgrp, yield* numbers("process group", yield* sys.getpgid(0)));
    else if (name === "P") add((p) => p.ppid, yield* numbers("process id", 0));
    else if (name === "s") add((p) => p.session, yield* numbers("session id", yield* sys.getsid(0)));
    else if (name === "u") add((p) => idsOf(p, "Uid")[1], yield* this.users(words));
    else if (name === "U") add((p) => idsOf(p, "Uid")[0], yield* this.users(words));
    else if (name === "G") add((p) => idsOf(p, "Gid")[0], yield* this.groups(words));
    else if (name === "t")
      this.criteria.tests.push(
        (p) => words.includes(ttyName(p.tty) ?? "-") || words.includes(`${ttyName(p.tty) ?? ""}`.replace(/^tty/, "")),
      );
    else if (name === "r") this.criteria.tests.push((p) => arg.includes(p.state));
    else return false;
    return true;
  }

  private *numbers(kind: string, words: readonly string[], zero: number): Proc<number[]> {
    const ids: number[] = [];
    for (const word of words) {
      if (!/^-?[0-9]+$/.test(word)) yield* this.badId(kind, word);
      ids.push(Number(word) === 0 ? zero : Number(word));
    }
    return ids;
  }

  private *users(words: readonly string[]): Proc<number[]> {
    const ids: number[] = [];
    for (const word of words) {
      const uid = /^[0-9]+$/.test(word) ? Number(word) : (yield* getpwnam(this.c.sys, word))?.uid;
      if (uid === undefined) {
        yield* this.badId("user name", word);
      } else ids.push(uid);
    }
    return ids;
  }

  private *groups(words: readonly string[]): Proc<number[]> {
    const ids: number[] = [];
    for (const word of words) {
      const gid = /^[0-9]+$/.test(word) ? Number(word) : (yield* getgrnam(this.c.sys, word))?.gid;
      if (gid === undefined) {
        yield* this.badId("group name", word);
      } else ids.push(gid);
    }
    return ids;
  }

  /** `-O`, `-F`, `-A`, `--cgroup`, `--ns`. */
  *special(name: string, arg: string, nslist: readonly string[]): Proc<void> {
    const { c, criteria } = this;
    if (name === "O") {
      if (!/^[0-9]+$/.test(arg)) yield* this.hint(`invalid seconds: ${arg}`);
      const { uptimeSec } = yield* readUptime(c.sys);
      criteria.tests.push((p) => uptimeSec - p.startTicks / HZ >= Number(arg));
    } else if (name === "F") {
      let pid = 0;
      try {
        pid = Number.parseInt(yield* readText(c.sys, arg), 10);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
      if (!(pid > 0)) {
        yield* c.warn("pidfile not valid");
        yield* c.eprint(`Try \`${c.name} --help' for more information.\n`);
        throw new Exit(1);
      }
      criteria.tests.push((p) => p.pid === pid);
    } else if (name === "A") {
      const parents = new Map((yield* readProcesses(c.sys)).map((p) => [p.pid, p.ppid]));
      const line = new Set<number>();
      for (let pid: number | undefined = yield* c.sys.getpid(); pid !== undefined && pid > 0; pid = parents.get(pid)) line.add(pid);
      criteria.tests.push((p) => !line.has(p.pid));
    } else if (name === "cgroup") {
      const wanted = arg.split(",");
      const members = new Set<number>();
      for (const p of yield* readProcesses(c.sys)) {
        const groups = (yield* readProcFile(c.sys, `/proc/${p.pid}/cgroup`)) ?? "";
        if (groups.split("\n").some((line) => wanted.includes(line.replace(/^0::/, "")) && line.startsWith("0::"))) members.add(p.pid);
      }
      criteria.tests.push((p) => members.has(p.pid));
    } else if (name === "ns") {
      const same = new Set<number>();
      const read = function* (pid: string | number): Proc<string> {
        const links: string[] = [];
        for (const ns of nslist) links.push((yield* readProcLink(c.sys, `/proc/${pid}/ns/${ns}`)) ?? "");
        return links.join();
      };
      const wanted = yield* read(arg);
      for (const p of yield* readProcesses(c.sys)) if ((yield* read(p.pid)) === wanted) same.add(p.pid);
      criteria.tests.push((p) => same.has(p.pid));
    }
  }

  /** The processes that match, but never this one. */
  *select(): Proc<Process[]> {
    const { c, criteria } = this;
    let match: Test = () => true;
    if (criteria.pattern !== undefined) {
      const pattern = criteria.pattern;
      try {
        const regex = regcomp(criteria.exact ? `^(${pattern})$` : pattern, { extended: true, icase: criteria.icase });
        match = (p) => regex.test(criteria.full && p.cmdline.length > 0 ? p.cmdline.join(" ") : p.comm);
      } catch (e) {
        if (!(e instanceof RegexError)) throw e;
        yield* c.fail(
          c.voice === "busybox" ? `bad regex '${pattern}': ${e.message}` : `regex error: ${e.message}`,
          c.voice === "busybox" ? 1 : 2,
        );
      }
    }
    const self = yield* c.sys.getpid();
    const all = yield* readProcesses(c.sys, { status: true, cmdline: true, threads: criteria.threads });
    const found = all.filter((p) => p.pid !== self && (criteria.tests.every((test) => test(p)) && match(p)) !== criteria.inverse);
    if (!criteria.newest && !criteria.oldest) return found;
    const best = found.reduce<Process | undefined>((b, p) => {
      if (b === undefined) return p;
      if (criteria.newest) return p.startTicks >= b.startTicks ? p : b;
      return p.startTicks < b.startTicks ? p : b;
    }, undefined);
    return best === undefined ? [] : [best];
  }
}

const longOptions = [
  { name: "delimiter", as: "d", arg: "required" },
  { name: "list-name", as: "l" },
  { name: "list-full", as: "a" },
  { name: "inverse", as: "v" },
  { name: "lightweight", as: "w" },
  { name: "count", as: "c" },
  { name: "full", as: "f" },
  { name: "pgroup", as: "g", arg: "required" },
  { name: "group", as: "G", arg: "required" },
  { name: "ignore-case", as: "i" },
  { name: "newest", as: "n" },
  { name: "oldest", as: "o" },
  { name: "older", as: "O", arg: "required" },
  { name: "parent", as: "P", arg: "required" },
  { name: "session", as: "s", arg: "required" },
  { name: "terminal", as: "t", arg: "required" },
  { name: "euid", as: "u", arg: "required" },
  { name: "uid", as: "U", arg: "required" },
  { name: "exact", as: "x" },
  { name: "pidfile", as: "F", arg: "required" },
  { name: "runstates", as: "r", arg: "required" },
  { name: "ignore-ancestors", as: "A" },
  { name: "cgroup", arg: "required" },
  { name: "ns", arg: "required" },
  { name: "nslist", arg: "required" },
  { name: "signal", arg: "required" },
  { name: "echo", as: "e" },
] as const;

/** pkill takes `-SIGNAL` anywhere before the pattern; returns what is left. */
function takeSignal(args: readonly string[]): { sig: number; rest: string[] } {
  let sig = 15;
  const rest = args.filter((word) => {
    if (!/^-[A-Z0-9][A-Z0-9+-]+$|^-[0-9]$/i.test(word)) return true;
    const found = findSignalNumber(word.slice(1));
    if (found === undefined || (word.length === 2 && !/[0-9]/.test(word))) return true;
    sig = found;
    return false;
  });
  return { sig, rest };
}

function* run(c: Command, who: "pgrep" | "pkill"): Proc<number> {
  if (c.voice === "busybox") return yield* runBusybox(c, who);
  const matcher = new Matcher(c, who);
  const { criteria } = matcher;
  let sig = 15;
  let args: readonly string[] = c.args;
  if (who === "pkill") ({ sig, rest: args } = takeSignal(c.args));
  const short = who === "pkill" ? "ecfg:G:inoO:P:s:t:u:U:xF:r:AV" : "d:lavwcfg:G:inoO:P:s:t:u:U:xF:Lr:AV";
  const { options, operands } = yield* procpsGetopt(c, { short, long: longOptions }, usages[who], args, 2);
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const nslist = options.findLast((o) => o.name === "nslist")?.arg.split(",") ?? ["ipc", "mnt", "net", "pid", "user", "uts"];
  let delimiter = "\n";
  for (const { name, arg } of options) {
    if (name === "d") delimiter = arg;
    else if (name === "signal") sig = findSignalNumber(arg) ?? -1;
    else if (!(yield* matcher.list(name, arg))) yield* matcher.special(name, arg, nslist);
  }
  if (has("L") && !has("F")) yield* matcher.hint("-L without -F makes no sense");
  if (has("L")) yield* matcher.hint("-L: locks of other processes cannot be seen here");
  if (has("n") && has("o")) {
    yield* c.eprint(usages[who]);
    return 2;
  }
  Object.assign(criteria, {
    full: has("f"),
    exact: has("x"),
    icase: has("i"),
    inverse: has("v"),
    newest: has("n"),
    oldest: has("o"),
    threads: has("w"),
  });
  if (operands.length > 1) yield* matcher.hint("only one pattern can be provided");
  criteria.pattern = operands[0];
  if (operands.length === 0 && criteria.tests.length === 0) yield* matcher.hint("no matching criteria specified");
  if (criteria.pattern !== undefined && criteria.pattern.length > 15 && !criteria.full && /^[\w-]+$/.test(criteria.pattern)) {
    yield* c.warn("pattern that searches for process name longer than 15 characters will result in zero matches");
    yield* c.eprint(`Try \`${c.name} -f' option to match against the complete command line.\n`);
  }
  const found = yield* matcher.select();
  if (who === "pgrep") return yield* list(c, found, { count: has("c"), name: has("l"), full: has("a"), delimiter });
  return yield* killAll(c, found, sig, has("e"), has("c"));
}

interface Listing {
  readonly count: boolean;
  readonly name: boolean;
  readonly full: boolean;
  readonly delimiter: string;
}

function* list(c: Command, found: readonly Process[], o: Listing): Proc<number> {
  if (o.count) yield* c.print(`${found.length}\n`);
  else if (found.length > 0) {
    const texts = found.map((p) => {
      if (o.full) return `${p.tid} ${p.cmdline.length > 0 ? p.cmdline.join(" ") : p.comm}`;
      return o.name ? `${p.tid} ${p.comm}` : String(p.tid);
    });
    yield* c.print(`${texts.join(o.delimiter)}\n`);
  }
  return found.length > 0 ? 0 : 1;
}

function* killAll(c: Command, found: readonly Process[], sig: number, echo: boolean, count: boolean): Proc<number> {
  let killed = 0;
  for (const p of found) {
    const failed = yield* attempt(c.sys.kill(p.pid, sig));
    if (failed === undefined) {
      killed++;
      if (echo) yield* c.print(`${p.comm} killed (pid ${p.pid})\n`);
    } else if (failed.name !== "ESRCH") yield* c.warn(`killing pid ${p.pid} failed: ${failed.message}`);
  }
  if (count) yield* c.print(`${found.length}\n`);
  return killed > 0 ? 0 : 1;
}

function* runBusybox(c: Command, who: "pgrep" | "pkill"): Proc<number> {
  const { sig, rest } = who === "pkill" ? takeSignal(c.args) : { sig: 15, rest: c.args };
  if (who === "pkill" && c.args[0] === "-l") {
    yield* c.print(busyboxSignalList());
    return 0;
  }
  const { options, operands } = yield* c.getopt({ short: "vlafxons:P:" }, rest);
  const matcher = new Matcher(c, who);
  const has = (name: string): boolean => options.some((o) => o.name === name);
  for (const { name, arg } of options) yield* matcher.list(name, arg);
  const { criteria } = matcher;
  Object.assign(criteria, { full: has("f"), exact: has("x"), inverse: has("v"), newest: has("n"), oldest: has("o"), pattern: operands[0] });
  if (operands.length > 1 || (operands.length === 0 && criteria.tests.length === 0)) {
    yield* c.eprint(busyboxUsages[who]);
    return 1;
  }
  const found = yield* matcher.select();
  if (who === "pgrep") return yield* list(c, found, { count: false, name: has("l"), full: has("a"), delimiter: "\n" });
  return yield* killAll(c, found, sig, false, false);
}

export const pgrep: Executable = {
  name: "pgrep",
  main: command({ help: busyboxUsages.pgrep, usageStatus: 2 }, (c) => run(c, c.name === "pkill" ? "pkill" : "pgrep")),
  paths: ["/usr/bin/pgrep", "/usr/bin/pkill"],
  needed: ["libproc2.so.0", "libc.so.6"],
  sizeBytes: 35248,
  applet: "/usr/bin/pgrep",
};

/** The same program under its other name; busybox has an applet for each. */
export const pkill: Executable = {
  name: "pkill",
  main: command({ help: busyboxUsages.pkill, usageStatus: 2 }, (c) => run(c, "pkill")),
  applet: "/usr/bin/pkill",
};
