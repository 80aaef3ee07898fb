/** fuser(1) of psmisc: processes that use a file. Left out: -n and network ports, -M, -w, NFS. */

import { Errno } from "../../abi/errno.ts";
import { findSignalNumber } from "../../abi/signal.ts";
import type { Stat } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { BUSYBOX_VERSION } from "../libc/help.ts";
import { idsOf, type Process, readProcDir, readProcesses, readProcFile } from "../libc/libproc.ts";
import { IdNames } from "../libc/passwd.ts";
import { attempt, findSignal, signalList } from "../libc/procps.ts";
import { stat } from "../libc/unistd.ts";

const usage = `Usage: fuser [-fIMuvw] [-a|-s] [-c|-m] [-k [-i] [-SIGNAL]] NAME...
       fuser -l
       fuser -V
Show which processes use the named files or filesystems.

  -a,--all              display unused files too
  -i,--interactive      ask before killing (ignored without -k)
  -k,--kill             kill processes accessing the named file
  -l,--list-signals     list available signal names
  -m,--mount            show all processes using the named filesystems or
                        block device
  -s,--silent           silent operation
  -SIGNAL               send this signal instead of SIGKILL
  -u,--user             display user IDs
  -v,--verbose          verbose output
  -V,--version          display version information

`;

const busyboxUsage = `BusyBox v${BUSYBOX_VERSION} multi-call binary.

Usage: fuser [-msk46] [-SIGNAL] FILE or PORT/PROTO

Find processes which use FILEs or PORTs

	-m	Find processes which use same fs as FILEs
	-s	Don't print, just exit with 0 if processes are found
	-k	Kill found processes (with KILL by default)
	-SIGNAL	Signal to send
`;

const long = [
  { name: "all", as: "a" },
  { name: "interactive", as: "i" },
  { name: "kill", as: "k" },
  { name: "list-signals", as: "l" },
  { name: "mount", as: "m" },
  { name: "silent", as: "s" },
  { name: "user", as: "u" },
  { name: "verbose", as: "v" },
  { name: "version", as: "V" },
] as const;

interface Use {
  readonly p: Process;
  /** Of `c` (cwd), `r` (root), `e` (executable), `m` (mapped), `f`/`F` (open, for writing). */
  readonly letters: string;
}

function* statOf(c: Command, path: string): Proc<Stat | undefined> {
  try {
    return yield* stat(c.sys, path);
  } catch (e) {
    if (e instanceof Errno) return undefined;
    throw e;
  }
}

class Finder {
  constructor(
    private readonly c: Command,
    private readonly wholeFs: boolean,
  ) {}

  private same(a: Stat | undefined, b: Stat): boolean {
    return a !== undefined && a.dev === b.dev && (this.wholeFs || a.ino === b.ino);
  }

  /** Every process that uses what `wanted` is. */
  *find(wanted: Stat): Proc<Use[]> {
    const { c } = this;
    const uses: Use[] = [];
    for (const p of yield* readProcesses(c.sys, { status: true })) {
      const base = `/proc/${p.pid}`;
      let letters = "";
      if (this.same(yield* statOf(c, `${base}/cwd`), wanted)) letters += "c";
      if (this.same(yield* statOf(c, `${base}/exe`), wanted)) letters += "e";
      if (this.same(yield* statOf(c, `${base}/root`), wanted)) letters += "r";
      for (const fd of yield* readProcDir(c.sys, `${base}/fd`)) {
        if (!this.same(yield* statOf(c, `${base}/fd/${fd}`), wanted)) continue;
        const info = (yield* readProcFile(c.sys, `${base}/fdinfo/${fd}`)) ?? "";
        const writes = (Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? "0", 8) & 3) !== 0;
        letters = letters.replace(/f/, writes ? "" : "f");
        if (!/f/i.test(letters)) letters += writes ? "F" : "f";
      }
      if (letters === "" && (yield* this.mapped(p.pid, wanted))) letters = "m";
      if (letters !== "") uses.push({ p, letters });
      yield* c.sys.spend(2000);
    }
    return uses;
  }

  private *mapped(pid: number, wanted: Stat): Proc<boolean> {
    const paths = new Set<string>();
    for (const line of ((yield* readProcFile(this.c.sys, `/proc/${pid}/maps`)) ?? "").split("\n")) {
      const path = /^\S+ \S+ \S+ \S+ \S+ +(\/.*)$/.exec(line)?.[1];
      if (path !== undefined) paths.add(path);
    }
    for (const path of paths) if (this.same(yield* statOf(this.c, path), wanted)) return true;
    return false;
  }
}

/** As fuser -v has them: F, f, c, e, r, m in fixed places. */
const access = (letters: string): string =>
  ["Ff", "r", "c", "e", "m"].map((set) => [...set].find((l) => letters.includes(l)) ?? ".").join("");

