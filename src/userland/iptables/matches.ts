/** Match extensions as the command line knows them: iptables-extensions(8), `extensions/libxt_*.c`. */

import type { IptOption } from "../../abi/iptables.ts";
import { formatIpv4, parseIpv4, prefixMask } from "../../abi/inet.ts";
import { type Extension, type ExtensionOption, OptionSet, plainly, quoted, type ShowStyle } from "./extension.ts";
import { ICMP_TYPES, type Names, ParameterProblem, parseIcmpType, parseProtocol } from "./names.ts";

const port = (name: string, aliases: readonly string[] = []): ExtensionOption => ({
  name,
  aliases,
  invertible: true,
  parse: (names, [text = ""]) => [names.portRange(text)],
});

function showPorts(options: OptionSet, { names, protocol, numeric }: ShowStyle): string {
  let text = ` ${protocol}`;
  for (const [name, short] of [
    ["sport", "spt"],
    ["dport", "dpt"],
  ] as const) {
    const option = options.get(name);
    if (option === undefined) continue;
    const range = option.values[0] ?? "";
    text += ` ${short}${range.includes(":") ? "s" : ""}:${option.invert ? "!" : ""}${names.showRange(range, protocol, numeric)}`;
  }
  return text;
}

// ── tcp ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const FLAGS = ["FIN", "SYN", "RST", "ACK", "URG", "PSH"];
/** In the order in which they are printed. */
const FLAG_BITS: readonly (readonly [string, number])[] = [
  ["FIN", 1],
  ["SYN", 2],
  ["RST", 4],
  ["PSH", 8],
  ["ACK", 16],
  ["URG", 32],
];

function flagBits(text: string): number {
  let bits = 0;
  for (const word of text.split(",")) {
    const name = word.toUpperCase();
    if (name === "ALL") bits |= 63;
    else if (name !== "NONE") {
      if (!FLAGS.includes(name)) throw new ParameterProblem(`Unknown TCP flag \`${word}'`);
      bits |= FLAG_BITS.find(([flag]) => flag === name)?.[1] ?? 0;
    }
  }
  return bits;
}

const flagNames = (bits: number): string =>
  bits === 0
    ? "NONE"
    : FLAG_BITS.filter(([, bit]) => (bits & bit) !== 0)
        .map(([name]) => name)
        .join(",");

const tcp: Extension = {
  name: "tcp",
  options: [
    port("sport", ["source-port"]),
    port("dport", ["destination-port"]),
    {
      name: "tcp-flags",
      words: 2,
      invertible: true,
      parse(_names, [mask = "", wanted], alias) {
        if (alias === "syn") return [flagNames(23), "SYN"];
        if (wanted === undefined || wanted.startsWith("-")) throw new ParameterProblem("--tcp-flags requires two args.");
        return [flagNames(flagBits(mask)), flagNames(flagBits(wanted))];
      },
    },
  ],
  show(options, style) {
    let text = showPorts(options, { ...style, protocol: "tcp" });
    const flags = options.get("tcp-flags");
    if (flags !== undefined) {
      const values = flags.values.map((value) =>
        style.numeric ? `0x${flagBits(value).toString(16).toUpperCase().padStart(2, "0")}` : value,
      );
      text += ` flags:${flags.invert ? "!" : ""}${values.join("/")}`;
    }
    return text;
  },
};

const udp: Extension = {
  name: "udp",
  options: [port("sport", ["source-port"]), port("dport", ["destination-port"])],
  show: (options, style) => showPorts(options, { ...style, protocol: "udp" }),
};

// ── icmp ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const icmp: Extension = {
  name: "icmp",
  options: [{ name: "icmp-type", invertible: true, parse: (_names, [text = ""]) => [parseIcmpType(text)] }],
  defaults: [{ name: "icmp-type", invert: false, values: ["255"] }],
  save(options) {
    const value = options.value("icmp-type");
    return `${options.inverted("icmp-type") ? " !" : ""} --icmp-type ${value === "255" ? "any" : value}`;
  },
  show(options, { numeric }) {
    const value = options.value("icmp-type");
    const [type = "", code] = value.split("/");
    const not = options.inverted("icmp-type") ? "!" : "";
    const named = ICMP_TYPES.find(([, t, c]) => (c === undefined ? value === String(t) : value === `${t}/${c}`));
    if (!numeric && named !== undefined) return ` icmp ${not}${named[0]}`;
    const rest = `type ${type}${code === undefined ? "" : ` code ${code}`}`;
    return not === "" ? ` icmp${rest}` : ` icmp ${not}${rest}`;
  },
};

// ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────────────

const STATES = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED"];

/** Some of the words, in their own order. */
function listOf(text: string, known: readonly string[], bad: (word: string) => string): string {
  const words = text.split(",").map((word) => {
    const found = known.find((name) => name === word.toUpperCase());
    if (found === undefined) throw new ParameterProblem(bad(word));
    return found;
  });
  return known.filter((name) => words.includes(name)).join(",");
}

const address = (name: string): ExtensionOption => ({
  name,
  invertible: true,
  parse(_names, [text = ""]) {
    const [host = "", mask = "32"] = text.split("/");
    const addr = parseIpv4(host);
    if (addr === undefined) throw new ParameterProblem(`host/network \`${host}' not found`);
    if (!/^\d+$/.test(mask) || Number(mask) > 32) throw new ParameterProblem(`invalid mask \`${mask}' specified`);
    const shown = formatIpv4((addr & prefixMask(Number(mask))) >>> 0);
    return [mask === "32" ? shown : `${shown}/${mask}`];
  },
});

/** ` name value` or ` ! name value`. */
const worded = (list: readonly IptOption[]): string =>
  list.map(({ name, invert, values }) => `${invert ? " !" : ""} ${[name, ...values].join(" ")}`).join("");

const conntrack: Extension = {
  name: "conntrack",
  options: [
    {
      name: "ctstate",
      invertible: true,
      parse: (_names, [text = ""]) => [listOf(text, [...STATES, "SNAT", "DNAT"], () => `Bad ctstate "${text}"`)],
    },
    { name: "ctproto", invertible: true, parse: (_names, [text = ""]) => [String(parseProtocol(text))] },
    address("ctorigsrc"),
    address("ctorigdst"),
    address("ctreplsrc"),
    address("ctrepldst"),
    port("ctorigsrcport"),
    port("ctorigdstport"),
    port("ctreplsrcport"),
    port("ctrepldstport"),
    {
      name: "ctstatus",
      invertible: true,
      parse: (_names, [text = ""]) => [
        listOf(text, ["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"], () => `Bad ctstatus "${text}"`),
      ],
    },
    {
      name: "ctdir",
      parse(_names, [text = ""]) {
        if (text !== "ORIGINAL" && text !== "REPLY") throw new ParameterProblem(`Bad value for "--ctdir" option: "${text}"`);
        return [text];
      },
    },
  ],
  check(options) {
    if (options.list.length === 0) throw new ParameterProblem("conntrack: At least one option is required");
  },
  show: ({ list }) => worded(list),
};

const required =
  (extension: string, option: string): NonNullable<Extension["check"]> =>
  (options) => {
    if (!options.has(option)) throw new ParameterProblem(`${extension}: option "--${option}" must be specified\n`);
  };

const state: Extension = {
  name: "state",
  options: [{ name: "state", invertible: true, parse: (_names, [text = ""]) => [listOf(text, STATES, () => `Bad state "${text}"`)] }],
  check: required("state", "state"),
  show: ({ list }) => worded(list),
};

// ── Addresses, ports, marks ──────────────────────────────────────────────────────────────────────────────────────────

const TYPES = ["UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT"];
const typeList = (name: string): ExtensionOption => ({
  name,
  invertible: true,
  parse: (_names, [text = ""]) => [listOf(text, TYPES, (word) => `addrtype: bad type "${word}"`)],
});

