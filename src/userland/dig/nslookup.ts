/** nslookup(1) of BIND 9.18, and busybox's: one question from the command line. Left out: the interactive mode, which is refused; debugging output. */

import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import { type Command, command } from "../libc/command.ts";
import { type DnsRecord, NOERROR, T_A, T_AAAA, T_CNAME, T_MX, T_PTR } from "../libc/dns.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { GaiError, getHostIpv4 } from "../libc/netdb.ts";
import { readResolvConf, searchList } from "../libc/resolv.ts";
import { ask, pointerName, rcodeName, recordText, TYPES, typeName } from "./lookup.ts";

const text = help(
  `nslookup [-opt ...] host [server]

  -type=TYPE     what to ask for: a, aaaa, cname, mx, ns, ptr, soa, srv, txt, any
  -timeout=SEC   how long to wait
  -retry=N       how often to ask again
  -port=PORT     another port than 53`,
  `nslookup [-type=QUERY_TYPE] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any`,
);

function line(record: DnsRecord): string {
  const data = recordText(record);
  if (record.type === T_A || record.type === T_AAAA) return `Name:\t${record.name}\nAddress: ${data}\n`;
  if (record.type === T_CNAME) return `${record.name}\tcanonical name = ${data}\n`;
  if (record.type === T_PTR) return `${record.name}\tname = ${data}\n`;
  if (record.type === T_MX) return `${record.name}\tmail exchanger = ${data}\n`;
  return `${record.name}\t${typeName(record.type).toLowerCase()} = ${data}\n`;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const operands: string[] = [];
  let [type, timeoutSec, tries, port] = [undefined as number | undefined, 5, gnu ? 3 : 2, 53];
  for (const word of c.args) {
    const match = /^-([a-z]+)=(.*)$/i.exec(word);
    if (match === null && word.startsWith("-")) {
      if (!gnu) throw new UsageError("");
      return yield* c.fail(`Invalid option: ${word.slice(1)}`);
    }
    if (match === null) operands.push(word);
    else if (["type", "querytype", "query", "q"].includes(match[1] as string)) {
      const wanted = (match[2] as string).toUpperCase();
      type = TYPES[wanted];
      if (type === undefined) {
        if (!gnu) yield* c.fail(`invalid query type "${match[2]}"`);
        yield* c.print(`unknown query type: ${match[2]}\n`);
      }
    } else if (match[1] === "timeout") timeoutSec = Number(match[2]);
    else if (match[1] === "retry") tries = Math.max(1, Number(match[2]));
    else if (match[1] === "port") port = Number(match[2]);
    else return yield* c.fail(`Invalid option: ${match[1]}`);
  }
  const [name, server] = operands;
  if (name === undefined) {
    if (!gnu) throw new UsageError("");
    return yield* c.fail("the interactive mode is not built: give a host name");
  }
  const conf = yield* readResolvConf(c.sys);
  let address = conf.nameservers[0] as number;
  if (server !== undefined) {
    try {
      address = (yield* getHostIpv4(c.sys, server)).addresses[0] as number;
    } catch (e) {
      if (!(e instanceof GaiError)) throw e;
      return yield* c.fail(
        gnu ? `couldn't get address for '${server}': ${e.code === "EAI_AGAIN" ? "failure" : "not found"}` : `bad address '${server}'`,
      );
    }
  }
  const shown = formatIpv4(address);
  const reverse = pointerName(name);
  const types = type !== undefined ? [type] : reverse !== undefined ? [T_PTR] : [T_A, T_AAAA];
  let greeted = false;
  let status = 0;
  const names = reverse === undefined ? searchList(conf, name) : [reverse];
  for (const candidate of names) {
    let [found, failed] = [false, undefined as string | undefined];
    for (const [i, one] of types.entries()) {
      const settings = {
        server: address,
        port,
        name: candidate,
        type: one,
        timeoutMs: timeoutSec * 1000,
        tries,
        tcp: false,
        recurse: true,
        edns: 0,
      };
      const answer = yield* ask(c.sys, settings, (words) => (gnu ? c.print(`${words}\n`) : silent()));
      if (answer === undefined) {
        yield* c.print(gnu ? ";; no servers could be reached\n\n" : ";; connection timed out; no servers could be reached\n\n");
        return 1;
      }
      if (!greeted) yield* c.print(`Server:\t\t${server ?? shown}\nAddress:\t${shown}${gnu ? "#" : ":"}${port}\n\n`);
      greeted = true;
      const { rcode, answers, authoritative } = answer.message;
      if (rcode !== NOERROR) {
        failed = rcodeName(rcode);
        if (!gnu) yield* c.print(`** server can't find ${candidate}: ${failed}\n\n`);
        else break;
        continue;
      }
      found = true;
      if ((i === 0 || !gnu) && !authoritative) yield* c.print("Non-authoritative answer:\n");
      for (const record of answers) if (!gnu || i === 0 || record.type !== T_CNAME) yield* c.print(line(record));
      if (gnu && type !== undefined && answers.length === 0) yield* c.print(`*** Can't find ${candidate}: No answer\n`);
      if (!gnu) yield* c.print("\n");
    }
    if (found) {
      if (gnu) yield* c.print(type !== undefined || reverse !== undefined ? "\nAuthoritative answers can be found from:\n\n" : "\n");
      return 0;
    }
    status = 1;
    if (gnu && candidate === names.at(-1)) yield* c.print(`** server can't find ${name}: ${failed}\n\n`);
  }
  return status;
}

function* silent(): Proc<void> {}

export const main = command({ help: text }, run);
