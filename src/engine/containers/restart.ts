/** Whether a container that has ended is started again, and after how long. moby `restartmanager`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import type { RestartPolicy } from "../api/container.ts";
import { Condition } from "../sync.ts";

const FIRST_NS = 100e6;
const LONGEST_NS = 60e9;
/** A run of this length counts as a success: the waiting begins anew. */
const LONG_RUN_NS = 10e9;

export class RestartManager {
  private count = 0;
  private delayNs = 0;
  private canceled = false;
  private readonly changed: Condition;

  constructor(
    sys: Sys,
    public policy: RestartPolicy,
  ) {
    this.changed = new Condition(sys);
  }

  /** Before each start that someone asks for. */
  reset(): void {
    this.canceled = false;
    this.count = 0;
    this.delayNs = 0;
  }

  /** Nanoseconds to wait before the next start; undefined: none. */
  next(exitCode: number, manuallyStopped: boolean, ranNs: number): number | undefined {
    if (this.canceled) return undefined;
    if (ranNs >= LONG_RUN_NS) this.delayNs = 0;
    const delayNs = this.delayNs === 0 ? FIRST_NS : Math.min(this.delayNs * 2, LONGEST_NS);
    if (!this.wants(exitCode, manuallyStopped)) return undefined;
    this.delayNs = delayNs;
    this.count++;
    return delayNs;
  }

  private wants(exitCode: number, manuallyStopped: boolean): boolean {
    const { Name, MaximumRetryCount } = this.policy;
    switch (Name) {
      case "always":
        return true;
      case "unless-stopped":
        return !manuallyStopped;
      case "on-failure":
        return exitCode !== 0 && (MaximumRetryCount === 0 || this.count < MaximumRetryCount);
      default:
        return false;
    }
  }

  /** Blocks for the time; false if it was canceled meanwhile. */
  *wait(delayNs: number): Proc<boolean> {
    if (!this.canceled) yield* this.changed.wait(delayNs);
    return !this.canceled;
  }

  /** The next end is the last. */
  *cancel(): Proc<void> {
    this.canceled = true;
    yield* this.changed.broadcast();
  }
}
