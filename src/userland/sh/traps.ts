/** Traps: `trap` actions of signals and of EXIT, ERR, DEBUG, RETURN. Handlers only note; actions run between commands. */

import { SIG_DFL, SIG_IGN, SIGINT, type SignalHandler } from "../../abi/signal.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import type { Shell } from "./shell.ts";

export type PseudoSignal = "EXIT" | "ERR" | "DEBUG" | "RETURN";

export class Traps {
  /** Actions by signal number or pseudo-signal; an empty action ignores. */
  private actions = new Map<number | PseudoSignal, string>();
  /** What `trap` still prints in a subshell that has not set traps of its own. */
  private shown: ReadonlyMap<number | PseudoSignal, string> | undefined = undefined;
  /** Signals ignored when the shell began: these cannot be trapped. */
  readonly ignoredAtStart = new Set<number>();

  /** Signals for which this process has installed something else than the default. */
  readonly installed = new Set<number>();

  /** A subshell: only ignored signals stay; the others are listed until it sets one. */
  fork(errtrace = false): Traps {
    const child = new Traps();
    for (const [sig, action] of this.actions)
      if (action === "" || (errtrace && (sig === "ERR" || sig === "DEBUG"))) child.actions.set(sig, action);
    child.shown = this.shown ?? this.actions;
    for (const sig of this.ignoredAtStart) child.ignoredAtStart.add(sig);
    for (const sig of this.installed) child.installed.add(sig);
    return child;
  }

  get watchesCommands(): boolean {
    return this.actions.has("DEBUG") || this.actions.has("ERR");
  }

  get(sig: number | PseudoSignal): string | undefined {
    return this.actions.get(sig);
  }

  get any(): boolean {
    return this.actions.size > 0;
  }

  /** For printing, by signal number; EXIT first, the other pseudo-signals last. */
  entries(): [number | PseudoSignal, string][] {
    const rank = (s: number | PseudoSignal): number =>
      typeof s === "number" ? s : s === "EXIT" ? 0 : s === "DEBUG" ? 1000 : s === "ERR" ? 1001 : 1002;
    return [...(this.shown ?? this.actions)].sort((a, b) => rank(a[0]) - rank(b[0]));
  }

  set(sig: number | PseudoSignal, action: string | undefined): void {
    if (this.shown !== undefined) this.shown = undefined;
    if (action === undefined) this.actions.delete(sig);
    else this.actions.set(sig, action);
  }
}

/** A handler that notes the signal for the main loop. */
export function noteHandler(sh: Shell): SignalHandler {
  return function* (sig): Proc<void> {
    sh.pendingTraps.push(sig);
  };
}

/** Tells the kernel what a signal's trap asks for. */
export function* installTrap(sh: Shell, sig: number): Proc<void> {
  const action = sh.traps.get(sig);
  if (action === undefined) {
    if (sig === SIGINT && (sh.interactive || sh.agent)) yield* installInterrupt(sh);
    else {
      yield* sh.sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n });
      sh.traps.installed.delete(sig);
    }
    return;
  }
  sh.traps.installed.add(sig);
  yield* sh.sys.rt_sigaction(sig, { handler: action === "" ? SIG_IGN : noteHandler(sh), flags: 0, mask: 0n });
}

/** ^C in a shell that goes on: noted, and what waits is interrupted. */
export function* installInterrupt(sh: Shell): Proc<void> {
  sh.traps.installed.add(SIGINT);
  yield* sh.sys.rt_sigaction(SIGINT, {
    handler: function* () {
      sh.interrupted = true;
    },
    flags: 0,
    mask: 0n,
  });
}

/** In a child: handlers of the parent go, since they would act on the parent's state; what it ignores by trap stays. */
export function* resetSignals(sys: Sys, traps: Traps): Proc<void> {
  for (const sig of traps.installed) {
    if (traps.get(sig) === "") continue;
    yield* sys.rt_sigaction(sig, { handler: SIG_DFL, flags: 0, mask: 0n });
  }
  traps.installed.clear();
}
