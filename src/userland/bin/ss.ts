/**
 * ss(8) of iproute2 6.1: sockets, asked for over NETLINK_SOCK_DIAG, with their processes. Left out: netlink sockets, events (-E), -K, -b, -Z, -D, -F, -N, TIPC,
 * vsock, SCTP, DCCP, MPTCP, the control group of a socket.
 */

import { Errno } from "../../abi/errno.ts";
import { AF_INET, AF_INET6 } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { IpContext } from "../ip/context.ts";
import { Printer } from "../ip/print.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { readProcFile } from "../libc/libproc.ts";
import { NetlinkFailure } from "../libc/rtnetlink.ts";
import { serviceNames, socketOwners } from "../net-tools/names.ts";
import { ALL_STATES, CONNECTED_STATES, FilterError, FilterParser, stateMask } from "../ss/filter.ts";
import { type InetKind, inetRows, packetRows, type Show, unixRows } from "../ss/sockets.ts";
import { type Row, renderTable } from "../ss/table.ts";

const usage = `Usage: ss [ OPTIONS ]
       ss [ OPTIONS ] [ FILTER ]
   -h, --help          print this
   -V, --version       print the version
   -n, --numeric       numbers, not names of services
   -a, --all           all sockets
   -l, --listening     listening sockets
   -o, --options       timers
   -e, --extended      user, inode, cookie
   -m, --memory        memory
   -p, --processes     processes
   -i, --info          state of TCP
   -s, --summary       counts
   -4, --ipv4          IPv4 only
   -6, --ipv6          IPv6 only
   -0, --packet        packet sockets
   -t, --tcp           TCP
   -u, --udp           UDP
   -w, --raw           raw sockets
   -x, --unix          Unix domain sockets
   -f, --family=FAMILY inet, inet6, link or unix
   -A, --query=QUERY   all, inet, tcp, udp, raw, unix, unix_dgram, unix_stream, unix_seqpacket, packet; several with commas
   -H, --no-header     no header
   -O, --oneline       one line a socket
       FILTER := [ state STATE-FILTER ] [ EXPRESSION ]
`;

const long = [
  ...[
    ["numeric", "n"],
    ["all", "a"],
    ["listening", "l"],
    ["options", "o"],
    ["extended", "e"],
    ["memory", "m"],
    ["processes", "p"],
    ["info", "i"],
    ["summary", "s"],
    ["ipv4", "4"],
    ["ipv6", "6"],
    ["packet", "0"],
    ["tcp", "t"],
    ["udp", "u"],
    ["raw", "w"],
    ["unix", "x"],
    ["no-header", "H"],
    ["oneline", "O"],
    ["resolve", "r"],
    ["version", "V"],
    ["help", "h"],
  ].map(([name = "", as = ""]) => ({ name, as })),
  { name: "family", arg: "required", as: "f" },
  { name: "query", arg: "required", as: "A" },
  { name: "socket", arg: "required", as: "A" },
] as const;

/** In the order of printing. */
const TABLES = ["packet", "u_str", "u_dgr", "u_seq", "raw", "udp", "tcp"] as const;
type Table = (typeof TABLES)[number];

const INET: readonly Table[] = ["raw", "udp", "tcp"];
const UNIX: readonly Table[] = ["u_str", "u_dgr", "u_seq"];
const QUERIES: Readonly<Record<string, readonly Table[]>> = {
  ...{ all: TABLES, inet: INET, tcp: ["tcp"], udp: ["udp"], raw: ["raw"], unix: UNIX, packet: ["packet"] },
  ...{ unix_stream: ["u_str"], u_str: ["u_str"], unix_dgram: ["u_dgr"], u_dgr: ["u_dgr"], unix_seqpacket: ["u_seq"], u_seq: ["u_seq"] },
};
const FAMILIES: Readonly<Record<string, readonly Table[]>> = { inet: INET, inet6: INET, link: ["packet"], unix: UNIX };

function* die(c: Command, message: string, status: number): Proc<never> {
  yield* c.stdout.flush();
  yield* c.eprint(`${message}\n`);
  throw new Exit(status);
}

