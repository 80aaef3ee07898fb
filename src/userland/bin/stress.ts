/**
 * stress(1) 1.0.7: workers that spin on the CPU, on sync(2), on memory, on writing. What they hold and use is declared to
 * the kernel, which charges it as any process's.
 */

import { EINTR, ENOMEM, Errno } from "../../abi/errno.ts";
import { O_CREAT, O_EXCL, O_RDWR } from "../../abi/fcntl.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PAGE_SIZE, PROT_READ, PROT_WRITE } from "../../abi/mman.ts";
import { SIG_IGN, SIGALRM, SIGTERM, SIGUSR1 } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { NS_PER_MSEC, NS_PER_SEC, NS_PER_USEC } from "../../abi/time.ts";
import { wExitStatus, wIfExited, wIfSignaled, wTermSig } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { writeAll } from "../libc/stdio.ts";
import { open, unlink } from "../libc/unistd.ts";

const usage = (name: string): string => `\`${name}' imposes certain types of compute stress on your system

Usage: ${name} [OPTION [ARG]] ...
 -?, --help         show this help statement
     --version      show version statement
 -v, --verbose      be verbose
 -q, --quiet        be quiet
 -n, --dry-run      show what would have been done
 -t, --timeout N    timeout after N seconds
     --backoff N    wait factor of N microseconds before work starts
 -c, --cpu N        spawn N workers spinning on sqrt()
 -i, --io N         spawn N workers spinning on sync()
 -m, --vm N         spawn N workers spinning on malloc()/free()
     --vm-bytes B   malloc B bytes per vm worker (default is 256MB)
     --vm-stride B  touch a byte every B bytes (default is 4096)
     --vm-hang N    sleep N secs before free (default none, 0 is inf)
     --vm-keep      redirty memory instead of freeing and reallocating
 -d, --hdd N        spawn N workers spinning on write()/unlink()
     --hdd-bytes B  write B bytes per hdd worker (default is 1GB)

Example: ${name} --cpu 8 --io 4 --vm 2 --vm-bytes 128M --timeout 10s

Note: Numbers may be suffixed with s,m,h,d,y (time) or B,K,M,G (size).
`;

type Kind = "cpu" | "io" | "vm" | "hdd";

interface Settings {
  verbosity: number;
  dryRun: boolean;
  timeoutSec: number;
  backoffUs: number;
  readonly count: Record<Kind, number>;
  vmBytes: number;
  vmStride: number;
  /** Seconds before memory is freed; -1 not to wait, 0 for ever. */
  vmHang: number;
  vmKeep: boolean;
  hddBytes: number;
}

/** FAIL, WARN, info and dbug lines; the number in brackets is where stress.c says it. */
class Log {
  constructor(
    private readonly c: Command,
    private readonly settings: Settings,
  ) {}

  private *line(level: number, word: string, text: string, code: number | undefined): Proc<void> {
    if (this.settings.verbosity < level) return;
    const where = code === undefined ? "" : ` (${code})`;
    const all = `${this.c.name}: ${word}: [${yield* this.c.sys.getpid()}]${where} ${text}\n`;
    if (code !== undefined) return yield* this.c.eprint(all);
    yield* this.c.print(all);
    yield* this.c.stdout.flush();
  }

  fail(code: number, text: string): Proc<void> {
    return this.line(0, "FAIL", text, code);
  }

  warn(code: number, text: string): Proc<void> {
    return this.line(1, "WARN", text, code);
  }

  info(text: string): Proc<void> {
    return this.line(2, "info", text, undefined);
  }

  debug(text: string): Proc<void> {
    return this.line(3, "dbug", text, undefined);
  }
}

const timeUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, y: 31536000 };
const sizeUnits: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function* parseNumber(log: Log, text: string, units: Readonly<Record<string, number>>): Proc<number> {
  const match = /^(-?[0-9]+)(.?)$/.exec(text);
  const suffix = text.slice(-1);
  const unit = match?.[2] === "" ? 1 : (units[suffix] ?? units[suffix.toLowerCase()]);
  if (unit === undefined || match === null) {
    yield* log.fail(665, `unrecognized suffix: ${suffix}`);
    throw new Exit(1);
  }
  return Number(match[1]) * unit;
}

const letters: Readonly<Record<string, string>> = {
  "-?": "--help",
  "-v": "--verbose",
  "-q": "--quiet",
  "-n": "--dry-run",
  "-t": "--timeout",
  "-c": "--cpu",
  "-i": "--io",
  "-m": "--vm",
  "-d": "--hdd",
};

