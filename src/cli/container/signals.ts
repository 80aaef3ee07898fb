/** Signals that go on to the container, and the terminal's size with them. Real counterpart: docker/cli `signals.go`, `tty.go`. */

import { Errno } from "../../abi/errno.ts";
import { SIG_BLOCK, SIGCHLD, SIGINT, SIGKILL, SIGPIPE, SIGSTOP, SIGTERM, SIGURG, SIGWINCH, sigBit } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { signalName } from "../../userland/libc/procps.ts";
import type { Cli } from "../cli.ts";
import { CliError } from "../errors.ts";
import { start } from "../thread.ts";
import { ttySize } from "./tty.ts";

const NEVER = [SIGCHLD, SIGPIPE, SIGURG, SIGKILL, SIGSTOP, SIGWINCH];
const ALL = Array.from({ length: 31 }, (_, i) => i + 1)
  .filter((sig) => !NEVER.includes(sig))
  .reduce((set, sig) => set | sigBit(sig), 0n);

/** Whoever insists leaves, though the container runs on. */
const MOST_INTERRUPTS = 3;

/** A process of a container, or a further one. */
export interface Target {
  readonly kind: "containers" | "exec";
  readonly id: string;
}

/** Counts the signals that ask the client to end; the last of them ends it. */
class Patience {
  private interrupts = 0;

  constructor(private readonly cli: Cli) {}

  *take(signo: number): Proc<void> {
    if (signo !== SIGINT && signo !== SIGTERM) return;
    if (++this.interrupts < MOST_INTERRUPTS) return;
    yield* this.cli.eprint(`\ngot ${MOST_INTERRUPTS} SIGTERM/SIGINTs, forcefully exiting\n`);
    yield* this.cli.sys.exit_group(1);
  }
}

/** `--sig-proxy=false`: the container gets none of them, and the client stays until it has ended, or someone insists. Before any other thread. */
export function* holdSignals(cli: Cli): Proc<void> {
  const held = sigBit(SIGINT) | sigBit(SIGTERM);
  yield* cli.sys.rt_sigprocmask(SIG_BLOCK, held);
  const patience = new Patience(cli);
  yield* start(cli.sys, function* () {
    for (;;) yield* patience.take((yield* cli.sys.rt_sigtimedwait(held)).signo);
  });
}

/** Blocks the signals for all threads, and starts one that passes them on. Before any other thread. */
export function* forwardSignals(cli: Cli, id: string): Proc<void> {
  const client = yield* cli.anotherClient();
  // Who listens for SIGPIPE, as Go's Notify does for all signals, learns of a broken pipe from write.
  yield* cli.sys.rt_sigprocmask(SIG_BLOCK, ALL | sigBit(SIGWINCH) | sigBit(SIGPIPE));
  const patience = new Patience(cli);
  yield* start(cli.sys, function* () {
    for (;;) {
      const { signo } = yield* cli.sys.rt_sigtimedwait(ALL);
      yield* patience.take(signo);
      const name = signalName(signo) ?? String(signo);
      try {
        yield* client.send("POST", `/containers/${id}/kill`, { query: { signal: name } });
      } catch (e) {
        // The container may be gone already.
        if (!(e instanceof CliError || e instanceof Errno)) throw e;
      }
    }
  });
}

/** Tells the terminal's size; false where the daemon has no use for it yet. */
export function* resize(cli: Cli, target: Target, more = 0): Proc<boolean> {
  const [rows, cols] = yield* ttySize(cli);
  if (rows === 0 && cols === 0) return true;
  const client = yield* cli.anotherClient();
  try {
    yield* client.send("POST", `/${target.kind}/${target.id}/resize`, { query: { h: rows + more, w: cols + more } });
    return true;
  } catch (e) {
    if (e instanceof CliError || e instanceof Errno) return false;
    throw e;
  }
}

/** Tells the size now, and whenever it changes. A process that is not there yet is asked again for a while. */
export function* followSize(cli: Cli, target: Target): Proc<void> {
  const { sys } = cli;
  const done = yield* resize(cli, target);
  yield* start(sys, function* () {
    for (let retry = 1; retry <= 10 && !done; retry++) {
      yield* sys.nanosleep(retry * 10e6);
      if (yield* resize(cli, target)) break;
    }
    for (;;) {
      yield* sys.rt_sigtimedwait(sigBit(SIGWINCH));
      yield* resize(cli, target);
    }
  });
}
