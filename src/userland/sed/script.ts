/** A sed script as commands: the parser, with the error texts of GNU sed 4.9 and of busybox. */

import type { Voice } from "../../abi/sys.ts";
import { RegexError, type Regex, regcomp } from "../libc/regex.ts";
import { sedNumericEscape } from "../libc/regex-syntax.ts";

/** A script that is refused; `at` is the offset in the whole text, "whole" for errors found at its end, or "none" where no place is told. */
export class ScriptError {
  constructor(
    readonly message: string,
    readonly at: number | "whole" | "none",
  ) {}
}

export type Address =
  | { readonly type: "line"; readonly line: number }
  | { readonly type: "step"; readonly first: number; readonly step: number }
  | { readonly type: "last" }
  /** undefined: the last regular expression used. */
  | { readonly type: "regex"; readonly regex: Regex | undefined }
  | { readonly type: "zero" };

export type RangeEnd = Address | { readonly type: "plus"; readonly count: number } | { readonly type: "multiple"; readonly of: number };

/** Where a range stands: whether it is open, and the line it ends at if that is known. */
export interface RangeState {
  state: "inactive" | "active" | "closed";
  endLine: number;
}

/** One piece of the right-hand side of `s`. */
export interface ReplacementPart {
  readonly literal: string;
  /** The group inserted after the literal; -1 for none. */
  readonly group: number;
  /** Case conversion that begins before the literal. */
  readonly convert: "" | "U" | "L" | "E" | "u" | "l";
}

export interface Substitution {
  readonly regex: Regex | undefined;
  readonly parts: readonly ReplacementPart[];
  readonly converts: boolean;
  readonly global: boolean;
  readonly number: number;
  readonly print: number;
  readonly evaluate: boolean;
  readonly file: string | undefined;
}

export interface SedCommand {
  readonly name: string;
  readonly from: Address | undefined;
  readonly to: RangeEnd | undefined;
  readonly negated: boolean;
  readonly range: RangeState;
  /** Text of a, i, c, file of r, R, w, W, command of e, label of : b t T. */
  text: string;
  /** Number of q, Q, l, L; -1 where none was given. */
  number: number;
  /** Index of the command to go to: the end of a block, a label. */
  target: number;
  substitution: Substitution | undefined;
  translation: ReadonlyMap<string, string> | undefined;
}

export interface ScriptOptions {
  readonly extended: boolean;
  readonly voice: Voice;
  readonly posix: boolean;
  readonly sandbox: boolean;
  /** -z: newlines are characters like others, also for the M flag. */
  readonly nulData: boolean;
}

const NAMES = "{}=:abcdDeFgGhHiIlLnNpPqQrRstTvwWxyz#";
const BUSYBOX_NAMES = "{}=:abcdDgGhHilnNpPqrstTwxy#";

/** Errors: ScriptError. */
export function parseScript(script: string, options: ScriptOptions): SedCommand[] {
  return new ScriptParser(script, options).parse();
}

class ScriptParser {
  private at = 0;
  private readonly commands: SedCommand[] = [];
  private readonly blocks: number[] = [];
  private readonly labels = new Map<string, number>();
  private readonly gnu: boolean;

  constructor(
    private readonly script: string,
    private readonly options: ScriptOptions,
  ) {
    this.gnu = options.voice === "gnu";
  }

  parse(): SedCommand[] {
    for (;;) {
      this.skip(/[\s;]/);
      if (this.at >= this.script.length) break;
      this.command();
    }
    if (this.blocks.length > 0) {
      if (this.gnu) throw new ScriptError("unmatched `{'", "whole");
      for (const open of this.blocks) (this.commands[open] as SedCommand).target = this.commands.length;
    }
    for (const command of this.commands) {
      if (!"btT".includes(command.name)) continue;
      if (command.text === "") command.target = this.commands.length;
      else {
        const target = this.labels.get(command.text);
        if (target === undefined) {
          const label = command.text;
          throw new ScriptError(this.gnu ? `can't find label for jump to \`${label}'` : `can't find label for jump to '${label}'`, "none");
        }
        command.target = target;
      }
    }
    return this.commands;
  }

