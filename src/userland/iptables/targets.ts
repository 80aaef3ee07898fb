/** Target extensions as the command line knows them: iptables-extensions(8), `extensions/libxt_*.c`, `libipt_*.c`. */

import { parseIpv4 } from "../../abi/inet.ts";
import { type Extension, type ExtensionOption, type OptionSet, plainly } from "./extension.ts";
import { parseMark } from "./matches.ts";
import { type Names, ParameterProblem } from "./names.ts";

const flag = (name: string): ExtensionOption => ({ name, words: 0 });

// ── NAT ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function natPorts(names: Names, text: string): string {
  const [low = "", high] = text.split("-");
  const from = names.port(low);
  if (high === undefined) return String(from);
  const to = names.port(high);
  if (to < from) throw new ParameterProblem(`Port range \`${high}' funky`);
  return from === to ? String(from) : `${from}-${to}`;
}

function natAddress(names: Names, text: string): string {
  const colon = text.indexOf(":");
  const addresses = colon < 0 ? text : text.slice(0, colon);
  for (const one of addresses === "" ? [] : addresses.split("-")) {
    if (parseIpv4(one) === undefined) throw new ParameterProblem(`Bad IP address "${one}"`);
  }
  return colon < 0 ? addresses : `${addresses}:${natPorts(names, text.slice(colon + 1))}`;
}

const WITH_PORTS = [6, 17, 33, 132];

function needsPorts(protocol: number, has: boolean): void {
  if (has && !WITH_PORTS.includes(protocol)) throw new ParameterProblem("Need TCP, UDP, SCTP or DCCP with port specification");
}

/** ` random persistent`. */
const flagsOf = ({ list }: OptionSet): string =>
  list
    .filter(({ values }) => values.length === 0)
    .map(({ name }) => ` ${name}`)
    .join("");

const toAddress = (name: string, option: string, flags: readonly string[]): Extension => ({
  name,
  options: [{ name: option, parse: (names, [text = ""]) => [natAddress(names, text)] }, ...flags.map(flag)],
  check(options, protocol) {
    if (!options.has(option)) throw new ParameterProblem(`${name}: option "--${option}" must be specified\n`);
    needsPorts(protocol, options.value(option).includes(":"));
  },
  show: (options) => ` to:${options.value(option)}${flagsOf(options)}`,
});

const toPorts = (name: string, title: string, flags: readonly string[]): Extension => ({
  name,
  options: [{ name: "to-ports", parse: (names, [text = ""]) => [natPorts(names, text)] }, ...flags.map(flag)],
  check: (options, protocol) => needsPorts(protocol, options.has("to-ports")),
  show: (options) => `${options.has("to-ports") ? ` ${title} ${options.value("to-ports")}` : ""}${flagsOf(options)}`,
});

// ── REJECT, LOG, MARK ────────────────────────────────────────────────────────────────────────────────────────────────

const REJECTS: readonly (readonly [name: string, alias: string])[] = [
  ["icmp-net-unreachable", "net-unreach"],
  ["icmp-host-unreachable", "host-unreach"],
  ["icmp-proto-unreachable", "proto-unreach"],
  ["icmp-port-unreachable", "port-unreach"],
  ["icmp-net-prohibited", "net-prohib"],
  ["icmp-host-prohibited", "host-prohib"],
  ["tcp-reset", "tcp-rst"],
  ["icmp-admin-prohibited", "admin-prohib"],
];

const reject: Extension = {
  name: "REJECT",
  options: [
    {
      name: "reject-with",
      parse(_names, [text = ""]) {
        const lower = text.toLowerCase();
        const found = REJECTS.find(([name, alias]) => name.startsWith(lower) || alias.startsWith(lower));
        if (found === undefined) throw new ParameterProblem(`unknown reject type "${text}"`);
        return [found[0]];
      },
    },
  ],
  defaults: [{ name: "reject-with", invert: false, values: ["icmp-port-unreachable"] }],
  show: (options) => ` reject-with ${options.value("reject-with")}`,
};

/** By number, as they are shown; then other names. */
const LEVELS = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"];
const LEVEL_ALIASES: Readonly<Record<string, number>> = { panic: 0, err: 3, warning: 4 };
const LOG_FLAGS: readonly (readonly [option: string, bit: number, shown: string])[] = [
  ["log-tcp-sequence", 1, "tcp-sequence"],
  ["log-tcp-options", 2, "tcp-options"],
  ["log-ip-options", 4, "ip-options"],
  ["log-uid", 8, "uid"],
  ["log-macdecode", 32, "macdecode"],
];

