/**
 * getent(1) of glibc: entries of the name service databases, hosts by the order of nsswitch.conf, the others from the files in /etc.
 * Left out: netgroup, rpc, aliases, ethers.
 */

import { INADDR_LOOPBACK } from "../../abi/inet.ts";
import { AF_INET, AF_INET6, AF_UNSPEC, SOCK_DGRAM } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import {
  formatHostAddress,
  GaiError,
  getHost,
  getHostNames,
  type Host,
  type HostAddress,
  hostLines,
  parseHostAddress,
} from "../libc/netdb.ts";
import { getgrouplist, getpwnam } from "../libc/passwd.ts";
import { optional, readText } from "../libc/unistd.ts";

const usage = `getent [OPTION...] database [key ...]
Get entries from administrative database.

  -i, --no-idn               does nothing: there are no encoded names
  -s, --service=CONFIG       services for hosts, such as files or dns
  -?, --help                 Give this help list
      --usage                Give a short usage message
  -V, --version              Print program version

Supported databases: ahosts ahostsv4 ahostsv6 group gshadow hosts initgroups networks passwd protocols services shadow`;

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

const pair: Database["parse"] = (line) => {
  const [name = "", value = "", ...aliases] = words(line);
  if (value === "") return undefined;
  return {
    text: `${name.padEnd(21)} ${[value, ...aliases].join(" ")}`,
    keys: [name, value, value.replace(/.*\//, `${name}/`), value.split("/")[0] ?? "", ...aliases],
  };
};

const databases: Readonly<Record<string, Database>> = {
  passwd: { file: "/etc/passwd", parse: colons(0, 2) },
  group: { file: "/etc/group", parse: colons(0, 2) },
  shadow: { file: "/etc/shadow", parse: colons(0) },
  gshadow: { file: "/etc/gshadow", parse: colons(0) },
  services: { file: "/etc/services", parse: pair },
  protocols: { file: "/etc/protocols", parse: pair },
  networks: { file: "/etc/networks", parse: pair },
};

const AHOSTS: Readonly<Record<string, number>> = { ahosts: AF_UNSPEC, ahostsv4: AF_INET, ahostsv6: AF_INET6 };

const HINT = "Try `getent --help' or `getent --usage' for more information.\n";

/** argp_help puts the hint on standard output, argp_error on standard error. */
function* hint(c: Command, message: string, status: number): Proc<number> {
  yield* c.eprint(`${message}\n`);
  if (status === 1) yield* c.print(HINT);
  else yield* c.eprint(HINT);
  return status;
}

const hostLine = (address: HostAddress, names: readonly string[]): string =>
  `${formatHostAddress(address).padEnd(15)} ${names.join(" ")}\n`;

/** gethostent(3) is of IPv4: the loopback address of IPv6 is told as that of IPv4, others are left out. */
function* everyHost(c: Command): Proc<number> {
  for (const { address, names } of yield* hostLines(c.sys)) {
    const mapped = formatHostAddress(address) === "::1" ? LOOPBACK : address;
    if (mapped.family === AF_INET) yield* c.print(hostLine(mapped, names));
  }
  return 0;
}

const LOOPBACK: HostAddress = { family: AF_INET, addr: INADDR_LOOPBACK };

/** The host of a name, undefined where there is none. */
function* findHost(c: Command, key: string, family: number, services: readonly string[] | undefined): Proc<Host | undefined> {
  try {
    return yield* getHost(c.sys, key, family, services);
  } catch (e) {
    if (e instanceof GaiError) return undefined;
    throw e;
  }
}

/** `getent hosts`: a name is asked for as one of IPv6 first; an address for its names. */
function* hosts(c: Command, keys: readonly string[], services: readonly string[] | undefined): Proc<number> {
  if (keys.length === 0) return yield* everyHost(c);
  let status = 0;
  for (const key of keys) {
    const address = parseHostAddress(key);
    if (address !== undefined) {
      const names = yield* getHostNames(c.sys, address, services);
      if (names.length > 0) yield* c.print(hostLine(address, names));
      else status = 2;
      continue;
    }
    const host = (yield* findHost(c, key, AF_INET6, services)) ?? (yield* findHost(c, key, AF_INET, services));
    if (host === undefined) status = 2;
    else for (const one of host.addresses) yield* c.print(hostLine(one, [host.canonical, ...host.aliases]));
  }
  return status;
}

/** AI_ADDRCONFIG: whether some device but lo has an address of that family. */
function* isConfigured(c: Command, family: number): Proc<boolean> {
  if (family === AF_UNSPEC) return true;
  if (family === AF_INET6)
    return ((yield* optional(readText(c.sys, "/proc/net/if_inet6"))) ?? "").split("\n").some((line) => line !== "" && !/ lo$/.test(line));
  const fd = yield* c.sys.socket(AF_INET, SOCK_DGRAM, 0);
  const all = yield* c.sys.ioctl(fd, "SIOCGIFCONF");
  yield* c.sys.close(fd);
  return all.some(({ addr }) => addr >>> 24 !== 127);
}

/** `getent ahosts NAME`: getaddrinfo(3), each address with the socket types. Differs from Linux: of the order by RFC 6724 only that ::1 is before 127.0.0.1. */
function* ahosts(c: Command, keys: readonly string[], family: number, services: readonly string[] | undefined): Proc<number> {
  if (keys.length === 0) return yield* everyHost(c);
  let status = 0;
  for (const key of keys) {
    const found = (yield* isConfigured(c, family)) ? yield* findHost(c, key, family, services) : undefined;
    if (found === undefined) {
      status = 2;
      continue;
    }
    // The files' own ::1 is 127.0.0.1 for whoever asks for IPv4.
    const mapped =
      family !== AF_INET
        ? []
        : (yield* hostLines(c.sys)).filter(({ address, names }) => names.includes(key) && formatHostAddress(address) === "::1");
    const host = { ...found, addresses: [...found.addresses, ...mapped.map(() => LOOPBACK)] };
    const isLoopback = (address: HostAddress): boolean => formatHostAddress(address) === "::1";
    const sorted = [...host.addresses.filter(isLoopback), ...host.addresses.filter((address) => !isLoopback(address))];
    for (const [n, address] of sorted.entries())
      for (const [i, type] of ["STREAM", "DGRAM", "RAW"].entries())
        yield* c.print(`${formatHostAddress(address).padEnd(15)} ${type.padEnd(6)} ${n === 0 && i === 0 ? host.canonical : ""}\n`);
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
  let configs: readonly string[];
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
    configs = parsed.options.filter(({ name }) => name === "s").map(({ arg }) => arg);
  } catch (e) {
    if (e instanceof UsageError) return yield* hint(c, `${c.name}: ${e.message}`, 64);
    throw e;
  }
  // `-s dns`, or `-s hosts:dns` for one database.
  const [name, ...keys] = operands;
  const services = configs.map((config) => config.split(":")).findLast(([database, list]) => list === undefined || database === name);
  const sources = services?.at(-1)?.split(" ");
  if (name === undefined) return yield* hint(c, `${c.name}: wrong number of arguments`, 1);
  if (name === "initgroups") return yield* initgroups(c, keys);
  if (name === "hosts") return yield* hosts(c, keys, sources);
  if (name !== undefined && Object.hasOwn(AHOSTS, name)) return yield* ahosts(c, keys, AHOSTS[name] as number, sources);
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