  private error(gnu: string, busybox: string = gnu): ScriptError {
    return new ScriptError(this.gnu ? gnu : busybox, this.at);
  }

  private skip(what: RegExp): void {
    while (this.at < this.script.length && what.test(this.script[this.at] as string)) this.at++;
  }

  private number(): number | undefined {
    const digits = /^[0-9]+/.exec(this.script.slice(this.at, this.at + 16))?.[0];
    if (digits === undefined) return undefined;
    this.at += digits.length;
    return Number(digits);
  }

  private command(): void {
    const [from, to] = this.addresses();
    let negated = false;
    this.skip(/[ \t]/);
    while (this.script[this.at] === "!") {
      if (negated) {
        this.at++;
        throw this.error("multiple `!'s");
      }
      negated = true;
      this.at++;
      this.skip(/[ \t]/);
    }
    const name = this.script[this.at];
    if (name === undefined) throw this.error("missing command");
    this.at++;
    if (!(this.gnu ? NAMES : BUSYBOX_NAMES).includes(name)) {
      throw this.error(name === "\n" || name === ";" ? "missing command" : `unknown command: \`${name}'`, `unsupported command ${name}`);
    }
    const range: RangeState = { state: from?.type === "zero" ? "active" : "inactive", endLine: 0 };
    const command: SedCommand = {
      name,
      from,
      to,
      negated,
      range,
      text: "",
      number: -1,
      target: -1,
      substitution: undefined,
      translation: undefined,
    };
    if (name === "#") {
      if (from !== undefined) throw this.error("comments don't accept any addresses");
      const end = this.script.indexOf("\n", this.at);
      this.at = end < 0 ? this.script.length : end + 1;
      return;
    }
    this.arguments(command);
    if (name !== "}" && name !== ":" && name !== "v") this.commands.push(command);
  }

  private arguments(command: SedCommand): void {
    const here = this.commands.length;
    switch (command.name) {
      case "{":
        this.blocks.push(here);
        return;
      case "}": {
        const open = this.blocks.pop();
        if (open === undefined) {
          if (!this.gnu) return;
          throw this.error("unexpected `}'");
        }
        if (command.from !== undefined) throw this.error("} doesn't want any addresses");
        (this.commands[open] as SedCommand).target = here;
        this.endOfCommand();
        return;
      }
      case ":": {
        if (command.from !== undefined) throw this.error(": doesn't want any addresses");
        const label = this.label();
        if (label === "" && this.gnu) throw this.error('":" lacks a label');
        this.labels.set(label, here);
        return;
      }
      case "b":
      case "t":
      case "T":
        command.text = this.label();
        return;
      case "a":
      case "i":
      case "c":
        command.text = this.insertedText();
        return;
      case "r":
      case "R":
      case "w":
      case "W":
        if (this.options.sandbox) throw this.error("e/r/w commands disabled in sandbox mode");
        command.text = this.fileName();
        return;
      case "e":
        if (this.options.sandbox) throw this.error("e/r/w commands disabled in sandbox mode");
        this.skip(/[ \t]/);
        command.text = this.restOfLine();
        return;
      case "q":
      case "Q":
        if (command.to !== undefined) throw this.error("command only uses one address");
        this.exitCode(command);
        return;
      case "l":
      case "L":
        this.exitCode(command);
        return;
      case "s":
        command.substitution = this.substitution();
        return;
      case "y":
        command.translation = this.translation();
        this.endOfCommand();
        return;
      case "v": {
        this.skip(/[ \t]/);
        const version = /^[^\s;]*/.exec(this.script.slice(this.at))?.[0] ?? "";
        this.at += version.length;
        if (Number.parseFloat(version) > 4.9) throw this.error("expected newer version of sed");
        this.endOfCommand();
        return;
      }
      default:
        this.endOfCommand();
    }
  }

  private exitCode(command: SedCommand): void {
    this.skip(/[ \t]/);
    if (this.gnu) command.number = this.number() ?? -1;
    this.endOfCommand();
  }

