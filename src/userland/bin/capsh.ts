/**
 * capsh(1) of libcap: shows and changes capabilities step by step, then becomes a shell. Left out: modes, --iab, --explain, --suggest,
 * --forkfor, --cap-uid, --strict.
 */

import { CAP_LAST_CAP, type CapSet, capBit } from "../../abi/capability.ts";
import { Errno } from "../../abi/errno.ts";
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_IS_SET,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_SECUREBITS,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_SECUREBITS,
} from "../../abi/sched.ts";
import type { Proc } from "../../abi/sys.ts";
import { capFromText, capName, capToText, findCap, iabText, listText } from "../caps/text.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getgrouplist, getgrnam, getpwnam, IdNames } from "../libc/passwd.ts";

const usage = `usage: capsh [args ...]
  --addamb=xxx   raise capabilities in the ambient set
  --caps=xxx     set capabilities as cap_from_text(3) reads them
  --chroot=path  change the root directory
  --current      show capabilities and the IAB vectors
  --decode=xxx   name the capabilities of a hexadecimal mask
  --delamb=xxx   lower capabilities in the ambient set
  --drop=xxx     drop capabilities from the bounding set
  --gid=<n>      become this group
  --groups=g,... set the supplementary groups
  --has-a=xxx    exit 1 if a capability is not ambient
  --has-b=xxx    exit 1 if a capability is dropped
  --has-i=xxx    exit 1 if a capability is not inheritable
  --has-p=xxx    exit 1 if a capability is not permitted
  --has-no-new-privs  exit 1 if privileges are not limited
  --help, -h     this message
  --inh=xxx      set the inheritable set
  --is-uid=<n>   exit 1 unless this is the user
  --is-gid=<n>   exit 1 unless this is the group
  --keep=<n>     set the keep-capabilities bit
  --no-new-privs limit privileges for good
  --noamb        lower all ambient capabilities
  --print        show all of it
  --quiet        say nothing about unknown capabilities
  --secbits=<n>  set the securebits
  --shell=/x/y   use this instead of /bin/bash
  --supports=xxx exit 1 if a capability is unknown
  --uid=<n>      become this user
  --user=<name>  become this user with group and groups
  ==             start capsh again with the rest
  --             the rest is for the shell
`;

const secureNames = ["noroot", "no-suid-fixup", "keep-caps", "no-ambient-raise"];
/** CAP_SECURED_BITS_AMBIENT: all bits and locks but keep-caps itself. */
const PURE_BITS = 0xef;

function* stop(c: Command, message: string): Proc<never> {
  yield* c.eprint(`${message}\n`);
  throw new Exit(1);
}

/** Makes a call, or ends with `message` where it fails; one that ends in a colon is followed by the error. */
function* tryTo<T>(c: Command, message: string, call: () => Proc<T>): Proc<T> {
  try {
    return yield* call();
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    return yield* stop(c, message.endsWith(":") ? `${message} ${e.message}` : message);
  }
}

function* collect(c: Command, isSet: (cap: number) => Proc<number | string>): Proc<CapSet> {
  let set = 0n;
  for (let cap = 0; cap <= CAP_LAST_CAP; cap++) if ((yield* isSet(cap)) === 1) set |= capBit(cap);
  yield* c.sys.spend(1000);
  return set;
}

const bounding = (c: Command): Proc<CapSet> => collect(c, (cap) => c.sys.prctl(PR_CAPBSET_READ, cap));
const ambient = (c: Command): Proc<CapSet> => collect(c, (cap) => c.sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap));

function* print(c: Command): Proc<void> {
  const { sys } = c;
  const names = new IdNames(sys);
  const caps = yield* sys.capget(0);
  const [bound, amb] = [yield* bounding(c), yield* ambient(c)];
  const bits = Number(yield* sys.prctl(PR_GET_SECUREBITS));
  const binary = bits.toString(2);
  const [ruid, euid] = yield* sys.getresuid();
  const gid = yield* sys.getgid();
  const user = function* (id: number): Proc<string> {
    return `${id}(${(yield* names.user(id)) ?? "???"})`;
  };
  const group = function* (id: number): Proc<string> {
    return `${id}(${(yield* names.group(id)) ?? "???"})`;
  };
  const groups: string[] = [];
  for (const id of yield* sys.getgroups()) groups.push(yield* group(id));
  const pure = bits === PURE_BITS;
  const mode = !pure ? "HYBRID (4)" : caps.inheritable !== 0n ? "PURE1E (3)" : caps.permitted === 0n ? "NOPRIV (1)" : "PURE1E_INIT (2)";
  yield* c.print(`Current: ${capToText(caps)}
Bounding set =${listText(bound)}
Ambient set =${listText(amb)}
Current IAB: ${iabText(caps.inheritable, amb, bound)}
Securebits: 0${bits.toString(8)}/0x${bits.toString(16)}/${binary.length}'b${binary} (no-new-privs=${yield* sys.prctl(PR_GET_NO_NEW_PRIVS)})
${secureNames.map((name, i) => ` secure-${name}: ${bits & (1 << (2 * i)) ? "yes" : "no"} (${bits & (2 << (2 * i)) ? "locked" : "unlocked"})`).join("\n")}
uid=${yield* user(ruid)} euid=${yield* user(euid)}
gid=${yield* group(gid)}
groups=${groups.join(",")}
Guessed mode: ${mode}
`);
}