function* parse(c: Command, s: Settings, log: Log): Proc<"run" | "done"> {
  const { args } = c;
  if (args.length === 0) {
    yield* c.print(usage(c.name));
    return "done";
  }
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    const name = letters[word] ?? word;
    if (name === "--help") {
      yield* c.print(usage(c.name));
      return "done";
    }
    if (name === "--version") {
      yield* c.print(`${c.name} 1.0.7\n`);
      return "done";
    }
    if (name === "--verbose") s.verbosity = 3;
    else if (name === "--quiet") s.verbosity = 0;
    else if (name === "--dry-run") s.dryRun = true;
    else if (name === "--vm-keep") s.vmKeep = true;
    else if (/^--(timeout|backoff|cpu|io|vm|hdd|vm-bytes|vm-stride|vm-hang|hdd-bytes)$/.test(name)) {
      const text = args[++i];
      if (text === undefined) {
        yield* log.fail(167, `missing argument to option '${name}'`);
        throw new Exit(1);
      }
      yield* option(s, log, name, text);
    } else {
      yield* log.fail(251, `unrecognized option: ${word}`);
      throw new Exit(1);
    }
  }
  return "run";
}

function* option(s: Settings, log: Log, name: string, text: string): Proc<void> {
  if (name === "--timeout") s.timeoutSec = yield* parseNumber(log, text, timeUnits);
  else if (name === "--backoff") s.backoffUs = yield* parseNumber(log, text, {});
  else if (name === "--vm-bytes") s.vmBytes = yield* parseNumber(log, text, sizeUnits);
  else if (name === "--vm-stride") s.vmStride = yield* parseNumber(log, text, sizeUnits);
  else if (name === "--vm-hang") s.vmHang = yield* parseNumber(log, text, timeUnits);
  else if (name === "--hdd-bytes") s.hddBytes = yield* parseNumber(log, text, sizeUnits);
  else {
    const kind = name.slice(2) as Kind;
    s.count[kind] = yield* parseNumber(log, text, {});
    if (s.count[kind] <= 0) {
      const code = { cpu: 171, io: 181, vm: 191, hdd: 225 }[kind];
      yield* log.fail(code, `invalid number of ${kind} hogs: ${text}`);
      throw new Exit(1);
    }
  }
}

/** Spins: one millisecond of user time after another. */
function* hogcpu(sys: Sys): Proc<never> {
  for (;;) yield* sys.spend(NS_PER_MSEC);
}

function* hogio(sys: Sys): Proc<never> {
  for (;;) yield* sys.sync();
}

