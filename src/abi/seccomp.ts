/** seccomp(2), mode 2. Differs from Linux: a filter is a list of rules by name instead of a BPF program. */

/** Which rule wins where several filters or rules speak: the first of this order. */
export const seccompPrecedence = ["kill_process", "kill_thread", "trap", "errno", "log", "allow"] as const;
export type SeccompActionName = (typeof seccompPrecedence)[number];

export interface SeccompAction {
  readonly action: SeccompActionName;
  /** For `errno`: the number that the call fails with. */
  readonly errno?: number;
}

export interface SeccompRule extends SeccompAction {
  /** Names of system calls. */
  readonly names: readonly string[];
}

export interface SeccompFilter {
  /** For calls that no rule names. */
  readonly defaultAction: SeccompAction;
  readonly rules: readonly SeccompRule[];
}
