/** set, shopt, alias, unalias, getopts, umask, ulimit, enable. */

import { EPERM, EINVAL, Errno } from "../../../abi/errno.ts";
import { RLIM_INFINITY } from "../../../abi/resource.ts";
import type { Proc } from "../../../abi/sys.ts";
import { ashNames, dashNames, findByLetter, setNames, shoptDefaults } from "../options.ts";
import { type Shell, ShellError } from "../shell.ts";
import { type Builtin, type Call, has, isName } from "./call.ts";
import { builtinsOf } from "./index.ts";
import { setLine } from "./variables.ts";

/** Switches an option of `set`; undefined if there is none of that name. */
export function setOption(sh: Shell, name: string, on: boolean): boolean {
  const known = sh.flavour === "bash" ? setNames : sh.flavour === "dash" ? dashNames : ashNames;
  if (!known.includes(name)) return false;
  sh.options.set(name, on);
  sh.refreshFast();
  return true;
}

function printOptions(c: Call, asCommands: boolean): void {
  const { sh } = c;
  const names = sh.flavour === "bash" ? setNames : sh.flavour === "dash" ? dashNames : ashNames;
  const isOn = (name: string): boolean =>
    name === "interactive" ? sh.interactive : name === "stdin" ? sh.readsStdin : sh.options.has(name);
  if (sh.flavour === "dash" && !asCommands) c.print("Current option settings\n");
  for (const name of names) {
    if (asCommands) c.print(`set ${isOn(name) ? "-" : "+"}o ${name}\n`);
    else
      c.print(
        sh.flavour === "bash" ? `${name.padEnd(15)}\t${isOn(name) ? "on" : "off"}\n` : `${name.padEnd(15)} ${isOn(name) ? "on" : "off"}\n`,
      );
  }
}

/** Known to the real ones, without effect here. */
const NOT_BUILT = new Set(["vi", "keyword", "privileged"]);
const SET_LETTERS = "abefhkmnptuvxBCEHPT";

export const set: Builtin = {
  name: "set",
  special: true,
  usage: "[-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    if (c.args.length === 0) {
      for (const v of sh.vars.all()) if (v.isSet && isName(v.name)) c.print(setLine(sh, v));
      if (sh.flavour === "bash")
        for (const f of [...sh.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) c.print(`${f.print()}\n`);
      return 0;
    }
    let i = 0;
    for (; i < c.args.length; i++) {
      const a = c.args[i] as string;
      if (a === "--" || a === "-") {
        sh.positional = c.args.slice(i + 1);
        if (a === "-") {
          setOption(sh, "xtrace", false);
          setOption(sh, "verbose", false);
          if (i + 1 === c.args.length) sh.positional = c.args.slice(i + 1);
        }
        return 0;
      }
      if (!/^[-+]./.test(a)) break;
      const on = a[0] === "-";
      for (const letter of a.slice(1)) {
        if (letter === "o") {
          const name = c.args[i + 1];
          if (name === undefined) {
            printOptions(c, !on);
            return 0;
          }
          i++;
          if (on && NOT_BUILT.has(name)) return yield* c.fail(`${name}: not built in`);
          if (!setOption(sh, name, on)) return yield* badOption(c, name, on);
          continue;
        }
        const name = findByLetter(letter);
        if (name === undefined || (sh.flavour === "bash" && !SET_LETTERS.includes(letter)) || !setOption(sh, name, on))
          return yield* badLetter(c, letter, on);
      }
    }
    if (i < c.args.length) sh.positional = c.args.slice(i);
    return 0;
  },
};

function* badOption(c: Call, name: string, on: boolean): Proc<number> {
  if (c.sh.flavour === "bash") return yield* c.fail(`${name}: invalid option name`, 2);
  throw new ShellError(
    c.sh.flavour === "dash" ? `set: Illegal option ${on ? "-" : "+"}o ${name}` : `set: illegal option ${on ? "-" : "+"}o ${name}`,
    2,
    "shell",
  );
}

function* badLetter(c: Call, letter: string, on: boolean): Proc<number> {
  if (c.sh.flavour === "bash") return yield* c.invalidOption(letter, !on);
  throw new ShellError(`set: ${c.sh.flavour === "dash" ? "Illegal" : "illegal"} option ${on ? "-" : "+"}${letter}`, 2, "shell");
}