function* requireCap(c: Command, name: string): Proc<number> {
  return findCap(name) ?? (yield* stop(c, `capability [${name}] is unknown to libcap`));
}

function* changeAmbient(c: Command, list: string, raise: boolean): Proc<void> {
  const operation = raise ? PR_CAP_AMBIENT_RAISE : PR_CAP_AMBIENT_LOWER;
  for (const name of list.split(",")) {
    const cap = yield* requireCap(c, name);
    yield* tryTo(c, `failed to ${raise ? "raise" : "lower"} ambient [${name}=${cap}]`, () => c.sys.prctl(PR_CAP_AMBIENT, operation, cap));
  }
}

function* drop(c: Command, list: string): Proc<void> {
  const caps: number[] = [];
  if (list.toLowerCase() === "all") for (let cap = 0; cap <= CAP_LAST_CAP; cap++) caps.push(cap);
  else for (const name of list.split(",")) caps.push(yield* requireCap(c, name));
  for (const cap of caps) yield* tryTo(c, `failed to drop [${capName(cap)}=${cap}]`, () => c.sys.prctl(PR_CAPBSET_DROP, cap));
}

function* inherit(c: Command, list: string): Proc<void> {
  let set = 0n;
  if (list.toLowerCase() === "all") set = (1n << BigInt(CAP_LAST_CAP + 1)) - 1n;
  else
    for (const name of list.split(",").filter((n) => n !== "")) {
      const cap = findCap(name);
      if (cap === undefined) return yield* stop(c, "Fatal error internalizing capabilities: Invalid argument");
      set |= capBit(cap);
    }
  const now = yield* c.sys.capget(0);
  yield* tryTo(c, "Unable to set inheritable capabilities", () => c.sys.capset({ ...now, inheritable: set }));
}

function* requireNumber(c: Command, option: string, text: string): Proc<number> {
  if (!/^[0-9]+$/.test(text)) return yield* stop(c, `invalid ${option} value: want non-negative integer, got "${text}"`);
  return Number(text);
}

function* becomeUser(c: Command, name: string): Proc<void> {
  const user = yield* getpwnam(c.sys, name);
  if (user === undefined) return yield* stop(c, `User [${name}] not known`);
  const groups = yield* getgrouplist(c.sys, name, user.gid);
  c.env.set("USER", name);
  c.env.set("HOME", user.dir);
  yield* tryTo(c, "Unable to set group list for user", () => c.sys.setgroups(groups));
  yield* tryTo(c, `Failed to set gid=${user.gid}:`, () => c.sys.setgid(user.gid));
  yield* tryTo(c, `Failed to set uid=${user.uid}(user=${name}):`, () => c.sys.setuid(user.uid));
}

function* setGroups(c: Command, list: string): Proc<void> {
  const ids: number[] = [];
  for (const word of list.split(",").filter((w) => w !== "")) {
    const id = /^[0-9]+$/.test(word) ? Number(word) : (yield* getgrnam(c.sys, word))?.gid;
    if (id === undefined) return yield* stop(c, `Failed to identify gid for group [${word}]`);
    ids.push(id);
  }
  yield* tryTo(c, "Failed to setgroups.", () => c.sys.setgroups(ids));
}

function* decode(c: Command, text: string): Proc<void> {
  const mask = BigInt(`0x${/^(?:0x)?([0-9a-f]*)/i.exec(text)?.[1] || "0"}`);
  yield* c.print(`0x${mask.toString(16).padStart(16, "0")}=${listText(mask)}\n`);
}

/** --has-?=: whether a capability is in a set. */
function* requireHas(c: Command, which: string, name: string): Proc<void> {
  const cap = findCap(name);
  if (cap === undefined) return yield* stop(c, `cap[${name}] not recognized by library`);
  const caps = yield* c.sys.capget(0);
  const sets: Readonly<Record<string, readonly [string, CapSet]>> = {
    a: ["in ambient vector", yield* ambient(c)],
    b: ["in bounding vector", yield* bounding(c)],
    i: ["inheritable", caps.inheritable],
    p: ["permitted", caps.permitted],
  };
  const [words, set] = sets[which] ?? ["", 0n];
  if ((set & capBit(cap)) === 0n) yield* stop(c, `cap[${name}] not ${words}`);
}

