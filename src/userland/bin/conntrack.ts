/** conntrack(8) 1.4.7: the connections that the kernel tracks, over ctnetlink. Built: -L -D -F -C -E with filters. Left out: -I, -U, -G, expectations. */

import * as C from "../../abi/ctnetlink.ts";
import { EACCES, EINTR, EPERM } from "../../abi/errno.ts";
import { formatIpv4, parseIpv4 } from "../../abi/inet.ts";
import {
  decodeAttributes,
  NETLINK_NETFILTER,
  type NetlinkAttribute,
  type NetlinkMessage,
  NetlinkWriter,
  NLM_F_CREATE,
} from "../../abi/netlink.ts";
import { SIGINT, SIGTERM } from "../../abi/signal.ts";
import { AF_INET } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { NetlinkFailure, NetlinkSocket } from "../libc/rtnetlink.ts";

const VERSION = "v1.4.7 (conntrack-tools)";
const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, dccp: 33, gre: 47, sctp: 132, udplite: 136 };
const TCP_STATES = ["NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"];

interface Side {
  readonly src: number;
  readonly dst: number;
  readonly protocol: number;
  /** As it is printed: ports, or what ICMP has for them. */
  readonly ends: string;
  readonly srcPort: number;
  readonly dstPort: number;
}

interface Flow {
  readonly original: Side;
  readonly reply: Side;
  /** The tuple as it came, to name the flow by. */
  readonly tuple: NetlinkAttribute;
  readonly status: number;
  readonly timeout: number | undefined;
  readonly mark: number;
  readonly tcpState: number | undefined;
}

const be16 = (attribute: NetlinkAttribute | undefined): number => ((attribute?.bytes[0] ?? 0) << 8) | (attribute?.bytes[1] ?? 0);

function readSide(attribute: NetlinkAttribute): Side {
  const ip = attribute.nested.get(C.CTA_TUPLE_IP)?.nested;
  const proto = attribute.nested.get(C.CTA_TUPLE_PROTO)?.nested;
  const protocol = proto?.get(C.CTA_PROTO_NUM)?.u8 ?? 0;
  const [srcPort, dstPort] = [be16(proto?.get(C.CTA_PROTO_SRC_PORT)), be16(proto?.get(C.CTA_PROTO_DST_PORT))];
  const icmp = `type=${proto?.get(C.CTA_PROTO_ICMP_TYPE)?.u8 ?? 0} code=${proto?.get(C.CTA_PROTO_ICMP_CODE)?.u8 ?? 0} id=${be16(proto?.get(C.CTA_PROTO_ICMP_ID))} `;
  const ends = protocol === 1 ? icmp : protocol === 6 || protocol === 17 ? `sport=${srcPort} dport=${dstPort} ` : "";
  return { src: ip?.get(C.CTA_IP_V4_SRC)?.be32 ?? 0, dst: ip?.get(C.CTA_IP_V4_DST)?.be32 ?? 0, protocol, ends, srcPort, dstPort };
}

function readFlow({ payload }: NetlinkMessage): Flow {
  const attributes = decodeAttributes(payload, C.NFGENMSG_SIZE);
  const tuple = attributes.get(C.CTA_TUPLE_ORIG) as NetlinkAttribute;
  return {
    original: readSide(tuple),
    reply: readSide(attributes.get(C.CTA_TUPLE_REPLY) as NetlinkAttribute),
    tuple,
    status: attributes.get(C.CTA_STATUS)?.be32 ?? 0,
    timeout: attributes.get(C.CTA_TIMEOUT)?.be32,
    mark: attributes.get(C.CTA_MARK)?.be32 ?? 0,
    tcpState: attributes.get(C.CTA_PROTOINFO)?.nested.get(C.CTA_PROTOINFO_TCP)?.nested.get(C.CTA_PROTOINFO_TCP_STATE)?.u8,
  };
}

const sideText = ({ src, dst, ends }: Side): string => `src=${formatIpv4(src)} dst=${formatIpv4(dst)} ${ends}`;

/** `event`: without what is no news. */
function flowText({ original, reply, status, timeout, mark, tcpState }: Flow, extended: boolean, event = false): string {
  const name = Object.keys(PROTOCOLS).find((key) => PROTOCOLS[key] === original.protocol) ?? "unknown";
  let text = `${extended ? "ipv4     2 " : ""}${name.padEnd(8)} ${original.protocol} ${timeout === undefined ? "" : `${timeout} `}`;
  if (tcpState !== undefined) text += `${TCP_STATES[tcpState]} `;
  text += sideText(original);
  if ((status & C.IPS_SEEN_REPLY) === 0) text += "[UNREPLIED] ";
  text += sideText(reply);
  if ((status & C.IPS_ASSURED) !== 0) text += "[ASSURED] ";
  if (event) return `${text}${mark === 0 ? "" : `mark=${mark}`}`.trimEnd();
  return `${text}mark=${mark} use=1\n`;
}

