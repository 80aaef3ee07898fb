/** The options of `set` and `shopt`, with their letters: bash(1) "SHELL BUILTIN COMMANDS", dash(1). */

/** Long name, letter or empty, and whether dash and ash know it. */
const setTable: readonly (readonly [name: string, letter: string, posix: boolean])[] = [
  ["allexport", "a", true],
  ["braceexpand", "B", false],
  ["emacs", "", true],
  ["errexit", "e", true],
  ["errtrace", "E", false],
  ["functrace", "T", false],
  ["hashall", "h", false],
  ["histexpand", "H", false],
  ["history", "", false],
  ["ignoreeof", "", true],
  ["interactive-comments", "", false],
  ["keyword", "k", false],
  ["monitor", "m", true],
  ["noclobber", "C", true],
  ["noexec", "n", true],
  ["noglob", "f", true],
  ["nolog", "", false],
  ["notify", "b", true],
  ["nounset", "u", true],
  ["onecmd", "t", false],
  ["physical", "P", false],
  ["pipefail", "", false],
  ["posix", "", false],
  ["privileged", "p", false],
  ["verbose", "v", true],
  ["vi", "", true],
  ["xtrace", "x", true],
];

export const setNames: readonly string[] = setTable.map((row) => row[0]);

/** Letters of dash and ash in the order in which `set -o` lists them there. */
export const dashNames: readonly string[] = [
  "errexit",
  "noglob",
  "ignoreeof",
  "interactive",
  "monitor",
  "noexec",
  "stdin",
  "xtrace",
  "verbose",
  "vi",
  "emacs",
  "noclobber",
  "allexport",
  "notify",
  "nounset",
  "nolog",
  "debug",
];
export const ashNames: readonly string[] = [
  "errexit",
  "noglob",
  "ignoreeof",
  "interactive",
  "monitor",
  "noexec",
  "stdin",
  "xtrace",
  "verbose",
  "noclobber",
  "allexport",
  "notify",
  "nounset",
  "vi",
  "pipefail",
];

export function findByLetter(letter: string): string | undefined {
  return setTable.find((row) => row[1] === letter)?.[0];
}

export function getLetter(name: string): string {
  return setTable.find((row) => row[0] === name)?.[1] ?? "";
}

/** All of bash's shopt names with their defaults; those with an effect here are read by name where they act. */
export const shoptDefaults: readonly (readonly [name: string, on: boolean])[] = [
  ["autocd", false],
  ["assoc_expand_once", false],
  ["cdable_vars", false],
  ["cdspell", false],
  ["checkhash", false],
  ["checkjobs", false],
  ["checkwinsize", true],
  ["cmdhist", true],
  ["compat31", false],
  ["compat32", false],
  ["compat40", false],
  ["compat41", false],
  ["compat42", false],
  ["compat43", false],
  ["compat44", false],
  ["complete_fullquote", true],
  ["direxpand", false],
  ["dirspell", false],
  ["dotglob", false],
  ["execfail", false],
  ["expand_aliases", false],
  ["extdebug", false],
  ["extglob", false],
  ["extquote", true],
  ["failglob", false],
  ["force_fignore", true],
  ["globasciiranges", true],
  ["globskipdots", true],
  ["globstar", false],
  ["gnu_errfmt", false],
  ["histappend", false],
  ["histreedit", false],
  ["histverify", false],
  ["hostcomplete", true],
  ["huponexit", false],
  ["inherit_errexit", false],
  ["interactive_comments", true],
  ["lastpipe", false],
  ["lithist", false],
  ["localvar_inherit", false],
  ["localvar_unset", false],
  ["login_shell", false],
  ["mailwarn", false],
  ["no_empty_cmd_completion", false],
  ["nocaseglob", false],
  ["nocasematch", false],
  ["noexpand_translation", false],
  ["nullglob", false],
  ["patsub_replacement", true],
  ["progcomp", true],
  ["progcomp_alias", false],
  ["promptvars", true],
  ["restricted_shell", false],
  ["shift_verbose", false],
  ["sourcepath", true],
  ["varredir_close", false],
  ["xpg_echo", false],
];

const defaults: ReadonlyMap<string, boolean> = new Map(shoptDefaults);

/** Which options are on. The ones that the inner loops ask for are fields. */
export class Options {
  /** Replaced, never changed, so that copies may share them. */
  private on: ReadonlySet<string> = new Set();
  private shopts: ReadonlyMap<string, boolean> = defaults;
  errexit = false;
  nounset = false;
  xtrace = false;
  noglob = false;
  noexec = false;
  allexport = false;
  pipefail = false;
  monitor = false;
  extglob = false;
  nocasematch = false;

  has(name: string): boolean {
    return this.on.has(name);
  }

  set(name: string, value: boolean): void {
    if (this.on.has(name) === value) return;
    const on = new Set(this.on);
    if (value) on.add(name);
    else on.delete(name);
    this.on = on;
    this.refresh();
  }

  shopt(name: string): boolean {
    return this.shopts.get(name) ?? false;
  }

  knowsShopt(name: string): boolean {
    return this.shopts.has(name);
  }

  setShopt(name: string, value: boolean): void {
    this.shopts = new Map(this.shopts).set(name, value);
    this.refresh();
  }

  copy(): Options {
    const o = new Options();
    o.on = this.on;
    o.shopts = this.shopts;
    o.refresh();
    return o;
  }

  /** `$-`: the letters that are on, in bash's order. */
  letters(extra: string): string {
    let letters = "";
    for (const [name, letter] of setTable) if (letter !== "" && this.on.has(name)) letters += letter;
    return [...(letters + extra)].sort((a, b) => order(a) - order(b)).join("");
  }

  private refresh(): void {
    this.errexit = this.on.has("errexit");
    this.nounset = this.on.has("nounset");
    this.xtrace = this.on.has("xtrace");
    this.noglob = this.on.has("noglob");
    this.noexec = this.on.has("noexec");
    this.allexport = this.on.has("allexport");
    this.pipefail = this.on.has("pipefail");
    this.monitor = this.on.has("monitor");
    this.extglob = this.shopts.get("extglob") ?? false;
    this.nocasematch = this.shopts.get("nocasematch") ?? false;
  }
}

function order(letter: string): number {
  return "abefhikmnprtuvxBCEHPTcs".indexOf(letter);
}
