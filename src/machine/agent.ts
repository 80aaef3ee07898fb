/**
 * The scripted way in: a root login shell (`bash --agent`) that init starts, fed with shell text over one port, its output
 * on two others. Files are moved by a short-lived process of the machine's own.
 */

import { Errno } from "../abi/errno.ts";
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, AT_FDCWD } from "../abi/fcntl.ts";
import { SIGINT, SIGKILL } from "../abi/signal.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../abi/utf8.ts";
import { Input, writeAll, concat } from "../userland/libc/stdio.ts";
import { wExitStatus, wIfExited, wTermSig } from "../abi/wait.ts";
import { execvp } from "../userland/libc/unistd.ts";
import type { Machine } from "./boot.ts";

export interface RunAnswer {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Status of a statement that was cut, as timeout(1). */
const CUT_STATUS = 124;
/** Time that a statement has to end after SIGINT, and after SIGKILL of its children. */
const GRACE_NS = 1e9;

export class Agent {
  private started = false;
  private ended = false;
  /** How the shell ended: what it became by exec, or what killed it, tells nothing itself. */
  private endStatus = 0;
  private stdout: Uint8Array[] = [];
  private stderr: Uint8Array[] = [];
  private reply = "";

  constructor(private readonly machine: Machine) {
    machine.port(3).onData((bytes) => this.stdout.push(bytes.slice()));
    machine.port(4).onData((bytes) => this.stderr.push(bytes.slice()));
    machine.port(5).onData((bytes) => {
      this.reply += decodeUtf8(bytes);
      machine.kernel.stopRequested = true;
    });
    machine.port(2).onData((bytes) => {
      const status = /^closed agent (\d+)/.exec(decodeUtf8(bytes))?.[1];
      if (status === undefined) return;
      this.ended = true;
      this.endStatus = Number(status);
    });
  }

  /** Runs `text` to its end, or for at most `limitNs` of virtual time. A shell that has exited is started anew. */
  run(text: string, limitNs = Number.POSITIVE_INFINITY): RunAnswer {
    const { machine } = this;
    if (!this.started || this.ended) {
      machine.port(2).push("agent\n");
      this.started = true;
      this.ended = false;
    }
    this.reply = "";
    machine.port(5).push(concat([encodeUtf8(text), new Uint8Array(1)]));
    let status = this.wait(machine.nowNs + limitNs);
    if (status === undefined) {
      this.cut();
      status = CUT_STATUS;
    }
    return this.answer(status);
  }

  /** Runs until the shell answers; undefined at the time limit. Throws if the machine stopped, or nothing is left that could answer. */
  private wait(untilNs: number): number | undefined {
    const { machine } = this;
    for (;;) {
      const end = this.reply.indexOf("\0");
      if (end >= 0) {
        const text = this.reply.slice(0, end);
        // "7." is the answer of a shell that then exits: the next text is for a new one.
        if (text.endsWith(".")) machine.run(machine.nowNs + GRACE_NS, () => this.ended);
        return Number(text);
      }
      if (this.ended) return this.endStatus;
      const now = machine.nowNs;
      if (now >= untilNs) return undefined;
      const result = machine.run(Math.min(untilNs, now + 50e6));
      if (result === "panic" || result === "halted") throw new Error(machine.kernel.panic ?? machine.kernel.halted);
      if (machine.kernel.sched.nextEventNs === Number.POSITIVE_INFINITY && this.reply === "") {
        throw new Error("deadlock: nothing in the machine can run any more");
      }
    }
  }

  /** Ends a statement that will not end: SIGINT to the shell and what it runs, then SIGKILL to the latter. */
  private cut(): void {
    const { kernel } = this.machine;
    const shell = [...kernel.tasks].find((t) => t.image.argv[1] === "--agent" && t.tg.parent === kernel.init);
    if (shell === undefined) return;
    const below = (): (typeof shell)[] => [...kernel.tasks].filter((t) => t !== shell && t.tg.session === shell.tg.session);
    kernel.signals.sendToProcess(SIGINT, shell.tg);
    for (const t of below()) kernel.signals.sendToProcess(SIGINT, t.tg);
    if (this.wait(this.machine.nowNs + GRACE_NS) !== undefined) return;
    for (const t of below()) kernel.signals.sendToProcess(SIGKILL, t.tg);
    if (this.wait(this.machine.nowNs + GRACE_NS) !== undefined) return;
    kernel.signals.sendToProcess(SIGKILL, shell.tg);
    this.wait(this.machine.nowNs + GRACE_NS);
  }