export const shopt: Builtin = {
  name: "shopt",
  flavours: ["bash"],
  usage: "[-pqsu] [-o] [optname ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("pqsuo");
    if (o === undefined) return 2;
    const setters = has(o, "o");
    const names = setters ? setNames : shoptDefaults.map(([n]) => n);
    const isOn = (name: string): boolean => (setters ? sh.options.has(name) : sh.options.shopt(name));
    const show = (name: string): void => {
      if (has(o, "p")) c.print(setters ? `set ${isOn(name) ? "-" : "+"}o ${name}\n` : `shopt ${isOn(name) ? "-s" : "-u"} ${name}\n`);
      else c.print(`${name.padEnd(15)}\t${isOn(name) ? "on" : "off"}\n`);
    };
    if (o.operands.length === 0) {
      for (const name of names) if ((!has(o, "s") || isOn(name)) && (!has(o, "u") || !isOn(name))) if (!has(o, "q")) show(name);
      return 0;
    }
    let status = 0;
    for (const name of o.operands) {
      if (!names.includes(name)) {
        status = yield* c.fail(`${name}: invalid ${setters ? "option name" : "shell option name"}`);
        continue;
      }
      if (has(o, "s") || has(o, "u")) {
        if (setters) setOption(sh, name, has(o, "s"));
        else sh.options.setShopt(name, has(o, "s"));
      } else {
        if (!isOn(name)) status = 1;
        if (!has(o, "q")) show(name);
      }
    }
    return status;
  },
};

function showAlias(sh: Shell, name: string, value: string): string {
  const quoted = sh.flavour === "bash" ? `'${value.replaceAll("'", "'\\''")}'` : `'${value.replaceAll("'", "'\"'\"'")}'`;
  return sh.flavour === "bash" ? `alias ${name}=${quoted}\n` : `${name}=${quoted}\n`;
}

export const alias: Builtin = {
  name: "alias",
  usage: "[-p] [name[=value] ... ]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = sh.flavour === "bash" ? yield* c.options("p") : { letters: [], operands: c.args };
    if (o === undefined) return 2;
    if (o.operands.length === 0)
      for (const [name, value] of [...sh.aliases].sort((a, b) => (a[0] < b[0] ? -1 : 1))) c.print(showAlias(sh, name, value));
    let status = 0;
    for (const text of o.operands) {
      const at = text.indexOf("=");
      if (at > 0) {
        const name = text.slice(0, at);
        if (/[\s/$`=|&;()<>'"\\]/.test(name)) {
          status = yield* c.fail(`\`${name}': invalid alias name`);
          continue;
        }
        sh.aliases = new Map(sh.aliases).set(name, text.slice(at + 1));
        continue;
      }
      const value = sh.aliases.get(text);
      if (value !== undefined) c.print(showAlias(sh, text, value));
      else {
        if (sh.flavour !== "bash") yield* sh.eprint(`alias: ${text} not found\n`);
        else yield* sh.warn(`${text}${sh.flavour === "bash" ? ": not found" : " not found"}`, "alias");
        status = 1;
      }
    }
    return status;
  },
};

export const unalias: Builtin = {
  name: "unalias",
  usage: "[-a] name [name ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("a");
    if (o === undefined) return 2;
    if (has(o, "a")) {
      sh.aliases = new Map();
      return 0;
    }
    if (o.operands.length === 0 && sh.flavour === "bash") return yield* c.wrongUsage();
    let status = 0;
    for (const name of o.operands) {
      if (!sh.aliases.has(name)) {
        if (sh.flavour === "bash") yield* c.fail(`${name}: not found`);
        else yield* sh.eprint(`unalias: ${name} not found\n`);
        status = 1;
        continue;
      }
      const aliases = new Map(sh.aliases);
      aliases.delete(name);
      sh.aliases = aliases;
    }
    return status;
  },
};

