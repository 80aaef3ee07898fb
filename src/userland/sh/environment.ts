/** The variables a shell begins with: those it inherits, and those it makes. */

import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { isHere } from "./builtins/directory.ts";
import { runText } from "./run.ts";
import type { Shell } from "./shell.ts";
import { readPasswd } from "./users.ts";
import { DYNAMIC, EXPORT, INTEGER, READONLY } from "./variables.ts";

const DYNAMIC_NAMES = [
  "BASHPID",
  "BASH_COMMAND",
  "BASH_LINENO",
  "BASH_SOURCE",
  "BASH_SUBSHELL",
  "DIRSTACK",
  "EPOCHREALTIME",
  "EPOCHSECONDS",
  "FUNCNAME",
  "GROUPS",
  "HISTCMD",
  "LINENO",
  "PIPESTATUS",
  "RANDOM",
  "SECONDS",
  "SRANDOM",
];
const ARRAYS = new Set(["BASH_LINENO", "BASH_SOURCE", "DIRSTACK", "FUNCNAME", "GROUPS", "PIPESTATUS"]);

function define(sh: Shell, name: string, value: string, flags = 0): void {
  const v = sh.vars.writable(name);
  v.value = value;
  v.flags |= flags;
  sh.vars.changed(v);
}

/** Sets what a shell has of its own. */
export function* setDefaults(sh: Shell, env: Env, execfn: string): Proc<void> {
  const { sys } = sh;
  sh.pid = yield* sys.getpid();
  sh.selfPid = sh.pid;
  sh.ppid = yield* sys.getppid();
  const bash = sh.flavour === "bash";
  define(
    sh,
    "PATH",
    bash ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  );
  define(sh, "IFS", " \t\n");
  define(sh, "PS4", "+ ");
  define(sh, "OPTIND", "1");
  define(sh, "PPID", String(sh.ppid), bash ? READONLY | INTEGER : 0);
  if (sh.interactive || !bash) {
    const root = (yield* sys.geteuid()) === 0;
    define(sh, "PS1", bash ? "\\s-\\v\\$ " : sh.flavour === "ash" ? "\\w \\$ " : root ? "# " : "$ ");
    define(sh, "PS2", "> ");
  }
  if (!bash) return;
  const now = yield* sys.clock_gettime(CLOCK_REALTIME);
  sh.nowNs = now.sec * 1e9 + now.nsec;
  sh.startNs = sh.nowNs;
  sh.randomState = ((now.sec ^ now.nsec ^ (sh.pid * 7919)) >>> 0) % 2147483647;
  for (const name of DYNAMIC_NAMES) {
    const v = sh.vars.writable(name);
    v.flags |= DYNAMIC;
    if (ARRAYS.has(name)) v.array = [];
    else v.value = "";
  }
  define(sh, "OPTERR", "1");
  define(sh, "BASH", execfn.startsWith("/") ? execfn : "/usr/bin/bash");
  define(sh, "BASH_VERSION", "5.2.15(1)-release");
  const version = sh.vars.writable("BASH_VERSINFO");
  version.array = ["5", "2", "15", "1", "release", "x86_64-pc-linux-gnu"];
  version.flags |= READONLY;
  define(sh, "HOSTTYPE", "x86_64");
  define(sh, "MACHTYPE", "x86_64-pc-linux-gnu");
  define(sh, "OSTYPE", "linux-gnu");
  define(sh, "HOSTNAME", (yield* sys.uname()).nodename);
  define(sh, "UID", String(yield* sys.getuid()), READONLY | INTEGER);
  define(sh, "EUID", String(yield* sys.geteuid()), READONLY | INTEGER);
  if (!env.has("TERM")) define(sh, "TERM", "dumb");
  sh.options.set("braceexpand", true);
  sh.options.set("hashall", true);
  sh.options.set("interactive-comments", true);
  if (sh.interactive) {
    sh.options.set("emacs", true);
    sh.options.set("histexpand", true);
    sh.options.set("history", true);
    sh.options.setShopt("expand_aliases", true);
    define(sh, "HISTSIZE", "500");
    define(sh, "HISTFILESIZE", "500");
  }
  // The real one learns it from the user database, too.
  if (sh.interactive || !env.has("HOME")) {
    const me = (yield* readPasswd(sys)).find((u) => String(u.uid) === sh.get("UID"));
    if (me !== undefined) {
      sh.userName = me.name;
      if (!env.has("HOME")) define(sh, "HOME", me.home);
    }
    if (sh.interactive) define(sh, "HISTFILE", `${env.get("HOME") ?? me?.home ?? ""}/.bash_history`);
  }
}

/** Takes over the environment: variables, exported functions, PWD if it is true. */
export function* importEnvironment(sh: Shell, env: Env): Proc<void> {
  for (const [name, value] of env) {
    const f = sh.flavour === "bash" ? /^BASH_FUNC_(.+)%%$/.exec(name) : null;
    if (f !== null && value.startsWith("() ")) {
      yield* runText(sh, `${f[1]} ${value}`, "eval", false, sh.line);
      const v = sh.vars.writable(name);
      v.value = value;
      v.flags |= EXPORT;
      continue;
    }
    // Names that are no variables are passed on by bash and dropped by dash.
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
    const v = sh.vars.find(name);
    if (v !== undefined && v.flags & (READONLY | DYNAMIC)) continue;
    if (name === "IFS" || name === "PPID" || name === "OPTIND") continue;
    if (name === "PS1" && sh.flavour === "bash" && !sh.interactive) {
      define(sh, name, value, EXPORT);
      continue;
    }
    define(sh, name, value, EXPORT);
  }
  const claimed = env.get("PWD");
  if (claimed !== undefined && (yield* isHere(sh, claimed))) sh.cwd = claimed;
  else {
    try {
      sh.cwd = yield* sh.sys.getcwd();
    } catch {
      sh.cwd = claimed ?? "/";
    }
  }
  define(sh, "PWD", sh.cwd, EXPORT);
  if (sh.flavour !== "bash") {
    if (sh.flavour === "ash") define(sh, "SHLVL", String((Number(env.get("SHLVL") ?? 0) || 0) + 1), EXPORT);
    return;
  }
  sh.vars.writable("OLDPWD").flags |= EXPORT;
  define(sh, "SHLVL", String((Number(env.get("SHLVL") ?? 0) || 0) + 1), EXPORT);
  sh.lastArgument = env.get("_") ?? sh.arg0;
  const own = sh.vars.find("_");
  if (own !== undefined) sh.vars.unset("_");
}
