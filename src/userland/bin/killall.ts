/** killall(1) of psmisc: signals processes by name. Left out: -Z (SELinux). */

import type { Proc } from "../../abi/sys.ts";
import { NS_PER_MSEC } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { BUSYBOX_VERSION } from "../libc/help.ts";
import { HZ, idsOf, type Process, readProcess, readProcesses, readProcLink, readUptime } from "../libc/libproc.ts";
import { getpwnam } from "../libc/passwd.ts";
import { attempt, busyboxSignalList, findSignal, signalList } from "../libc/procps.ts";
import { regcomp, RegexError } from "../libc/regex.ts";
import { basename } from "../libc/unistd.ts";

const usage = `Usage: killall [OPTION]... [--] NAME...
       killall -l, --list
       killall -V, --version

  -e,--exact          require exact match for very long names
  -I,--ignore-case    case insensitive process name match
  -g,--process-group  kill process group instead of process
  -y,--younger-than   kill processes younger than TIME
  -o,--older-than     kill processes older than TIME
  -i,--interactive    ask for confirmation before killing
  -l,--list           list all known signal names
  -q,--quiet          don't print complaints
  -r,--regexp         interpret NAME as an extended regular expression
  -s,--signal SIGNAL  send this signal instead of SIGTERM
  -u,--user USER      kill only process(es) running as USER
  -v,--verbose        report if the signal was successfully sent
  -V,--version        display version information
  -w,--wait           wait for processes to die
  -n,--ns PID         match processes that belong to the same namespaces
                      as PID

`;

const busyboxUsage = `BusyBox v${BUSYBOX_VERSION} multi-call binary.

Usage: killall [-lq] [-SIG] NAME...

Send a signal (default: TERM) to given processes

	-l	List all signal names and numbers
	-q	Don't complain if no processes were killed
`;

const long = [
  { name: "exact", as: "e" },
  { name: "ignore-case", as: "I" },
  { name: "process-group", as: "g" },
  { name: "younger-than", as: "y", arg: "required" },
  { name: "older-than", as: "o", arg: "required" },
  { name: "interactive", as: "i" },
  { name: "list", as: "l" },
  { name: "quiet", as: "q" },
  { name: "regexp", as: "r" },
  { name: "signal", as: "s", arg: "required" },
  { name: "user", as: "u", arg: "required" },
  { name: "verbose", as: "v" },
  { name: "version", as: "V" },
  { name: "wait", as: "w" },
  { name: "ns", as: "n", arg: "required" },
] as const;

function* usageExit(c: Command): Proc<never> {
  yield* c.eprint(usage);
  throw new Exit(1);
}

/** `5s`, `3m`, `2h`, `1d`, `1w`, `1M`, `1y` in seconds. */
function parseAge(text: string): number | undefined {
  const match = /^([0-9.]+)([smhdwMy])$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * ({ s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2419200, y: 31536000 }[match[2] ?? "s"] ?? 1);
}

/** `-SIG` in front of the names is a signal, and what is no option must be one. */
function* takeSignal(c: Command, args: readonly string[]): Proc<{ sig: number; rest: string[] }> {
  let sig = 15;
  const rest: string[] = [];
  for (const [i, word] of args.entries()) {
    if (word === "--") return { sig, rest: [...rest, ...args.slice(i)] };
    if (!/^-[A-Z0-9]/.test(word) || /^-[IV]$/.test(word)) {
      rest.push(word);
      continue;
    }
    const found = findSignal(word.slice(1));
    if (found === undefined) {
      yield* c.eprint(`${word.slice(1)}: unknown signal; ${c.name} -l lists signals.\n`);
      throw new Exit(1);
    }
    sig = found;
  }
  return { sig, rest };
}

class Killer {
  constructor(
    private readonly c: Command,
    private readonly parsed: Parsed,
    private readonly sig: number,
  ) {}

  has(name: string): boolean {
    return this.parsed.options.some((o) => o.name === name);
  }

  private arg(name: string): string | undefined {
    return this.parsed.options.findLast((o) => o.name === name)?.arg;
  }

  /** The processes whose name is `name`, or matches it with -r. */
  *matching(all: readonly Process[], name: string): Proc<Process[]> {
    let test: (comm: string) => boolean;
    const icase = this.has("I");
    if (this.has("r")) {
      try {
        const regex = regcomp(name, { extended: true, icase });
        test = (comm) => regex.test(comm);
      } catch (e) {
        if (!(e instanceof RegexError)) throw e;
        yield* this.c.warn(`Bad regular expression: ${name}`);
        throw new Exit(1);
      }
    } else {
      const fold = (text: string): string => (icase ? text.toLowerCase() : text);
      test = (comm) => fold(comm) === fold(name) || (comm.length === 15 && fold(name).startsWith(fold(comm)) && !this.has("e"));
    }
    const found: Process[] = [];
    for (const p of all) {
      const exact = name.includes("/") ? (yield* readProcLink(this.c.sys, `/proc/${p.pid}/exe`)) === name : test(p.comm);
      // A long name is cut in comm; the command line has all of it.
      const byLine = p.comm.length === 15 && basename(p.cmdline[0] ?? "") === name;
      if (exact || byLine) found.push(p);
    }
    return found;
  }