export const getopts: Builtin = {
  name: "getopts",
  usage: "optstring name [arg ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const [spec, name, ...rest] = c.args;
    if (spec === undefined || name === undefined) {
      if (sh.flavour === "bash") return yield* c.wrongUsage();
      throw new ShellError(
        sh.flavour === "dash" ? "getopts: Usage: getopts optstring var [arg...]" : "getopts: usage: getopts optstring var [arg]",
        2,
        "shell",
      );
    }
    const args = rest.length > 0 ? rest : sh.positional;
    let index = Number(sh.get("OPTIND") ?? 1) || 1;
    if (sh.flavour !== "bash" && index > args.length + 1) index = 1;
    const silent = spec.startsWith(":") || sh.get("OPTERR") === "0";
    const quiet = spec.startsWith(":");
    let at = sh.optionLetter;
    const finish = function* (status: number, value: string): Proc<number> {
      sh.set("OPTIND", String(index));
      sh.optionLetter = at;
      if (!isName(name)) return yield* c.fail(`\`${name}': not a valid identifier`);
      sh.set(name, value);
      return status;
    };
    let word = args[index - 1];
    if (at === 0) {
      if (word === undefined || !word.startsWith("-") || word === "-") return yield* finish(1, "?");
      if (word === "--") {
        index++;
        return yield* finish(1, "?");
      }
      at = 1;
    }
    word = args[index - 1] ?? "";
    const letter = word[at] as string;
    at++;
    const found = letter === ":" ? -1 : spec.indexOf(letter, quiet ? 1 : 0);
    const ended = at >= word.length;
    if (found < 0) {
      if (ended) {
        index++;
        at = 0;
      }
      if (quiet) sh.set("OPTARG", letter);
      else {
        if (!silent)
          yield* complain(
            sh,
            sh.flavour === "bash"
              ? `illegal option -- ${letter}`
              : sh.flavour === "dash"
                ? `Illegal option -${letter}`
                : `Illegal option -${letter}`,
          );
        sh.unset("OPTARG");
      }
      return yield* finish(0, "?");
    }
    if (spec[found + 1] !== ":") {
      if (ended) {
        index++;
        at = 0;
      }
      if (sh.flavour === "bash") sh.unset("OPTARG");
      else sh.set("OPTARG", "");
      return yield* finish(0, letter);
    }
    if (!ended) sh.set("OPTARG", word.slice(at));
    else {
      index++;
      const value = args[index - 1];
      if (value === undefined) {
        at = 0;
        if (quiet) {
          sh.set("OPTARG", letter);
          return yield* finish(0, ":");
        }
        if (!silent)
          yield* complain(
            sh,
            sh.flavour === "bash"
              ? `option requires an argument -- ${letter}`
              : sh.flavour === "dash"
                ? `No arg for -${letter} option`
                : `No arg for -${letter} option`,
          );
        sh.unset("OPTARG");
        return yield* finish(0, "?");
      }
      sh.set("OPTARG", value);
    }
    index++;
    at = 0;
    return yield* finish(0, letter);
  },
};

/** getopts speaks as the script, without a line in bash, and without a name in dash. */
function* complain(sh: Shell, message: string): Proc<void> {
  yield* sh.eprint(sh.flavour === "bash" ? `${sh.arg0}: ${message}\n` : `${message}\n`);
}

function symbolic(mask: number): string {
  const part = (shift: number): string => {
    const bits = ~(mask >> shift) & 7;
    return `${bits & 4 ? "r" : ""}${bits & 2 ? "w" : ""}${bits & 1 ? "x" : ""}`;
  };
  return `u=${part(6)},g=${part(3)},o=${part(0)}`;
}

/** The mask that a symbolic one such as `u=rwx,g-w` makes of `mask`; undefined if it is none. */
function applySymbolic(mask: number, text: string): number | undefined {
  let allowed = ~mask & 0o777;
  for (const clause of text.split(",")) {
    const m = /^([ugoa]*)([-+=])([rwx]*)$/.exec(clause);
    if (m === null) return undefined;
    const who = m[1] === "" || m[1]?.includes("a") ? "ugo" : (m[1] as string);
    let bits = 0;
    for (const p of m[3] as string) bits |= p === "r" ? 4 : p === "w" ? 2 : 1;
    for (const [name, shift] of [
      ["u", 6],
      ["g", 3],
      ["o", 0],
    ] as const) {
      if (!who.includes(name)) continue;
      if (m[2] === "=") allowed = (allowed & ~(7 << shift)) | (bits << shift);
      else if (m[2] === "+") allowed |= bits << shift;
      else allowed &= ~(bits << shift);
    }
  }
  return ~allowed & 0o777;
}