const addrtype: Extension = {
  name: "addrtype",
  options: [typeList("src-type"), typeList("dst-type"), { name: "limit-iface-in", words: 0 }, { name: "limit-iface-out", words: 0 }],
  check(options) {
    if (!options.has("src-type") && !options.has("dst-type"))
      throw new ParameterProblem("addrtype: you must specify --src-type or --dst-type");
  },
  show(options) {
    let text = " ADDRTYPE match";
    for (const name of ["src-type", "dst-type"]) {
      if (options.has(name)) text += ` ${name} ${options.inverted(name) ? "!" : ""}${options.value(name)}`;
    }
    if (options.has("limit-iface-in")) text += " limit-in";
    if (options.has("limit-iface-out")) text += " limit-out";
    return text;
  },
};

const comment: Extension = {
  name: "comment",
  options: [
    {
      name: "comment",
      parse(_names, [text = ""]) {
        if (text.length > 255) throw new ParameterProblem("COMMENT must be shorter than 256 characters");
        return [text];
      },
    },
  ],
  check: required("comment", "comment"),
  save: (options) => ` --comment ${quoted(options.value("comment"))}`,
  show: (options) => ` /* ${options.value("comment")} */`,
};

const portList = (name: string, aliases: readonly string[]): ExtensionOption => ({
  name,
  aliases,
  invertible: true,
  parse(names: Names, [text = ""]) {
    const parts = text.split(",").map((part) => names.portRange(part));
    if (parts.reduce((n, part) => n + (part.includes(":") ? 2 : 1), 0) > 15) throw new ParameterProblem("too many ports specified");
    return [parts.join(",")];
  },
});

const multiport: Extension = {
  name: "multiport",
  options: [portList("sports", ["source-ports"]), portList("dports", ["destination-ports"]), portList("ports", [])],
  check({ list }, protocol) {
    if (![6, 17, 33, 132, 136].includes(protocol)) {
      throw new ParameterProblem("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'");
    }
    if (list.length === 0) throw new ParameterProblem("multiport expection an option");
    if (list.length > 1) throw new ParameterProblem("multiport: only one of --sports, --dports, --ports may be specified");
  },
  show({ list }, { names, numeric, protocol }) {
    const option = list[0];
    if (option === undefined) return "";
    const shown = (option.values[0] ?? "").split(",").map((range) => names.showRange(range, protocol, numeric));
    return ` multiport ${option.name} ${option.invert ? " !" : ""}${shown.join(",")}`;
  },
};

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** `5`, `0x5/0xff`. */
export function parseMark(text: string, option: string): readonly [value: number, mask: number] {
  const match = /^(0x[0-9a-f]+|\d+)(?:\/(0x[0-9a-f]+|\d+))?$/i.exec(text);
  const [value, mask] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? 0xffff_ffff)];
  if (!(value <= 0xffff_ffff) || !(mask <= 0xffff_ffff))
    throw new ParameterProblem(`${option}: bad mark value for option "--${option}", or out of range.`);
  return [value, mask];
}

const mark: Extension = {
  name: "mark",
  options: [
    {
      name: "mark",
      invertible: true,
      parse(_names, [text = ""]) {
        const [value, mask] = parseMark(text, "mark");
        return [mask === 0xffff_ffff ? hex(value) : `${hex(value)}/${hex(mask)}`];
      },
    },
  ],
  check: required("mark", "mark"),
  show: (options) => ` mark match${options.inverted("mark") ? " !" : ""} ${options.value("mark")}`,
};

// ── Rates and chance ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Ten-thousandths of a second (XT_LIMIT_SCALE) in each unit. */
const RATES: readonly (readonly [string, number])[] = [
  ["day", 864_000_000],
  ["hour", 36_000_000],
  ["min", 600_000],
  ["sec", 10_000],
];

function parseRate(text: string): string {
  const match = /^(\d+)(?:\/(s|m|h|d)[a-z]*)?$/i.exec(text);
  const unit = match?.[2]?.toLowerCase() ?? "s";
  const count = Number(match?.[1] ?? 0);
  const scale = RATES.find(([name]) => name.startsWith(unit))?.[1] ?? 0;
  if (match === null || count === 0 || count > scale) throw new ParameterProblem(`bad rate "${text}"'`);
  const period = Math.floor(scale / count);
  let i = 1;
  for (; i < RATES.length; i++) {
    const each = (RATES[i] as readonly [string, number])[1];
    if (period > each || Math.floor(each / period) < each % period) break;
  }
  const [name, each] = RATES[i - 1] as readonly [string, number];
  return `${Math.floor(each / period)}/${name}`;
}

