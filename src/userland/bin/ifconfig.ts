/** ifconfig(8) of net-tools, and of busybox: shows and sets interfaces by ioctls, netdevice(7). Left out: IPv6 addresses, tunnels, media, aliases of labels in lists. */

import { Errno } from "../../abi/errno.ts";
import { parseIpv4, parseMac, prefixMask } from "../../abi/inet.ts";
import { AF_INET, SOCK_DGRAM } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { briefLine, interfaces, readCounters, readInterface } from "../net-tools/interface.ts";

const usage = `Usage:
  ifconfig [-a] [-s] <interface> [<address>[/<prefixlen>]]
  [[-]broadcast [<address>]] [netmask <address>]
  [hw ether <address>]  [mtu <NN>]
  [[-]arp]  [[-]allmulti]  [[-]promisc]  [multicast]
  [txqueuelen <NN>]
  [up|down] ...`;

const BRIEF_HEAD = "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n";

const IFF_UP = 1;
const IFF_RUNNING = 0x40;
/** Words that set a flag, with `-` clear it. `arp` clears what it names. */
const SWITCHES: Readonly<Record<string, { readonly bit: number; readonly inverse?: boolean }>> = {
  arp: { bit: 0x80, inverse: true },
  allmulti: { bit: 0x200 },
  promisc: { bit: 0x100 },
  multicast: { bit: 0x1000 },
  dynamic: { bit: 0x8000 },
};

function* show(c: Command, fd: number, name: string | undefined, all: boolean, brief: boolean): Proc<number> {
  if (name !== undefined) {
    const one = yield* readInterface(c, fd, name, (yield* readCounters(c)).get(name));
    if (one === undefined) {
      const busybox = c.voice === "busybox";
      yield* c.eprint(`${busybox ? "ifconfig: " : ""}${name}: error fetching interface information: Device not found\n`);
      return 1;
    }
    yield* c.print(brief ? BRIEF_HEAD + briefLine(one) : one.text);
    return 0;
  }
  if (brief) yield* c.print(BRIEF_HEAD);
  for (const one of yield* interfaces(c, fd, all)) yield* c.print(brief ? briefLine(one) : one.text);
  return 0;
}

class Setter {
  failed = false;

  constructor(
    private readonly c: Command,
    private readonly fd: number,
    private readonly name: string,
  ) {}

  /** Runs one request; a refusal is said and counted. */
  private *request(request: string, call: Proc<unknown>): Proc<void> {
    try {
      yield* call;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* this.c.eprint(`${this.c.voice === "busybox" ? "ifconfig: " : ""}${request}: ${e.message}\n`);
      this.failed = true;
    }
  }

  *flags(set: number, clear: number): Proc<void> {
    let flags: number;
    try {
      flags = yield* this.c.sys.ioctl(this.fd, "SIOCGIFFLAGS", this.name);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (this.c.voice === "busybox") yield* this.c.eprint(`ifconfig: SIOCGIFFLAGS: ${e.message}\n`);
      else yield* this.c.eprint(`${this.name}: ERROR while getting interface flags: ${e.message}\n`);
      throw new Exit(this.c.voice === "busybox" ? 1 : 255);
    }
    yield* this.request("SIOCSIFFLAGS", this.c.sys.ioctl(this.fd, "SIOCSIFFLAGS", { name: this.name, value: (flags | set) & ~clear }));
  }

  address(kind: "SIOCSIFADDR" | "SIOCSIFNETMASK" | "SIOCSIFBRDADDR", addr: number): Proc<void> {
    return this.request(kind, this.c.sys.ioctl(this.fd, kind, { name: this.name, addr }));
  }

  number(kind: "SIOCSIFMTU" | "SIOCSIFTXQLEN" | "SIOCSIFHWADDR", value: number): Proc<void> {
    return this.request(kind, this.c.sys.ioctl(this.fd, kind, { name: this.name, value }));
  }
}

/** A dotted mask or another address, of which the last parts may be missing. */
const lenient = (text: string): number | undefined =>
  parseIpv4(/^\d+(\.\d+){0,2}$/.test(text) ? `${text}.0.0.0`.split(".").slice(0, 4).join(".") : text);