function* takeSignal(c: Command, args: readonly string[]): Proc<{ sig: number; rest: string[] }> {
  let sig = 9;
  const rest: string[] = [];
  for (const word of args) {
    if (!/^-[A-Z0-9]/.test(word) || /^-[VIM46]/.test(word)) {
      rest.push(word);
      continue;
    }
    const found = findSignal(word.slice(1)) ?? findSignalNumber(word.slice(1));
    if (found === undefined) {
      yield* c.eprint(`${word.slice(1)}: unknown signal; ${c.name} -l lists signals.\n`);
      throw new Exit(1);
    }
    sig = found;
  }
  return { sig, rest };
}

class Fuser {
  private headed = false;

  constructor(
    private readonly c: Command,
    private readonly has: (name: string) => boolean,
  ) {}

  /** PIDs on stdout, everything else on stderr, so that a shell can use the former. */
  *report(path: string, uses: readonly Use[]): Proc<void> {
    const { c, has } = this;
    if (has("s") || (uses.length === 0 && !has("a"))) return;
    const names = new IdNames(c.sys);
    if (has("v")) {
      if (!this.headed) yield* c.eprint(`${" ".repeat(21)}USER        PID ACCESS COMMAND\n`);
      this.headed = true;
      yield* c.eprint(`${`${path}:`.padEnd(20)}`);
      for (const [i, { p, letters }] of uses.entries()) {
        const user = (yield* names.user(idsOf(p, "Uid")[1])) ?? String(idsOf(p, "Uid")[1]);
        yield* c.eprint(`${i > 0 ? " ".repeat(20) : ""} ${user.padEnd(8)} `);
        yield* c.print(String(p.pid).padStart(6));
        yield* c.stdout.flush();
        yield* c.eprint(` ${access(letters)} ${p.comm}\n`);
      }
      return;
    }
    yield* c.eprint(`${`${path}:`.padEnd(20)} `);
    for (const { p, letters } of uses) {
      yield* c.print(String(p.pid).padStart(6));
      yield* c.stdout.flush();
      const shown = letters.replace(/[fF]/g, "");
      const user = has("u") ? `(${(yield* names.user(idsOf(p, "Uid")[1])) ?? idsOf(p, "Uid")[1]})` : "";
      yield* c.eprint(shown.slice(0, 1) + user);
    }
    yield* c.eprint("\n");
  }

  *kill(uses: readonly Use[], sig: number): Proc<void> {
    const { c } = this;
    const self = yield* c.sys.getpid();
    for (const { p } of uses) {
      if (p.pid === self) continue;
      if (this.has("i")) {
        yield* c.eprint(`Kill process ${p.pid} ? (y/N) `);
        if (!/^[yY]/.test((yield* c.stdin.readLine()) ?? "")) continue;
      }
      const failed = yield* attempt(c.sys.kill(p.pid, sig));
      if (failed !== undefined) yield* c.eprint(`Could not kill process ${p.pid}: ${failed.message}\n`);
    }
  }
}

function* run(c: Command): Proc<number> {
  const { sig, rest } = yield* takeSignal(c, c.args);
  let parsed: Parsed;
  try {
    parsed = c.voice === "busybox" ? yield* c.getopt({ short: "msk46" }, rest) : getopt(rest, { short: "acikmslufvVIMw", long });
  } catch (e) {
    if (!(e instanceof UsageError) || c.voice === "busybox") throw e;
    yield* c.eprint((/--help/.test(e.message) ? "" : `${c.name}: ${e.message}\n`) + usage);
    return 1;
  }
  const { options, operands } = parsed;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("V")) {
    yield* c.eprint("fuser (PSmisc) 23.6\n");
    return 0;
  }
  if (has("l")) {
    yield* c.print(signalList());
    return 0;
  }
  if (operands.length === 0) {
    yield* c.eprint(c.voice === "busybox" ? busyboxUsage : `No process specification given\n${usage}`);
    return 1;
  }
  const finder = new Finder(c, has("m") || has("c"));
  const fuser = new Fuser(c, has);
  const pids = new Set<number>();
  let found = false;
  for (const path of operands) {
    const st = yield* statOf(c, path);
    if (st === undefined) {
      if (c.voice === "busybox") yield* c.fail(`can't stat '${path}': No such file or directory`);
      if (!has("s")) yield* c.eprint(`Specified filename ${path} does not exist.\n`);
      continue;
    }
    const uses = yield* finder.find(st);
    if (uses.length > 0) found = true;
    for (const { p } of uses) pids.add(p.pid);
    if (c.voice === "gnu") yield* fuser.report(path, uses);
    if (has("k")) yield* fuser.kill(uses, sig);
  }
  if (c.voice === "busybox" && !has("s") && !has("k") && pids.size > 0) yield* c.print(`${[...pids].join(" ")}\n`);
  return found ? 0 : 1;
}

export const fuser: Executable = {
  name: "fuser",
  main: command({ help: busyboxUsage }, run),
  paths: ["/usr/bin/fuser"],
  sizeBytes: 40784,
  applet: "/usr/bin/fuser",
};