  private endOfCommand(): void {
    this.skip(/[ \t]/);
    const c = this.script[this.at];
    if (c === undefined || c === "}" || c === "#") return;
    this.at++;
    if (c !== "\n" && c !== ";") {
      // busybox lets one command follow another without a separator.
      if (this.gnu) throw this.error("extra characters after command");
      this.at--;
    }
  }

  private label(): string {
    this.skip(/[ \t]/);
    const label = /^[^\s;]*/.exec(this.script.slice(this.at))?.[0] ?? "";
    this.at += label.length;
    this.skip(/[ \t]/);
    if (this.script[this.at] === ";" || this.script[this.at] === "\n") this.at++;
    return label;
  }

  private restOfLine(): string {
    const end = this.script.indexOf("\n", this.at);
    const text = this.script.slice(this.at, end < 0 ? undefined : end);
    this.at = end < 0 ? this.script.length : end + 1;
    return text;
  }

  private fileName(): string {
    this.skip(/[ \t]/);
    const name = this.restOfLine();
    if (name === "") throw this.error("missing filename in r/R/w/W commands", "empty filename");
    return name;
  }

  /** The text of a, i and c: on the same line (GNU) or after a backslash and a newline; further lines after backslashes. */
  private insertedText(): string {
    this.skip(/[ \t]/);
    if (this.at >= this.script.length && this.gnu) throw this.error("expected \\ after `a', `c' or `i'");
    if (this.script[this.at] === "\\") {
      const rest = /^\\[ \t]*\n/.exec(this.script.slice(this.at));
      this.at += rest === null ? 1 : rest[0].length;
      if (rest === null && this.at >= this.script.length) return this.gnu ? "" : "\n";
    }
    const start = this.at;
    let text = "";
    while (this.at < this.script.length) {
      const c = this.script[this.at++] as string;
      if (c === "\n") break;
      if (c !== "\\") {
        text += c;
        continue;
      }
      const next = this.script[this.at];
      if (next === undefined) break;
      const special = this.textEscape(this.at - 1 === start);
      if (special !== undefined) text += special;
      else {
        text += next;
        this.at++;
      }
    }
    return `${text}\n`;
  }

  /** `\t` and the like; the cursor stands behind the backslash. At the very beginning of a text they are letters. */
  private textEscape(first: boolean): string | undefined {
    const next = this.script[this.at] as string;
    const simple = ({ t: "\t", f: "\f", n: "\n", v: "\v", a: "\x07", r: "\r" } as Readonly<Record<string, string | undefined>>)[next];
    if (simple !== undefined && !first) {
      this.at++;
      return simple;
    }
    const found = sedNumericEscape(`\\${this.script.slice(this.at, this.at + 4)}`);
    if (found === undefined) return undefined;
    this.at += found.length - 1;
    return found.value;
  }

