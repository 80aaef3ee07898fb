/**
 * strace(1): the system calls that a program makes, with their arguments and results. strace 6.1; ptrace(2).
 * Left out: output into a command, one file a process, changing calls (fault injection), stack traces.
 */

import { EINTR, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import {
  PTRACE_O_TRACECLONE,
  PTRACE_O_TRACEEXEC,
  PTRACE_O_TRACEFORK,
  PTRACE_O_TRACESYSGOOD,
  PTRACE_O_TRACEVFORK,
} from "../../abi/ptrace.ts";
import { SA_RESTART, SIG_DFL, SIGHUP, SIGINT, SIGQUIT, SIGTERM } from "../../abi/signal.ts";
import { isReg } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import { wExitStatus, wIfExited, wTermSig } from "../../abi/wait.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, type Option, UsageError } from "../libc/getopt.ts";
import { Output } from "../libc/stdio.ts";
import { DEFAULT_PATH, open, optional, stat } from "../libc/unistd.ts";
import { FilterError, signalFilter, statusFilter, syscallFilter } from "./filter.ts";
import { Summary } from "./summary.ts";
import { type TraceOptions, Tracer } from "./tracer.ts";

const usage = `Usage: strace [-ACcfhnqrtTvVwxyzZ] [-a COLUMN] [-e EXPR]... [-E VAR=VAL]... [-o FILE] [-p PID]...
              [-s STRSIZE] [-S SORTBY] { -p PID | PROG [ARGS] }

What is traced:
  -p PID         trace process PID (or several, with commas), until interrupted
  -f             follow forks
  -E VAR=VAL     put VAR=VAL in the environment of PROG; -E VAR removes it
  -e trace=LIST  only these calls: names, %file %desc %process %network %signal %memory %creds
                 %stat %fstat %clock %pure, /REGEX; ! in front for all others
  -e signal=LIST only these signals
  -e status=LIST only calls with these outcomes: successful, failed, unfinished
  -z, -Z         only calls that worked, only calls that failed

Output:
  -o FILE        write there, not to stderr; -A appends
  -a COLUMN      align results at COLUMN (default 40)
  -s STRSIZE     cut strings at STRSIZE bytes (default 32)
  -t, -tt, -ttt  time of day in front: seconds, microseconds, since 1970
  -r             time since the line before
  -T             time that each call took
  -n             number of each call
  -y             what descriptors stand for
  -v             nothing abbreviated
  -x, -xx        bytes that cannot be printed, or all, in hexadecimal
  -q, -qq        without attach messages, and without exit messages

Statistics:
  -c, -C         count time, calls and errors: alone, or after the usual output
  -S SORTBY      sort by time (default), calls, errors, name, nothing
  -w             time between entry and exit, which is what is counted anyway

  -h, --help     this help
  -V, --version  the version
`;

const longOptions = [
  { name: "help", as: "h" },
  { name: "version", as: "V" },
  { name: "follow-forks", as: "f" },
  { name: "output", as: "o", arg: "required" },
  { name: "attach", as: "p", arg: "required" },
  { name: "string-limit", as: "s", arg: "required" },
  { name: "trace", arg: "required" },
  { name: "signal", arg: "required" },
  { name: "status", arg: "required" },
  { name: "successful-only", as: "z" },
  { name: "failed-only", as: "Z" },
  { name: "summary-only", as: "c" },
  { name: "summary", as: "C" },
  { name: "summary-sort-by", as: "S", arg: "required" },
  { name: "env", as: "E", arg: "required" },
  { name: "columns", as: "a", arg: "required" },
  { name: "no-abbrev", as: "v" },
  { name: "syscall-number", as: "n" },
  { name: "output-append-mode", as: "A" },
] as const;

class Options {
  trace: (name: string) => boolean = () => true;
  signal: (sig: number) => boolean = () => true;
  status: ReadonlySet<string> | undefined;
  max = 32;
  column = 40;
  verbose = false;
  hex: 0 | 1 | 2 = 0;
  paths = false;
  follow = false;
  stamp: 0 | 1 | 2 | 3 = 0;
  relative = false;
  spent = false;
  numbers = false;
  quiet = 0;
  output: string | undefined;
  append = false;
  readonly pids: number[] = [];
  readonly env: string[] = [];
  summary: "none" | "only" | "also" = "none";
  sortBy = "time";
}

function number(option: string, text: string): number {
  if (!/^[0-9]+$/.test(text)) throw new UsageError(`invalid -${option} argument: '${text}'`);
  return Number(text);
}

function expression(o: Options, text: string): void {
  const [, key = "trace", value = text] = /^([a-z]+)=(.*)$/s.exec(text) ?? [];
  if (key === "trace" || key === "t") o.trace = syscallFilter(value);
  else if (key === "signal" || key === "signals" || key === "s") o.signal = signalFilter(value);
  else if (key === "status") o.status = statusFilter(value);
  else if (key === "quiet" || key === "q") o.quiet = value === "none" ? 0 : 2;
  else if (key === "verbose" || key === "v") o.verbose = value !== "none";
  else throw new FilterError(`-e ${key}= is not supported`);
}

/** Letters without an argument. */
const flags: Readonly<Record<string, (o: Options) => void>> = {
  A: (o) => {
    o.append = true;
  },
  c: (o) => {
    o.summary = "only";
  },
  C: (o) => {
    o.summary = "also";
  },
  f: (o) => {
    o.follow = true;
  },
  n: (o) => {
    o.numbers = true;
  },
  q: (o) => {
    o.quiet++;
  },
  r: (o) => {
    o.relative = true;
  },
  t: (o) => {
    o.stamp = Math.min(3, o.stamp + 1) as 1 | 2 | 3;
  },
  T: (o) => {
    o.spent = true;
  },
  v: (o) => {
    o.verbose = true;
  },
  w: () => {},
  x: (o) => {
    o.hex = o.hex === 0 ? 1 : 2;
  },
  y: (o) => {
    o.paths = true;
  },
  z: (o) => {
    o.status = new Set(["successful"]);
  },
  Z: (o) => {
    o.status = new Set(["failed"]);
  },
};

function apply(o: Options, { name, arg }: Option): void {
  const flag = flags[name];
  if (flag !== undefined) flag(o);
  else if (name === "e") expression(o, arg);
  else if (name === "trace" || name === "signal" || name === "status") expression(o, `${name}=${arg}`);
  else if (name === "a") o.column = number("a", arg);
  else if (name === "s") o.max = number("s", arg);
  else if (name === "S") o.sortBy = arg;
  else if (name === "E") o.env.push(arg);
  else if (name === "o") {
    if (/^[|!]/.test(arg)) throw new FilterError("output into a command is not supported");
    o.output = arg;
  } else if (name === "p") {
    for (const word of arg.split(/[,\s]+/)) {
      if (!/^[0-9]+$/.test(word) || Number(word) === 0) throw new FilterError(`Invalid process id: '${word}'`);
      o.pids.push(Number(word));
    }
  }
}

function* parse(c: Command): Proc<{ o: Options; operands: readonly string[] }> {
  const o = new Options();
  try {
    const { options, operands } = getopt(c.args, { short: "+a:Ace:E:fhno:p:qrs:S:tTvVwxyzZC", long: longOptions });
    for (const option of options) {
      if (option.name === "h") {
        yield* c.print(usage);
        throw new Exit(0);
      }
      if (option.name === "V") {
        yield* c.print("strace -- version 6.1\n");
        throw new Exit(0);
      }
      apply(o, option);
    }
    if (operands.length === 0 && o.pids.length === 0) throw new UsageError("must have PROG [ARGS] or -p PID");
    return { o, operands };
  } catch (e) {
    if (e instanceof FilterError) yield* c.fail(e.message);
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint(`${c.name}: ${e.message}\nTry '${c.name} -h' for more information.\n`);
    throw new Exit(1);
  }
}

/** The file to run: along PATH, as the shell would find it. */
function* findProgram(c: Command, name: string): Proc<string> {
  if (name.includes("/")) {
    if ((yield* optional(stat(c.sys, name))) !== undefined) return name;
  } else {
    for (const dir of (c.env.get("PATH") ?? DEFAULT_PATH).split(":")) {
      const path = `${dir === "" ? "." : dir}/${name}`;
      const st = yield* optional(stat(c.sys, path));
      if (st !== undefined && isReg(st.mode) && (st.mode & 0o111) !== 0) return path;
    }
  }
  return yield* c.fail(`Can't stat '${name}': No such file or directory`);
}

/** The child that becomes PROG: it waits until it is traced. */
function* spawn(c: Command, tracer: Tracer, o: Options, path: string, argv: readonly string[], ptraceOptions: number): Proc<number> {
  const { sys } = c;
  const env = new Map(c.env);
  for (const setting of o.env) {
    const equals = setting.indexOf("=");
    if (equals < 0) env.delete(setting);
    else env.set(setting.slice(0, equals), setting.slice(equals + 1));
  }
  const [readEnd, writeEnd] = yield* sys.pipe2(O_CLOEXEC);
  const child = yield* sys.fork(function* () {
    yield* sys.close(writeEnd);
    yield* sys.read(readEnd, new Uint8Array(1));
    yield* sys.close(readEnd);
    try {
      return yield* sys.execve(path, argv, env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.eprint(`${c.name}: exec: ${e.message}\n`);
      return 1;
    }
  });
  yield* sys.close(readEnd);
  yield* tracer.attach(child, ptraceOptions, true);
  yield* sys.write(writeEnd, new Uint8Array(1));
  yield* sys.close(writeEnd);
  return child;
}

function* attachAll(c: Command, tracer: Tracer, o: Options, ptraceOptions: number): Proc<void> {
  for (const pid of o.pids) {
    try {
      yield* tracer.attach(pid, ptraceOptions, false);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.fail(`attach: ptrace(PTRACE_SEIZE, ${pid}): ${e.message}`);
    }
    if (o.quiet === 0) yield* c.eprint(`${c.name}: Process ${pid} attached\n`);
  }
}

function traceOptions(o: Options): TraceOptions {
  return {
    decode: { max: o.max, verbose: o.verbose, hex: o.hex },
    trace: o.trace,
    signal: o.signal,
    status: o.status,
    paths: o.paths,
    follow: o.follow,
    stamp: o.stamp,
    relative: o.relative,
    spent: o.spent,
    numbers: o.numbers,
    column: o.column,
    quiet: o.quiet,
    toFile: o.output !== undefined,
    summary: o.summary === "none" ? undefined : new Summary(),
    summaryOnly: o.summary === "only",
  };
}

function* run(c: Command): Proc<number> {
  const { sys } = c;
  const { o, operands } = yield* parse(c);
  const name = operands[0];
  const path = name === undefined ? undefined : yield* findProgram(c, name);
  let fd = 2;
  if (o.output !== undefined) {
    try {
      fd = yield* open(sys, o.output, O_WRONLY | O_CREAT | O_CLOEXEC | (o.append ? O_APPEND : O_TRUNC));
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.fail(`Can't fopen '${o.output}': ${e.message}`);
    }
  }
  const out = new Output(sys, fd, fd === 2 ? "none" : "full");
  const settings = traceOptions(o);
  const tracer = new Tracer(sys, out, new Output(sys, 2, "none"), settings);
  const follow = o.follow ? PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE : 0;
  const ptraceOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | follow;
  yield* attachAll(c, tracer, o, ptraceOptions);
  const child = path === undefined ? undefined : yield* spawn(c, tracer, o, path, operands, ptraceOptions);
  for (const sig of [SIGINT, SIGQUIT, SIGTERM, SIGHUP]) {
    // What is typed reaches the program too; it decides. Processes that were attached to are let go.
    const handler = function* (): Proc<void> {
      if (child === undefined) tracer.stopped = true;
    };
    yield* sys.rt_sigaction(sig, { handler, flags: child === undefined ? 0 : SA_RESTART, mask: 0n });
  }
  const status = yield* tracer.run(child);
  if (settings.summary !== undefined) yield* out.print(settings.summary.text(o.sortBy));
  yield* out.flush();
  if (child === undefined) return tracer.stopped ? 130 : 0;
  if (wIfExited(status)) return wExitStatus(status);
  return yield* dieBy(c, wTermSig(status));
}

/** Ends as the program ended. */
function* dieBy(c: Command, sig: number): Proc<number> {
  try {
    yield* c.sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n });
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
  try {
    yield* c.sys.kill(yield* c.sys.getpid(), sig);
  } catch (e) {
    if (e !== EINTR) throw e;
  }
  return 128 + sig;
}

export const main = command({ help: usage }, run);
