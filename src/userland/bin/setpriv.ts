/** setpriv(1) of util-linux, and busybox's: runs a program with other privileges. Left out: SELinux and AppArmor, which the machine has not. */

import { CAP_LAST_CAP, CAP_SETPCAP, type CapSet, capBit, capNames } from "../../abi/capability.ts";
import { EPERM } from "../../abi/errno.ts";
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_IS_SET,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_PDEATHSIG,
  PR_GET_SECUREBITS,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_SECUREBITS,
} from "../../abi/sched.ts";
import { findSignalName, findSignalNumber } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, type Parsed, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { getgrnam, getgrouplist, getpwnam, getpwuid, type Passwd } from "../libc/passwd.ts";
import { optional } from "../libc/unistd.ts";
import { badUsage, execOrFail } from "../libc/utillinux.ts";
import { attempt as attemptWith } from "../namespaces/kinds.ts";

const usage = `setpriv [OPTIONS] PROGRAM [ARG]...
Run a program with other privileges.

  -d, --dump                 show the present state; -dd and -ddd show more
      --nnp, --no-new-privs  execve shall give no privileges any more
      --ambient-caps CAPS    capabilities such as +chown,-kill,+all
      --inh-caps CAPS
      --bounding-set CAPS
      --list-caps            show the names of all capabilities
      --ruid, --euid, --reuid USER
      --rgid, --egid, --regid GROUP
      --clear-groups         no supplementary groups
      --keep-groups          those of now
      --init-groups          those of the user
      --groups GROUP,...     these
      --securebits BITS      such as +noroot,-noroot_locked
      --pdeathsig keep|clear|SIGNAL
      --reset-env            an environment as after a login

  -h, --help                 show this help
  -V, --version              show the version`;

const busyboxUsage = `setpriv [OPTIONS] PROG ARGS

Run PROG with different privilege settings

-d,--dump		Show current capabilities
--nnp,--no-new-privs	Ignore setuid/setgid bits and file capabilities
--inh-caps CAP,CAP	Set inheritable capabilities
--ambient-caps CAP,CAP	Set ambient capabilities`;

const withArgument = ["ambient-caps", "inh-caps", "bounding-set", "ruid", "euid", "reuid", "rgid", "egid", "regid", "groups", "securebits"];
const gnuLong = [
  ...[...withArgument, "pdeathsig", "selinux-label", "apparmor-profile"].map((name) => ({ name, arg: "required" as const })),
  { name: "dump", as: "d" },
  { name: "nnp" },
  { name: "no-new-privs", as: "nnp" },
  ...["list-caps", "clear-groups", "keep-groups", "init-groups", "reset-env"].map((name) => ({ name })),
  { name: "help", as: "h" },
  { name: "version", as: "V" },
];
const busyboxLong = [
  { name: "dump", as: "d" },
  { name: "nnp" },
  { name: "no-new-privs", as: "nnp" },
  { name: "inh-caps", arg: "required" as const },
  { name: "ambient-caps", arg: "required" as const },
];

/** SETPRIV_EXIT_PRIVERR: what it is to change cannot be changed. */
const PRIVERR = 127;

const attempt = <T>(c: Command, message: string, call: () => Proc<T>): Proc<T> => attemptWith(c, message, call, PRIVERR);

const securebitNames = ["noroot", "noroot_locked", "no_setuid_fixup", "no_setuid_fixup_locked", "keep_caps", "keep_caps_locked"];
const KEEP_CAPS = 4;

const capsText = (set: CapSet): string => capNames.filter((_, cap) => (set & capBit(cap)) !== 0n).join(",") || "[none]";

function* ambientSet(c: Command): Proc<CapSet> {
  let set = 0n;
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++)
    if ((yield* c.sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap)) === 1) set |= capBit(cap);
  return set;
}

function* boundingSet(c: Command): Proc<CapSet> {
  let set = 0n;
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++) if ((yield* c.sys.prctl(PR_CAPBSET_READ, cap)) === 1) set |= capBit(cap);
  return set;
}

