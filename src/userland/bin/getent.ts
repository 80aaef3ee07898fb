/** getent(1) of glibc: entries of the name service databases, from the files in /etc. Left out: DNS, netgroup, rpc, aliases. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { getgrouplist, getpwnam } from "../libc/passwd.ts";
import { optional, readText } from "../libc/unistd.ts";

const usage = `getent [OPTION...] database [key ...]
Get entries from administrative database.

  -i, --no-idn               does nothing: there are no encoded names
  -s, --service=CONFIG       does nothing: files are the only service
  -?, --help                 Give this help list
      --usage                Give a short usage message
  -V, --version              Print program version

Supported databases: ahosts ahostsv4 group gshadow hosts initgroups networks passwd protocols services shadow`;

interface Database {
  readonly file: string;
  /** One entry as getent prints it, and the keys that find it; undefined for a line that is none. */
  readonly parse: (line: string) => { readonly text: string; readonly keys: readonly string[] } | undefined;
}

const colons =
  (...keyFields: readonly number[]): Database["parse"] =>
  (line) => {
    const fields = line.split(":");
    return { text: line, keys: keyFields.map((i) => fields[i] ?? "") };
  };

const words = (line: string): string[] => line.replace(/#.*/, "").trim().split(/\s+/);

const hosts: Database["parse"] = (line) => {
  const [address = "", ...names] = words(line);
  return names.length === 0 ? undefined : { text: `${address.padEnd(15)} ${names.join(" ")}`, keys: [...names, address] };
};

const pair: Database["parse"] = (line) => {
  const [name = "", value = "", ...aliases] = words(line);
  if (value === "") return undefined;
  return { text: `${name.padEnd(21)} ${[value, ...aliases].join(" ")}`, keys: [name, value, value.split("/")[0] ?? "", ...aliases] };
};

const databases: Readonly<Record<string, Database>> = {
  passwd: { file: "/etc/passwd", parse: colons(0, 2) },
  group: { file: "/etc/group", parse: colons(0, 2) },
  shadow: { file: "/etc/shadow", parse: colons(0) },
  gshadow: { file: "/etc/gshadow", parse: colons(0) },
  hosts: { file: "/etc/hosts", parse: hosts },
  services: { file: "/etc/services", parse: pair },
  protocols: { file: "/etc/protocols", parse: pair },
  networks: { file: "/etc/networks", parse: pair },
};

const HINT = "Try `getent --help' or `getent --usage' for more information.\n";

/** argp_help puts the hint on standard output, argp_error on standard error. */
function* hint(c: Command, message: string, status: number): Proc<number> {
  yield* c.eprint(`${message}\n`);
  if (status === 1) yield* c.print(HINT);
  else yield* c.eprint(HINT);
  return status;
}

/** `getent ahosts NAME`: each address with the socket types. */
function* ahosts(c: Command, keys: readonly string[]): Proc<number> {
  const text = (yield* optional(readText(c.sys, "/etc/hosts"))) ?? "";
  let status = 0;
  for (const key of keys) {
    const found = text
      .split("\n")
      .map(words)
      .filter(([, ...names]) => names.includes(key));
    if (found.length === 0) status = 2;
    for (const [address = "", name = ""] of found) {
      const types = ["STREAM", "DGRAM", "RAW"];
      for (const [i, type] of types.entries()) yield* c.print(`${address.padEnd(15)} ${type.padEnd(6)} ${i === 0 ? name : ""}\n`);
    }
  }
  return status;
}

function* initgroups(c: Command, keys: readonly string[]): Proc<number> {
  for (const key of keys) {
    const user = yield* getpwnam(c.sys, key);
    const groups = user === undefined ? [] : (yield* getgrouplist(c.sys, key, user.gid)).slice(1);
    yield* c.print(`${`${key.padEnd(21)} ${groups.join(" ")}`.trimEnd().padEnd(22)}\n`);
  }
  return 0;
}

function* run(c: Command): Proc<number> {
  let operands: readonly string[];
  try {
    const parsed = getopt(c.args, {
      short: "is:V?",
      long: [
        { name: "no-idn", as: "i" },
        { name: "service", as: "s", arg: "required" },
        { name: "help", as: "?" },
        { name: "usage", as: "?" },
        { name: "version", as: "V" },
      ],
    });
    if (parsed.options.some((o) => o.name === "?")) return yield* c.help();
    if (parsed.options.some((o) => o.name === "V")) {
      yield* c.print("getent (Debian GLIBC 2.36-9+deb12u10) 2.36\n");
      return 0;
    }
    operands = parsed.operands;
  } catch (e) {
    if (e instanceof UsageError) return yield* hint(c, `${c.name}: ${e.message}`, 64);
    throw e;
  }
  const [name, ...keys] = operands;
  if (name === undefined) return yield* hint(c, `${c.name}: wrong number of arguments`, 1);
  if (name === "initgroups") return yield* initgroups(c, keys);
  if (name === "ahosts" || name === "ahostsv4") return yield* ahosts(c, keys);
  const database = Object.hasOwn(databases, name) ? databases[name] : undefined;
  if (database === undefined) return yield* hint(c, `Unknown database: ${name}`, 1);
  const text = (yield* optional(readText(c.sys, database.file))) ?? "";
  const entries = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(database.parse)
    .filter((entry) => entry !== undefined);
  if (keys.length === 0) for (const entry of entries) yield* c.print(`${entry.text}\n`);
  let status = 0;
  for (const key of keys) {
    const entry = entries.find((one) => one.keys.includes(key));
    if (entry === undefined) status = 2;
    else yield* c.print(`${entry.text}\n`);
  }
  return status;
}

export const getent: Executable = {
  name: "getent",
  main: command({ help: help(usage) }, run),
  paths: ["/usr/bin/getent"],
  sizeBytes: 36320,
};
