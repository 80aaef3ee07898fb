/** dig(1) of BIND 9.18. Left out: DNSSEC, batch files, tracing, IPv6 servers, the many display options beside those in `DISPLAY`. */

import { formatIpv4 } from "../../abi/inet.ts";
import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import { type Command, command } from "../libc/command.ts";
import { type DnsMessage, type DnsRecord, T_A, T_NS, T_OPT, T_PTR } from "../libc/dns.ts";
import { help } from "../libc/help.ts";
import { nowMs } from "../libc/inet.ts";
import { GaiError, getHostIpv4 } from "../libc/netdb.ts";
import { readResolvConf } from "../libc/resolv.ts";
import { strftime } from "../libc/strftime.ts";
import { ask, dotted, pointerName, rcodeName, recordText, TYPES, typeName } from "./lookup.ts";

const text = ` dig [@global-server] [domain] [q-type] {q-opt} {d-opt}
Where:  domain	  is in the Domain Name System
        q-type   is one of (a,any,mx,ns,soa,txt,...) [default:a]
        q-opt    is one of:
                 -4                  (use IPv4 query transport only)
                 -p port             (specify port number)
                 -q name             (specify query name)
                 -t type             (specify query type)
                 -x dot-notation     (shortcut for reverse lookups)
        d-opt    is of the form +keyword[=value], where keyword is:
                 +[no]all            (Set or clear all display flags)
                 +[no]answer +[no]authority +[no]additional +[no]question
                 +[no]cmd +[no]comments +[no]stats
                 +[no]edns  +[no]recurse  +[no]tcp  +[no]short
                 +retry=###  +timeout=###  +tries=###
`;

const DISPLAY = ["answer", "authority", "additional", "question", "cmd", "comments", "stats"] as const;

interface Query {
  name: string;
  type: number;
}

class Dig {
  private readonly on = new Set<string>([...DISPLAY, "recurse", "edns"]);
  private server: string | undefined;
  private port = 53;
  private timeoutSec = 5;
  private tries = 3;
  private query: Query | undefined;
  private type: number | undefined;
  private readonly queries: Query[] = [];

  constructor(private readonly c: Command) {}

  *run(): Proc<number> {
    const { c } = this;
    const bad = yield* this.parse();
    if (bad !== undefined) return bad;
    if (this.queries.length === 0) this.queries.push({ name: "", type: this.type ?? T_NS });
    let addresses: readonly number[];
    try {
      addresses =
        this.server === undefined ? (yield* readResolvConf(c.sys)).nameservers : (yield* getHostIpv4(c.sys, this.server)).addresses;
    } catch (e) {
      if (!(e instanceof GaiError)) throw e;
      const why = e.code === "EAI_AGAIN" ? "failure" : "not found";
      yield* c.eprint(`dig: couldn't get address for '${this.server}': ${why}\n`);
      return 1;
    }
    let status = 0;
    for (const [i, query] of this.queries.entries()) status = (yield* this.one(query, addresses, i === 0)) || status;
    return status;
  }

  private *parse(): Proc<number | undefined> {
    const { c } = this;
    for (let i = 0; i < c.args.length; i++) {
      const word = c.args[i] as string;
      const arg = (): string => (word.length > 2 ? word.slice(2) : (c.args[++i] ?? ""));
      if (word.startsWith("@")) this.server = word.slice(1);
      else if (word.startsWith("+")) {
        if (!this.option(word.slice(1))) {
          yield* c.eprint(
            `Invalid option: ${word}\nUsage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n            {global-d-opt} host [@local-server] {local-d-opt}\n            [ host [@local-server] {local-d-opt} [...]]\n\nUse "dig -h" (or "dig -h | more") for complete list of options\n`,
          );
          return 1;
        }
      } else if (word === "-4") continue;
      else if (word === "-h") return yield* c.help();
      else if (word === "-v") {
        yield* c.eprint("DiG 9.18.49-1~deb12u3-Debian\n");
        return 0;
      } else if (word.startsWith("-x")) {
        const name = pointerName(arg());
        if (name === undefined) {
          yield* c.eprint(`Invalid IP address ${c.args[i]}\n`);
          return 1;
        }
        this.ask(name, T_PTR);
      } else if (word.startsWith("-p")) this.port = Number(arg());
      else if (word.startsWith("-q")) this.ask(arg());
      else if (word.startsWith("-t")) {
        const name = arg();
        if (!this.takeType(name)) yield* c.eprint(`;; Warning, ignoring invalid type ${name}\n`);
      } else if (word.startsWith("-")) {
        yield* c.eprint(
          `Invalid option: ${word}\nUsage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n            {global-d-opt} host [@local-server] {local-d-opt}\n            [ host [@local-server] {local-d-opt} [...]]\n\nUse "dig -h" (or "dig -h | more") for complete list of options\n`,
        );
        return 1;
      } else if (word.toUpperCase() === "IN") continue;
      else if (!this.takeType(word)) this.ask(word);
    }
    return undefined;
  }

  private takeType(word: string): boolean {
    const type = Object.hasOwn(TYPES, word.toUpperCase()) ? TYPES[word.toUpperCase()] : undefined;
    if (type === undefined) return false;
    if (this.query === undefined) this.type = type;
    else this.query.type = type;
    return true;
  }

  private ask(name: string, type?: number): void {
    this.query = { name: name.replace(/\.$/, ""), type: type ?? this.type ?? T_A };
    this.queries.push(this.query);
  }

