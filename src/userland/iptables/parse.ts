/** The command line of iptables(8): commands, the rule, options of extensions as they are loaded. `iptables/iptables.c: do_command4`, `libxtables/xtables.c: do_parse`. */

import type { IptAddressMatch, IptMatch, IptOption, IptRule, IptTarget } from "../../abi/iptables.ts";
import { parseIpv4, prefixMask } from "../../abi/inet.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { GaiError, getHostIpv4 } from "../libc/netdb.ts";
import { type Extension, type ExtensionOption, OptionSet } from "./extension.ts";
import { matchExtensions } from "./matches.ts";
import { type Names, ParameterProblem, parseProtocol, protocolName } from "./names.ts";
import { STANDARD_TARGETS, targetExtensions } from "./targets.ts";

export type IptCommand = "-A" | "-C" | "-D" | "-I" | "-R" | "-L" | "-S" | "-F" | "-Z" | "-N" | "-X" | "-E" | "-P";

export interface IptRequest {
  readonly command: IptCommand;
  readonly table: string;
  readonly tableGiven: boolean;
  readonly chain: string | undefined;
  /** Rule number; of -L, -S and -Z, 0 for all. */
  readonly number: number | undefined;
  /** -Z besides -L. */
  readonly zero: boolean;
  /** New name, policy. */
  readonly argument: string;
  /** One for each pair of addresses. */
  readonly rules: readonly IptRule[];
  readonly verbose: number;
  readonly numeric: boolean;
  readonly exact: boolean;
  readonly lineNumbers: boolean;
}

/** Ends it without an error: -V, -h. */
export class Answer {
  constructor(readonly text: string) {}
}

/** Base options: long name, letter, whether a word follows (2: perhaps). */
const BASE: readonly (readonly [long: string, letter: string, arg: 0 | 1 | 2])[] = [
  ["append", "A", 1],
  ["delete", "D", 1],
  ["check", "C", 1],
  ["insert", "I", 1],
  ["replace", "R", 1],
  ["list", "L", 2],
  ["list-rules", "S", 2],
  ["flush", "F", 2],
  ["zero", "Z", 2],
  ["new-chain", "N", 1],
  ["delete-chain", "X", 2],
  ["rename-chain", "E", 1],
  ["policy", "P", 1],
  ["source", "s", 1],
  ["destination", "d", 1],
  ["src", "s", 1],
  ["dst", "d", 1],
  ["protocol", "p", 1],
  ["in-interface", "i", 1],
  ["out-interface", "o", 1],
  ["jump", "j", 1],
  ["goto", "g", 1],
  ["table", "t", 1],
  ["match", "m", 1],
  ["numeric", "n", 0],
  ["verbose", "v", 0],
  ["wait", "w", 2],
  ["wait-interval", "W", 2],
  ["exact", "x", 0],
  ["fragments", "f", 0],
  ["version", "V", 0],
  ["help", "h", 2],
  ["line-numbers", "0", 0],
  ["modprobe", "M", 1],
  ["set-counters", "c", 1],
  ["ipv4", "4", 0],
  ["ipv6", "6", 0],
];

const COMMANDS = "ACDIRLSFZNXEP";
/** Options that may stand with each command; see commands_v_options of xshared.c. */
const ALLOWED: Readonly<Record<string, string>> = {
  A: "nvxsdpjiofcgm",
  C: "nvxsdpjiofgm",
  D: "nvxsdpjiofgm",
  I: "nvxsdpjiofcgm",
  R: "nvxsdpjiofcgm",
  L: "nvx0",
  S: "v",
  F: "v",
  Z: "v",
  N: "v",
  X: "v",
  E: "v",
  P: "vc",
};

interface Loaded {
  readonly extension: Extension;
  readonly options: Map<string, IptOption>;
}

export const VERSION = "v1.8.9 (legacy)";

export class CommandLine {
  private at = 0;
  /** Letters of a word like `-nvL` that are still to come. */
  private cluster = "";
  private readonly words: readonly string[];
  private invert = false;
  private command: string | undefined;
  private table = "filter";
  private tableGiven = false;
  private chain: string | undefined;
  private number: number | undefined;
  private zero = false;
  private argument = "";
  private readonly given = new Set<string>();
  private readonly loaded: Loaded[] = [];
  private target: Loaded | undefined;
  private targetName = "";
  private goto = false;
  private sources: IptAddressMatch[] | undefined;
  private destinations: IptAddressMatch[] | undefined;
  private rule: { -readonly [K in keyof IptRule]?: IptRule[K] } = {};
  private counters: readonly [number, number] = [0, 0];
  private verbose = 0;
  private wait = false;
  private interval = false;
  /** What is said on the standard error before anything else. */
  readonly notes: string[] = [];

