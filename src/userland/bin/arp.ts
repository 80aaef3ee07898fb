/** arp(8) of net-tools: the table of neighbours, read from /proc/net/arp and changed over rtnetlink(7). Left out: files (-f), proxy entries, other hardware. */

import { formatIpv4, parseIpv4, parseMac, prefixMask } from "../../abi/inet.ts";
import {
  decodeAttributes,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  RTM_DELNEIGH,
  RTM_GETADDR,
  RTM_NEWNEIGH,
} from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { AF_INET } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { bytesOfIpv4, indexOf, ipv4Of } from "../ip/context.ts";
import { type Command, command, Exit } from "../libc/command.ts";
import { readProcFile } from "../libc/libproc.ts";
import { NetlinkFailure, NetlinkSocket } from "../libc/rtnetlink.ts";
import { hostNames } from "../net-tools/names.ts";

const usage = `Usage:
  arp [-vn]  [-i <if>] [-a] [-e] [<hostname>]        print the table
  arp [-v]   [-i <if>] -d  <host>                    delete an entry
  arp [-v]   [-i <if>] -s  <host> <hwaddr>           add an entry

        -a                       the format of BSD
        -e                       the format of Linux (default)
        -s, --set                set an entry
        -d, --delete             delete an entry
        -v, --verbose            say more
        -n, --numeric            addresses, not names
        -i, --device             one interface`;

interface Entry {
  readonly address: string;
  readonly flags: number;
  readonly mac: string;
  readonly device: string;
}

function* entries(c: Command): Proc<Entry[]> {
  const lines = ((yield* readProcFile(c.sys, "/proc/net/arp")) ?? "").split("\n").slice(1);
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [address = "", , flags = "0", mac = "", , device = ""] = line.trim().split(/\s+/);
      return { address, flags: Number(flags), mac, device };
    });
}

function* show(c: Command, host: string | undefined, device: string | undefined, has: (letter: string) => boolean): Proc<number> {
  const all = yield* entries(c);
  const names = has("n") ? new Map<string, string>() : yield* hostNames(c.sys);
  const wanted = host === undefined ? undefined : yield* addressOf(c, host);
  const bsd = has("a") || c.voice === "busybox";
  let shown = 0;
  for (const { address, flags, mac, device: name } of all) {
    if ((device !== undefined && name !== device) || (wanted !== undefined && address !== formatIpv4(wanted))) continue;
    const complete = (flags & 2) !== 0;
    if (bsd) {
      const hardware = complete ? `${mac} [ether] ` : "<incomplete> ";
      const gap = c.voice === "busybox" ? " " : "";
      yield* c.print(`${names.get(address) ?? "?"} (${address}) at ${hardware}${(flags & 4) !== 0 ? `PERM ` : ""}${gap}on ${name}\n`);
    } else {
      if (shown === 0) yield* c.print("Address                  HWtype  HWaddress           Flags Mask            Iface\n");
      const marks = `${complete ? "C" : ""}${(flags & 4) !== 0 ? "M" : ""}`;
      const hardware = complete ? `ether   ${mac.padEnd(18)}  ${marks.padEnd(5)} ` : "        (incomplete)              ";
      yield* c.print(`${(names.get(address) ?? address).slice(0, 23).padEnd(23)}  ${hardware}${"".padEnd(15)} ${name}\n`);
    }
    shown++;
  }
  if (has("v")) yield* c.print(`Entries: ${all.length}\tSkipped: ${all.length - shown}\tFound: ${shown}\n`);
  if (shown === 0) {
    if (host !== undefined) yield* c.print(`${host} (${formatIpv4(wanted ?? 0)}) -- no entry\n`);
    else if (device !== undefined) yield* c.print(`arp: in ${all.length} entries no match found.\n`);
  }
  return 0;
}

