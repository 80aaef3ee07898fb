/**
 * The variables of a shell: scopes of functions over the global one (dynamic scoping), attributes, indexed and
 * associative arrays. A fork shares everything and copies on the first write: a scope's table when a name is added or
 * replaced, a variable when its value changes (`owner` tells whose it is).
 */

export const EXPORT = 1;
export const READONLY = 2;
export const INTEGER = 4;
export const LOWER = 8;
export const UPPER = 16;
export const NAMEREF = 32;
/** The value is computed when it is read: RANDOM, SECONDS, LINENO … */
export const DYNAMIC = 64;
/** Setting or unsetting it has an effect: PATH, IFS, OPTIND … */
export const HOOKED = 128;
export const TRACE = 256;
/** An array that was declared and never given a value. */
export const BARE = 512;

export class Variable {
  value: string | undefined = undefined;
  /** The integer that `value` spells, where it came from arithmetic. */
  int: number | undefined = undefined;
  /** Indexed array, sparse. */
  array: string[] | undefined = undefined;
  assoc: Map<string, string> | undefined = undefined;
  flags = 0;

  constructor(
    readonly name: string,
    /** Serial of the shell process that may change this object in place. */
    readonly owner: number,
  ) {}

  copy(owner: number): Variable {
    const v = new Variable(this.name, owner);
    v.value = this.value;
    v.int = this.int;
    v.array = this.array?.slice();
    v.assoc = this.assoc === undefined ? undefined : new Map(this.assoc);
    v.flags = this.flags;
    return v;
  }

  get isSet(): boolean {
    return this.value !== undefined || this.array !== undefined || this.assoc !== undefined;
  }
}

class Scope {
  constructor(
    public vars: Map<string, Variable>,
    /** Another process uses the same table: copy it before a change. */
    public shared: boolean,
    /** Assignments before a command (`a=1 f`): `local` in the function below it makes its own. */
    readonly temporary: boolean,
  ) {}
}

/** Unset in an inner scope hides the outer variable, as after `local x; unset x` in bash. */
let serial = 0;

/** Names whose change the shell wants to hear of. */
const hooked = new Set(["PATH", "IFS", "OPTIND", "POSIXLY_CORRECT", "HISTSIZE", "HISTFILESIZE", "HISTCONTROL", "TERM", "PWD"]);
/** Names that are computed; kept only in the global scope. */
const dynamic = new Set([
  "RANDOM",
  "SECONDS",
  "LINENO",
  "BASHPID",
  "EPOCHSECONDS",
  "EPOCHREALTIME",
  "SRANDOM",
  "BASH_COMMAND",
  "BASH_SUBSHELL",
  "FUNCNAME",
  "BASH_SOURCE",
  "BASH_LINENO",
  "DIRSTACK",
  "PIPESTATUS",
  "GROUPS",
  "BASH_ARGV0",
  "COMP_WORDBREAKS",
  "HISTCMD",
]);

export class Variables {
  private scopes: Scope[] = [new Scope(new Map(), false, false)];
  private global: Scope = this.scopes[0] as Scope;
  private owner = ++serial;
  /** The environment of a program started now; undefined after an exported variable has changed. */
  private environment: ReadonlyMap<string, string> | undefined = undefined;

  constructor(
    private readonly onChange: (name: string) => void,
    private readonly computesDynamic: boolean,
  ) {}

  /** The variables of a child process: the same, until one of both writes. */
  fork(onChange: (name: string) => void): Variables {
    const child = new Variables(onChange, this.computesDynamic);
    for (const scope of this.scopes) scope.shared = true;
    child.scopes = this.scopes.map((s) => new Scope(s.vars, true, s.temporary));
    child.global = child.scopes[0] as Scope;
    child.environment = this.environment;
    this.owner = ++serial;
    return child;
  }

  find(name: string): Variable | undefined {
    const { scopes } = this;
    for (let i = scopes.length - 1; i > 0; i--) {
      const found = (scopes[i] as Scope).vars.get(name);
      if (found !== undefined) return found;
    }
    return this.global.vars.get(name);
  }

  /** The variable, made changeable in place; created in the global scope where there is none. */
  writable(name: string): Variable {
    const { scopes } = this;
    for (let i = scopes.length - 1; i >= 0; i--) {
      const scope = scopes[i] as Scope;
      const found = scope.vars.get(name);
      if (found === undefined) continue;
      if (found.owner === this.owner) return found;
      const mine = found.copy(this.owner);
      this.put(scope, mine);
      return mine;
    }
    return this.create(this.global, name);
  }

  private create(scope: Scope, name: string): Variable {
    const v = new Variable(name, this.owner);
    if (hooked.has(name)) v.flags |= HOOKED;
    if (this.computesDynamic && dynamic.has(name) && scope === this.global) v.flags |= DYNAMIC;
    this.put(scope, v);
    return v;
  }

