/**
 * Filters of ss(8): `state`, `exclude`, and expressions of addresses and ports joined by `and`, `or`, `not` and brackets. iproute2 `misc/ssfilter.y`. Left out:
 * `dev`, `fwmark`, `cgroup`, `autobound`.
 */

import { formatIpv4, formatIpv6, parseIpv4, parseIpv6, prefixMask } from "../../abi/inet.ts";

export interface Ends {
  readonly localAddr: number | readonly number[];
  readonly localPort: number;
  readonly remoteAddr: number | readonly number[];
  readonly remotePort: number;
}

export type Test = (ends: Ends) => boolean;

/** Numbers of TCP states by name, as ss writes them. */
export const STATES: Readonly<Record<string, number>> = {
  established: 1,
  "syn-sent": 2,
  "syn-recv": 3,
  "fin-wait-1": 4,
  "fin-wait-2": 5,
  "time-wait": 6,
  unconnected: 7,
  closed: 7,
  "close-wait": 8,
  "last-ack": 9,
  listening: 10,
  listen: 10,
  closing: 11,
};

export const ALL_STATES = 0xfff;
const bits = (...states: number[]): number => states.reduce((mask, state) => mask | (1 << state), 0);
export const CONNECTED_STATES = ALL_STATES & ~bits(3, 6, 7, 10);

const GROUPS: Readonly<Record<string, number>> = {
  all: ALL_STATES,
  connected: ALL_STATES & ~bits(7, 10),
  synchronized: ALL_STATES & ~bits(7, 10, 2),
  bucket: bits(3, 6),
  big: ALL_STATES & ~bits(3, 6),
};

export function stateMask(name: string): number | undefined {
  const one = STATES[name];
  return one === undefined ? GROUPS[name] : 1 << one;
}

/** A filter that cannot be read; its words for stderr, and the status. */
export class FilterError {
  constructor(
    readonly message: string,
    readonly status: number,
  ) {}
}

const OPERATORS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};
const SPELLINGS: Readonly<Record<string, string>> = {
  ...{ "==": "=", eq: "=", neq: "!=", ne: "!=", gt: ">", lt: "<", ge: ">=", geq: ">=", le: "<=", leq: "<=" },
  ...{ "=": "=", "!=": "!=", ">": ">", "<": "<", ">=": ">=", "<=": "<=" },
};

/** Recursive descent over the words. */
export class FilterParser {
  private at = 0;
  private readonly words: readonly string[];

  constructor(
    args: readonly string[],
    private readonly portOf: (name: string) => number | undefined,
  ) {
    this.words = args.flatMap((arg) => arg.match(/[()!]|[^\s()!]+|!=/g)?.map(String) ?? []).reduce(joinNotEqual, [] as string[]);
  }

  parse(): Test | undefined {
    if (this.words.length === 0) return undefined;
    const test = this.any();
    if (this.at < this.words.length)
      throw new FilterError('ss: bison bellows (while parsing filter): "syntax error!" Sorry.\nUsage: ss [ OPTIONS ]', 255);
    return test;
  }

  private any(): Test {
    let left = this.every();
    while (["or", "|", "||"].includes(this.words[this.at] ?? "")) {
      this.at++;
      const [a, b] = [left, this.every()];
      left = (ends) => a(ends) || b(ends);
    }
    return left;
  }

  private every(): Test {
    let left = this.one();
    for (;;) {
      const word = this.words[this.at];
      if (word === undefined || word === ")" || ["or", "|", "||"].includes(word)) return left;
      if (["and", "&", "&&"].includes(word)) this.at++;
      const [a, b] = [left, this.one()];
      left = (ends) => a(ends) && b(ends);
    }
  }

  private one(): Test {
    const word = this.words[this.at++] ?? "";
    if (word === "not" || word === "!") {
      const inner = this.one();
      return (ends) => !inner(ends);
    }
    if (word === "(") {
      const inner = this.any();
      if (this.words[this.at++] !== ")") throw new FilterError('ss: bison bellows (while parsing filter): "syntax error!" Sorry.', 255);
      return inner;
    }
    if (word === "sport" || word === "dport") {
      const operator = SPELLINGS[this.words[this.at] ?? ""];
      if (operator !== undefined) this.at++;
      const port = this.port((this.words[this.at++] ?? "").replace(/^.*:/, ""));
      const compare = OPERATORS[operator ?? "="] as (a: number, b: number) => boolean;
      return word === "sport" ? (ends) => compare(ends.localPort, port) : (ends) => compare(ends.remotePort, port);
    }
    if (word === "src" || word === "dst") {
      const operator = SPELLINGS[this.words[this.at] ?? ""];
      if (operator !== undefined) this.at++;
      const test = this.address(this.words[this.at++] ?? "", word === "src");
      return operator === "!=" ? (ends) => !test(ends) : test;
    }
    return this.address(word, false);
  }

  private port(text: string): number {
    const port = /^\d+$/.test(text) ? Number(text) : this.portOf(text);
    if (port === undefined || port > 65535)
      throw new FilterError(`Error: "${text}" does not look like a port.\nCannot parse dst/src address.`, 1);
    return port;
  }

  private address(text: string, local: boolean): Test {
    const bracket = text.lastIndexOf("]");
    const colon = text.indexOf(":", bracket) < 0 ? -1 : text.lastIndexOf(":");
    const host = colon < 0 ? text : text.slice(0, colon);
    const tail = colon < 0 ? "" : text.slice(colon + 1);
    const port = tail === "" || tail === "*" ? undefined : this.port(tail);
    if (host === "" || host === "*") return (ends) => port === undefined || (local ? ends.localPort : ends.remotePort) === port;
    const groups = parseIpv6(host.replace(/^\[|\]$/g, ""));
    if (groups !== undefined) {
      const wanted = addressText(groups);
      return (ends) =>
        addressText(local ? ends.localAddr : ends.remoteAddr) === wanted &&
        (port === undefined || (local ? ends.localPort : ends.remotePort) === port);
    }
    const [name = "", length = "32"] = host.split("/");
    const addr = parseIpv4(name);
    if (addr === undefined || !/^\d+$/.test(length) || Number(length) > 32)
      throw new FilterError(`Error: an inet prefix is expected rather than "${host}".\nCannot parse dst/src address.`, 1);
    const mask = prefixMask(Number(length));
    return (ends) => {
      const end = local ? ends.localAddr : ends.remoteAddr;
      if (typeof end !== "number" || (end & mask) >>> 0 !== (addr & mask) >>> 0) return false;
      return port === undefined || (local ? ends.localPort : ends.remotePort) === port;
    };
  }
}

/** `!` and `=` that were parted are one word again. */
function joinNotEqual(words: string[], word: string): string[] {
  if (word.startsWith("=") && words.at(-1) === "!") words[words.length - 1] = "!=";
  else words.push(word);
  return words;
}

/** An address as ss shows it. */
export const addressText = (addr: number | readonly number[]): string =>
  typeof addr === "number" ? formatIpv4(addr) : `[${formatIpv6(addr)}]`;
