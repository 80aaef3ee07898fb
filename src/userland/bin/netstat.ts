/** netstat(8) of net-tools 2.10, and of busybox: sockets, routes and interfaces from /proc/net. Left out: groups (-g), -s, -M, -c. */

import { AF_INET, SOCK_DGRAM } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { type Parsed, UsageError } from "../libc/getopt.ts";
import { readProcFile } from "../libc/libproc.ts";
import { IdNames } from "../libc/passwd.ts";
import { briefLine, interfaces } from "../net-tools/interface.ts";
import { hostNames, serviceNames, socketOwners, type SocketOwner, textOfHex } from "../net-tools/names.ts";
import { routeTable } from "../net-tools/route-table.ts";

const usage = `usage: netstat [-en] -r
       netstat [-Wnaelop] [<Socket> ...]
       netstat [-en] -i

        -r, --route              display routing table
        -i, --interfaces         display interface table
        -W, --wide               don't truncate IP addresses
        -n, --numeric            don't resolve names
        -e, --extend             display other/more information
        -p, --programs           display PID/Program name for sockets
        -o, --timers             display timers
        -l, --listening          display listening server sockets
        -a, --all                display all sockets (default: connected)

  <Socket>={-t|--tcp} {-u|--udp} {-w|--raw} {-x|--unix}`;

const busyboxUsage = `BusyBox v1.35.0 multi-call binary.

Usage: netstat [-ral] [-tuwx] [-en]

Display networking information

	-r	Routing table
	-a	All sockets
	-l	Listening sockets
		Else: connected sockets
	-t	TCP sockets
	-u	UDP sockets
	-w	Raw sockets
	-x	Unix sockets
		Else: all socket types
	-e	Other/more information
	-n	Don't resolve names`;

