/** The configuration of a Redis server: redis.conf, and the same directives as options (`--port 6380`). Redis `config.c`, as far as there is something behind it. */

import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { fromBinary, splitArgs, toBinary } from "./resp.ts";

/** The directives with what they are at first. Those whose names are in `FIXED` are known and can only have that value. */
const DEFAULTS = {
  appendonly: "no",
  bind: "* -::*",
  daemonize: "no",
  databases: "16",
  dbfilename: "dump.rdb",
  dir: "",
  logfile: "",
  loglevel: "notice",
  maxclients: "10000",
  maxmemory: "0",
  "maxmemory-policy": "noeviction",
  port: "6379",
  "protected-mode": "no",
  requirepass: "",
  save: "3600 1 300 100 60 10000",
  "tcp-backlog": "511",
  "tcp-keepalive": "300",
  timeout: "0",
};

export type Directive = keyof typeof DEFAULTS;

const FIXED: ReadonlySet<string> = new Set(["appendonly", "daemonize", "logfile", "maxmemory-policy"]);
const LEVELS: readonly string[] = ["debug", "verbose", "notice", "warning", "nothing"];
const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1e3, kb: 1024, m: 1e6, mb: 1024 ** 2, g: 1e9, gb: 1024 ** 3 };

/** What is wrong with a line: `*** FATAL CONFIG FILE ERROR ***`. */
export class ConfigError extends Error {
  constructor(
    readonly line: number,
    readonly text: string,
    message: string,
  ) {
    super(message);
  }
}

export class Config {
  private readonly values = new Map<string, string>(Object.entries(DEFAULTS));
  private savesSet = false;

  get(name: Directive): string {
    return this.values.get(name) ?? "";
  }

  number(name: Directive): number {
    return Number(this.get(name));
  }

  /** Seconds and changes after which the data is saved. */
  get savePoints(): (readonly [seconds: number, changes: number])[] {
    const words = this.get("save").split(/\s+/).filter(Boolean).map(Number);
    return Array.from({ length: Math.floor(words.length / 2) }, (_, i) => [words[2 * i] ?? 0, words[2 * i + 1] ?? 0] as const);
  }

  entries(): Iterable<readonly [string, string]> {
    return this.values;
  }

  /** Returns what is wrong instead of setting it. */
  set(name: string, args: readonly string[]): string | undefined {
    const value = args.join(" ");
    if (!this.values.has(name) || args.length === 0) return "Bad directive or wrong number of arguments";
    if (FIXED.has(name)) {
      if (value.toLowerCase() === this.values.get(name)) return undefined;
      return `'${name} ${value}' is not in Drydock yet`;
    }
    if (name === "save") return this.setSave(value);
    if (name === "loglevel" && !LEVELS.includes(value)) return `argument(s) must be one of the following: ${LEVELS.join(", ")}`;
    if (name === "maxmemory") {
      const match = /^(\d+)([a-z]*)$/i.exec(value);
      const unit = UNITS[(match?.[2] ?? "").toLowerCase()];
      if (match === null || unit === undefined) return "argument must be a memory value";
      this.values.set(name, String(Number(match[1]) * unit));
      return undefined;
    }
    if (/^\d+$/.test(DEFAULTS[name as Directive]) && !/^\d{1,9}$/.test(value)) return "argument couldn't be parsed into an integer";
    this.values.set(name, value);
    return undefined;
  }

  /** The first `save` takes the place of what was before; more of them add. */
  private setSave(value: string): string | undefined {
    if (value !== "" && !/^\d+ \d+( \d+ \d+)*$/.test(value)) return "Invalid save parameters";
    const before = this.savesSet && value !== "" ? `${this.get("save")} ` : "";
    this.savesSet = true;
    this.values.set("save", (before + value).trim());
    return undefined;
  }

  /** CONFIG SET: `save` is what is given, not added. */
  reset(name: string, value: string): string | undefined {
    this.savesSet = false;
    return this.set(name, [value]);
  }

  /** Reads lines of a file, or options put on lines. Errors: ConfigError. */
  read(text: string): void {
    text.split("\n").forEach((line, index) => {
      const trimmed = line.trim();
      if (trimmed === "" || trimmed.startsWith("#")) return;
      const words = splitArgs(toBinary(encodeUtf8(trimmed)))?.map((word) => decodeUtf8(fromBinary(word)));
      if (words === undefined) throw new ConfigError(index + 1, trimmed, "Unbalanced quotes in configuration line");
      const [name = "", ...args] = words;
      const wrong = this.set(name.toLowerCase(), args);
      if (wrong !== undefined) throw new ConfigError(index + 1, trimmed, wrong);
    });
  }
}

/** `--port 6380 --save 60 1` as lines of a file. */
export function optionLines(args: readonly string[]): string {
  let text = "";
  for (const arg of args) {
    if (arg.startsWith("--")) text += `${text === "" ? "" : "\n"}${arg.slice(2)}`;
    else text += ` ${/^[\w./:*-]+$/.test(arg) ? arg : JSON.stringify(arg)}`;
  }
  return text;
}