function* dump(c: Command, level: number): Proc<void> {
  const { sys } = c;
  const [ruid, euid, suid] = yield* sys.getresuid();
  const [rgid, egid, sgid] = yield* sys.getresgid();
  const caps = yield* sys.capget(0);
  const securebits = Number(yield* sys.prctl(PR_GET_SECUREBITS));
  const bits = securebitNames.filter((_, i) => i !== KEEP_CAPS && (securebits & (1 << i)) !== 0);
  const deathSignal = Number(yield* sys.prctl(PR_GET_PDEATHSIG));
  const lines = [`uid: ${ruid}`, `euid: ${euid}`];
  if (level >= 3) lines.push(`suid: ${suid}`);
  lines.push(`gid: ${rgid}`, `egid: ${egid}`);
  if (level >= 3) lines.push(`sgid: ${sgid}`);
  lines.push(`Supplementary groups: ${(yield* sys.getgroups()).join(",") || "[none]"}`);
  lines.push(`no_new_privs: ${yield* sys.prctl(PR_GET_NO_NEW_PRIVS)}`);
  if (level >= 2) lines.push(`Effective capabilities: ${capsText(caps.effective)}`, `Permitted capabilities: ${capsText(caps.permitted)}`);
  lines.push(`Inheritable capabilities: ${capsText(caps.inheritable)}`, `Ambient capabilities: ${capsText(yield* ambientSet(c))}`);
  lines.push(`Capability bounding set: ${capsText(yield* boundingSet(c))}`, `Securebits: ${bits.join(",") || "[none]"}`);
  lines.push(`Parent death signal: ${findSignalName(deathSignal) ?? "[none]"}`);
  yield* c.print(`${lines.join("\n")}\n`);
}

/** A list such as `+chown,-kill,-all`, applied to a set. */
function* changeSet(c: Command, text: string, old: CapSet): Proc<CapSet> {
  let set = old;
  for (const word of text.split(",")) {
    if (!/^[+-]/.test(word)) return yield* c.fail("bad capability string");
    const name = word.slice(1);
    const number = /^cap_([0-9]+)$/.exec(name)?.[1];
    const cap = number === undefined ? capNames.indexOf(name) : Number(number);
    if (name !== "all" && (cap < 0 || cap > CAP_LAST_CAP)) return yield* c.fail(`unknown capability "${name}"`);
    const bits = name === "all" ? (1n << BigInt(CAP_LAST_CAP + 1)) - 1n : capBit(cap);
    set = word.startsWith("+") ? set | bits : set & ~bits;
  }
  return set;
}

function* changeSecurebits(c: Command, text: string, old: number): Proc<number> {
  let bits = old;
  for (const word of text.split(",")) {
    if (!/^[+-]/.test(word)) return yield* c.fail("bad securebits string");
    const name = word.slice(1);
    if (word === "-all") {
      bits = 0;
      continue;
    }
    const at = securebitNames.indexOf(name);
    if (at === KEEP_CAPS) return yield* c.fail("adjusting keep_caps does not make sense");
    if (at < 0) return yield* c.fail("unrecognized securebit");
    bits = word.startsWith("+") ? bits | (1 << at) : bits & ~(1 << at);
  }
  return bits;
}

interface Identity {
  ruid?: number;
  euid?: number;
  rgid?: number;
  egid?: number;
}

function* identityOf(c: Command, { options }: Parsed): Proc<Identity> {
  const to: Identity = {};
  for (const { name, arg } of options) {
    const match = /^(r?e?)(uid|gid)$/.exec(name);
    if (match === null) continue;
    const [, which = "", kind] = match;
    const known = kind === "uid" ? (yield* getpwnam(c.sys, arg))?.uid : (yield* getgrnam(c.sys, arg))?.gid;
    if (known === undefined && !/^[0-9]+$/.test(arg)) return yield* c.fail(`failed to parse ${name}: '${arg}'`);
    const id = known ?? Number(arg);
    const [r, e] = kind === "uid" ? (["ruid", "euid"] as const) : (["rgid", "egid"] as const);
    if (which === "re" && (to[r] !== undefined || to[e] !== undefined)) return yield* c.fail(`duplicate ${r} or ${e}`);
    if (which.startsWith("r")) {
      if (to[r] !== undefined) return yield* c.fail(`duplicate ${r}`);
      to[r] = id;
    }
    if (which.endsWith("e")) {
      if (to[e] !== undefined) return yield* c.fail(`duplicate ${e}`);
      to[e] = id;
    }
  }
  return to;
}