  constructor(
    private readonly sys: Sys,
    private readonly names: Names,
    words: readonly string[],
    private readonly program: string,
    private readonly help: string,
    /** The table that is being restored: then none may be named. */
    private readonly restoring: string | undefined = undefined,
  ) {
    this.words = words;
    if (restoring !== undefined) this.table = restoring;
  }

  *parse(): Proc<IptRequest> {
    while (this.at < this.words.length || this.cluster !== "") yield* this.next();
    if (this.invert) throw new ParameterProblem("nothing appropriate following !");
    for (const { extension, options } of [...this.loaded, ...(this.target === undefined ? [] : [this.target])]) {
      extension.check?.(
        new OptionSet([...options.values()]),
        this.rule.protocol?.invert === true ? 0 : (this.rule.protocol?.number ?? 0),
        this.table,
      );
    }
    if (this.interval && !this.wait) throw new ParameterProblem("--wait-interval only makes sense with --wait\n");
    const { command } = this;
    if (command === undefined) throw new ParameterProblem("no command specified");
    this.checkAllowed(command);
    return {
      command: `-${command}` as IptCommand,
      ...{ table: this.table, tableGiven: this.tableGiven, chain: this.chain, number: this.number, zero: this.zero },
      ...{ argument: this.argument, rules: this.finishRules(command), verbose: this.verbose },
      ...{ numeric: this.given.has("n"), exact: this.given.has("x"), lineNumbers: this.given.has("0") },
    };
  }

  private checkAllowed(command: string): void {
    for (const letter of this.given) {
      if (!(ALLOWED[command] ?? "").includes(letter)) throw new ParameterProblem(`Illegal option \`-${letter}' with this command`);
    }
    if (this.chain !== undefined && (command === "A" || command === "I" || command === "R" || command === "D" || command === "C")) {
      if (["PREROUTING", "INPUT"].includes(this.chain) && this.given.has("o"))
        throw new ParameterProblem(`Can't use -o with ${this.chain}\n`);
      if (["POSTROUTING", "OUTPUT"].includes(this.chain) && this.given.has("i"))
        throw new ParameterProblem(`Can't use -i with ${this.chain}\n`);
    }
  }

  private *next(): Proc<void> {
    if (this.cluster !== "") return yield* this.letter();
    const word = this.words[this.at++] as string;
    if (word === "!") {
      if (this.invert) throw new ParameterProblem("multiple consecutive ! not allowed");
      this.invert = true;
      return;
    }
    if (word.startsWith("--") && word.length > 2) return yield* this.long(word);
    if (word.startsWith("-") && word.length > 1) {
      this.cluster = word.slice(1);
      return yield* this.letter();
    }
    throw new BadArgument(word);
  }

  private *letter(): Proc<void> {
    const letter = this.cluster[0] as string;
    this.cluster = this.cluster.slice(1);
    const base = BASE.find(([, short]) => short === letter && short !== "0");
    if (base === undefined) throw new ParameterProblem(`unknown option "-${letter}"`);
    let value: string | undefined;
    if (base[2] !== 0 && this.cluster !== "") {
      value = this.cluster;
      this.cluster = "";
    } else if (base[2] === 1) value = this.word(`-${letter}`);
    yield* this.option(letter, value);
  }

  /** The word after an option. */
  private word(option: string): string {
    const value = this.words[this.at++];
    if (value === undefined) throw new ParameterProblem(`option "${option}" requires an argument`);
    return value;
  }

  private *long(word: string): Proc<void> {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const attached = equals < 0 ? undefined : word.slice(equals + 1);
    const base = BASE.find(([long]) => long === name) ?? this.unique(name);
    if (base !== undefined) {
      const value = attached ?? (base[2] === 1 ? this.word(word) : undefined);
      return yield* this.option(base[1], value);
    }
    if (this.extensionOption(name, attached)) return;
    // The match of the protocol is loaded by its first option.
    const implied = this.rule.protocol === undefined ? undefined : protocolName(this.rule.protocol.number);
    const extension = matchExtensions.find((each) => each.name === implied);
    if (extension !== undefined && !this.loaded.some((each) => each.extension === extension) && optionOf(extension, name) !== undefined) {
      this.load(extension);
      if (this.extensionOption(name, attached)) return;
    }
    throw new ParameterProblem(`unknown option "${word}"`);
  }