interface Asked {
  readonly tables: ReadonlySet<Table>;
  readonly has: (letter: string) => boolean;
  /** AF_INET or AF_INET6, where only one is asked for. */
  readonly family: number | undefined;
  readonly operands: readonly string[];
}

function* parse(c: Command): Proc<Asked> {
  const { options, operands } = readOptions(c);
  const tables = new Set<Table>();
  const letters = new Set(options.map(({ name }) => name));
  const add = (list: readonly Table[]): void => {
    for (const table of list) tables.add(table);
  };
  let family: string | undefined = letters.has("4") ? "inet" : letters.has("6") ? "inet6" : undefined;
  for (const { name, arg } of options) {
    if (name === "t") add(["tcp"]);
    else if (name === "u") add(["udp"]);
    else if (name === "w") add(["raw"]);
    else if (name === "x") add(UNIX);
    else if (name === "0") add(["packet"]);
    else if (name === "f") {
      if (FAMILIES[arg] === undefined) yield* die(c, `ss: "${arg}" is invalid family\n${usage.trimEnd()}`, 255);
      family = arg;
    } else if (name === "A")
      for (const query of arg.split(","))
        add(QUERIES[query] ?? (yield* die(c, `ss: "${query}" is illegal socket table id\n${usage.trimEnd()}`, 255)));
  }
  if (tables.size === 0) add(family === undefined ? TABLES : (FAMILIES[family] ?? []));
  return {
    tables,
    has: (letter) => letters.has(letter),
    family: family === "inet6" ? AF_INET6 : family === "inet" ? AF_INET : undefined,
    operands,
  };
}

function readOptions(c: Command): ReturnType<typeof getopt> {
  try {
    return getopt(c.args, { short: "naloempis460tuwxf:A:HOrVh", long });
  } catch (e) {
    if (e instanceof UsageError) throw new BadOption(e.message);
    throw e;
  }
}

class BadOption {
  constructor(readonly message: string) {}
}

const DEFAULT_STATES: Readonly<Record<Table, number>> = {
  ...{ packet: 1 << 7, u_str: CONNECTED_STATES, u_dgr: CONNECTED_STATES, u_seq: CONNECTED_STATES },
  ...{ raw: 1 << 1, udp: 1 << 1, tcp: CONNECTED_STATES },
};

function* summary(c: Command): Proc<number> {
  const stat = (yield* readProcFile(c.sys, "/proc/net/sockstat")) ?? "";
  const number = (line: string, key: string): number => Number(new RegExp(`^${line}:.*?\\b${key} (\\d+)`, "m").exec(stat)?.[1] ?? 0);
  const snmp = ((yield* readProcFile(c.sys, "/proc/net/snmp")) ?? "").split("\n").filter((line) => line.startsWith("Tcp:"));
  const [heads = [], values = []] = snmp.map((line) => line.split(" "));
  const established = Number(values[heads.indexOf("CurrEstab")] ?? 0);
  const [used, inUse, orphans, waiting, allocated] = [
    number("sockets", "used"),
    ...["inuse", "orphan", "tw", "alloc"].map((key) => number("TCP", key)),
  ] as [number, number, number, number, number];
  const [udp, raw, frag] = [number("UDP", "inuse"), number("RAW", "inuse"), number("FRAG", "inuse")];
  const row = (name: string, total: number): string => `${name}\t  ${[total, total, 0].map((n) => String(n).padEnd(9)).join(" ")}\n`;
  yield* c.print(
    `Total: ${used}\nTCP:   ${allocated + waiting} (estab ${established}, closed ${Math.max(0, allocated + waiting - inUse)}, orphaned ${orphans}, timewait ${waiting})\n\n`,
  );
  yield* c.print("Transport Total     IP        IPv6\n");
  yield* c.print(`${row("RAW", raw)}${row("UDP", udp)}${row("TCP", inUse)}${row("INET", raw + udp + inUse)}${row("FRAG", frag)}\n`);
  return 0;
}