const log: Extension = {
  name: "LOG",
  options: [
    {
      name: "log-prefix",
      parse(_names, [text = ""]) {
        if (text.includes("\n")) throw new ParameterProblem('Newlines not allowed in "--log-prefix"');
        return [text.slice(0, 29)];
      },
    },
    {
      name: "log-level",
      parse(_names, [text = ""]) {
        if (/^[0-7]$/.test(text)) return [text];
        const lower = text.toLowerCase();
        const level = LEVELS.includes(lower) ? LEVELS.indexOf(lower) : LEVEL_ALIASES[lower];
        if (level === undefined) throw new ParameterProblem(`log level "${text}" unknown\n`);
        return [String(level)];
      },
    },
    ...LOG_FLAGS.map(([name]) => flag(name)),
  ],
  save({ list }) {
    return list
      .filter(({ name, values }) => !(name === "log-level" && values[0] === "4") && !(name === "log-prefix" && values[0] === ""))
      .map(
        ({ name, values }) =>
          ` --${name}${name === "log-prefix" ? ` "${(values[0] ?? "").replace(/["\\']/g, "\\$&")}"` : values.map((v) => ` ${v}`).join("")}`,
      )
      .join("");
  },
  show(options, { numeric }) {
    const level = Number(options.has("log-level") ? options.value("log-level") : "4");
    const set = LOG_FLAGS.filter(([name]) => options.has(name));
    let text = numeric ? ` LOG flags ${set.reduce((sum, [, bit]) => sum + bit, 0)} level ${level}` : ` LOG level ${LEVELS[level]}`;
    if (!numeric) for (const [, , shown] of set) text += ` ${shown}`;
    const prefix = options.value("log-prefix");
    return prefix === "" ? text : `${text} prefix "${prefix}"`;
  },
};

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

const mark: Extension = {
  name: "MARK",
  options: [
    {
      name: "set-xmark",
      aliases: ["set-mark", "and-mark", "or-mark", "xor-mark"],
      parse(_names, [text = ""], alias) {
        const [value, mask] = parseMark(text, alias);
        switch (alias) {
          case "set-mark":
            return [`${hex(value)}/${hex(value | mask)}`];
          case "and-mark":
            return [`0x0/${hex(~value)}`];
          case "or-mark":
            return [`${hex(value)}/${hex(value)}`];
          case "xor-mark":
            return [`${hex(value)}/0x0`];
          default:
            return [`${hex(value)}/${hex(mask)}`];
        }
      },
    },
  ],
  check(options) {
    if (!options.has("set-xmark")) throw new ParameterProblem("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required");
  },
  show(options) {
    const [value = "0x0", mask = "0x0"] = options.value("set-xmark").split("/");
    if (mask === "0xffffffff") return ` MARK set ${value}`;
    if (value === "0x0") return ` MARK and ${hex(~Number(mask))}`;
    if (value === mask) return ` MARK or ${value}`;
    if (mask === "0x0") return ` MARK xor ${value}`;
    return ` MARK xset ${value}/${mask}`;
  },
};

const ct: Extension = {
  name: "CT",
  options: [flag("notrack")],
  show: (options) => ` CT${options.has("notrack") ? " notrack" : ""}`,
};

const standard = (name: string): Extension => ({ name, options: [], show: () => "" });

const drop: Extension = {
  ...standard("DROP"),
  check(_options, _protocol, table) {
    if (table === "nat") {
      throw new ParameterProblem('\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n');
    }
  },
};

export const targetExtensions: readonly Extension[] = [
  standard("ACCEPT"),
  drop,
  standard("RETURN"),
  reject,
  log,
  mark,
  ct,
  { name: "NOTRACK", shownAs: "CT", options: [], show: () => " NOTRACK" },
  toAddress("DNAT", "to-destination", ["random", "persistent"]),
  toAddress("SNAT", "to-source", ["random", "random-fully", "persistent"]),
  toPorts("MASQUERADE", "masq ports:", ["random", "random-fully"]),
  toPorts("REDIRECT", "redir ports", ["random"]),
];

export const STANDARD_TARGETS = ["ACCEPT", "DROP", "QUEUE", "RETURN"];

export const saveTarget = (extension: Extension, options: OptionSet): string => extension.save?.(options) ?? plainly(options.list);