  private unique(name: string): (typeof BASE)[number] | undefined {
    const extensions = [...this.loaded, ...(this.target === undefined ? [] : [this.target])];
    if (extensions.some(({ extension }) => optionOf(extension, name) !== undefined)) return undefined;
    const found = BASE.filter(([long]) => long.startsWith(name));
    return found.length === 1 || new Set(found.map(([, letter]) => letter)).size === 1 ? found[0] : undefined;
  }

  /** Reads an option of a loaded extension; the one that was loaded last comes first. */
  private extensionOption(name: string, attached: string | undefined): boolean {
    const candidates = [...(this.target === undefined ? [] : [this.target]), ...[...this.loaded].reverse()];
    for (const loaded of candidates) {
      const found = optionOf(loaded.extension, name);
      if (found === undefined) continue;
      const [option, alias] = found;
      const invert = this.takeInvert(option.invertible === true ? undefined : `--${alias}`);
      const words = this.optionWords(option, alias, attached);
      if (loaded.options.has(option.name))
        throw new ParameterProblem(`${loaded.extension.name}: option "--${alias}" can only be used once.\n`);
      const values = option.parse?.(this.names, words, alias) ?? words;
      loaded.options.set(option.name, { name: option.name, invert, values });
      return true;
    }
    return false;
  }

  private optionWords(option: ExtensionOption, alias: string, attached: string | undefined): string[] {
    if (option.words === 0 || alias === "syn") return [];
    const first = attached ?? this.word(`--${alias}`);
    if (option.words !== 2) return [first];
    const second = this.words[this.at];
    if (second !== undefined && !second.startsWith("-")) this.at++;
    return second === undefined ? [first] : [first, second];
  }

  private takeInvert(refuse: string | undefined): boolean {
    const { invert } = this;
    this.invert = false;
    if (invert && refuse !== undefined) throw new ParameterProblem(`cannot have ! before ${refuse}`);
    return invert;
  }

  private load(extension: Extension): void {
    this.loaded.push({ extension, options: new Map() });
  }

  private once(letter: string): void {
    if (this.given.has(letter)) throw new ParameterProblem(`multiple -${letter} flags not allowed`);
    this.given.add(letter);
  }

  private setCommand(letter: string): void {
    this.takeInvert(`-${letter}`);
    if (this.command === undefined) this.command = letter;
    else if (letter === "Z" && (this.command === "L" || this.command === "S")) this.zero = true;
    else if (this.command === "Z" && (letter === "L" || letter === "S")) {
      this.zero = true;
      this.command = letter;
    } else throw new ParameterProblem(`Cannot use -${letter} with -${this.command}`);
  }

  /** xs_has_arg(): a word that is no option follows. */
  private optionalWord(): string | undefined {
    const word = this.words[this.at];
    if (this.cluster !== "" || word === undefined || word.startsWith("-") || word === "!") return undefined;
    this.at++;
    return word;
  }

  private ruleNumber(word: string): number {
    if (!/^\d+$/.test(word) || Number(word) < 1) throw new ParameterProblem(`Invalid rule number \`${word}'`);
    return Number(word);
  }

  private *option(letter: string, value: string | undefined): Proc<void> {
    if (COMMANDS.includes(letter)) return this.commandOption(letter, value);
    switch (letter) {
      case "p":
        this.once("p");
        this.rule.protocol = { number: parseProtocol(value ?? ""), invert: this.takeInvert(undefined) };
        if (this.rule.protocol.number === 0) {
          if (this.rule.protocol.invert) throw new ParameterProblem("rule would never match protocol");
          delete this.rule.protocol;
        }
        return;
      case "s":
        this.once("s");
        this.sources = yield* this.addresses(value ?? "");
        return;
      case "d":
        this.once("d");
        this.destinations = yield* this.addresses(value ?? "");
        return;
      case "i":
      case "o": {
        this.once(letter);
        const name = value ?? "";
        if (name.length > 15) throw new ParameterProblem(`interface name \`${name}' must be shorter than IFNAMSIZ (15)`);
        if (name === "") throw new ParameterProblem("Empty interface is likely to be undesired");
        this.rule[letter === "i" ? "inInterface" : "outInterface"] = { name, invert: this.takeInvert(undefined) };
        return;
      }
      case "f":
        this.once("f");
        this.rule.fragment = { invert: this.takeInvert(undefined) };
        return;
      case "j":
      case "g":
        this.takeInvert(`-${letter}`);
        this.once(letter);
        this.jump(value ?? "", letter === "g");
        return;
      case "m": {
        this.takeInvert("-m");
        const extension = matchExtensions.find((each) => each.name === value);
        if (extension === undefined) throw new ParameterProblem(`Couldn't load match \`${value}':No such file or directory\n`);
        this.load(extension);
        return;
      }
      case "c": {
        this.once("c");
        const bytes = value?.includes(",") === true ? value.split(",")[1] : this.optionalWord();
        const packets = value?.split(",")[0];
        if (bytes === undefined) throw new ParameterProblem("-c requires packet and byte counter");
        for (const [text, what] of [
          [packets, "packet"],
          [bytes, "byte"],
        ]) {
          if (!/^\d+$/.test(text ?? "")) throw new ParameterProblem(`-c ${what} counter not numeric`);
        }
        this.counters = [Number(packets), Number(bytes)];
        return;
      }
      default:
        this.simple(letter, value);
    }
  }

