/** route(8) of net-tools: the routing table from /proc/net/route, changed over rtnetlink(7). Left out: IPv6, the cache, mss, window, irtt. */

import { parseIpv4, prefixMask } from "../../abi/inet.ts";
import { NetlinkWriter, NLM_F_CREATE, NLM_F_EXCL, RTM_DELROUTE, RTM_NEWROUTE } from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { Errno } from "../../abi/errno.ts";
import type { Executable } from "../executable.ts";
import { bytesOfIpv4 } from "../ip/context.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { NetlinkFailure, NetlinkSocket } from "../libc/rtnetlink.ts";
import { routeTable } from "../net-tools/route-table.ts";

const usage = `Usage: route [-nNvee]                         List kernel routing tables
       route [-v] {add|del} ...               Modify routing table

        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -e, --extend             display other information`;

const changeUsage = `Usage: inet_route [-vF] del {-host|-net} Target[/prefix] [gw Gw] [metric M] [[dev] If]
       inet_route [-vF] add {-host|-net} Target[/prefix] [gw Gw] [metric M]
                              [netmask N] [mss Mss] [window W] [irtt I]
                              [mod] [dyn] [reinstate] [[dev] If]
       inet_route [-vF] add {-host|-net} Target[/prefix] [metric M] reject
       inet_route [-FC] flush      NOT supported
`;

function* wrong(c: Command, message: string, status: number): Proc<never> {
  yield* c.eprint(message);
  throw new Exit(status);
}

interface Change {
  readonly addr: number;
  readonly length: number;
  readonly gateway: number | undefined;
  readonly metric: number;
  readonly device: string | undefined;
  readonly reject: boolean;
}

function* parseChange(c: Command, args: readonly string[]): Proc<Change> {
  let at = 0;
  const kind = args[0] === "-net" || args[0] === "-host" ? args[at++] : undefined;
  const target = args[at++];
  if (target === undefined) return yield* wrong(c, changeUsage, 0);
  const [host = "", prefix] = target.split("/");
  const addr = host === "default" ? 0 : parseIpv4(host);
  if (addr === undefined) return yield* wrong(c, `${host}: Host name lookup failure\n`, 6);
  let length = prefix !== undefined ? Number(prefix) : host === "default" || addr === 0 ? 0 : kind === "-net" ? classLength(addr) : 32;
  let gateway: number | undefined;
  let metric = 0;
  let device: string | undefined;
  let reject = false;
  while (at < args.length) {
    const word = args[at++] as string;
    const value = (): string => args[at++] ?? "";
    if (word === "gw" || word === "gateway") gateway = parseIpv4(value());
    else if (word === "metric") metric = Number(value());
    else if (word === "netmask") {
      const mask = parseIpv4(value());
      length = [...Array(33).keys()].find((n) => prefixMask(n) === mask) ?? (yield* wrong(c, "route: bogus netmask\n", 3));
    } else if (word === "reject") reject = true;
    else if (word === "dev" || word === "device") device = value();
    else if (["mss", "window", "irtt", "mod", "dyn", "reinstate"].includes(word)) yield* wrong(c, `route: ${word} is not built\n`, 1);
    else if (device === undefined && at === args.length) device = word;
    else yield* wrong(c, changeUsage, 3);
  }
  if ((addr & ~prefixMask(length)) !== 0) yield* wrong(c, `route: netmask doesn't match route address\n${changeUsage}`, 3);
  return { addr, length, gateway, metric, device, reject };
}

function classLength(addr: number): number {
  const first = addr >>> 24;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

const RTN_UNICAST = 1;
const RTN_UNREACHABLE = 7;
const RTPROT_BOOT = 3;
const SCOPE_LINK = 253;
const SCOPE_HOST = 254;
const SCOPE_NOWHERE = 255;

function* change(c: Command, verb: "add" | "del", args: readonly string[]): Proc<number> {
  const o = yield* parseChange(c, args);
  const name = verb === "add" ? "SIOCADDRT" : "SIOCDELRT";
  try {
    const socket = yield* NetlinkSocket.open(c.sys);
    const index = o.device === undefined ? 0 : yield* c.sys.ioctl(socket.fd, "SIOCGIFINDEX", o.device);
    const scope = verb === "del" ? SCOPE_NOWHERE : o.reject ? SCOPE_HOST : o.gateway !== undefined ? 0 : SCOPE_LINK;
    const type = o.reject ? RTN_UNREACHABLE : verb === "del" ? 0 : RTN_UNICAST;
    const writer = new NetlinkWriter()
      .u8(AF_INET)
      .u8(o.length)
      .u8(0)
      .u8(0)
      .u8(254)
      .u8(verb === "del" ? 0 : RTPROT_BOOT)
      .u8(scope)
      .u8(type)
      .u32(0);
    if (o.length > 0) writer.attr(R.RTA_DST, bytesOfIpv4(o.addr));
    if (o.gateway !== undefined) writer.attr(R.RTA_GATEWAY, bytesOfIpv4(o.gateway));
    if (index !== 0) writer.attrU32(R.RTA_OIF, index);
    if (o.metric > 0) writer.attrU32(R.RTA_PRIORITY, o.metric);
    if (verb === "add" && index === 0 && o.gateway === undefined && !o.reject) return yield* wrong(c, "SIOCADDRT: No such device\n", 7);
    yield* socket.request(verb === "add" ? RTM_NEWROUTE : RTM_DELROUTE, verb === "add" ? NLM_F_CREATE | NLM_F_EXCL : 0, writer);
    return 0;
  } catch (e) {
    const errno = e instanceof NetlinkFailure ? e.errno : e;
    if (!(errno instanceof Errno)) throw e;
    return yield* wrong(c, `${name}: ${errno.message}\n`, 7);
  }
}

function* run(c: Command): Proc<number> {
  const at = c.args.findIndex((word) => !word.startsWith("-") || word === "-net" || word === "-host");
  const { options } = yield* c.getopt(
    {
      short: "nNveFCA:",
      long: [
        { name: "numeric", as: "n" },
        { name: "extend", as: "e" },
      ],
    },
    at < 0 ? c.args : c.args.slice(0, at),
  );
  const has = (letter: string): boolean => options.some(({ name }) => name === letter);
  const [verb, ...rest] = at < 0 ? [] : c.args.slice(at);
  if (verb === "add" || verb === "del" || verb === "delete") return yield* change(c, verb === "add" ? "add" : "del", rest);
  if (verb !== undefined) return yield* wrong(c, `${usage}\n`, 3);
  const extended = options.filter(({ name }) => name === "e").length;
  yield* c.print(yield* routeTable(c.sys, extended === 0 ? "route" : extended === 1 ? "netstat" : "all", has("n")));
  return 0;
}

export const route: Executable = {
  name: "route",
  main: command({ help: usage, usageStatus: 3 }, run),
  paths: ["/usr/sbin/route"],
  needed: ["libselinux.so.1", "libc.so.6"],
  sizeBytes: 70_832,
  applet: "/sbin/route",
};
