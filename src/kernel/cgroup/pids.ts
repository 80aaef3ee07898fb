/** The pids controller: "PID" in Documentation/admin-guide/cgroup-v2.rst, Linux `kernel/cgroup/pids.c`. */

export class PidsController {
  max = Number.POSITIVE_INFINITY;
  /** Tasks here and below, with zombies. */
  current = 0;
  peak = 0;
  /** Forks of tasks of this cgroup that failed because of a `max`, its own or one above. */
  maxEvents = 0;

  count(by: number): void {
    this.current += by;
    if (this.current > this.peak) this.peak = this.current;
  }

  /** The controller was disabled: its settings go. */
  reset(): void {
    this.max = Number.POSITIVE_INFINITY;
    this.peak = this.current;
    this.maxEvents = 0;
  }
}
