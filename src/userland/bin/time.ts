/**
 * time(1), GNU time, and busybox's: runs a program and tells what it used.
 * Left out: the fields that Linux does not count either print 0, as there; file system inputs and outputs are not counted here.
 */

import { EINTR, ENOENT, Errno } from "../../abi/errno.ts";
import { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import { RUSAGE_CHILDREN, type Rusage } from "../../abi/resource.ts";
import { SIG_DFL, SIG_IGN, SIGINT, SIGQUIT } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_MONOTONIC } from "../../abi/time.ts";
import { wExitStatus, wIfExited, wTermSig } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { Output } from "../libc/stdio.ts";
import { execvp, open } from "../libc/unistd.ts";

const usage = `time [OPTION]... COMMAND [ARG]...
Run COMMAND, then print the resources that it used.

  -a, --append       append to the file of -o
  -f, --format=FORMAT  use FORMAT: %E %e elapsed, %U user, %S system, %P CPU, %M memory, %C command, %x status …
  -o, --output=FILE  write to FILE instead of standard error
  -p, --portability  print real, user and sys as POSIX has it
  -q, --quiet        do not tell of an abnormal end
  -v, --verbose      print all that is known
  -h, --help         show this help and exit`;

const DEFAULT =
  "%Uuser %Ssystem %Eelapsed %PCPU (%Xavgtext+%Davgdata %Mmaxresident)k\n%Iinputs+%Ooutputs (%Fmajor+%Rminor)pagefaults %Wswaps";
const POSIX = "real %e\nuser %U\nsys %S";
const VERBOSE = `\tCommand being timed: "%C"
\tUser time (seconds): %U
\tSystem time (seconds): %S
\tPercent of CPU this job got: %P
\tElapsed (wall clock) time (h:mm:ss or m:ss): %E
\tAverage shared text size (kbytes): %X
\tAverage unshared data size (kbytes): %D
\tAverage stack size (kbytes): %p
\tAverage total size (kbytes): %K
\tMaximum resident set size (kbytes): %M
\tAverage resident set size (kbytes): %t
\tMajor (requiring I/O) page faults: %F
\tMinor (reclaiming a frame) page faults: %R
\tVoluntary context switches: %w
\tInvoluntary context switches: %c
\tSwaps: %W
\tFile system inputs: %I
\tFile system outputs: %O
\tSocket messages sent: %s
\tSocket messages received: %r
\tSignals delivered: %k
\tPage size (bytes): %Z
\tExit status: %x`;
const BUSYBOX = "real\t%E\nuser\t%u\nsys\t%T";

interface Result {
  readonly argv: readonly string[];
  readonly elapsedNs: number;
  readonly usage: Rusage;
  readonly status: number;
}

const two = (n: number): string => `${Math.floor(n)}`.padStart(2, "0");
/** Hundredths are cut off, not rounded. */
const hundredths = (ns: number): string => `${Math.floor(ns / 1e9)}.${two((ns % 1e9) / 1e7)}`;