interface Request {
  command: "L" | "D" | "F" | "C" | "E" | undefined;
  extended: boolean;
  timestamp: boolean;
  /** Multicast groups to join. */
  groups: number;
  readonly filters: ((flow: Flow) => boolean)[];
}

function* mistake(c: Command, text: string): Proc<never> {
  yield* c.eprint(`${c.name} ${VERSION}: ${text}\nTry \`${c.name} -h' or '${c.name} --help' for more information.\n`);
  throw new Exit(2);
}

const bit = (group: number): number => 1 << (group - 1);
const ALL_EVENTS = bit(C.NFNLGRP_CONNTRACK_NEW) | bit(C.NFNLGRP_CONNTRACK_UPDATE) | bit(C.NFNLGRP_CONNTRACK_DESTROY);
const EVENT_MASKS: Readonly<Record<string, number>> = {
  ALL: ALL_EVENTS,
  NEW: bit(C.NFNLGRP_CONNTRACK_NEW),
  UPDATES: bit(C.NFNLGRP_CONNTRACK_UPDATE),
  DESTROY: bit(C.NFNLGRP_CONNTRACK_DESTROY),
};

/** `conntrack -E`: what happens to connections, until SIGINT or SIGTERM. */
function* watch(c: Command, request: Request): Proc<number> {
  const socket = yield* NetlinkSocket.open(c.sys, NETLINK_NETFILTER, request.groups === 0 ? ALL_EVENTS : request.groups);
  let stop = false;
  let count = 0;
  for (const signal of [SIGINT, SIGTERM])
    yield* c.sys.rt_sigaction(signal, {
      *handler() {
        stop = true;
      },
      flags: 0,
      mask: 0n,
    });
  while (!stop) {
    try {
      for (const message of yield* socket.receive()) {
        const flow = readFlow(message);
        if (!request.filters.every((test) => test(flow))) continue;
        const kind =
          message.type === C.IPCTNL_MSG_CT_DELETE ? "[DESTROY]" : (message.flags & NLM_F_CREATE) !== 0 ? "    [NEW]" : " [UPDATE]";
        const now = yield* c.sys.clock_gettime(CLOCK_REALTIME);
        const stamp = request.timestamp ? `[${now.sec}.${String(Math.floor(now.nsec / 1000)).padStart(6, "0")}]\t` : "";
        yield* c.print(`${stamp}${kind} ${flowText(flow, request.extended, true)}\n`);
        yield* c.stdout.flush();
        count++;
      }
    } catch (e) {
      if (e !== EINTR) throw e;
    }
  }
  yield* c.eprint(`${c.name} ${VERSION}: ${count} flow events have been shown.\n`);
  return 0;
}

/** Options that take a word, by what the flow is asked. */
const FILTERS: Readonly<Record<string, (flow: Flow) => number>> = {
  "-s": (flow) => flow.original.src,
  "--src": (flow) => flow.original.src,
  "--orig-src": (flow) => flow.original.src,
  "-d": (flow) => flow.original.dst,
  "--dst": (flow) => flow.original.dst,
  "--orig-dst": (flow) => flow.original.dst,
  "-r": (flow) => flow.reply.src,
  "--reply-src": (flow) => flow.reply.src,
  "-q": (flow) => flow.reply.dst,
  "--reply-dst": (flow) => flow.reply.dst,
  "--sport": (flow) => flow.original.srcPort,
  "--orig-port-src": (flow) => flow.original.srcPort,
  "--dport": (flow) => flow.original.dstPort,
  "--orig-port-dst": (flow) => flow.original.dstPort,
};