/** What is wrong with a symbolic mode: the operator, or a permission. */
function wrongMode(text: string): string {
  for (const clause of text.split(",")) {
    const rest = clause.replace(/^[ugoa]*/, "");
    if (!/^[-+=]/.test(rest)) return `\`${rest[0] ?? ""}': invalid symbolic mode operator`;
    const bad = /[^rwx]/.exec(rest.slice(1));
    if (bad !== null) return `\`${bad[0]}': invalid symbolic mode character`;
  }
  return `\`${text}': invalid symbolic mode character`;
}

export const umask: Builtin = {
  name: "umask",
  usage: "[-p] [-S] [mode]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options(sh.flavour === "bash" ? "pS" : "S");
    if (o === undefined) return 2;
    const now = yield* sh.sys.umask(0);
    yield* sh.sys.umask(now);
    const text = o.operands[0];
    if (text === undefined) {
      const shown = has(o, "S") ? symbolic(now) : String(now.toString(8)).padStart(4, "0");
      c.print(`${has(o, "p") ? `umask ${has(o, "S") ? "-S " : ""}` : ""}${shown}\n`);
      return 0;
    }
    let mask: number | undefined;
    if (/^[0-9]/.test(text)) {
      if (!/^[0-7]+$/.test(text)) {
        if (sh.flavour === "bash") return yield* c.fail(`${text}: octal number out of range`);
        throw new ShellError(`umask: ${sh.flavour === "dash" ? "Illegal number" : "illegal mode"}: ${text}`, 2, "shell");
      }
      mask = Number.parseInt(text, 8);
    } else mask = applySymbolic(now, text);
    if (mask === undefined) {
      if (sh.flavour === "bash") return yield* c.fail(wrongMode(text));
      throw new ShellError(`umask: ${sh.flavour === "dash" ? "Illegal mode" : "illegal mode"}: ${text}`, 2, "shell");
    }
    yield* sh.sys.umask(mask & 0o777);
    if (has(o, "S") && sh.flavour === "bash") c.print(`${symbolic(mask)}\n`);
    return 0;
  },
};

/** Letter, resource, unit in bytes, and the names in bash, dash and ash. Resource -1: the size of a pipe, which is fixed. */
const limits: readonly (readonly [letter: string, resource: number, unit: number, bash: string, dash: string, ash: string])[] = [
  ["R", 15, 1, "real-time non-blocking time  (microseconds, -R)", "", ""],
  ["c", 4, 512, "core file size              (blocks, -c)", "coredump(blocks)", "core file size (blocks)"],
  ["d", 2, 1024, "data seg size               (kbytes, -d)", "data(kbytes)", "data seg size (kb)"],
  ["e", 13, 1, "scheduling priority                 (-e)", "", "scheduling priority"],
  ["f", 1, 512, "file size                   (blocks, -f)", "file(blocks)", "file size (blocks)"],
  ["i", 11, 1, "pending signals                     (-i)", "", "pending signals"],
  ["l", 8, 1024, "max locked memory           (kbytes, -l)", "locked memory(kbytes)", "max locked memory (kb)"],
  ["m", 5, 1024, "max memory size             (kbytes, -m)", "memory(kbytes)", "max memory size (kb)"],
  ["n", 7, 1, "open files                          (-n)", "nofiles", "open files"],
  ["p", -1, 512, "pipe size                (512 bytes, -p)", "", ""],
  ["q", 12, 1, "POSIX message queues         (bytes, -q)", "", "POSIX message queues (bytes)"],
  ["r", 14, 1, "real-time priority                  (-r)", "rtprio", "real-time priority"],
  ["s", 3, 1024, "stack size                  (kbytes, -s)", "stack(kbytes)", "stack size (kb)"],
  ["t", 0, 1, "cpu time                   (seconds, -t)", "time(seconds)", "cpu time (seconds)"],
  ["u", 6, 1, "max user processes                  (-u)", "process", "max user processes"],
  ["v", 9, 1024, "virtual memory              (kbytes, -v)", "vmemory(kbytes)", "virtual memory (kb)"],
  ["x", 10, 1, "file locks                          (-x)", "locks", "file locks"],
];
/** bash counts the blocks of -c and -f in 1024 bytes. */
const unitOf = (row: (typeof limits)[number], flavour: string): number =>
  flavour === "bash" && (row[0] === "c" || row[0] === "f") ? 1024 : row[2];

const DASH_ORDER = "tfdscmlpnvxr";