  // ── Addresses ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private addresses(): [Address | undefined, RangeEnd | undefined] {
    const from = this.address();
    if (from === undefined) return [undefined, undefined];
    if (from.type === "plus" || from.type === "multiple") throw this.error("invalid usage of +N or ~N as first address");
    this.skip(/[ \t]/);
    let to: RangeEnd | undefined;
    if (this.script[this.at] === ",") {
      this.at++;
      this.skip(/[ \t]/);
      to = this.address();
      if (to === undefined) throw this.error("unexpected `,'", "no address after comma");
      if (to.type === "zero") to = { type: "line", line: 0 };
    }
    if (from.type === "zero" && to?.type !== "regex" && this.gnu) {
      this.skip(/[ \t]/);
      this.at++;
      throw this.error("invalid usage of line address 0");
    }
    return [from, to];
  }

  private address(): RangeEnd | undefined {
    const c = this.script[this.at];
    if (c === "$") {
      this.at++;
      return { type: "last" };
    }
    if (c === "/" || c === "\\") {
      this.at++;
      let delimiter = "/";
      if (c === "\\") {
        delimiter = this.script[this.at++] ?? "";
        if (delimiter === "") throw this.error("unexpected `,'");
      }
      const source = this.delimited(delimiter, true);
      if (source === undefined) throw this.error("unterminated address regex", `unmatched '${delimiter}'`);
      let flags = "";
      while (this.gnu && /[IM]/.test(this.script[this.at] ?? "")) flags += this.script[this.at++];
      return { type: "regex", regex: this.regex(source, flags.includes("I"), flags.includes("M")) };
    }
    if ((c === "+" || (c === "~" && this.gnu)) && /[0-9]/.test(this.script[this.at + 1] ?? "")) {
      this.at++;
      const count = this.number() ?? 0;
      return c === "+" ? { type: "plus", count } : { type: "multiple", of: count };
    }
    const line = this.number();
    if (line === undefined) return undefined;
    const spaced = /^[ \t]*~[ \t]*/.exec(this.script.slice(this.at));
    if (spaced !== null && this.gnu) {
      this.at += spaced[0].length;
      const step = this.number() ?? 0;
      return step === 0 ? { type: "line", line } : { type: "step", first: line, step };
    }
    return line === 0 ? { type: "zero" } : { type: "line", line };
  }

  /**
   * Reads up to `delimiter`, which is dropped. An escaped delimiter loses its backslash and `\n` is a newline; in a regular
   * expression a delimiter within brackets counts too, as in GNU sed. Undefined where the delimiter is missing.
   */
  private delimited(delimiter: string, regex: boolean): string | undefined {
    let text = "";
    while (this.at < this.script.length) {
      const c = this.script[this.at++] as string;
      if (c === delimiter) return text;
      if (c === "\n" && regex) return undefined;
      if (c === "[" && regex) {
        // Within brackets the delimiter is an ordinary character.
        const bracket = /^\^?\]?(?:\[([:.=])[^\n]*?\1\]|[^\]\n])*\]/.exec(this.script.slice(this.at));
        if (bracket === null) continue;
        text += c + bracket[0];
        this.at += bracket[0].length;
        continue;
      }
      if (c !== "\\") {
        text += c;
        continue;
      }
      const next = this.script[this.at++];
      if (next === undefined) return undefined;
      if (next === delimiter) text += regex && /[.*+?[\]^$(){}|]/.test(delimiter) ? this.escapedDelimiter(delimiter) : delimiter;
      else if (next === "\n" && regex) text += "\n";
      else text += `\\${next}`;
    }
    return undefined;
  }

  /** A delimiter that is special in regular expressions stands for itself when it is escaped. */
  private escapedDelimiter(delimiter: string): string {
    if (this.options.extended ? /[(){}|+?]/.test(delimiter) : false) return `\\${delimiter}`;
    return /[.*[\]^$]/.test(delimiter) ? `[${delimiter}]`.replace("[^]", "\\^").replace("[]]", "\\]").replace("[[]", "\\[") : delimiter;
  }

  private regex(source: string, icase: boolean, multiline: boolean): Regex | undefined {
    if (source === "") return undefined;
    try {
      return regcomp(source, { extended: this.options.extended, icase, newline: multiline && !this.options.nulData, dialect: "sed" });
    } catch (e) {
      if (!(e instanceof RegexError)) throw e;
      if (e.message.startsWith("character class syntax")) throw new ScriptError(e.message, "none");
      throw this.error(e.message, `bad regex '${source}': ${e.message}`);
    }
  }

  // ── s and y ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private substitution(): Substitution {
    const delimiter = this.script[this.at++];
    const unterminated = (): ScriptError => {
      this.at = Math.min(this.at, this.script.length);
      return this.error("unterminated `s' command", `unmatched '${delimiter ?? ""}'`);
    };
    if (delimiter === undefined || delimiter === "\n" || delimiter === "\\") throw unterminated();
    const source = this.delimited(delimiter, true);
    if (source === undefined) throw unterminated();
    const replacement = this.delimited(delimiter, false);
    if (replacement === undefined) throw unterminated();
    let global = false;
    let number = 0;
    let print = 0;
    let icase = false;
    let multiline = false;
    let evaluate = false;
    let file: string | undefined;
    for (let done = false; !done; ) {
      const c = this.script[this.at++];
      switch (c) {
        case "g":
          if (global && this.gnu) throw this.error("multiple `g' options to `s' command");
          global = true;
          break;
        case "p":
          if (print > 0 && this.gnu) throw this.error("multiple `p' options to `s' command");
          print = evaluate ? 1 : 2;
          break;
        case "i":
        case "I":
          icase = true;
          break;
        case "m":
        case "M":
          if (!this.gnu) throw this.error("bad option in substitution expression");
          multiline = true;
          break;
        case "e":
          if (!this.gnu) throw this.error("bad option in substitution expression");
          if (this.options.sandbox) throw this.error("e/r/w commands disabled in sandbox mode");
          evaluate = true;
          break;
        case "w":
          if (this.options.sandbox) throw this.error("e/r/w commands disabled in sandbox mode");
          file = this.fileName();
          done = true;
          break;
        case undefined:
        case "}":
        case "#":
          this.at = Math.min(this.at - 1, this.script.length);
          done = true;
          break;
        case "\n":
        case ";":
          done = true;
          break;
        case " ":
        case "\t":
          break;
        default:
          if (/[0-9]/.test(c)) {
            this.at--;
            const value = this.number() ?? 0;
            if (number > 0 && this.gnu) throw this.error("multiple number options to `s' command");
            if (value === 0 && this.gnu) throw this.error("number option to `s' command may not be zero");
            number = value;
          } else throw this.error("unknown option to `s'", "bad option in substitution expression");
      }
    }
    this.at = Math.min(this.at, this.script.length);
    const regex = this.regex(source, icase, multiline);
    const parts = this.replacement(replacement, delimiter);
    const highest = Math.max(...parts.map((part) => part.group));
    if (regex !== undefined && highest > regex.groupCount && this.gnu)
      throw this.error(`invalid reference \\${highest} on \`s' command's RHS`);
    return { regex, parts, converts: parts.some((part) => part.convert !== ""), global, number: number || 1, print, evaluate, file };
  }

  private replacement(text: string, delimiter: string): ReplacementPart[] {
    const parts: ReplacementPart[] = [];
    let literal = "";
    let convert: ReplacementPart["convert"] = "";
    const push = (group: number, next: ReplacementPart["convert"]): void => {
      if (literal !== "" || group >= 0 || convert !== "") parts.push({ literal, group, convert });
      literal = "";
      convert = next;
    };
    for (let i = 0; i < text.length; ) {
      const c = text[i] as string;
      // An escaped `&` that is the delimiter has lost its backslash and is literal.
      if (c === "&" && delimiter !== "&") {
        push(0, "");
        i++;
        continue;
      }
      if (c !== "\\") {
        literal += c;
        i++;
        continue;
      }
      const next = text[i + 1] ?? "";
      const found = this.gnu ? sedNumericEscape(text.slice(i, i + 5)) : undefined;
      i += 2;
      if (/[0-9]/.test(next)) push(Number(next), "");
      else if (this.gnu && /[ULEul]/.test(next)) push(-1, next as ReplacementPart["convert"]);
      else if (found !== undefined) {
        literal += found.value;
        i += found.length - 2;
      } else literal += replacementEscapes[next] ?? next;
    }
    push(-1, "");
    return parts;
  }

  private translation(): ReadonlyMap<string, string> {
    const delimiter = this.script[this.at++];
    const unterminated = (): ScriptError => {
      this.at = Math.min(this.at, this.script.length);
      return this.error("unterminated `y' command", `unmatched '${delimiter ?? ""}'`);
    };
    if (delimiter === undefined) throw unterminated();
    const from = this.delimited(delimiter, false);
    const to = from === undefined ? undefined : this.delimited(delimiter, false);
    if (from === undefined || to === undefined) throw unterminated();
    const unescape = (text: string): string[] =>
      Array.from(text.replace(/\\([\s\S])/g, (all, c: string) => (c === "\\" ? "\\" : (replacementEscapes[c] ?? all))));
    const [a, b] = [unescape(from), unescape(to)];
    if (a.length !== b.length && this.gnu) throw this.error("strings for `y' command are different lengths");
    const map = new Map<string, string>();
    a.forEach((c, i) => {
      if (!map.has(c)) map.set(c, b[i] ?? c);
    });
    return map;
  }
}

const replacementEscapes: Readonly<Record<string, string>> = { t: "\t", f: "\f", n: "\n", v: "\v", a: "\x07", r: "\r" };
