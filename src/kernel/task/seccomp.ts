/** Seccomp filters of a task: Linux `kernel/seccomp.c`. Filters are added, never removed; children and execve keep them. */

import { EINVAL, errnos, type Errno } from "../../abi/errno.ts";
import { type SeccompAction, type SeccompFilter, seccompPrecedence } from "../../abi/seccomp.ts";

const ALLOW: SeccompAction = { action: "allow" };

/** The filters of a task, merged into one decision a call. Immutable. */
export class Seccomp {
  private readonly decisions = new Map<string, SeccompAction>();

  constructor(readonly filters: readonly SeccompFilter[]) {}

  with(filter: SeccompFilter): Seccomp {
    return new Seccomp([...this.filters, filter]);
  }

  /** What is to happen to a call of this name: the strictest of what the filters say. */
  decide(name: string): SeccompAction {
    let found = this.decisions.get(name);
    if (found === undefined) {
      const answers = this.filters.map((f) => f.rules.find((r) => r.names.includes(name)) ?? f.defaultAction);
      const rank = (a: SeccompAction): number => seccompPrecedence.indexOf(a.action);
      const strictest = answers.reduce((a, b) => (rank(b) <= rank(a) ? b : a), ALLOW);
      found = { action: strictest.action, ...(strictest.errno === undefined ? {} : { errno: strictest.errno }) };
      this.decisions.set(name, found);
    }
    return found;
  }
}

/** Errors: EINVAL for an unknown action or errno. */
export function checkFilter(filter: SeccompFilter): void {
  for (const { action, errno } of [filter.defaultAction, ...filter.rules]) {
    if (!seccompPrecedence.includes(action)) throw EINVAL;
    if (action === "errno" && errnoOf(errno) === undefined) throw EINVAL;
  }
}

export function errnoOf(code: number | undefined): Errno | undefined {
  return errnos.find((e) => e.code === code);
}
