/** Variables of a build: what ARG allows, what `--build-arg` says, what was never asked for. moby `builder/dockerfile/buildargs.go`. */

/** May be given without an ARG, and are no part of the cache key then. */
const PREDEFINED = new Set(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy"]);

/** The variables of `NAME=value` entries. */
export function variablesOf(env: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of env) {
    const equals = entry.indexOf("=");
    found.set(equals < 0 ? entry : entry.slice(0, equals), equals < 0 ? "" : entry.slice(equals + 1));
  }
  return found;
}

type Values = Map<string, string | undefined>;

export class BuildArgs {
  private readonly allowed: Values = new Map();
  private readonly meta: Values = new Map();
  private readonly referenced = new Set<string>();

  constructor(
    /** `--build-arg`; null: named without a value. */
    private readonly given: ReadonlyMap<string, string | null>,
  ) {}

  /** For a stage: it begins with no ARG of its own. */
  forStage(): BuildArgs {
    const args = new BuildArgs(this.given);
    for (const [key, value] of this.meta) args.meta.set(key, value);
    for (const key of this.referenced) args.referenced.add(key);
    return args;
  }

  /** What a stage has asked for counts as consumed. */
  mergeReferenced(stage: BuildArgs): void {
    for (const key of stage.referenced) this.referenced.add(key);
  }

  /** ARG in a stage. */
  add(key: string, value: string | undefined): void {
    this.allowed.set(key, value);
    this.referenced.add(key);
  }

  /** ARG before the first FROM. */
  addMeta(key: string, value: string | undefined): void {
    this.add(key, value);
    this.meta.set(key, value);
  }

  allAllowed(): Map<string, string> {
    return this.resolve(this.allowed);
  }

  allMeta(): Map<string, string> {
    return this.resolve(this.meta);
  }

  private resolve(mapping: Values): Map<string, string> {
    const found = new Map<string, string>();
    for (const key of new Set([...mapping.keys(), ...PREDEFINED])) {
      const value = this.given.get(key) ?? mapping.get(key) ?? this.meta.get(key);
      if (value !== undefined) found.set(key, value);
    }
    return found;
  }

  /** `NAME=value` of those that the environment does not set itself, sorted. */
  withoutThoseOf(env: readonly string[]): string[] {
    const set = variablesOf(env);
    return [...this.allAllowed()]
      .filter(([key]) => !set.has(key))
      .map(([key, value]) => `${key}=${value}`)
      .sort();
  }

  /** The command that stands for a RUN in the cache and in the history: `|2 A=1 B=2 /bin/sh -c …`. */
  commandForCache(variables: readonly string[], command: readonly string[]): string[] {
    if (variables.length === 0) return [...command];
    const counted = variables.filter((entry) => {
      const key = entry.slice(0, entry.indexOf("="));
      return !PREDEFINED.has(key) || this.allowed.has(key);
    });
    return [`|${counted.length}`, ...counted, ...command];
  }

  /** `--build-arg`s that nobody asked for. */
  unused(): string[] {
    return [...this.given.keys()].filter((key) => !PREDEFINED.has(key) && !this.referenced.has(key));
  }
}