function* addressOf(c: Command, host: string): Proc<number> {
  const addr = parseIpv4(host);
  if (addr !== undefined) return addr;
  for (const [address, name] of yield* hostNames(c.sys))
    if (name === host && parseIpv4(address) !== undefined) return parseIpv4(address) as number;
  yield* c.eprint(`${host}: Host name lookup failure\n`);
  throw new Exit(255);
}

/** The device whose network holds the address. */
function* deviceFor(socket: NetlinkSocket, addr: number): Proc<number> {
  for (const message of yield* socket.dump(RTM_GETADDR, new NetlinkWriter().u8(AF_INET).u8(0).u8(0).u8(0).u32(0))) {
    const local = decodeAttributes(message.payload, 8).get(R.IFA_LOCAL)?.bytes;
    const mask = prefixMask(message.payload[1] ?? 32);
    if (local !== undefined && (ipv4Of(local) & mask) >>> 0 === (addr & mask) >>> 0) return indexOf(message);
  }
  return 0;
}

function* requireDevice(c: Command, socket: NetlinkSocket, device: string | undefined, addr: number): Proc<number> {
  if (device === undefined) return yield* deviceFor(socket, addr);
  return yield* c.sys.ioctl(socket.fd, "SIOCGIFINDEX", device);
}

const request = (index: number, addr: number): NetlinkWriter =>
  new NetlinkWriter().u8(AF_INET).u8(0).u16(0).u32(index).u16(0x80).u8(0).u8(0).attr(R.NDA_DST, bytesOfIpv4(addr));

function* remove(c: Command, host: string | undefined, device: string | undefined): Proc<number> {
  if (host === undefined) return yield* c.fail("need host name", 255);
  const addr = yield* addressOf(c, host);
  const socket = yield* NetlinkSocket.open(c.sys);
  const known = (yield* entries(c)).some(
    (entry) => entry.address === formatIpv4(addr) && (device === undefined || entry.device === device),
  );
  try {
    if (known) {
      yield* socket.request(RTM_DELNEIGH, 0, request(yield* requireDevice(c, socket, device, addr), addr));
      return 0;
    }
  } catch (e) {
    if (!(e instanceof NetlinkFailure)) throw e;
  }
  yield* c.print(`No ARP entry for ${host}\n`);
  return 255;
}

function* set(c: Command, [host, mac]: readonly string[], device: string | undefined): Proc<number> {
  if (host === undefined) return yield* c.fail("need host name", 255);
  const addr = yield* addressOf(c, host);
  if (mac === undefined) return yield* c.fail("need hardware address", 255);
  const hardware = parseMac(mac);
  if (hardware === undefined) return yield* c.fail("invalid hardware address", 255);
  const socket = yield* NetlinkSocket.open(c.sys);
  const index = yield* requireDevice(c, socket, device, addr);
  if (index === 0) {
    yield* c.eprint("SIOCSARP: Network is unreachable\n");
    return 255;
  }
  yield* socket.request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, request(index, addr).attrMac(R.NDA_LLADDR, hardware));
  return 0;
}

function* run(c: Command): Proc<number> {
  const long = [
    ...[
      ["set", "s"],
      ["delete", "d"],
      ["verbose", "v"],
      ["numeric", "n"],
      ["all", "a"],
    ].map(([name = "", as = ""]) => ({ name, as })),
    { name: "device", arg: "required", as: "i" } as const,
  ];
  const { options, operands } = yield* c.getopt({ short: "sdvnaei:", long });
  const has = (letter: string): boolean => options.some(({ name }) => name === letter);
  const device = options.find(({ name }) => name === "i")?.arg;
  if (has("s")) return yield* set(c, operands, device);
  if (has("d")) return yield* remove(c, operands[0], device);
  return yield* show(c, operands[0], device, has);
}

export const arp: Executable = {
  name: "arp",
  main: command({ help: usage, usageStatus: 3 }, run),
  paths: ["/usr/sbin/arp"],
  needed: ["libselinux.so.1", "libc.so.6"],
  sizeBytes: 67_720,
  applet: "/sbin/arp",
};
