/** ip maddress: multicast addresses of links, from /proc/net/{dev_mcast,igmp,igmp6}. iproute2 `ip/ipmaddr.c`. Left out: adding and deleting. */

import { formatIpv4, formatIpv6 } from "../../abi/inet.ts";
import { AF_INET, AF_INET6, AF_PACKET, AF_UNSPEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { readProcFile } from "../libc/libproc.ts";
import { type IpContext, matches, Words } from "./context.ts";
import { help } from "./help.ts";

interface Membership {
  readonly index: number;
  readonly device: string;
  readonly family: "link" | "inet" | "inet6";
  readonly text: string;
  readonly users: number;
  readonly isStatic: boolean;
}

const rows = (text: string | undefined): string[][] =>
  (text ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.trim().split(/\s+/));

const pairs = (hex: string): string => hex.match(/../g)?.join(":") ?? "";

function* ofLinks(ip: IpContext): Proc<Membership[]> {
  return rows(yield* readProcFile(ip.c.sys, "/proc/net/dev_mcast")).map(
    ([index = "", device = "", users = "1", fixed = "0", address = ""]) => ({
      ...{ index: Number(index), device, family: "link", text: pairs(address), users: Number(users), isStatic: fixed !== "0" },
    }),
  );
}

/** A line for the device, then lines that begin with blanks for its groups. */
function* ofIpv4(ip: IpContext): Proc<Membership[]> {
  const found: Membership[] = [];
  let [index, device] = [0, ""];
  for (const line of ((yield* readProcFile(ip.c.sys, "/proc/net/igmp")) ?? "").split("\n").slice(1)) {
    const words = line.trim().split(/\s+/);
    if (/^\d/.test(line)) [index, device] = [Number(words[0]), words[1] ?? ""];
    else if (line !== "") {
      const swapped = Number.parseInt(words[0] ?? "0", 16);
      const addr = (swapped << 24) | ((swapped & 0xff00) << 8) | ((swapped >>> 8) & 0xff00) | (swapped >>> 24);
      found.push({ index, device, family: "inet", text: formatIpv4(addr >>> 0), users: Number(words[1]), isStatic: false });
    }
  }
  return found;
}

function* ofIpv6(ip: IpContext): Proc<Membership[]> {
  return rows(yield* readProcFile(ip.c.sys, "/proc/net/igmp6")).map(([index = "", device = "", address = "", users = "1"]) => {
    const groups = (address.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16));
    return { index: Number(index), device, family: "inet6", text: formatIpv6(groups), users: Number(users), isStatic: false };
  });
}

function* show(ip: IpContext, words: Words): Proc<number> {
  const { out, options } = ip;
  let wanted: string | undefined;
  while (words.more) {
    const word = words.next();
    if (matches(word, "help")) return yield* help(ip, "maddress");
    const name = word === "dev" ? yield* words.argument() : word;
    if (wanted !== undefined) return yield* ip.die(`Error: either "dev" is duplicate, or "${name}" is a garbage.`, 255);
    wanted = name;
  }
  const is = (family: number): boolean => options.family === AF_UNSPEC || options.family === family;
  const all = [
    ...(is(AF_PACKET) ? yield* ofLinks(ip) : []),
    ...(is(AF_INET) ? yield* ofIpv4(ip) : []),
    ...(is(AF_INET6) ? yield* ofIpv6(ip) : []),
  ].filter(({ device }) => wanted === undefined || device === wanted);
  for (const index of [...new Set(all.map((one) => one.index))].sort((a, b) => a - b)) {
    const own = all.filter((one) => one.index === index);
    const name = own[0]?.device ?? "";
    out.begin();
    out.field("ifindex", index, `${index}:`);
    out.field("ifname", name, `\t${out.colour("ifname", name)}`);
    for (const one of own)
      if (out.json) out.item("maddr", () => printOne(ip, one));
      else printOne(ip, one);
    out.textOnly("\n");
  }
  return 0;
}

function printOne({ out }: IpContext, { family, text, users, isStatic }: Membership): void {
  out.newline();
  const key = family === "link" ? "link" : "address";
  if (key === "address") out.field("family", family, `\t${family.padEnd(5)} `);
  else out.textOnly("\tlink  ");
  out.field(key, text, out.colour(family === "link" ? "mac" : family, text));
  if (users !== 1) out.field("users", users, ` users ${users}`);
  if (isStatic) out.field("static", true, " static");
}

export function* maddress(ip: IpContext, args: readonly string[]): Proc<number> {
  const verb = args[0] ?? "show";
  if (["show", "list", "lst"].some((word) => matches(verb, word))) return yield* show(ip, new Words(args.slice(1), ip));
  if (matches(verb, "help")) return yield* help(ip, "maddress");
  if (matches(verb, "add") || matches(verb, "delete")) return yield* ip.die(`ip maddr ${verb} is not built`, 255);
  return yield* ip.die(`Command "${verb}" is unknown, try "ip maddr help".`, 255);
}