  /** What -u, -y, -o, -n and our own PID leave. */
  *candidates(): Proc<Process[]> {
    const { c } = this;
    const user = this.arg("u");
    const uid = user === undefined ? undefined : (yield* getpwnam(c.sys, user))?.uid;
    if (user !== undefined && uid === undefined) {
      yield* c.eprint(`Cannot find user ${user}\n`);
      throw new Exit(1);
    }
    const ages: (number | undefined)[] = [];
    for (const name of ["y", "o"]) {
      const text = this.arg(name);
      const age = text === undefined ? undefined : parseAge(text);
      if (text !== undefined && age === undefined) {
        yield* c.warn("Invalid time format");
        yield* usageExit(c);
      }
      ages.push(age);
    }
    const { uptimeSec } = yield* readUptime(c.sys);
    const self = yield* c.sys.getpid();
    const ns = this.arg("n");
    const wanted = ns === undefined ? undefined : yield* readProcLink(c.sys, `/proc/${ns}/ns/pid`);
    const list: Process[] = [];
    for (const p of yield* readProcesses(c.sys, { status: true, cmdline: true })) {
      const age = uptimeSec - p.startTicks / HZ;
      if (p.pid === self || (uid !== undefined && idsOf(p, "Uid")[1] !== uid)) continue;
      if ((ages[0] !== undefined && age > ages[0]) || (ages[1] !== undefined && age < ages[1])) continue;
      if (wanted !== undefined && (yield* readProcLink(c.sys, `/proc/${p.pid}/ns/pid`)) !== wanted) continue;
      list.push(p);
    }
    return list;
  }

  *run(): Proc<number> {
    const { c } = this;
    const all = yield* this.candidates();
    const names = this.parsed.operands;
    const killed: number[] = [];
    let missing = false;
    for (const name of names.length === 0 ? [""] : names) {
      const found = name === "" ? all : yield* this.matching(all, name);
      let any = false;
      for (const p of found) {
        if (this.has("i") && !(yield* this.confirm(p))) continue;
        const failed = yield* attempt(c.sys.kill(this.has("g") ? -p.pgrp : p.pid, this.sig));
        if (failed === undefined) {
          any = true;
          killed.push(p.pid);
          if (this.has("v")) yield* c.eprint(`Killed ${p.comm}(${p.pid}) with signal ${this.sig}\n`);
        } else if (failed.name !== "ESRCH") yield* c.eprint(`${p.comm}(${p.pid}): ${failed.message}\n`);
      }
      if (any) continue;
      missing = true;
      if (!this.has("q") && found.length === 0) yield* c.eprint(`${name}: no process found\n`);
    }
    if (this.has("w")) yield* this.wait(killed);
    return missing ? 1 : 0;
  }

  private *confirm(p: Process): Proc<boolean> {
    yield* this.c.print(`Kill ${p.comm}(${p.pid}) ? (y/N) `);
    yield* this.c.stdout.flush();
    return /^[yY]/.test((yield* this.c.stdin.readLine()) ?? "");
  }

  private *wait(pids: readonly number[]): Proc<void> {
    for (const pid of pids) {
      for (;;) {
        const p = yield* readProcess(this.c.sys, pid);
        if (p === undefined || p.state === "Z") break;
        yield* this.c.sys.nanosleep(100 * NS_PER_MSEC);
      }
    }
  }
}

function* psmisc(c: Command): Proc<number> {
  const { sig, rest } = yield* takeSignal(c, c.args);
  let parsed: Parsed;
  try {
    parsed = getopt(rest, { short: "egy:o:ilqrs:u:vwVIn:", long });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    if (!/--help/.test(e.message)) yield* c.warn(e.message);
    return yield* usageExit(c);
  }
  const killer = new Killer(c, parsed, sig);
  if (killer.has("l")) {
    yield* c.print(signalList());
    return 0;
  }
  if (killer.has("V")) {
    yield* c.eprint("killall (PSmisc) 23.6\n");
    return 0;
  }
  const named = parsed.options.findLast((o) => o.name === "s")?.arg;
  const chosen = named === undefined ? sig : findSignal(named.replace(/^SIG/, ""));
  if (chosen === undefined) {
    yield* c.eprint(`${named}: unknown signal; ${c.name} -l lists signals.\n`);
    return 1;
  }
  if (parsed.operands.length === 0 && !killer.has("u")) return yield* usageExit(c);
  return yield* new Killer(c, parsed, chosen).run();
}

function* busyboxKillall(c: Command): Proc<number> {
  if (c.args[0] === "--help") {
    yield* c.print(busyboxUsage);
    return 0;
  }
  if (c.args[0] === "-l") {
    yield* c.print(busyboxSignalList());
    return 0;
  }
  let sig = 15;
  let quiet = false;
  const names: string[] = [];
  for (const word of c.args) {
    if (word === "-q") quiet = true;
    else if (word.startsWith("-") && names.length === 0) {
      const found = findSignal(word.slice(1));
      if (found === undefined) return yield* c.fail(`bad signal name '${word.slice(1)}'`);
      sig = found;
    } else names.push(word);
  }
  if (names.length === 0) return yield* c.fail("you need to specify whom to kill");
  let status = 0;
  const self = yield* c.sys.getpid();
  for (const name of names) {
    const found = (yield* readProcesses(c.sys, { cmdline: true })).filter(
      (p) => p.pid !== self && (p.comm === name.slice(0, 15) || basename(p.cmdline[0] ?? "") === name),
    );
    if (found.length === 0) {
      status = 1;
      if (!quiet) yield* c.warn(`${name}: no process killed`);
    }
    for (const p of found) {
      const failed = yield* attempt(c.sys.kill(p.pid, sig));
      if (failed !== undefined) yield* c.warn(`can't kill pid ${p.pid}: ${failed.message}`);
    }
  }
  return status;
}

export const killall: Executable = {
  name: "killall",
  main: command({ help: usage }, (c) => (c.voice === "busybox" ? busyboxKillall(c) : psmisc(c))),
  paths: ["/usr/bin/killall"],
  sizeBytes: 32720,
  applet: "/usr/bin/killall",
};