function* set(c: Command, fd: number, [name = "", ...words]: readonly string[]): Proc<number> {
  const setter = new Setter(c, fd, name);
  let at = 0;
  const argument = function* (): Proc<string> {
    const word = words[at++];
    if (word !== undefined) return word;
    yield* c.eprint(`${usage}\n`);
    throw new Exit(c.voice === "busybox" ? 1 : 3);
  };
  let last: number | undefined;
  while (at < words.length) {
    const word = words[at++] as string;
    const off = word.startsWith("-");
    const toggle = SWITCHES[off ? word.slice(1) : word];
    if (toggle !== undefined) {
      const on = off === (toggle.inverse === true);
      yield* setter.flags(on ? toggle.bit : 0, on ? 0 : toggle.bit);
    } else if (word === "up") yield* setter.flags(IFF_UP | IFF_RUNNING, 0);
    else if (word === "down") yield* setter.flags(0, IFF_UP);
    else if (word === "mtu") yield* setter.number("SIOCSIFMTU", Number.parseInt(yield* argument(), 10) || 0);
    else if (word === "txqueuelen") yield* setter.number("SIOCSIFTXQLEN", Number.parseInt(yield* argument(), 10) || 0);
    else if (word === "netmask") yield* setter.address("SIOCSIFNETMASK", lenient(yield* argument()) ?? 0);
    else if (word === "broadcast") yield* setter.address("SIOCSIFBRDADDR", lenient(yield* argument()) ?? 0);
    else if (word === "hw") {
      const type = yield* argument();
      const mac = parseMac(yield* argument());
      if (type !== "ether" || mac === undefined) return yield* c.fail(`${type}: invalid hardware address`, 1);
      yield* setter.number("SIOCSIFHWADDR", mac);
    } else if (["add", "del", "tunnel", "pointopoint", "dstaddr", "name", "media", "metric"].includes(word)) {
      yield* argument();
      return yield* c.fail(`${word} is not built`, 1);
    } else last = yield* setAddress(c, setter, word);
  }
  // Words such as a host name that is not known end it before.
  return setter.failed && last === undefined ? 1 : setter.failed ? 1 : 0;
}

function* setAddress(c: Command, setter: Setter, word: string): Proc<number> {
  const [host = "", prefix] = word.split("/");
  const addr = parseIpv4(host);
  if (addr === undefined) {
    if (c.voice === "busybox") yield* c.eprint(`ifconfig: bad address '${host}'\n`);
    else yield* c.eprint(`${host}: Host name lookup failure\nifconfig: \`--help' gives usage information.\n`);
    throw new Exit(1);
  }
  yield* setter.address("SIOCSIFADDR", addr);
  // An address brings its interface up; none takes nothing down.
  if (addr !== 0) yield* setter.flags(IFF_UP | IFF_RUNNING, 0);
  if (prefix !== undefined) yield* setter.address("SIOCSIFNETMASK", prefixMask(Number(prefix)));
  return addr;
}

function* run(c: Command): Proc<number> {
  let at = 0;
  let all = false;
  let brief = false;
  for (; at < c.args.length && (c.args[at] as string).startsWith("-"); at++) {
    const option = c.args[at];
    if (option === "-a") all = true;
    else if (option === "-s" && c.voice !== "busybox") brief = true;
    else if (option === "-h" || option === "--help") return yield* c.help();
    else if (option !== "-v") {
      yield* c.eprint(`ifconfig: option \`${option ?? ""}' not recognised.\nifconfig: \`--help' gives usage information.\n`);
      return 1;
    }
  }
  const rest = c.args.slice(at);
  const fd = yield* c.sys.socket(AF_INET, SOCK_DGRAM, 0);
  if (rest.length <= 1) return yield* show(c, fd, rest[0], all, brief);
  return yield* set(c, fd, rest);
}

export const ifconfig: Executable = {
  name: "ifconfig",
  main: command({ help: usage }, run),
  paths: ["/usr/sbin/ifconfig"],
  needed: ["libselinux.so.1", "libc.so.6"],
  sizeBytes: 83_976,
  applet: "/sbin/ifconfig",
};