export const ulimit: Builtin = {
  name: "ulimit",
  usage: "[-SHabcdefiklmnpqrstuvxPRT] [limit]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("HSaRcdefilmnpqrstuvx");
    if (o === undefined) return 2;
    const { flavour } = sh;
    const letters = o.letters.map((x) => x.letter).filter((x) => !"HSa".includes(x));
    const read = function* (resource: number, unit: number): Proc<string> {
      if (resource < 0) return "8";
      const l = yield* sh.sys.prlimit64(0, resource);
      const n = has(o, "H") ? l.max : l.cur;
      return n === RLIM_INFINITY ? "unlimited" : String(Math.floor(n / unit));
    };
    if (has(o, "a")) {
      const rows =
        flavour === "dash"
          ? [...DASH_ORDER].map((d) => limits.find((l) => l[0] === (d === "p" ? "u" : d)) as (typeof limits)[number])
          : limits.filter((l) => flavour === "bash" || l[5] !== "");
      for (const row of rows) {
        const [letter, resource, , bash, dash, ash] = row;
        const head = flavour === "bash" ? `${bash} ` : flavour === "dash" ? `${dash.padEnd(20)} ` : `${ash.padEnd(32)}(-${letter}) `;
        c.print(`${head}${yield* read(resource, unitOf(row, flavour))}\n`);
      }
      return 0;
    }
    const letter = letters[letters.length - 1] ?? "f";
    const row = limits.find((l) => l[0] === (flavour === "dash" && letter === "p" ? "u" : letter)) as (typeof limits)[number];
    const text = o.operands[0];
    if (text === undefined) {
      for (const each of letters.length === 0 ? ["f"] : letters) {
        const r = limits.find((l) => l[0] === each) as (typeof limits)[number];
        c.print(`${letters.length > 1 ? `${r[3]} ` : ""}${yield* read(r[1], unitOf(r, flavour))}\n`);
      }
      return 0;
    }
    return yield* changeLimit(c, text, row, has(o, "H"), has(o, "S"));
  },
};

function* changeLimit(c: Call, text: string, row: (typeof limits)[number], hard: boolean, soft: boolean): Proc<number> {
  const { sh } = c;
  const [, resource, , name] = row;
  const old = yield* sh.sys.prlimit64(0, resource);
  let value: number;
  if (text === "unlimited") value = RLIM_INFINITY;
  else if (text === "hard" && sh.flavour === "bash") value = old.max;
  else if (text === "soft" && sh.flavour === "bash") value = old.cur;
  else if (/^[0-9]+$/.test(text)) value = Number(text) * unitOf(row, sh.flavour);
  else if (sh.flavour === "bash") return yield* c.fail(`${text}: invalid number`);
  else if (sh.flavour === "ash") {
    yield* sh.warn(`invalid number '${text}'`);
    return 1;
  } else throw new ShellError("ulimit: bad number", 2, "shell");
  const both = hard === soft;
  try {
    yield* sh.sys.prlimit64(0, resource, { cur: both || soft ? value : old.cur, max: both || hard ? value : old.max });
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (sh.flavour !== "bash") throw new ShellError(`ulimit: error setting limit (${e.message})`, 2, "shell");
    return yield* c.fail(`${name.replace(/ *\(.*$/, "")}: cannot modify limit: ${e === EPERM || e === EINVAL ? e.message : e.message}`);
  }
}

export const enable: Builtin = {
  name: "enable",
  flavours: ["bash"],
  usage: "[-a] [-dnps] [-f filename] [name ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("adnps");
    if (o === undefined) return 2;
    const all = builtinsOf(sh);
    if (o.operands.length === 0) {
      for (const name of [...all.keys()].sort()) {
        const off = sh.enabled?.has(name) === true;
        if (has(o, "a") || off === has(o, "n")) c.print(`enable ${off ? "-n " : ""}${name}\n`);
      }
      return 0;
    }
    let status = 0;
    for (const name of o.operands) {
      if (!all.has(name)) {
        status = yield* c.fail(`${name}: not a shell builtin`);
        continue;
      }
      const off = new Set(sh.enabled);
      if (has(o, "n")) off.add(name);
      else off.delete(name);
      sh.enabled = off.size === 0 ? undefined : off;
      sh.refreshFast();
    }
    return status;
  },
};