  private option(option: string): boolean {
    const [name = "", value] = option.split("=");
    if (name === "time" || name === "timeout") this.timeoutSec = Math.max(1, Number(value));
    else if (name === "tries") this.tries = Math.max(1, Number(value));
    else if (name === "retry") this.tries = Number(value) + 1;
    else {
      const off = name.startsWith("no");
      const flag = off ? name.slice(2) : name;
      const set = (one: string): unknown => (off ? this.on.delete(one) : this.on.add(one));
      if (flag === "all") for (const one of DISPLAY) set(one);
      else if (flag === "short") {
        if (!off) for (const one of DISPLAY) if (one !== "answer") this.on.delete(one);
        set("short");
      } else if (["tcp", "vc", "recurse", "rec", "edns", ...DISPLAY].includes(flag))
        set(flag === "vc" ? "tcp" : flag === "rec" ? "recurse" : flag);
      else return false;
    }
    return true;
  }

  private *one({ name, type }: Query, addresses: readonly number[], first: boolean): Proc<number> {
    const { c, on } = this;
    const begun = yield* nowMs(c.sys);
    let greeted = !first || !on.has("cmd");
    const greeting = (): string => {
      if (greeted) return "";
      greeted = true;
      const servers = this.server === undefined ? "" : `; (${addresses.length} server${addresses.length === 1 ? "" : "s"} found)\n`;
      return `\n; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> ${c.args.join(" ")}\n${servers}`;
    };
    for (const server of addresses) {
      const answer = yield* ask(
        c.sys,
        {
          ...{ server, port: this.port, name, type, timeoutMs: this.timeoutSec * 1000, tries: this.tries, tcp: on.has("tcp") },
          ...{ recurse: on.has("recurse"), edns: on.has("edns") ? 1232 : 0 },
        },
        (line) => {
          // dig greets when the first query goes out.
          if (line.startsWith(";; UDP setup")) greeted = true;
          return c.print(`${line}\n`);
        },
      );
      if (answer === undefined) continue;
      if (on.has("short")) {
        for (const record of answer.message.answers) yield* c.print(`${recordText(record)}\n`);
        return 0;
      }
      const before = greeting();
      yield* c.print(before + (before === "" || !on.has("cmd") ? "" : ";; global options: +cmd\n"));
      yield* c.print(this.sections(answer.message));
      if (on.has("stats")) {
        const shown = formatIpv4(server);
        const now = yield* c.sys.clock_gettime(CLOCK_REALTIME);
        yield* c.print(
          `;; Query time: ${Math.floor((yield* nowMs(c.sys)) - begun)} msec\n` +
            `;; SERVER: ${shown}#${this.port}(${this.server ?? shown}) (${answer.tcp ? "TCP" : "UDP"})\n` +
            `;; WHEN: ${strftime("%a %b %d %H:%M:%S %Z %Y", now)}\n;; MSG SIZE  rcvd: ${answer.size}\n\n`,
        );
      } else if (on.has("comments")) yield* c.print("\n");
      return 0;
    }
    const before = greeting();
    yield* c.print(`${before}${before === "" ? "" : ";; global options: +cmd\n"};; no servers could be reached\n`);
    return 9;
  }

  private sections(m: DnsMessage): string {
    const { on } = this;
    const opt = m.additional.find(({ type }) => type === T_OPT);
    const additional = m.additional.filter((record) => record !== opt);
    let out = "";
    if (on.has("comments")) {
      const flags = [
        m.response && "qr",
        m.authoritative && "aa",
        m.truncated && "tc",
        m.recursionDesired && "rd",
        m.recursionAvailable && "ra",
      ];
      out +=
        `;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: ${rcodeName(m.rcode)}, id: ${m.id}\n` +
        `;; flags: ${flags.filter((flag) => flag !== false).join(" ")}; QUERY: ${m.questions.length}, ANSWER: ${m.answers.length}, ` +
        `AUTHORITY: ${m.authority.length}, ADDITIONAL: ${m.additional.length}\n\n`;
      if (opt !== undefined) out += `;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: ${opt.class}\n`;
    }
    if (on.has("question") && m.questions.length > 0) {
      if (on.has("comments")) out += ";; QUESTION SECTION:\n";
      for (const { name, type } of m.questions) out += `${tab(`;${dotted(name)}`, 32)}IN\t${typeName(type)}\n`;
      if (on.has("comments")) out += "\n";
    }
    const list: readonly (readonly [name: string, records: readonly DnsRecord[]])[] = [
      ["answer", m.answers],
      ["authority", m.authority],
      ["additional", additional],
    ];
    for (const [name, records] of list) {
      if (!on.has(name) || records.length === 0) continue;
      if (on.has("comments")) out += `;; ${name.toUpperCase()} SECTION:\n`;
      for (const record of records)
        out += `${tab(tab(dotted(record.name), 24) + record.ttl, 32)}IN\t${typeName(record.type)}\t${recordText(record)}\n`;
      if (on.has("comments")) out += "\n";
    }
    return out;
  }
}

/** Tabs up to a column, at least one character of space. */
function tab(line: string, column: number): string {
  let width = 0;
  for (const letter of line) width = letter === "\t" ? (Math.floor(width / 8) + 1) * 8 : width + 1;
  return width >= column ? `${line} ` : line + "\t".repeat(Math.ceil((column - width) / 8));
}

export const main = command({ help: help(text) }, (c) => new Dig(c).run());