  private simple(letter: string, value: string | undefined): void {
    switch (letter) {
      case "t":
        if (this.restoring !== undefined) throw new ParameterProblem("The -t option cannot be used in iptables-restore.\n");
        this.takeInvert("--table");
        this.table = value ?? "";
        this.tableGiven = true;
        return;
      case "v":
        this.verbose++;
        this.given.add("v");
        return;
      case "n":
      case "x":
      case "0":
        this.once(letter);
        return;
      case "V":
        throw new Answer(`${this.program} ${VERSION}\n`);
      case "h":
        throw new Answer(this.help);
      case "w":
        return this.waits(value ?? this.optionalWord());
      case "W":
        return this.waitInterval(value ?? this.optionalWord());
      case "6":
        throw new ParameterProblem("This is the IPv4 version of iptables.");
    }
  }

  /** parse_wait_time(): sscanf() takes the number that it begins with. */
  private waits(seconds: string | undefined): void {
    if (seconds !== undefined && !/^\s*-?\d/.test(seconds)) throw new ParameterProblem("wait seconds not numeric");
    this.wait = true;
  }

  private waitInterval(text: string | undefined): void {
    if (text === undefined) throw new ParameterProblem("wait interval value required");
    if (!/^\s*\d/.test(text)) throw new ParameterProblem("wait interval not numeric");
    this.notes.push("Ignoring deprecated --wait-interval option.\n");
    this.interval = true;
  }

  private commandOption(letter: string, value: string | undefined): void {
    this.setCommand(letter);
    if ("LSFZX".includes(letter)) {
      const chain = value ?? this.optionalWord();
      if (chain !== undefined) this.chain = chain;
      if ("LSZ".includes(letter)) {
        const number = this.optionalWord();
        if (number !== undefined) this.number = this.ruleNumber(number);
      }
      return;
    }
    this.chain = value ?? "";
    switch (letter) {
      case "D": {
        const number = this.optionalWord();
        if (number !== undefined) this.number = this.ruleNumber(number);
        return;
      }
      case "I": {
        const number = this.optionalWord();
        this.number = number === undefined ? 1 : this.ruleNumber(number);
        return;
      }
      case "R": {
        const number = this.optionalWord();
        if (number === undefined) throw new ParameterProblem("-R requires a rule number");
        this.number = this.ruleNumber(number);
        return;
      }
      case "N":
        checkChainName(this.chain);
        return;
      case "E": {
        const name = this.optionalWord();
        if (name === undefined) throw new ParameterProblem("-E requires old-chain-name and new-chain-name");
        checkChainName(name);
        this.argument = name;
        return;
      }
      case "P": {
        const policy = this.optionalWord();
        if (policy === undefined) throw new ParameterProblem("-P requires a chain and a policy");
        this.argument = policy;
      }
    }
  }

  private jump(name: string, goto: boolean): void {
    if (name === "") throw new ParameterProblem("Invalid target name (too short)");
    if (name.length > 28) throw new ParameterProblem(`Invalid target name \`${name}' (28 chars max)`);
    this.goto = goto;
    this.targetName = name;
    if (goto) return;
    const extension = targetExtensions.find((each) => each.name === name);
    if (extension !== undefined) this.target = { extension, options: new Map() };
  }