/** Options with a value, by name. */
const valued: Readonly<Record<string, (c: Command, value: string) => Proc<void>>> = {
  addamb: (c, v) => changeAmbient(c, v, true),
  delamb: (c, v) => changeAmbient(c, v, false),
  drop,
  inh: inherit,
  user: becomeUser,
  groups: setGroups,
  decode,
  *caps(c, value) {
    const caps = capFromText(value);
    if (caps === undefined) return yield* stop(c, `unable to interpret [--caps=${value}]`);
    yield* tryTo(c, `Unable to set capabilities [--caps=${value}]`, () => c.sys.capset(caps));
  },
  *uid(c, value) {
    const uid = yield* requireNumber(c, "--uid", value);
    yield* tryTo(c, `Failed to set uid=${uid}:`, () => c.sys.setuid(uid));
  },
  *gid(c, value) {
    const gid = yield* requireNumber(c, "--gid", value);
    yield* tryTo(c, `Failed to set gid=${gid}:`, () => c.sys.setgid(gid));
  },
  *keep(c, value) {
    const on = yield* requireNumber(c, "--keep", value);
    yield* tryTo(c, `prctl(PR_SET_KEEPCAPS, ${on}) failed:`, () => c.sys.prctl(PR_SET_KEEPCAPS, on));
  },
  *secbits(c, value) {
    if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(value)) return yield* stop(c, `failed to parse securebits [${value}]`);
    yield* tryTo(c, `failed to set securebits to 0${Number(value).toString(8)}/0x${Number(value).toString(16)}`, () =>
      c.sys.prctl(PR_SET_SECUREBITS, Number(value)),
    );
  },
  *chroot(c, value) {
    try {
      yield* c.sys.chroot(value);
      yield* c.sys.chdir("/");
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.eprint(`Unable to chroot/chdir to [${value}]`);
      throw new Exit(1);
    }
  },
  *supports(c, value) {
    if (findCap(value) === undefined) yield* stop(c, `cap[${value}] not recognized by library`);
  },
  "has-a": (c, v) => requireHas(c, "a", v),
  "has-b": (c, v) => requireHas(c, "b", v),
  "has-i": (c, v) => requireHas(c, "i", v),
  "has-p": (c, v) => requireHas(c, "p", v),
  *"is-uid"(c, value) {
    const [want, got] = [yield* requireNumber(c, "--is-uid", value), yield* c.sys.getuid()];
    if (want !== got) yield* stop(c, `uid: got=${got}, want=${want}`);
  },
  *"is-gid"(c, value) {
    const [want, got] = [yield* requireNumber(c, "--is-gid", value), yield* c.sys.getgid()];
    if (want !== got) yield* stop(c, `gid: got=${got}, want=${want}`);
  },
};

const plain: Readonly<Record<string, (c: Command) => Proc<void>>> = {
  "--print": print,
  *"--current"(c) {
    const caps = yield* c.sys.capget(0);
    yield* c.print(`Current: ${capToText(caps)}\nCurrent IAB: ${iabText(caps.inheritable, yield* ambient(c), yield* bounding(c))}\n`);
  },
  *"--noamb"(c) {
    yield* tryTo(c, "failed to reset ambient set", () => c.sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL));
  },
  *"--no-new-privs"(c) {
    yield* tryTo(c, "unable to set no-new-privs", () => c.sys.prctl(PR_SET_NO_NEW_PRIVS, 1));
  },
  *"--has-no-new-privs"(c) {
    if ((yield* c.sys.prctl(PR_GET_NO_NEW_PRIVS)) !== 1) yield* stop(c, "no-new-privs not set");
  },
  // Unknown capabilities are not looked for.
  *"--quiet"() {},
};

function* run(c: Command): Proc<number> {
  let shell = "/bin/bash";
  for (const [i, word] of c.args.entries()) {
    const rest = c.args.slice(i + 1);
    if (word === "--" || word === "==") {
      const file = word === "--" ? shell : "/proc/self/exe";
      yield* c.stdout.flush();
      return yield* tryTo(c, `execve '${file}' failed!`, () =>
        c.sys.execve(file, word === "--" ? [shell, ...rest] : [c.argv[0] ?? "capsh", ...rest], c.env),
      );
    }
    const [, name = "", value = ""] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
    const change = plain[word] ?? (name === "" ? undefined : valued[name]);
    if (name === "shell") shell = value;
    else if (change !== undefined) yield* change(c, value);
    else {
      const asked = word === "--help" || word === "-h";
      yield* c.print(usage);
      return asked ? 0 : 1;
    }
  }
  return 0;
}

export const capsh: Executable = {
  name: "capsh",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/capsh"],
  needed: ["libcap.so.2", "libc.so.6"],
  sizeBytes: 54568,
};
