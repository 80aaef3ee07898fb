/** Rules of the packet filter, by running iptables(8) as the engine does: libnetwork `iptables/iptables.go`. Left out: firewalld, ip6tables. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC } from "../../abi/fcntl.ts";
import { SIG_SETMASK } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { Input } from "../../userland/libc/stdio.ts";
import type { Daemon } from "../daemon.ts";
import { systemError } from "../errors.ts";

const IPTABLES = "/usr/sbin/iptables";

export type Table = "filter" | "nat";
/** Append, insert in front, delete. */
export type Action = "-A" | "-I" | "-D";

interface Outcome {
  readonly status: number;
  readonly output: string;
}

export class Iptables {
  constructor(private readonly daemon: Daemon) {}

  /** Runs iptables. Returns its wait status and what it printed. Blocks until it ends. */
  *run(args: readonly string[]): Proc<Outcome> {
    const { sys, env } = this.daemon;
    const [readEnd, writeEnd] = yield* sys.pipe2(O_CLOEXEC);
    const pid = yield* sys.vfork(function* () {
      yield* sys.dup2(writeEnd, 1);
      yield* sys.dup2(writeEnd, 2);
      yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
      try {
        yield* sys.execve(IPTABLES, [IPTABLES, "--wait", ...args], env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
      }
      return 127;
    });
    yield* sys.close(writeEnd);
    const output = decodeUtf8(yield* new Input(sys, readEnd).readAll());
    yield* sys.close(readEnd);
    const { status } = yield* sys.wait4(pid, 0);
    return { status, output };
  }

  /** As run(), and anything but silence is a failure: RawCombinedOutput(). Errors: systemError. */
  *require(args: readonly string[]): Proc<void> {
    const { status, output } = yield* this.run(args);
    if (status === 0 && output === "") return;
    const why = status === 0 ? "" : `iptables failed: iptables --wait ${args.join(" ")}: ${output} (exit status ${status >> 8})`;
    throw systemError(`${status === 0 ? output : ""} (${why})`);
  }

  *exists(table: Table, chain: string, rule: readonly string[]): Proc<boolean> {
    return (yield* this.run(["-t", table, "-C", chain, ...rule])).status === 0;
  }

  /** Adds a rule unless it is there, or takes it away if it is: ProgramRule(). Errors: systemError. */
  *program(table: Table, chain: string, action: Action, rule: readonly string[]): Proc<void> {
    if ((yield* this.exists(table, chain, rule)) !== (action === "-D")) return;
    yield* this.require(["-t", table, action, chain, ...rule]);
  }

  /** NewChain(). */
  *newChain(table: Table, chain: string): Proc<void> {
    if ((yield* this.run(["-t", table, "-n", "-L", chain])).status === 0) return;
    yield* this.require(["-t", table, "-N", chain]);
  }

  /** Empties and removes a chain; nothing happens where there is none. */
  *removeChain(table: Table, chain: string): Proc<void> {
    yield* this.run(["-t", table, "-F", chain]);
    yield* this.run(["-t", table, "-X", chain]);
  }

  /** The last rule of a chain of the filter table: AddReturnRule(). */
  *addReturn(chain: string): Proc<void> {
    if (yield* this.exists("filter", chain, ["-j", "RETURN"])) return;
    yield* this.require(["-A", chain, "-j", "RETURN"]);
  }

  /** A jump that stands on top: EnsureJumpRule(). */
  *ensureJump(from: string, to: string): Proc<void> {
    if (yield* this.exists("filter", from, ["-j", to])) yield* this.require(["-D", from, "-j", to]);
    yield* this.require(["-I", from, "-j", to]);
  }
}