/** The supplementary groups that the options ask for; undefined to keep them. */
function* groupsOf(c: Command, { options }: Parsed, to: Identity): Proc<readonly number[] | undefined> {
  const how = options.filter((o) => ["clear-groups", "keep-groups", "init-groups", "groups"].includes(o.name));
  if (how.length > 1) return yield* c.fail("mutually exclusive arguments: --clear-groups --keep-groups --init-groups --groups");
  const [choice] = how;
  if (choice === undefined && (to.rgid !== undefined || to.egid !== undefined))
    return yield* c.fail("--[re]gid requires --keep-groups, --clear-groups, --init-groups, or --groups");
  if (choice?.name === "clear-groups") return [];
  if (choice?.name === "groups") {
    const ids: number[] = [];
    for (const word of choice.arg.split(",")) {
      const gid = (yield* getgrnam(c.sys, word))?.gid ?? (/^[0-9]+$/.test(word) ? Number(word) : undefined);
      if (gid === undefined) return yield* c.fail(`Invalid supplementary group id: '${word}'`);
      ids.push(gid);
    }
    return ids;
  }
  if (choice?.name !== "init-groups") return undefined;
  if (to.ruid === undefined) return yield* c.fail("--init-groups requires --ruid or --reuid");
  const user = yield* getpwuid(c.sys, to.ruid);
  if (user === undefined) return yield* c.fail(`uid ${to.ruid} not found, --init-groups requires an user that can be found on the system`);
  return yield* getgrouplist(c.sys, user.name, user.gid);
}

/** --reset-env: TERM stays, the rest is as after a login. */
function resetEnvironment(c: Command, user: Passwd): void {
  const term = c.env.get("TERM");
  c.env.clear();
  if (term !== undefined) c.env.set("TERM", term);
  c.env.set("SHELL", user.shell || "/bin/sh");
  c.env.set("HOME", user.dir);
  c.env.set("USER", user.name);
  c.env.set("LOGNAME", user.name);
  c.env.set("PATH", user.uid === 0 ? "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin" : "/usr/local/bin:/bin:/usr/bin");
}

function* become(c: Command, to: Identity, groups: readonly number[] | undefined): Proc<void> {
  const { sys } = c;
  if (to.ruid !== undefined || to.euid !== undefined || to.rgid !== undefined || to.egid !== undefined)
    yield* attempt(c, "keep process capabilities failed", () => sys.prctl(PR_SET_KEEPCAPS, 1));
  if (to.ruid !== undefined || to.euid !== undefined) {
    yield* attempt(c, "setresuid failed", () => sys.setresuid(to.ruid ?? -1, to.euid ?? -1, to.euid ?? -1));
    // Another user has kept what is permitted, and takes it into effect for the groups.
    const caps = yield* sys.capget(0);
    yield* attempt(c, "activate capabilities", () => sys.capset({ ...caps, effective: caps.permitted }));
  }
  if (to.rgid !== undefined || to.egid !== undefined)
    yield* attempt(c, "setresgid failed", () => sys.setresgid(to.rgid ?? -1, to.egid ?? -1, to.egid ?? -1));
  if (groups !== undefined) yield* attempt(c, "setgroups failed", () => sys.setgroups(groups));
}

/** As libcap-ng: without CAP_SETPCAP nothing is dropped, and nothing said. */
function* dropBounding(c: Command, text: string): Proc<void> {
  const old = yield* boundingSet(c);
  const gone = old & ~(yield* changeSet(c, text, old));
  if (((yield* c.sys.capget(0)).effective & capBit(CAP_SETPCAP)) === 0n) return;
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++)
    if ((gone & capBit(cap)) !== 0n) yield* attempt(c, "apply bounding set", () => c.sys.prctl(PR_CAPBSET_DROP, cap));
}

/** As libcap-ng: what cannot be raised stays as it is, and nothing is said. */
function* setAmbient(c: Command, text: string): Proc<void> {
  const old = yield* ambientSet(c);
  const now = yield* changeSet(c, text, old);
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++) {
    const bit = capBit(cap);
    if ((now & bit) === (old & bit)) continue;
    yield* optional(c.sys.prctl(PR_CAP_AMBIENT, (now & bit) !== 0n ? PR_CAP_AMBIENT_RAISE : PR_CAP_AMBIENT_LOWER, cap), [EPERM]);
  }
}

