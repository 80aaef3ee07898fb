/** host(1) of BIND 9.18. Left out: zone listing, IPv6 servers, verbose output; those options are unknown. */

import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, command } from "../libc/command.ts";
import { type DnsRecord, NOERROR, T_A, T_AAAA, T_CNAME, T_MX, T_PTR } from "../libc/dns.ts";
import { getopt, UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { GaiError, getHostIpv4 } from "../libc/netdb.ts";
import { readResolvConf, searchList } from "../libc/resolv.ts";
import { ask, dotted, pointerName, rcodeName, recordText, TYPES, typeName } from "./lookup.ts";

const text = `host [-T] [-R number] [-t type] [-W time] [-4] hostname [server]
       -R specifies number of retries for UDP packets
       -t specifies the query type
       -T enables TCP/IP mode
       -W specifies how long to wait for a reply
       -4 use IPv4 query transport only
`;

const WORDS: Readonly<Record<number, string>> = {
  [T_A]: "has address",
  [T_AAAA]: "has IPv6 address",
  [T_MX]: "mail is handled by",
  [T_PTR]: "domain name pointer",
};

function line(record: DnsRecord): string {
  const owner = dotted(record.name).replace(/(.)\.$/, "$1");
  if (record.type === T_CNAME) return `${owner} is an alias for ${recordText(record)}\n`;
  return `${owner} ${WORDS[record.type] ?? `has ${typeName(record.type)} record`} ${recordText(record)}\n`;
}

function* run(c: Command): Proc<number> {
  let parsed: ReturnType<typeof getopt>;
  try {
    parsed = getopt(c.args, { short: "4R:t:TW:" });
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    yield* c.eprint(`host: ${e.message}\n`);
    return yield* usage(c);
  }
  const option = (name: string): string | undefined => parsed.options.find((o) => o.name === name)?.arg;
  const [name, server] = parsed.operands;
  if (name === undefined) return yield* usage(c);
  const wanted = option("t")?.toUpperCase();
  if (wanted !== undefined && TYPES[wanted] === undefined) return yield* c.fail(`invalid type: ${option("t")}`, 2);
  const conf = yield* readResolvConf(c.sys);
  let addresses = conf.nameservers;
  if (server !== undefined) {
    try {
      addresses = (yield* getHostIpv4(c.sys, server)).addresses;
    } catch (e) {
      if (!(e instanceof GaiError)) throw e;
      return yield* c.fail(`couldn't get address for '${server}': ${e.code === "EAI_AGAIN" ? "failure" : "not found"}`);
    }
  }
  const reverse = pointerName(name);
  const type = wanted === undefined ? undefined : TYPES[wanted];
  const types = type !== undefined ? [type] : reverse !== undefined ? [T_PTR] : [T_A, T_AAAA, T_MX];
  let greeted = server === undefined;
  for (const candidate of reverse === undefined ? searchList(conf, name) : [reverse]) {
    for (const [i, one] of types.entries()) {
      const settings = {
        port: 53,
        name: candidate,
        type: one,
        timeoutMs: Number(option("W") ?? 5) * 1000,
        tries: Number(option("R") ?? 1) + 1,
      };
      const transport = { tcp: option("T") !== undefined, recurse: true, edns: 0 };
      const answer = yield* ask(c.sys, { server: addresses[0] as number, ...settings, ...transport }, (words) => c.print(`${words}\n`));
      if (answer === undefined) {
        yield* c.print(";; no servers could be reached\n");
        return 1;
      }
      if (!greeted)
        yield* c.print(`Using domain server:\nName: ${server}\nAddress: ${formatIpv4(addresses[0] as number)}#53\nAliases: \n\n`);
      greeted = true;
      const { rcode, answers } = answer.message;
      if (rcode !== NOERROR) {
        if (candidate !== searchList(conf, name).at(-1) && reverse === undefined) break;
        yield* c.print(`Host ${reverse === undefined ? candidate : `${reverse}.`} not found: ${rcode}(${rcodeName(rcode)})\n`);
        return 1;
      }
      // Aliases are told once.
      for (const record of answers) if (i === 0 || record.type !== T_CNAME) yield* c.print(line(record));
      if (type !== undefined && answers.length === 0) yield* c.print(`${candidate} has no ${typeName(type)} record\n`);
      if (i === types.length - 1) return 0;
    }
  }
  return 1;
}

function* usage(c: Command): Proc<number> {
  yield* c.eprint(`Usage: ${text}`);
  return 1;
}

export const main = command({ help: help(text) }, run);