  private put(scope: Scope, v: Variable): void {
    if (scope.shared) {
      scope.vars = new Map(scope.vars);
      scope.shared = false;
    }
    scope.vars.set(v.name, v);
  }

  /** A new variable in the innermost function's scope; the one that is there if it was declared before. */
  declareLocal(name: string, inherit = false): Variable {
    let at = this.scopes.length - 1;
    while (at > 0 && (this.scopes[at] as Scope).temporary) at--;
    const scope = this.scopes[at] as Scope;
    const found = scope.vars.get(name);
    if (found !== undefined) {
      if (found.owner === this.owner) return found;
      const mine = found.copy(this.owner);
      this.put(scope, mine);
      return mine;
    }
    const outer = this.find(name);
    const v = this.create(scope, name);
    v.flags &= ~(HOOKED | DYNAMIC);
    v.flags |= (outer?.flags ?? 0) & HOOKED;
    // A variable given for this call (`a=1 f`) is what a local of that name begins with, as in bash.
    const below = this.scopes[at - 1];
    const given = below?.temporary ? below.vars.get(name) : undefined;
    const from = inherit ? outer : given;
    if (from !== undefined) {
      v.value = from.value;
      v.array = from.array?.slice();
      v.assoc = from.assoc === undefined ? undefined : new Map(from.assoc);
      v.flags |= from.flags & ~DYNAMIC;
    }
    return v;
  }

  /** A variable of the global scope, whatever the functions have declared. */
  declareGlobal(name: string): Variable {
    const found = this.global.vars.get(name);
    if (found === undefined) return this.create(this.global, name);
    if (found.owner === this.owner) return found;
    const mine = found.copy(this.owner);
    this.put(this.global, mine);
    return mine;
  }

  get depth(): number {
    return this.scopes.length;
  }

  push(temporary = false): void {
    this.scopes.push(new Scope(new Map(), false, temporary));
  }

  /** Drops scopes until `depth` are left. */
  pop(depth: number): void {
    while (this.scopes.length > depth) {
      const scope = this.scopes.pop() as Scope;
      for (const v of scope.vars.values()) {
        if (v.flags & EXPORT) this.environment = undefined;
        if (v.flags & HOOKED) this.onChange(v.name);
      }
      // What a function exported under a name that an outer scope exports is hidden no more.
      if (scope.vars.size > 0 && this.environment !== undefined)
        for (const name of scope.vars.keys()) if ((this.find(name)?.flags ?? 0) & EXPORT) this.environment = undefined;
    }
  }

  /** A variable in the innermost (temporary) scope, exported. */
  setTemporary(name: string, value: string): void {
    const scope = this.scopes[this.scopes.length - 1] as Scope;
    const outer = this.find(name);
    const v = this.create(scope, name);
    v.flags = (v.flags & ~DYNAMIC) | EXPORT | ((outer?.flags ?? 0) & HOOKED);
    v.value = value;
    this.changed(v);
  }

  /** To be called after every change of a variable. */
  changed(v: Variable): void {
    if (v.flags & (EXPORT | HOOKED)) {
      if (v.flags & EXPORT) this.environment = undefined;
      if (v.flags & HOOKED) this.onChange(v.name);
    }
  }

  /** The environment is to be made anew: a variable came into it or left it. */
  forgetEnvironment(): void {
    this.environment = undefined;
  }

  unset(name: string): void {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const scope = this.scopes[i] as Scope;
      const found = scope.vars.get(name);
      if (found === undefined) continue;
      if (scope.shared) {
        scope.vars = new Map(scope.vars);
        scope.shared = false;
      }
      if (i > 0 && !scope.temporary) {
        // A local that is unset stays local and unset.
        const gone = new Variable(name, this.owner);
        gone.flags = found.flags & HOOKED;
        scope.vars.set(name, gone);
      } else scope.vars.delete(name);
      this.changed(found);
      return;
    }
  }

  isLocal(name: string): boolean {
    return (this.scopes[this.scopes.length - 1] as Scope).vars.has(name) && this.scopes.length > 1;
  }

  /** Every visible variable, innermost first; sorted by name. */
  all(): Variable[] {
    const seen = new Map<string, Variable>();
    for (let i = this.scopes.length - 1; i >= 0; i--)
      for (const v of (this.scopes[i] as Scope).vars.values()) if (!seen.has(v.name)) seen.set(v.name, v);
    return [...seen.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** The variables of the innermost scope. */
  locals(): Variable[] {
    return [...(this.scopes[this.scopes.length - 1] as Scope).vars.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What a program started now gets. Never changed afterwards. */
  environ(): ReadonlyMap<string, string> {
    if (this.environment !== undefined) return this.environment;
    const env = new Map<string, string>();
    const hidden = new Set<string>();
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      for (const v of (this.scopes[i] as Scope).vars.values()) {
        if (hidden.has(v.name)) continue;
        hidden.add(v.name);
        if (v.flags & EXPORT && v.value !== undefined) env.set(v.name, v.value);
      }
    }
    this.environment = env;
    return env;
  }
}