  /** Runs one program without a shell, in `/root` with the output caught; 127 where it cannot be executed. */
  exec(argv: readonly string[], stdin = ""): RunAnswer {
    const { machine } = this;
    this.boot();
    let status: number | undefined;
    const { sys } = machine.kernel;
    machine.kernel.spawnHelper("exec", function* () {
      const [r, w] = yield* sys.pipe2(0);
      yield* sys.fork(function* () {
        yield* writeAll(sys, w, encodeUtf8(stdin));
        return 0;
      });
      yield* sys.close(w);
      const pid = yield* sys.fork(() => start(sys, argv, r));
      yield* sys.close(r);
      const result = yield* sys.wait4(pid, 0);
      status = wIfExited(result.status) ? wExitStatus(result.status) : 128 + wTermSig(result.status);
      return 0;
    });
    for (let i = 0; status === undefined && i < 10_000; i++) machine.run(machine.nowNs + 50e6, () => status !== undefined);
    return this.answer(status ?? CUT_STATUS);
  }

  /** PID 1 mounts what there is to mount before anything else is done. */
  private boot(): void {
    while (this.machine.nowNs < 1e9) this.machine.run(1e9);
  }

  private answer(status: number): RunAnswer {
    const answer = { stdout: decodeUtf8(concat(this.stdout)), stderr: decodeUtf8(concat(this.stderr)), status };
    this.stdout = [];
    this.stderr = [];
    return answer;
  }

  write(path: string, content: Uint8Array): void {
    this.inside("copy-in", function* (sys) {
      const fd = yield* sys.openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
      yield* writeAll(sys, fd, content);
      return undefined;
    });
  }

  read(path: string): Uint8Array {
    return this.inside("copy-out", function* (sys) {
      const fd = yield* sys.openat(AT_FDCWD, path, O_RDONLY);
      return yield* new Input(sys, fd).readAll();
    });
  }

  /** Runs `body` as a process of the machine. Throws an Error with the errno's words. */
  private inside<T>(comm: string, body: (sys: Sys) => Proc<T>): T {
    const { machine } = this;
    const { kernel } = machine;
    this.boot();
    let outcome: { value: T } | { errno: Errno } | undefined;
    kernel.spawnHelper(comm, () =>
      (function* () {
        try {
          outcome = { value: yield* body(kernel.sys) };
          return 0;
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
          outcome = { errno: e };
          return 1;
        }
      })(),
    );
    for (let i = 0; outcome === undefined && i < 1_000_000; i++) machine.run(machine.nowNs + 50e6, () => outcome !== undefined);
    if (outcome === undefined) throw new Error(`${comm} does not end`);
    if ("errno" in outcome) throw new Error(outcome.errno.message);
    return outcome.value;
  }
}

/** The child of exec(): its output goes to the ports. */
function* start(sys: Sys, argv: readonly string[], stdin: number): Proc<number> {
  const out = yield* sys.openat(AT_FDCWD, "/dev/vport0p3", O_WRONLY);
  const err = yield* sys.openat(AT_FDCWD, "/dev/vport0p4", O_WRONLY);
  yield* sys.dup2(stdin, 0);
  yield* sys.dup2(out, 1);
  yield* sys.dup2(err, 2);
  yield* sys.close_range(3, 1024, 0);
  yield* sys.chdir("/root");
  const env = new Map([
    ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ["HOME", "/root"],
    ["LANG", "C.UTF-8"],
  ]);
  try {
    return yield* execvp(sys, argv[0] ?? "", argv, env);
  } catch (e) {
    if (e instanceof Errno) return 127;
    throw e;
  }
}