const limit: Extension = {
  name: "limit",
  options: [
    { name: "limit", parse: (_names, [text = ""]) => [parseRate(text)] },
    {
      name: "limit-burst",
      parse(_names, [text = ""]) {
        if (!/^\d+$/.test(text) || Number(text) > 10_000)
          throw new ParameterProblem(`limit: bad value for option "--limit-burst", or out of range (0-10000).\n`);
        return [text];
      },
    },
  ],
  defaults: [
    { name: "limit", invert: false, values: ["3/hour"] },
    { name: "limit-burst", invert: false, values: ["5"] },
  ],
  save: (options) =>
    ` --limit ${options.value("limit")}${options.value("limit-burst") === "5" ? "" : ` --limit-burst ${options.value("limit-burst")}`}`,
  show: (options) => ` limit: avg ${options.value("limit")} burst ${options.value("limit-burst")}`,
};

const owner: Extension = {
  name: "owner",
  options: [
    {
      name: "uid-owner",
      invertible: true,
      parse(_names, [text = ""]) {
        if (text === "root") return ["0"];
        if (!/^\d+(-\d+)?$/.test(text)) throw new ParameterProblem(`owner: Bad value for "--uid-owner" option: "${text}"`);
        return [text];
      },
    },
    { name: "socket-exists", words: 0, invertible: true },
  ],
  check({ list }) {
    if (list.length === 0) throw new ParameterProblem("owner: At least one of --uid-owner, --gid-owner or --socket-exists is required");
  },
  show(options, { numeric }) {
    let text = "";
    const uid = options.value("uid-owner");
    if (options.has("socket-exists")) text += `${options.inverted("socket-exists") ? " !" : ""} owner socket exists`;
    if (uid !== "") text += `${options.inverted("uid-owner") ? " !" : ""} owner UID match ${!numeric && uid === "0" ? "root" : uid}`;
    return text;
  },
};

const statistic: Extension = {
  name: "statistic",
  options: [
    {
      name: "mode",
      parse(_names, [text = ""]) {
        if (text !== "random" && text !== "nth") throw new ParameterProblem(`Bad mode "${text}"`);
        return [text];
      },
    },
    {
      name: "probability",
      invertible: true,
      parse(_names, [text = ""]) {
        const value = Number(text);
        if (text === "" || !(value >= 0 && value <= 1)) throw new ParameterProblem("--probability must be between 0 and 1");
        return [(Math.round(value * 2 ** 31) / 2 ** 31).toFixed(11)];
      },
    },
    { name: "every", invertible: true },
    { name: "packet" },
  ],
  check(options) {
    const mode = options.value("mode");
    if (mode === "") throw new ParameterProblem('statistic: option "--mode" must be specified\n');
    if (mode === "random" && !options.has("probability"))
      throw new ParameterProblem("--probability must be specified when using random mode");
    if (mode === "nth" && !options.has("every")) throw new ParameterProblem("--every must be specified when using nth mode");
    if (options.has("every") && !options.has("packet"))
      throw new ParameterProblem('statistic: option "--every" also requires "--packet".\n');
    if (options.has("packet") && Number(options.value("packet")) >= Number(options.value("every"))) {
      throw new ParameterProblem("the --packet p must be 0 <= p <= n-1");
    }
  },
  show(options) {
    const mode = options.value("mode");
    if (mode === "random")
      return ` statistic mode random${options.inverted("probability") ? " !" : ""} probability ${options.value("probability")}`;
    const packet = options.value("packet");
    return ` statistic mode nth${options.inverted("every") ? " !" : ""} every ${options.value("every")}${packet === "0" ? "" : ` packet ${packet}`}`;
  },
};

export const matchExtensions: readonly Extension[] = [
  tcp,
  udp,
  icmp,
  conntrack,
  state,
  addrtype,
  comment,
  multiport,
  mark,
  limit,
  owner,
  statistic,
];

export const saveOptions = (extension: Extension, list: readonly IptOption[]): string =>
  extension.save?.(new OptionSet(list)) ?? plainly(list);