  /** `a,b/8,host`: each with its mask. */
  private *addresses(text: string): Proc<IptAddressMatch[]> {
    const invert = this.takeInvert(undefined);
    const found: IptAddressMatch[] = [];
    for (const part of text.split(",")) {
      const [host = "", maskText] = part.split("/");
      const mask = maskText === undefined ? 0xffff_ffff : parseMask(maskText);
      const literal = parseAddress(host);
      const addrs = literal === undefined ? yield* this.resolve(host) : [literal];
      for (const addr of addrs) {
        const masked = (addr & mask) >>> 0;
        // Everything: as if it had not been said.
        if (mask !== 0 || invert) found.push({ addr: masked, mask, invert });
      }
    }
    if (invert && found.length > 1) throw new ParameterProblem("! not allowed with multiple source or destination IP addresses");
    return found;
  }

  private *resolve(host: string): Proc<readonly number[]> {
    try {
      return (yield* getHostIpv4(this.sys, host)).addresses;
    } catch (e) {
      if (!(e instanceof GaiError)) throw e;
      throw new ParameterProblem(`host/network \`${host}' not found`);
    }
  }

  private finishRules(command: string): IptRule[] {
    if (!"ACDIR".includes(command)) return [];
    const none: readonly (IptAddressMatch | undefined)[] = [undefined];
    const sources = this.sources === undefined || this.sources.length === 0 ? none : this.sources;
    const destinations = this.destinations === undefined || this.destinations.length === 0 ? none : this.destinations;
    if (command === "R" && sources.length * destinations.length > 1)
      throw new ParameterProblem("Replacement rule does not specify a unique address");
    const target: IptTarget = { name: this.targetName, goto: this.goto, options: this.target === undefined ? [] : inOrder(this.target) };
    const matches = this.loaded.map((loaded) => ({ name: loaded.extension.name, options: inOrder(loaded) }) as IptMatch);
    const [packets, bytes] = this.counters;
    const { protocol, inInterface, outInterface, fragment } = this.rule;
    return sources.flatMap((src) =>
      destinations.map((dst) => ({
        ...(src === undefined ? {} : { src }),
        ...(dst === undefined ? {} : { dst }),
        ...(protocol === undefined ? {} : { protocol }),
        ...(inInterface === undefined ? {} : { inInterface }),
        ...(outInterface === undefined ? {} : { outInterface }),
        ...(fragment === undefined ? {} : { fragment }),
        ...{ matches, target, packets, bytes },
      })),
    );
  }
}

/** A word that is no option: another sentence than for the rest. */
export class BadArgument {
  constructor(readonly word: string) {}
}

/** The option that a name or an abbreviation means, and by which of its names. */
function optionOf(extension: Extension, name: string): readonly [ExtensionOption, string] | undefined {
  const all: (readonly [ExtensionOption, string])[] = [];
  for (const option of extension.options) for (const alias of [option.name, ...(option.aliases ?? [])]) all.push([option, alias]);
  if (extension.name === "tcp") all.push([extension.options.find((o) => o.name === "tcp-flags") as ExtensionOption, "syn"]);
  const exact = all.find(([, alias]) => alias === name);
  if (exact !== undefined) return exact;
  const found = all.filter(([, alias]) => alias.startsWith(name));
  return found.length === 1 ? found[0] : undefined;
}

/** The options as they are kept: in the extension's order, with its defaults. */
function inOrder({ extension, options }: Loaded): IptOption[] {
  return extension.options.flatMap(({ name }) => options.get(name) ?? extension.defaults?.find((option) => option.name === name) ?? []);
}

export function checkChainName(name: string): void {
  if (name.length >= 29) throw new ParameterProblem(`chain name \`${name}' too long (must be under 29 chars)`);
  if (name.startsWith("-") || name.startsWith("!")) throw new ParameterProblem(`chain name not allowed to start with \`${name[0]}'`);
  if (targetExtensions.some((target) => target.name === name) || STANDARD_TARGETS.includes(name)) {
    throw new ParameterProblem("chain name may not clash with target name");
  }
  if (/\s/.test(name)) throw new ParameterProblem(`Invalid chain name \`${name}'`);
}

function parseMask(text: string): number {
  const dotted = parseIpv4(text);
  if (dotted !== undefined) return dotted;
  if (/^\d+$/.test(text) && Number(text) <= 32) return prefixMask(Number(text));
  throw new ParameterProblem(`invalid mask \`${text}' specified`);
}

/** The last numbers may be left out, and are 0 then. */
function parseAddress(text: string): number | undefined {
  if (!/^\d+(\.\d+){0,3}$/.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  while (parts.length < 4) parts.push(0);
  return parseIpv4(parts.join("."));
}
