/** What is measured in Node and, bundled, in the worker of a browser: rates of the bare machine. */

import { O_RDONLY } from "../abi/fcntl.ts";
import type { Proc, Sys } from "../abi/sys.ts";
import { AT_FDCWD } from "../abi/fcntl.ts";
import { DEFAULT_CONFIG, Machine } from "../machine/boot.ts";
import { hashOfSession } from "../machine/trace-hash.ts";

/** A machine whose init has done its work. */
function booted(): Machine {
  const machine = new Machine(DEFAULT_CONFIG);
  machine.run(2e9);
  return machine;
}

/** Real seconds that `body` takes as a process of the machine. */
export function timeBody(body: (sys: Sys) => Proc<void>): number {
  const machine = booted();
  let done = false;
  machine.kernel.spawnHelper("bench", () =>
    (function* () {
      yield* body(machine.kernel.sys);
      done = true;
      return 0;
    })(),
  );
  const start = performance.now();
  machine.run(Number.POSITIVE_INFINITY, () => done);
  return (performance.now() - start) / 1000;
}

/** getpid(2) calls a second. */
export function getpidRate(calls = 5_000_000): number {
  const seconds = timeBody(function* (sys) {
    for (let i = 0; i < calls; i++) yield* sys.getpid();
  });
  return calls / seconds;
}

/** 64-byte writes and reads through a pipe between two processes, operations a second. */
export function pipeRate(messages = 1_000_000): number {
  const seconds = timeBody(function* (sys) {
    const [r, w] = yield* sys.pipe2(0);
    yield* sys.fork(function* () {
      yield* sys.close(r);
      const out = new Uint8Array(64);
      for (let i = 0; i < messages; i++) yield* sys.write(w, out);
      return 0;
    });
    yield* sys.close(w);
    const buf = new Uint8Array(64);
    while ((yield* sys.read(r, buf)) > 0);
    yield* sys.wait4(-1, 0);
  });
  return (2 * messages) / seconds;
}

/** open, fstat, read, close of a file, operations a second. */
export function fileRate(files = 200_000): number {
  const seconds = timeBody(function* (sys) {
    const buf = new Uint8Array(4096);
    for (let i = 0; i < files; i++) {
      const fd = yield* sys.openat(AT_FDCWD, "/etc/passwd", O_RDONLY);
      yield* sys.fstat(fd);
      yield* sys.read(fd, buf);
      yield* sys.close(fd);
    }
  });
  return (4 * files) / seconds;
}

/** Real milliseconds from nothing to the prompt on a terminal; the median of several. */
export function bootMs(rounds = 7): number {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    const machine = new Machine(DEFAULT_CONFIG);
    machine.take({ type: "open", terminal: 1, rows: 24, cols: 80 });
    let text = "";
    while (!/# $/.test(text)) {
      machine.run(machine.nowNs + 5e6);
      text += new TextDecoder().decode(machine.terminals.get(1)?.takeOutput() ?? new Uint8Array());
      if (machine.nowNs > 20e9) throw new Error(`no prompt: ${JSON.stringify(text)}`);
      // The prompt may be followed by escape sequences that ready the line editor.
      text = text.replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, "");
    }
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[rounds >> 1] as number;
}

export interface Micro {
  readonly getpid: number;
  readonly pipe: number;
  readonly file: number;
  readonly bootMs: number;
  readonly hash: string;
}

export function measure(): Micro {
  getpidRate(500_000);
  return { getpid: getpidRate(), pipe: pipeRate(), file: fileRate(), bootMs: bootMs(), hash: hashOfSession() };
}
