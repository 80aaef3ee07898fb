/** ip(8) of iproute2 6.1: links, addresses, routes, neighbours, rules, multicast addresses, news of all these, and named network namespaces, all over rtnetlink(7). */

import { Errno } from "../../abi/errno.ts";
import { AF_INET, AF_INET6, AF_PACKET, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { address } from "../ip/address.ts";
import { busyboxUsage } from "../ip/busybox.ts";
import { IpContext, matches } from "../ip/context.ts";
import { help } from "../ip/help.ts";
import { link } from "../ip/link.ts";
import { maddress } from "../ip/maddress.ts";
import { monitor } from "../ip/monitor.ts";
import { neighbour } from "../ip/neighbour.ts";
import { netns, switchTo } from "../ip/netns.ts";
import { Printer } from "../ip/print.ts";
import { route } from "../ip/route.ts";
import { rule } from "../ip/rule.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help as helpOf } from "../libc/help.ts";
import { NetlinkFailure } from "../libc/rtnetlink.ts";

type IpCommand = (ip: IpContext, args: readonly string[]) => Proc<number>;

/** In the order in which abbreviations are tried. */
const objects: readonly (readonly [name: string, run: IpCommand])[] = [
  ["address", address],
  ["route", route],
  ["rule", rule],
  ["neighbor", neighbour],
  ["neighbour", neighbour],
  ["link", link],
  ["netns", netns],
  ["maddress", maddress],
  ["monitor", monitor],
];

const BUSYBOX_OBJECTS = ["address", "route", "link", "neigh", "rule"];

interface Flags {
  family: number;
  details: boolean;
  stats: number;
  numeric: boolean;
  brief: boolean;
  oneline: boolean;
  json: boolean;
  pretty: boolean;
  colour: boolean;
  all: boolean;
  netns: string | undefined;
}

const FAMILIES: Readonly<Record<string, number>> = { inet: AF_INET, inet6: AF_INET6, link: AF_PACKET };

/** The options before the object; abbreviations count. Returns how many words they are. */
function* parseFlags(c: Command, flags: Flags): Proc<number> {
  let i = 0;
  for (; i < c.args.length; i++) {
    const word = c.args[i] as string;
    if (!word.startsWith("-") || word === "-") break;
    const option = word.startsWith("--") && word.length > 2 ? word.slice(1) : word;
    if (c.voice === "busybox") {
      if (option === "-help") yield* c.help();
      const known = ["-4", "-6", "-0", "--"].includes(option) || matches(option, "-family") || matches(option, "-oneline");
      if (!known || option === "-") throw new UsageError("");
    }
    if (option === "--") return i + 1;
    if (option === "-4") flags.family = AF_INET;
    else if (option === "-6") flags.family = AF_INET6;
    else if (option === "-0") flags.family = AF_PACKET;
    else if (matches(option, "-family")) {
      const name = c.args[++i] ?? "";
      const family = FAMILIES[name];
      if (family === undefined) yield* fail(c, `Error: argument "${name}" is wrong: invalid protocol family`, 255);
      flags.family = family ?? AF_UNSPEC;
    } else if (matches(option, "-stats") || matches(option, "-statistics")) flags.stats++;
    else if (matches(option, "-details")) flags.details = true;
    else if (matches(option, "-oneline")) flags.oneline = true;
    else if (matches(option, "-brief") && option.length > 2) flags.brief = true;
    else if (matches(option, "-json")) flags.json = true;
    else if (matches(option, "-pretty")) flags.pretty = true;
    else if (matches(option, "-color") || option.startsWith("-color=")) flags.colour = option !== "-color=never";
    else if (matches(option, "-Numeric") || matches(option, "-human-readable") || matches(option, "-resolve")) flags.numeric = true;
    else if (matches(option, "-all")) flags.all = true;
    else if (matches(option, "-netns")) flags.netns = c.args[++i];
    else if (matches(option, "-Version")) {
      yield* c.print("ip utility, iproute2-6.1.0, libbpf 1.1.2\n");
      throw new Exit(0);
    } else if (matches(option, "-help")) return c.args.length;
    else yield* fail(c, `Option "${option}" is unknown, try "ip -help".`, 255);
  }
  return i;
}

function* fail(c: Command, message: string, status: number): Proc<never> {
  yield* c.eprint(`${message}\n`);
  throw new Exit(status);
}

function* run(c: Command): Proc<number> {
  const flags: Flags = {
    ...{
      family: AF_UNSPEC,
      details: false,
      stats: 0,
      numeric: false,
      brief: false,
      oneline: false,
      json: false,
      pretty: false,
      colour: false,
      all: false,
    },
    netns: undefined,
  };
  const args = c.args.slice(yield* parseFlags(c, flags));
  const ip = new IpContext(c, flags, new Printer(flags), flags.all);
  if (flags.netns !== undefined) yield* switchTo(ip, flags.netns);
  const [name] = args;
  if (c.voice === "busybox") {
    if (name === undefined || !BUSYBOX_OBJECTS.some((object) => matches(name, object))) throw new UsageError("");
    if (matches(name, "link")) ip.busyboxStatus = 2;
  }
  if (name === undefined || matches(name, "help")) return yield* help(ip, "ip");
  const found = objects.find(([object]) => matches(name, object));
  if (found === undefined) return yield* ip.die(`Object "${name}" is unknown, try "ip help".`, 1);
  try {
    const status = yield* found[1](ip, args.slice(1));
    yield* c.print(ip.out.finishList(shows(args[1])));
    return status;
  } catch (e) {
    if (e instanceof NetlinkFailure)
      return yield* ip.die(c.voice === "busybox" ? new NetlinkFailure(e.errno, undefined).message : e.message, 2);
    if (e instanceof Errno) return yield* ip.die(`Cannot open netlink socket: ${e.message}`, 1);
    throw e;
  }
}

/** Whether a verb lists things: with -j it prints a list, if an empty one. */
function shows(verb: string | undefined): boolean {
  return verb === undefined || ["show", "list", "lst", "get"].some((word) => matches(verb, word));
}

export const ip: Executable = {
  name: "ip",
  main: command({ help: helpOf("", busyboxUsage) }, run),
  paths: ["/usr/bin/ip", "/usr/sbin/ip"],
  needed: ["libbpf.so.1", "libelf.so.1", "libmnl.so.0", "libbsd.so.0", "libcap.so.2", "libc.so.6"],
  sizeBytes: 691_016,
  applet: "/sbin/ip",
};