function elapsed(ns: number, voice: "gnu" | "busybox"): string {
  const seconds = Math.floor(ns / 1e9);
  if (voice === "busybox") return `${Math.floor(seconds / 60)}m ${seconds % 60}.${two((ns % 1e9) / 1e7)}s`;
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}.${two((ns % 1e9) / 1e7)}`;
}

function field(letter: string, r: Result, voice: "gnu" | "busybox"): string {
  const { usage: u } = r;
  switch (letter) {
    case "C":
      return r.argv.join(" ");
    case "E":
      return elapsed(r.elapsedNs, voice);
    case "e":
      return hundredths(r.elapsedNs);
    case "U":
      return hundredths(u.utimeNs);
    case "S":
      return hundredths(u.stimeNs);
    case "u":
      return elapsed(u.utimeNs, "busybox");
    case "T":
      return elapsed(u.stimeNs, "busybox");
    case "P":
      return r.elapsedNs === 0 ? "?%" : `${Math.floor(((u.utimeNs + u.stimeNs) * 100) / r.elapsedNs)}%`;
    case "M":
      return `${u.maxrss}`;
    case "F":
      return `${u.majflt}`;
    case "R":
      return `${u.minflt}`;
    case "w":
      return `${u.nvcsw}`;
    case "c":
      return `${u.nivcsw}`;
    case "x":
      return `${wIfExited(r.status) ? wExitStatus(r.status) : 0}`;
    case "Z":
      return "4096";
    case "%":
      return "%";
    default:
      return /[XDpKtWIOsrk]/.test(letter) ? "0" : `?${letter}`;
  }
}

function summarize(format: string, r: Result, voice: "gnu" | "busybox"): string {
  return `${format.replace(/%(.)|\\(.)/gs, (_, letter: string | undefined, escape: string | undefined) => {
    if (letter !== undefined) return field(letter, r, voice);
    return { t: "\t", n: "\n", "\\": "\\" }[escape ?? ""] ?? `?\\${escape}`;
  })}\n`;
}

function* run(c: Command): Proc<number> {
  const { options, operands } = yield* c.getopt({
    short: "+af:o:pqvhV",
    long: [
      { name: "append", as: "a" },
      { name: "format", arg: "required", as: "f" },
      { name: "output", arg: "required", as: "o" },
      { name: "portability", as: "p" },
      { name: "quiet", as: "q" },
      { name: "verbose", as: "v" },
    ],
  });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) return yield* c.help();
  const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
  const [file] = operands;
  if (file === undefined) {
    if (c.voice === "gnu")
      yield* c.eprint(
        `Usage: ${c.name} [-apvV] [-f format] [-o file] [--append] [--verbose]\n       [--portability] [--format=format] [--output=file] [--version]\n       [--quiet] [--help] command [arg...]\n`,
      );
    else throw new UsageError("");
    return 125;
  }
  let format = c.env.get("TIME") ?? (c.voice === "gnu" ? DEFAULT : BUSYBOX);
  for (const o of options) if (/^[fpv]$/.test(o.name)) format = o.name === "f" ? o.arg : o.name === "p" ? POSIX : VERBOSE;
  const out = arg("o");
  const fd = out === undefined ? 2 : yield* open(c.sys, out, O_WRONLY | O_CREAT | (has("a") ? O_APPEND : O_TRUNC));
  const start = yield* c.sys.clock_gettime(CLOCK_MONOTONIC);
  const child = yield* c.sys.fork(function* () {
    try {
      return yield* execvp(c.sys, file, operands, c.env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (c.voice === "gnu") yield* c.eprint(`${c.argv[0] ?? c.name}: cannot run ${file}: ${e.message}\n`);
      else yield* c.warn(`can't execute '${file}': ${e.message}`);
      return e === ENOENT ? 127 : 126;
    }
  });
  for (const sig of [SIGINT, SIGQUIT]) yield* c.sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
  let status: number | undefined;
  while (status === undefined) {
    try {
      status = (yield* c.sys.wait4(child, 0)).status;
    } catch (e) {
      if (e !== EINTR) throw e;
    }
  }
  const end = yield* c.sys.clock_gettime(CLOCK_MONOTONIC);
  for (const sig of [SIGINT, SIGQUIT]) yield* c.sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n });
  const result: Result = {
    argv: operands,
    elapsedNs: (end.sec - start.sec) * 1e9 + end.nsec - start.nsec,
    usage: yield* c.sys.getrusage(RUSAGE_CHILDREN),
    status,
  };
  let text = "";
  if (!wIfExited(status)) text = `Command terminated by signal ${wTermSig(status)}\n`;
  else if (wExitStatus(status) !== 0 && !has("q") && c.voice === "gnu" && !has("p"))
    text = `Command exited with non-zero status ${wExitStatus(status)}\n`;
  const output = new Output(c.sys, fd, "full");
  yield* output.print(text + summarize(format, result, c.voice));
  yield* output.flush();
  return wIfExited(status) ? wExitStatus(status) : 128 + wTermSig(status);
}

export const time: Executable = {
  name: "time",
  paths: ["/usr/bin/time"],
  sizeBytes: 27384,
  applet: "/usr/bin/time",
  main: command(
    { help: help(usage, "time [-vpa] [-o FILE] PROG ARGS\n\nRun PROG, display resource usage when it exits"), usageStatus: 125 },
    run,
  ),
};
