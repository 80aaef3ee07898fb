/** The visitor's streams and a container's, coupled over a hijacked connection. Real counterpart: docker/cli `cli/command/container/hijack.go`. */

import { EIO, Errno } from "../../abi/errno.ts";
import { SIG_BLOCK, SIGWINCH, sigBit } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Cli } from "../cli.ts";
import type { Hijacked } from "../client.ts";
import type { ByteSink } from "../../userland/libc/stream.ts";
import { CliError } from "../errors.ts";
import { stdCopy, copyAll } from "../stdcopy.ts";
import { Future, start } from "../thread.ts";
import { DEFAULT_DETACH_KEYS, DetachKeys, detachBytes, rawMode } from "./tty.ts";

export interface Coupling {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Empty: the usual ones. */
  readonly detachKeys: string;
}

/** How it came to its end: the container's output is over, or the visitor left by the keys. */
export type StreamEnd = "ended" | "detached";

/** A coupling that runs; the terminal is restored when it ends, or by `restore`. */
export interface Coupled {
  readonly end: Future<StreamEnd>;
  readonly restore: () => Proc<void>;
}

export function* couple(cli: Cli, hijacked: Hijacked, options: Coupling): Proc<Coupled> {
  const { sys } = cli;
  const end = new Future<StreamEnd>(sys);
  // Before any thread starts: one that does not block it would take it and do nothing.
  if (options.tty) yield* sys.rt_sigprocmask(SIG_BLOCK, sigBit(SIGWINCH));
  const restore = options.stdin && options.tty ? yield* rawMode(cli) : noRestore;
  const wanted = options.stdout || options.stderr;
  if (options.stdin) yield* startInput(cli, hijacked, options, end, wanted);
  if (wanted) {
    yield* start(sys, function* () {
      const out = named(cli.stdout, "/dev/stdout");
      try {
        if (options.tty) yield* copyAll(hijacked.input, out);
        else
          yield* stdCopy(hijacked.input, options.stdout ? out : undefined, options.stderr ? named(cli.stderr, "/dev/stderr") : undefined);
      } catch (e) {
        if (e instanceof CliError) yield* end.settle({ kind: "error", error: e });
        throw e;
      } finally {
        yield* end.set("ended");
      }
    });
  } else if (!options.stdin) yield* end.set("ended");
  return { end, restore };
}

/** Go's os.File tells which of them could not be written. */
const named = (sink: ByteSink, name: string): ByteSink => ({
  *write(bytes) {
    try {
      yield* sink.write(bytes);
    } catch (e) {
      throw e instanceof Errno ? new CliError(`write ${name}: ${e.message.toLowerCase()}`) : e;
    }
  },
});

function* noRestore(): Proc<void> {}

/** A thread that passes on what is typed. */
function* startInput(cli: Cli, { stream }: Hijacked, options: Coupling, end: Future<StreamEnd>, wanted: boolean): Proc<void> {
  const { sys } = cli;
  const keys = options.tty
    ? (detachBytes(options.detachKeys === "" ? DEFAULT_DETACH_KEYS : options.detachKeys) ?? (detachBytes(DEFAULT_DETACH_KEYS) as number[]))
    : [];
  const watch = new DetachKeys(keys);
  yield* start(sys, function* () {
    const buf = new Uint8Array(32_768);
    try {
      for (;;) {
        const n = yield* sys.read(0, buf);
        if (n === 0) break;
        const passed = watch.filter(buf.subarray(0, n));
        if (passed === "detached") {
          yield* end.set("detached");
          return;
        }
        yield* stream.write(passed);
      }
    } catch (e) {
      // The container went away, or the terminal is not ours any more.
      if (!(e instanceof Errno)) throw e;
      if (e === EIO) return;
    }
    try {
      yield* stream.shutdownWrite();
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    if (!wanted) yield* end.set("ended");
  });
}