function* parse(c: Command): Proc<Request> {
  const request: Request = { command: undefined, extended: false, timestamp: false, groups: 0, filters: [] };
  const commands: Readonly<Record<string, Request["command"]>> = {
    ...{
      "-L": "L",
      "--dump": "L",
      "-D": "D",
      "--delete": "D",
      "-F": "F",
      "--flush": "F",
      "-C": "C",
      "--count": "C",
      "-E": "E",
      "--event": "E",
    },
  };
  for (let i = 0; i < c.args.length; i++) {
    const word = c.args[i] as string;
    const operand = function* (): Proc<string> {
      const value = c.args[++i];
      return value ?? (yield* mistake(c, `option \`${word}' requires an argument`));
    };
    const filter = FILTERS[word];
    if (word in commands) {
      if (request.command !== undefined) yield* mistake(c, "Can't use these commands together");
      request.command = commands[word];
    } else if (filter !== undefined) {
      const text = yield* operand();
      const value = word.includes("port") ? Number(text) : parseIpv4(text);
      if (value === undefined || Number.isNaN(value)) return yield* mistake(c, `Invalid IP address \`${text}'`);
      request.filters.push((flow) => filter(flow) === value);
    } else if (word === "-p" || word === "--proto") {
      const text = yield* operand();
      const number = PROTOCOLS[text] ?? Number(text);
      if (Number.isNaN(number)) yield* mistake(c, `\`${text}' unsupported protocol`);
      request.filters.push((flow) => flow.original.protocol === number);
    } else if (word === "-o" || word === "--output") {
      const words = (yield* operand()).split(",");
      request.extended = words.includes("extended");
      request.timestamp = words.includes("timestamp");
    } else if (word === "-e" || word === "--event-mask")
      for (const name of (yield* operand()).split(",")) {
        const mask = EVENT_MASKS[name.toUpperCase()];
        if (mask === undefined) return yield* mistake(c, `Bad parameter \`${name}'`);
        request.groups |= mask;
      }
    else if (word === "-n" || word === "--src-nat") request.filters.push((flow) => (flow.status & C.IPS_SRC_NAT) !== 0);
    else if (word === "-g" || word === "--dst-nat") request.filters.push((flow) => (flow.status & C.IPS_DST_NAT) !== 0);
    else if (word === "-V" || word === "--version") {
      yield* c.print(`${c.name} ${VERSION}\n`);
      throw new Exit(0);
    } else if (word === "-h" || word === "--help") yield* c.help();
    else if (word === "conntrack" && i === 1) continue;
    else yield* mistake(c, `unknown option \`${word}'`);
  }
  return request;
}

function* run(c: Command): Proc<number> {
  const request = yield* parse(c);
  if (request.command === undefined) return yield* mistake(c, "You need to supply an operation");
  if (request.command === "E") return yield* watch(c, request);
  const header = (): NetlinkWriter => new NetlinkWriter().u8(AF_INET).u8(0).u16(0);
  const say = (text: string): Proc<void> => c.eprint(`${c.name} ${VERSION}: ${text}\n`);
  try {
    const socket = yield* NetlinkSocket.open(c.sys, NETLINK_NETFILTER);
    if (request.command === "F") {
      yield* socket.request(C.IPCTNL_MSG_CT_DELETE, 0, header());
      yield* say("connection tracking table has been emptied.");
      return 0;
    }
    const all = (yield* socket.dump(C.IPCTNL_MSG_CT_GET, header())).map(readFlow);
    if (request.command === "C") {
      yield* c.print(`${all.length}\n`);
      return 0;
    }
    const chosen = all.filter((flow) => request.filters.every((test) => test(flow)));
    for (const flow of chosen) {
      if (request.command === "D")
        yield* socket.request(C.IPCTNL_MSG_CT_DELETE, 0, header().attr(C.CTA_TUPLE_ORIG | 0x8000, flow.tuple.bytes));
      yield* c.print(flowText(flow, request.extended));
    }
    yield* c.stdout.flush();
    yield* say(`${chosen.length} flow entries have been ${request.command === "D" ? "deleted" : "shown"}.`);
    return request.command === "D" && chosen.length === 0 ? 1 : 0;
  } catch (e) {
    if (!(e instanceof NetlinkFailure)) throw e;
    const denied = e.errno === EPERM || e.errno === EACCES;
    yield* say(
      `Operation failed: ${denied ? "sorry, you must be root or get CAP_NET_ADMIN capability to do this" : (e.errno?.message ?? "unknown error")}`,
    );
    return 1;
  }
}

const HELP = `Command line interface for the connection tracking system. Version 1.4.7
Usage: conntrack [commands] [options]

Commands:
  -L [table] [options]		List connections
  -D [table] parameters		Delete connections
  -F [table]			Flush table
  -C [table]			Show counter
  -E [table] [options]		Show events

Conntrack parameters and options:
  -n, --src-nat			source NAT
  -g, --dst-nat			destination NAT
  -o, --output extended|timestamp	with the network protocol, with the time
  -e, --event-mask mask		ALL, NEW, UPDATES or DESTROY
  -s, --src, --orig-src ip	Source address from original direction
  -d, --dst, --orig-dst ip	Destination address from original direction
  -r, --reply-src ip		Source address from reply direction
  -q, --reply-dst ip		Destination address from reply direction
  -p, --proto proto		Layer 4 Protocol, eg. 'tcp'
      --sport, --orig-port-src port
      --dport, --orig-port-dst port
`;

export const conntrack: Executable = {
  name: "conntrack",
  main: command({ help: HELP }, run),
  paths: ["/usr/sbin/conntrack"],
  needed: ["libnetfilter_conntrack.so.3", "libmnl.so.0", "libc.so.6", "libnfnetlink.so.0"],
  sizeBytes: 99_480,
};
