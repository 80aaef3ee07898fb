/**
 * hostname(1) of Debian's hostname package: shows or sets the host name; names and addresses come by the order of nsswitch.conf(5).
 * Left out: setting the NIS domain name.
 */

import { EPERM, Errno } from "../../abi/errno.ts";
import { AF_INET, AF_INET6, SOCK_DGRAM } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { formatHostAddress, GaiError, getHost, getHostNames, type Host, type HostAddress } from "../libc/netdb.ts";
import { optional, readText } from "../libc/unistd.ts";

const usage = `hostname [-b] {hostname|-F file}         set host name (from file)
       hostname [-a|-A|-d|-f|-i|-I|-s|-y]       display formatted name
       hostname                                 display host name

Program options:
    -a, --alias            alias names
    -A, --all-fqdns        all long host names (FQDNs)
    -b, --boot             set default hostname if none available
    -d, --domain           DNS domain name
    -f, --fqdn, --long     long host name (FQDN)
    -F, --file             read host name from given file
    -i, --ip-address       addresses for the host name
    -I, --all-ip-addresses all addresses for the host
    -s, --short            short host name
    -y, --yp, --nis        NIS/YP domain name`;

function* lookUp(c: Command, name: string): Proc<Host> {
  try {
    return yield* getHost(c.sys, name, AF_INET);
  } catch (e) {
    if (e instanceof GaiError) return yield* c.fail(c.voice === "gnu" ? e.message : `${name}: Unknown host`);
    throw e;
  }
}

const IFF_UP = 1;
const IFF_LOOPBACK = 8;

/** Addresses of devices that are up, without loopback and those of one link only. */
function* ownAddresses(c: Command): Proc<HostAddress[]> {
  const { sys } = c;
  const fd = yield* sys.socket(AF_INET, SOCK_DGRAM, 0);
  const usable = function* (name: string): Proc<boolean> {
    return ((yield* sys.ioctl(fd, "SIOCGIFFLAGS", name)) & (IFF_UP | IFF_LOOPBACK)) === IFF_UP;
  };
  const found: HostAddress[] = [];
  for (const { name, addr } of yield* sys.ioctl(fd, "SIOCGIFCONF")) if (yield* usable(name)) found.push({ family: AF_INET, addr });
  for (const line of ((yield* optional(readText(sys, "/proc/net/if_inet6"))) ?? "").split("\n")) {
    const [hex = "", , , , , name = ""] = line.trim().split(/\s+/);
    if (hex === "" || hex.startsWith("fe80") || !(yield* usable(name))) continue;
    found.push({ family: AF_INET6, addr: (hex.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16)) });
  }
  yield* sys.close(fd);
  return found;
}

/** `-A`: the names of all these; `-I`: the addresses themselves. */
function* listOwn(c: Command, names: boolean): Proc<number> {
  let text = "";
  for (const address of yield* ownAddresses(c)) {
    const shown = names ? (yield* getHostNames(c.sys, address))[0] : formatHostAddress(address);
    if (shown !== undefined) text += `${shown} `;
  }
  yield* c.print(`${text}\n`);
  return 0;
}

/** Other names of the program: `hostname -y`. */
const DOMAIN_NAMES: readonly string[] = ["domainname", "nisdomainname", "ypdomainname"];

function* set(c: Command, name: string): Proc<number> {
  try {
    yield* c.sys.sethostname(name);
    return 0;
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (c.voice === "busybox") yield* c.fail(`sethostname: ${e.message}`);
    return yield* c.fail(e === EPERM ? "you must be root to change the host name" : "name too long");
  }
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const long = [
    { name: "alias", as: "a" },
    { name: "all-fqdns", as: "A" },
    { name: "all-ip-addresses", as: "I" },
    { name: "boot", as: "b" },
    { name: "domain", as: "d" },
    { name: "fqdn", as: "f" },
    { name: "long", as: "f" },
    { name: "file", arg: "required", as: "F" },
    { name: "ip-address", as: "i" },
    { name: "short", as: "s" },
    { name: "yp", as: "y" },
    { name: "nis", as: "y" },
  ] as const;
  const { options, operands } = yield* c.getopt({ short: gnu ? "aAbdfF:hiIsy" : "dfF:is", long: gnu ? long : [] });
  const has = (name: string): boolean => options.some((o) => o.name === name);
  if (has("h")) yield* c.help();
  const file = options.findLast((o) => o.name === "F")?.arg;
  const { nodename } = yield* c.sys.uname();
  if (file !== undefined) {
    let text: string;
    try {
      text = yield* readText(c.sys, file);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (has("b")) return yield* set(c, nodename === "(none)" ? "localhost" : nodename);
      return yield* c.fail(gnu ? e.message : `can't open '${file}': ${e.message}`);
    }
    const name = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#"));
    if (name !== undefined) return yield* set(c, name.trim());
    if (!has("b")) return 0;
  }
  const [name] = operands;
  if (operands.length > 1) throw new UsageError("");
  if (name !== undefined) {
    if (gnu && !/^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(name)) yield* c.fail("the specified hostname is invalid");
    return yield* set(c, name);
  }
  // Of several the last is what is asked.
  const asked = DOMAIN_NAMES.includes(c.name)
    ? "y"
    : c.name === "dnsdomainname"
      ? "d"
      : options.findLast((o) => "aAdfiIsy".includes(o.name))?.name;
  if (asked === "A" || asked === "I") return yield* listOwn(c, asked === "A");
  let shown = nodename;
  if (asked === "y") {
    shown = (yield* c.sys.uname()).domainname;
    if (shown === "(none)" && c.name === "hostname") return yield* c.fail("Local domain name not set");
  } else if (asked === "s") shown = nodename.replace(/\..*/, "");
  else if (asked === "i") shown = (yield* lookUp(c, nodename)).addresses.map(formatHostAddress).join(" ");
  else if (asked === "f") shown = (yield* lookUp(c, nodename)).canonical;
  else if (asked === "d") shown = /\.(.*)/.exec((yield* lookUp(c, nodename)).canonical)?.[1] ?? "";
  else if (asked === "a") shown = (yield* lookUp(c, nodename)).aliases.join(" ");
  if (shown !== "" || asked === "a" || asked === "i") yield* c.print(`${shown}\n`);
  return 0;
}

export const hostname: Executable = {
  name: "hostname",
  paths: ["/usr/bin/hostname", ...["dnsdomainname", ...DOMAIN_NAMES].map((name) => `/usr/bin/${name}`)],
  sizeBytes: 22680,
  applet: "/bin/hostname",
  main: command(
    { help: help(usage, "hostname [-sidf] [HOSTNAME | -F FILE]\n\nShow or set hostname or DNS domain name"), usageStatus: 255 },
    run,
  ),
};