function* apply(c: Command, parsed: Parsed): Proc<number> {
  const { sys } = c;
  const last = (name: string): string | undefined => parsed.options.findLast((o) => o.name === name)?.arg;
  const to = yield* identityOf(c, parsed);
  const groups = yield* groupsOf(c, parsed, to);
  const deathSignal = last("pdeathsig");
  const signal =
    deathSignal === undefined || deathSignal === "keep" ? undefined : deathSignal === "clear" ? 0 : findSignalNumber(deathSignal);
  if (signal === undefined && deathSignal !== undefined && deathSignal !== "keep") return yield* c.fail(`unknown signal: ${deathSignal}`);
  const securebits = last("securebits");
  const bits = securebits === undefined ? undefined : yield* changeSecurebits(c, securebits, Number(yield* sys.prctl(PR_GET_SECUREBITS)));
  if (last("reset-env") !== undefined) {
    const user = yield* getpwuid(sys, to.ruid ?? (yield* sys.getuid()));
    if (user === undefined) return yield* c.fail(`Unable to determine passwd entry`);
    resetEnvironment(c, user);
  }
  if (last("nnp") !== undefined) yield* attempt(c, "disallow granting new privileges failed", () => sys.prctl(PR_SET_NO_NEW_PRIVS, 1));
  if (bits !== undefined) yield* attempt(c, "set process securebits failed", () => sys.prctl(PR_SET_SECUREBITS, bits));
  const bounding = last("bounding-set");
  if (bounding !== undefined) yield* dropBounding(c, bounding);
  yield* become(c, to, groups);
  const inheritable = last("inh-caps");
  if (inheritable !== undefined) {
    const now = yield* sys.capget(0);
    const set = yield* changeSet(c, inheritable, now.inheritable);
    yield* attempt(c, "apply capabilities", () => sys.capset({ permitted: now.permitted, effective: now.permitted, inheritable: set }));
  }
  const ambient = last("ambient-caps");
  if (ambient !== undefined) yield* setAmbient(c, ambient);
  if (signal !== undefined) yield* attempt(c, "set parent death signal failed", () => sys.prctl(PR_SET_PDEATHSIG, signal));
  return yield* execOrFail(c, parsed.operands);
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  let parsed: Parsed;
  try {
    parsed = getopt(c.args, gnu ? { short: "+dhV", long: gnuLong } : { short: "+d", long: busyboxLong }, c.voice);
  } catch (e) {
    if (e instanceof UsageError && gnu) return yield* badUsage(c, e.message);
    throw e;
  }
  const { options, operands } = parsed;
  const count = (name: string): number => options.filter((o) => o.name === name).length;
  if (count("h") > 0) return yield* c.help();
  if (count("V") > 0) {
    yield* c.print("setpriv from util-linux 2.38.1\n");
    return 0;
  }
  if (count("nnp") > 1) return yield* c.fail("duplicate --no-new-privs option");
  for (const name of ["selinux-label", "apparmor-profile"])
    if (count(name) > 0) return yield* c.fail(`--${name}: the machine has no such module`);
  if (count("d") > 0) {
    if (options.length !== count("d") || operands.length > 0) return yield* c.fail("--dump is incompatible with all other options");
    yield* dump(c, count("d"));
    return 0;
  }
  if (count("list-caps") > 0) {
    if (options.length > 1 || operands.length > 0) return yield* c.fail("--list-caps must be specified alone");
    yield* c.print(capNames.map((name) => `${name}\n`).join(""));
    return 0;
  }
  if (operands.length === 0) return yield* c.fail("No program specified");
  return yield* apply(c, parsed);
}

export const setpriv: Executable = {
  name: "setpriv",
  main: command({ help: help(usage, busyboxUsage) }, run),
  paths: ["/usr/bin/setpriv"],
  needed: ["libcap-ng.so.0", "libc.so.6"],
  sizeBytes: 80192,
  applet: "/usr/bin/setpriv",
};