function* hogvm(sys: Sys, s: Settings, log: Log): Proc<number> {
  let addr: number | undefined;
  for (;;) {
    if (addr === undefined) {
      yield* log.debug(`allocating ${s.vmBytes} bytes ...`);
      try {
        addr = yield* sys.mmap(0, s.vmBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      } catch (e) {
        if (e !== ENOMEM) throw e;
        yield* log.fail(495, `hogvm malloc failed: ${ENOMEM.message}`);
        return 1;
      }
    }
    yield* log.debug(`touching bytes in strides of ${s.vmStride} bytes ...`);
    yield* touchAll(sys, addr, s);
    if (s.vmHang === 0) {
      yield* log.debug("sleeping forever with allocated memory");
      for (;;) yield* sys.nanosleep(1024 * NS_PER_SEC);
    }
    if (s.vmHang > 0) {
      yield* log.debug(`sleeping for ${s.vmHang}s with allocated memory`);
      yield* sys.nanosleep(s.vmHang * NS_PER_SEC);
    }
    if (s.vmKeep) continue;
    yield* sys.munmap(addr, s.vmBytes);
    addr = undefined;
    yield* log.debug(`freed ${s.vmBytes} bytes`);
  }
}

/** Writes one byte in each stride: about a microsecond a page that comes in, less for one that is there. */
function* touchAll(sys: Sys, addr: number, s: Settings): Proc<void> {
  const chunk = 256 * PAGE_SIZE;
  for (let at = 0; at < s.vmBytes; at += chunk) {
    const length = Math.min(chunk, s.vmBytes - at);
    if (s.vmStride <= PAGE_SIZE) yield* sys.touch(addr + at, length);
    else for (let byte = Math.ceil(at / s.vmStride) * s.vmStride; byte < at + length; byte += s.vmStride) yield* sys.touch(addr + byte, 1);
    yield* sys.spend(Math.ceil(length / Math.max(1, s.vmStride)) * 5);
  }
}

function* randomName(sys: Sys): Proc<string> {
  const bytes = new Uint8Array(6);
  yield* sys.getrandom(bytes, 0);
  const digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return `./stress.${[...bytes].map((b) => digits[b % digits.length]).join("")}`;
}

function* hoghdd(sys: Sys, s: Settings, log: Log): Proc<number> {
  const chunk = new Uint8Array(1024 * 1024 - 1);
  yield* log.debug(`seeding ${chunk.length} byte buffer with random data`);
  yield* sys.getrandom(chunk.subarray(0, 256), 0);
  for (;;) {
    const name = yield* randomName(sys);
    try {
      const fd = yield* open(sys, name, O_RDWR | O_CREAT | O_EXCL, 0o600);
      yield* log.debug(`opened ${name} for writing ${s.hddBytes} bytes`);
      yield* log.debug(`unlinking ${name}`);
      yield* unlink(sys, name);
      yield* log.debug(`fast writing to ${name}`);
      for (let left = s.hddBytes; left > 0; left -= chunk.length)
        yield* writeAll(sys, fd, left < chunk.length ? chunk.subarray(0, left) : chunk);
      yield* log.debug(`closing ${name} after ${s.hddBytes} bytes`);
      yield* sys.close(fd);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* log.fail(574, `write failed: ${e.message}`);
      return 1;
    }
  }
}

/** One worker, from its start to its end by a signal. */
function* worker(c: Command, s: Settings, log: Log, kind: Kind, backoffUs: number): Proc<number> {
  const { sys } = c;
  yield* sys.rt_sigaction(SIGUSR1, { handler: SIG_IGN, flags: 0, mask: 0n });
  if (s.timeoutSec > 0) yield* sys.alarm(s.timeoutSec);
  yield* sys.nanosleep(backoffUs * NS_PER_USEC);
  if (s.dryRun) return 0;
  if (kind === "cpu") return yield* hogcpu(sys);
  if (kind === "io") return yield* hogio(sys);
  return kind === "vm" ? yield* hogvm(sys, s, log) : yield* hoghdd(sys, s, log);
}

function* reapAll(c: Command, log: Log, workers: Set<number>): Proc<boolean> {
  let failed = false;
  while (workers.size > 0) {
    let pid: number;
    let status: number;
    try {
      ({ pid, status } = yield* c.sys.wait4(-1, 0));
    } catch (e) {
      if (e === EINTR) continue;
      throw e;
    }
    workers.delete(pid);
    if (wIfExited(status) && wExitStatus(status) === 0) {
      yield* log.debug(`<-- worker ${pid} returned normally`);
      continue;
    }
    if (wIfSignaled(status) && (wTermSig(status) === SIGALRM || failed)) {
      yield* log.debug(`<-- worker ${pid} signalled normally`);
      continue;
    }
    if (wIfExited(status)) yield* log.fail(416, `<-- worker ${pid} returned error ${wExitStatus(status)}`);
    else yield* log.fail(425, `<-- worker ${pid} got signal ${wTermSig(status)}`);
    if (failed) continue;
    failed = true;
    yield* log.warn(427, "now reaping child worker processes");
    for (const other of workers) {
      try {
        yield* c.sys.kill(other, SIGTERM);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
    }
  }
  return failed;
}

function* run(c: Command): Proc<number> {
  const s: Settings = {
    verbosity: 2,
    dryRun: false,
    timeoutSec: 0,
    backoffUs: 3000,
    count: { cpu: 0, io: 0, vm: 0, hdd: 0 },
    vmBytes: 256 * 1024 * 1024,
    vmStride: 4096,
    vmHang: -1,
    vmKeep: false,
    hddBytes: 1024 * 1024 * 1024,
  };
  const log = new Log(c, s);
  if ((yield* parse(c, s, log)) === "done") return 0;
  const { count } = s;
  const total = count.cpu + count.io + count.vm + count.hdd;
  if (total === 0) {
    yield* c.print(usage(c.name));
    return 0;
  }
  const started = (yield* c.sys.clock_gettime(1)).sec;
  yield* log.info(`dispatching hogs: ${count.cpu} cpu, ${count.io} io, ${count.vm} vm, ${count.hdd} hdd`);
  const workers = new Set<number>();
  const left = { ...count };
  for (let rest = total; rest > 0; ) {
    for (const kind of ["cpu", "io", "vm", "hdd"] as const) {
      if (left[kind] === 0) continue;
      const backoff = s.backoffUs * rest;
      yield* log.debug(`using backoff sleep of ${backoff}us`);
      if (s.timeoutSec > 0) yield* log.debug(`setting timeout to ${s.timeoutSec}s`);
      const pid = yield* c.sys.fork(() => worker(c, s, log, kind, backoff));
      workers.add(pid);
      yield* log.debug(`--> hog${kind} worker ${left[kind]} [${pid}] forked`);
      left[kind]--;
      rest--;
    }
  }
  const failed = yield* reapAll(c, log, workers);
  const seconds = (yield* c.sys.clock_gettime(1)).sec - started;
  if (failed) yield* log.fail(461, `failed run completed in ${seconds}s`);
  else yield* log.info(`successful run completed in ${seconds}s`);
  return failed ? 1 : 0;
}

export const stress: Executable = {
  name: "stress",
  main: command({ help: "Usage: stress [OPTION [ARG]] ..." }, run),
  paths: ["/usr/bin/stress"],
  needed: ["libm.so.6", "libc.so.6"],
  sizeBytes: 26720,
};