/** Takes `state X` and `exclude X` off the words; the states that they leave. */
function* takeStates(c: Command, words: string[]): Proc<number | undefined> {
  let states: number | undefined;
  while (words[0] === "state" || words[0] === "exclude" || words[0] === "excl") {
    const [verb, name = ""] = words.splice(0, 2);
    const mask = stateMask(name) ?? (yield* die(c, `ss: wrong state name: ${name}`, 255));
    states = verb === "state" ? (states ?? 0) | mask : (states ?? ALL_STATES) & ~mask;
  }
  return states;
}

function* collect(c: Command, { tables, has, family, operands }: Asked): Proc<number> {
  const words = [...operands];
  const given = yield* takeStates(c, words);
  const services = yield* serviceNames(c.sys);
  const portOf = (name: string): number | undefined => {
    for (const [key, service] of services) if (service === name) return Number(key.split("/")[0]);
    return undefined;
  };
  const test = new FilterParser(words, portOf).parse();
  const masks = new Map(
    [...tables].map((table) => [table, given ?? (has("a") ? ALL_STATES : has("l") ? (1 << 10) | (1 << 7) : DEFAULT_STATES[table])]),
  );
  const show: Show = {
    ...{ timers: has("o"), details: has("e"), memory: has("m"), info: has("i"), oneline: has("O"), numeric: has("n"), services },
    owners: has("p") ? yield* socketOwners(c.sys) : undefined,
  };
  const rows: Row[] = [];
  const maskOf = (table: Table): number => masks.get(table) ?? 0;
  if (tables.has("packet") && test === undefined && (maskOf("packet") & (1 << 7)) !== 0)
    rows.push(...(yield* packetRows(c.sys, yield* deviceNames(c), show)));
  const unix = new Set<string>(UNIX.filter((table) => tables.has(table)));
  if (unix.size > 0 && test === undefined) rows.push(...(yield* unixRows(c.sys, maskOf([...unix][0] as Table), unix, show)));
  const inet = function* (kind: InetKind, table: Table): Proc<void> {
    for (const one of family === undefined ? [AF_INET, AF_INET6] : [family])
      rows.push(...(yield* inetRows(c.sys, one, kind, maskOf(table), test, show)));
  };
  if (tables.has("raw")) yield* inet("raw", "raw");
  if (tables.has("udp")) {
    yield* inet("icmp", "udp");
    yield* inet("udp", "udp");
  }
  if (tables.has("tcp")) yield* inet("tcp", "tcp");
  const union = [...masks.values()].reduce((all, mask) => all | mask, 0);
  yield* c.print(
    renderTable(rows, { netid: tables.size > 1 || tables.has("packet"), state: (union & (union - 1)) !== 0, header: !has("H") }),
  );
  return 0;
}

function* deviceNames(c: Command): Proc<ReadonlyMap<number, string>> {
  const options = {
    family: 0,
    details: false,
    stats: 0,
    numeric: true,
    brief: false,
    oneline: false,
    json: false,
    pretty: false,
    colour: false,
  };
  return yield* new IpContext(c, options, new Printer(options), false).linkNames();
}

function* run(c: Command): Proc<number> {
  try {
    const asked = yield* parse(c);
    if (asked.has("h")) {
      yield* c.print(usage);
      return 0;
    }
    if (asked.has("V")) {
      yield* c.print("ss utility, iproute2-6.1.0\n");
      return 0;
    }
    if (asked.has("s")) {
      yield* summary(c);
      if (![..."tuwx0af"].some((letter) => asked.has(letter)) || asked.operands.length === 0) return 0;
    }
    return yield* collect(c, asked);
  } catch (e) {
    if (e instanceof BadOption) return yield* die(c, `ss: ${e.message}\n${usage.trimEnd()}`, 255);
    if (e instanceof FilterError) return yield* die(c, e.message, e.status);
    if (e instanceof NetlinkFailure) return yield* die(c, e.message, 1);
    if (e instanceof Errno) return yield* die(c, `Cannot open netlink socket: ${e.message}`, 255);
    throw e;
  }
}

export const ss: Executable = {
  name: "ss",
  main: command({ help: usage }, run),
  paths: ["/usr/bin/ss"],
  needed: ["libselinux.so.1", "libmnl.so.0", "libbsd.so.0", "libcap.so.2", "libc.so.6"],
  sizeBytes: 193_680,
};