const STATES = [
  ...["", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN"],
  "CLOSING",
];

interface Wanted {
  readonly all: boolean;
  readonly listening: boolean;
  readonly has: (letter: string) => boolean;
  readonly owners: ReadonlyMap<number, readonly SocketOwner[]>;
  readonly services: ReadonlyMap<string, string>;
  readonly hosts: ReadonlyMap<string, string>;
  readonly users: IdNames;
}

const modeText = ({ all, listening }: Wanted): string =>
  all ? "(servers and established)" : listening ? "(only servers)" : "(w/o servers)";

function endText(end: string, protocol: string, { has, services, hosts }: Wanted, wide: boolean): string {
  const [hex = "", portHex = "0"] = end.split(":");
  const address = textOfHex(hex);
  const port = Number.parseInt(portHex, 16);
  const host = has("n") ? address : (hosts.get(address) ?? address);
  const service = port === 0 ? "*" : has("n") ? String(port) : (services.get(`${port}/${protocol}`) ?? String(port));
  const room = wide ? 50 : 22 - service.length;
  return `${wide ? host : host.slice(0, room)}:${service}`.padEnd(23);
}

function ownerText(owners: readonly SocketOwner[] | undefined): string {
  const owner = owners?.[0];
  return (owner === undefined ? "-" : `${owner.pid}/${owner.comm}`).slice(0, 20).padEnd(20);
}

function* inetLines(c: Command, protocol: "tcp" | "udp" | "raw", w: Wanted, six = ""): Proc<void> {
  const lines = ((yield* readProcFile(c.sys, `/proc/net/${protocol}${six}`)) ?? "").split("\n").slice(1);
  for (const line of lines) {
    const [, local = "", remote = "", st = "0", queues = "0:0", timer = "00:0", retransmits = "0", uid = "0", timeout = "0", ino = "0"] =
      line.trim().split(/\s+/);
    if (local === "") continue;
    const state = Number.parseInt(st, 16);
    const connected = !/:0000$/.test(remote) || (protocol === "tcp" && state !== 10);
    if (!w.all && connected === w.listening) continue;
    const [wqueue = 0, rqueue = 0] = queues.split(":").map((text) => Number.parseInt(text, 16));
    const stateText = protocol === "tcp" || state === 1 ? (STATES[state] ?? "UNKNOWN") : protocol === "raw" ? String(state) : "";
    let text = `${(protocol + six).padEnd(4)} ${String(rqueue).padStart(7)} ${String(wqueue).padStart(6)} `;
    text += `${endText(local, protocol, w, w.has("W"))} ${endText(remote, protocol, w, w.has("W"))} ${stateText.padEnd(11)}`;
    if (c.voice === "busybox") text += " ";
    else if (w.has("e")) text += ` ${(w.has("n") ? uid : ((yield* w.users.user(Number(uid))) ?? uid)).padEnd(10)} ${ino.padEnd(10)}`;
    if (w.has("p")) text += ` ${ownerText(w.owners.get(Number(ino)))}`;
    if (w.has("o")) {
      const [kind = "00", left = "0"] = timer.split(":");
      const name = ["off", "on", "keepalive", "timewait", "probe"][Number(kind)] ?? "unkn";
      text += ` ${name} (${(Number.parseInt(left, 16) / 100).toFixed(2)}/${Number.parseInt(retransmits, 16)}/${timeout})`;
    }
    yield* c.print(`${text}\n`);
  }
}

const UNIX_TYPES: Readonly<Record<number, string>> = { 1: "STREAM", 2: "DGRAM", 5: "SEQPACKET" };

function* unixLines(c: Command, w: Wanted): Proc<void> {
  const busybox = c.voice === "busybox";
  const program = w.has("p") ? `${"PID/Program name".padEnd(20)} ` : "";
  yield* c.print(`Active UNIX domain sockets ${modeText(w)}\n`);
  yield* c.print(
    `Proto RefCnt Flags       Type       State         I-Node  ${busybox ? "" : " "}${program}Path\n`.replace(
      busybox ? "I-Node  " : "\0",
      "I-Node ",
    ),
  );
  for (const line of ((yield* readProcFile(c.sys, "/proc/net/unix")) ?? "").split("\n").slice(1)) {
    const [, references = "0", , flagText = "0", typeText = "0", st = "0", ino = "0", path = ""] = line.trim().split(/\s+/);
    if (line === "") continue;
    const accepts = (Number.parseInt(flagText, 16) & 0x10000) !== 0;
    const state = Number.parseInt(st, 16);
    const connected = state === 3;
    if (!w.all && (w.listening ? !accepts : !connected)) continue;
    const name = connected ? "CONNECTED" : accepts ? "LISTENING" : "";
    const flags = `[ ${accepts ? "ACC " : ""}]`;
    const owner = w.has("p") ? `${ownerText(w.owners.get(Number(ino)))} ` : "";
    const type = UNIX_TYPES[Number.parseInt(typeText, 16)] ?? "UNKNOWN";
    yield* c.print(
      `unix  ${String(Number.parseInt(references, 16)).padEnd(6)} ${flags.padEnd(11)} ${type.padEnd(10)} ${name.padEnd(13)} ${ino.padEnd(busybox ? 6 : 8)} ${owner}${path}\n`,
    );
  }
}

function* sockets(c: Command, has: (letter: string) => boolean): Proc<number> {
  const kinds = ["t", "u", "w", "x"].filter(has);
  const any = kinds.length === 0;
  const empty = new Map<string, string>();
  const w: Wanted = {
    ...{ all: has("a"), listening: has("l"), has },
    owners: has("p") ? yield* socketOwners(c.sys) : new Map<number, readonly SocketOwner[]>(),
    services: has("n") ? empty : yield* serviceNames(c.sys),
    hosts: has("n") ? empty : yield* hostNames(c.sys),
    users: new IdNames(c.sys),
  };
  if (any || has("t") || has("u") || has("w")) {
    yield* c.print(`Active Internet connections ${modeText(w)}\n`);
    let head = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";
    if (c.voice === "busybox") head += " ";
    else if (has("e")) head += " User       Inode     ";
    if (has("p")) head += " PID/Program name    ";
    if (has("o")) head += " Timer";
    yield* c.print(`${head}\n`);
    const only = has("4") === has("6") ? ["", "6"] : has("6") ? ["6"] : [""];
    for (const six of only) if (any || has("t")) yield* inetLines(c, "tcp", w, six);
    for (const six of only) if (any || has("u")) yield* inetLines(c, "udp", w, six);
    for (const six of only) if (any || has("w")) yield* inetLines(c, "raw", w, six);
  }
  if (any || has("x")) yield* unixLines(c, w);
  return 0;
}

const long = [
  ...[
    ["route", "r"],
    ["interfaces", "i"],
    ["wide", "W"],
    ["numeric", "n"],
    ["extend", "e"],
    ["programs", "p"],
    ["timers", "o"],
  ],
  ...[
    ["listening", "l"],
    ["all", "a"],
    ["tcp", "t"],
    ["udp", "u"],
    ["raw", "w"],
    ["unix", "x"],
  ],
].map(([name = "", as = ""]) => ({ name, as }));

function* run(c: Command): Proc<number> {
  let parsed: Parsed;
  try {
    parsed = yield* c.getopt(c.voice === "busybox" ? { short: "raletuwxn" } : { short: "riWnepolatuwx46", long });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint(`netstat: ${e.message}\n${c.voice === "busybox" ? busyboxUsage : usage}\n`);
    return c.voice === "busybox" ? 1 : 3;
  }
  const has = (letter: string): boolean => parsed.options.some(({ name }) => name === letter);
  if (has("r")) {
    yield* c.print(yield* routeTable(c.sys, "netstat", has("n")));
    return 0;
  }
  if (!has("i")) return yield* sockets(c, has);
  const fd = yield* c.sys.socket(AF_INET, SOCK_DGRAM, 0);
  const all = yield* interfaces(c, fd, has("a"));
  yield* c.print("Kernel Interface table\n");
  if (has("e")) for (const one of all) yield* c.print(one.text);
  else {
    yield* c.print("Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n");
    for (const one of all) yield* c.print(briefLine(one));
  }
  return 0;
}

export const netstat: Executable = {
  name: "netstat",
  main: command({ help: (voice) => (voice === "busybox" ? busyboxUsage : usage) }, run),
  paths: ["/usr/bin/netstat"],
  needed: ["libselinux.so.1", "libc.so.6"],
  sizeBytes: 155_304,
  applet: "/bin/netstat",
};
