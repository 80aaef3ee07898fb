/**
 * Words of a Dockerfile: quotes, escapes and `$variables` as BuildKit's `frontend/dockerfile/shell/lex.go` reads them. This is not a
 * shell: there is no command substitution, and `$1` or `$@` are variables that are never set.
 */

/** A word that cannot be read. The message is BuildKit's. */
export class LexError extends Error {}

export interface LexOptions {
  /** `\` unless the `escape` directive says otherwise. */
  readonly escape: string;
  /** Quotes stay in the result. */
  readonly rawQuotes?: boolean;
  /** Escape characters stay in the result. */
  readonly rawEscapes?: boolean;
  /** Quotes mean nothing. */
  readonly skipQuotes?: boolean;
  /** A variable that is not set stays as it is written. */
  readonly skipUnset?: boolean;
  /** Only `:-`, `:+` and `:?` are known, as to the classic builder. */
  readonly colonOnly?: boolean;
}

export interface Expansion {
  readonly result: string;
  /** The result split at blanks that are not quoted. */
  readonly words: readonly string[];
  /** Variables that were asked for, and those of them that are not set. */
  readonly used: ReadonlySet<string>;
  readonly unset: ReadonlySet<string>;
}

/** Expands `word` with the variables of `env`. Errors: LexError. */
export function expandWord(word: string, env: ReadonlyMap<string, string>, options: LexOptions): Expansion {
  const lexer = new Lexer([...word], env, options);
  try {
    return lexer.run();
  } catch (e) {
    if (!(e instanceof LexError)) throw e;
    throw new LexError(`failed to process ${JSON.stringify(word)}: ${e.message}`);
  }
}

const isSpace = (ch: string): boolean => /^\s$/u.test(ch);
const isDigit = (ch: string): boolean => /^\p{Nd}$/u.test(ch);
const isNameChar = (ch: string): boolean => ch === "_" || /^[\p{L}\p{Nd}]$/u.test(ch);
const SPECIAL_PARAMETERS = "@*#?-$!0";

/** Splits what was read into words. */
class Words {
  private readonly words: string[] = [];
  private word = "";
  private inWord = false;

  /** Text in which blanks end words. */
  add(text: string): void {
    for (const ch of text) {
      if (!isSpace(ch)) this.addRaw(ch);
      else if (this.inWord && this.word !== "") this.end();
    }
  }

  /** Text that is part of the word, blanks and all. */
  addRaw(text: string): void {
    this.word += text;
    this.inWord = true;
  }

  private end(): void {
    this.words.push(this.word);
    this.word = "";
    this.inWord = false;
  }

  finish(): readonly string[] {
    if (this.word !== "") this.end();
    return this.words;
  }
}

class Lexer {
  private at = 0;
  private rawEscapes: boolean;
  private readonly used = new Set<string>();
  private readonly unset = new Set<string>();

  constructor(
    private readonly chars: readonly string[],
    private readonly env: ReadonlyMap<string, string>,
    private readonly options: LexOptions,
  ) {
    this.rawEscapes = options.rawEscapes === true;
  }

  run(): Expansion {
    return { ...this.readUntil(undefined, this.rawEscapes), used: this.used, unset: this.unset };
  }

  private get peek(): string | undefined {
    return this.chars[this.at];
  }

  private next(): string | undefined {
    return this.chars[this.at++];
  }

  private readUntil(stop: string | undefined, rawEscapes: boolean): { result: string; words: readonly string[] } {
    const before = this.rawEscapes;
    this.rawEscapes = rawEscapes;
    try {
      return this.readText(stop);
    } finally {
      this.rawEscapes = before;
    }
  }

  private readText(stop: string | undefined): { result: string; words: readonly string[] } {
    const words = new Words();
    let result = "";
    for (let ch = this.peek; ch !== undefined; ch = this.peek) {
      if (ch === stop) {
        this.at++;
        return { result, words: words.finish() };
      }
      if (ch === "$") {
        const value = this.readDollar();
        result += value;
        words.add(value);
      } else if ((ch === "'" || ch === '"') && this.options.skipQuotes !== true) {
        const value = ch === "'" ? this.readSingleQuote() : this.readDoubleQuote();
        result += value;
        words.addRaw(value);
      } else if (ch === this.options.escape) {
        this.at++;
        const escaped = this.next();
        const text = (this.rawEscapes ? ch : "") + (escaped ?? "");
        result += text;
        if (text !== "") words.addRaw(text);
      } else {
        this.at++;
        result += ch;
        words.add(ch);
      }
    }
    if (stop !== undefined) throw new LexError(`unexpected end of statement while looking for matching ${stop}`);
    return { result, words: words.finish() };
  }

  private quote(ch: string): string {
    return this.options.rawQuotes === true ? ch : "";
  }

  /** Nothing is special up to the next one, not even the escape character. */
  private readSingleQuote(): string {
    this.at++;
    const end = this.chars.indexOf("'", this.at);
    if (end < 0) {
      this.at = this.chars.length;
      throw new LexError("unexpected end of statement while looking for matching single-quote");
    }
    const text = this.chars.slice(this.at, end).join("");
    this.at = end + 1;
    return this.quote("'") + text + this.quote("'");
  }

  private readDoubleQuote(): string {
    this.at++;
    let result = this.quote('"');
    for (;;) {
      const ch = this.peek;
      if (ch === undefined) throw new LexError("unexpected end of statement while looking for matching double-quote");
      if (ch === "$") {
        result += this.readDollar();
        continue;
      }
      this.at++;
      if (ch === '"') return result + this.quote('"');
      if (ch !== this.options.escape) {
        result += ch;
        continue;
      }
      if (this.rawEscapes) result += ch;
      const escaped = this.peek;
      if (escaped === undefined) continue;
      // Only these can be escaped; before anything else the escape character stands for itself.
      if (escaped === '"' || escaped === "$" || escaped === this.options.escape) result += this.next();
      else result += ch;
    }
  }

  private readName(): string {
    const first = this.peek;
    if (first === undefined) return "";
    if (isDigit(first)) return this.readWhile(isDigit);
    if (SPECIAL_PARAMETERS.includes(first)) return this.next() as string;
    return this.readWhile(isNameChar);
  }

  private readWhile(test: (ch: string) => boolean): string {
    let text = "";
    for (let ch = this.peek; ch !== undefined && test(ch); ch = this.peek) {
      text += ch;
      this.at++;
    }
    return text;
  }

  private valueOf(name: string): string | undefined {
    this.used.add(name);
    const value = this.env.get(name);
    if (value === undefined) this.unset.add(name);
    return value;
  }

  private readDollar(): string {
    this.at++;
    if (this.peek !== "{") {
      const name = this.readName();
      if (name === "") return "$";
      return this.valueOf(name) ?? (this.options.skipUnset === true ? `$${name}` : "");
    }
    this.at++;
    const first = this.peek;
    if (first === undefined) throw new LexError("syntax error: missing '}'");
    if (first === "{" || first === "}" || first === ":") throw new LexError("syntax error: bad substitution");
    const name = this.readName();
    const modifier = this.next();
    if (this.options.colonOnly === true && modifier !== "}" && modifier !== ":") throw new LexError("missing ':' in substitution");
    switch (modifier) {
      case "}":
        return this.valueOf(name) ?? (this.options.skipUnset === true ? `\${${name}}` : "");
      case ":":
        return this.readModified(name, this.next() ?? "", true);
      case "+":
      case "-":
      case "?":
      case "#":
      case "%":
        return this.readModified(name, modifier, false);
      case "/":
        return this.readReplacement(name);
      case undefined:
        throw new LexError("syntax error: missing '}'");
      default:
        throw new LexError(`unsupported modifier (${modifier}) in substitution`);
    }
  }

  /** `stop` ends the operand. Errors: a missing brace is what matters, whatever the operand lacked. */
  private readOperand(stop: string, rawEscapes: boolean): string {
    try {
      return this.readUntil(stop, rawEscapes).result;
    } catch (e) {
      if (e instanceof LexError && this.peek === undefined) throw new LexError("syntax error: missing '}'");
      throw e;
    }
  }

  private readModified(name: string, modifier: string, nullIsUnset: boolean): string {
    const text = (nullIsUnset && this.options.colonOnly !== true ? ":" : "") + modifier;
    const isPattern = modifier === "#" || modifier === "%";
    if ((nullIsUnset && isPattern) || !"+-?#%".includes(modifier) || modifier === "")
      throw new LexError(`unsupported modifier (${text}) in substitution`);
    const word = this.readOperand("}", isPattern);
    const value = this.valueOf(name);
    if (value === undefined && this.options.skipUnset === true) return `\${${name}${text}${word}}`;
    const missing = value === undefined || (nullIsUnset && value === "");
    switch (modifier) {
      case "-":
        return missing ? word : value;
      case "+":
        return missing ? "" : word;
      case "?":
        if (!missing) return value;
        throw new LexError(`${name}: ${word !== "" ? word : `is not allowed to be ${value === undefined ? "unset" : "empty"}`}`);
      default:
        return trimPattern(value ?? "", word, modifier);
    }
  }

  private readReplacement(name: string): string {
    const all = this.peek === "/";
    if (all) this.at++;
    const pattern = this.readOperand("/", true);
    const replacement = this.readOperand("}", true);
    const value = this.valueOf(name);
    if (value === undefined && this.options.skipUnset === true) return `\${${name}/${pattern}/${replacement}}`;
    return (value ?? "").replace(new RegExp(patternSource(pattern, true), all ? "gsu" : "su"), () => replacement);
  }
}

/** `${name#pattern}`, `##`, `%`, `%%`. */
function trimPattern(value: string, word: string, modifier: string): string {
  const greedy = word.startsWith(modifier);
  const source = patternSource(greedy ? word.slice(1) : word, greedy);
  if (modifier === "#") return value.replace(new RegExp(`^${source}`, "su"), "");
  // A regular expression finds the leftmost match, and for the shortest suffix it is the rightmost that counts: both are read backwards.
  for (let i = 0; i <= value.length; i++) {
    const at = greedy ? i : value.length - i;
    if (new RegExp(`^${source}$`, "su").test(value.slice(at))) return value.slice(0, at);
  }
  return value;
}

/** A shell pattern as a regular expression: `*`, `?` and escapes. */
function patternSource(pattern: string, greedy: boolean): string {
  let source = "";
  const chars = [...pattern];
  for (let i = 0; i < chars.length; i++) {
    const ch = chars[i] as string;
    if (ch === "*") source += greedy ? ".*" : ".*?";
    else if (ch === "?") source += ".";
    else if (ch === "\\") {
      if (i + 1 === chars.length) throw new LexError("invalid escape in pattern: trailing backslash");
      source += escapeRegex(chars[++i] as string);
    } else source += escapeRegex(ch);
  }
  return source;
}

const escapeRegex = (ch: string): string => ch.replace(/[\\^$.*+?()[\]{}|/-]/, (c) => (c === "-" ? "\\x2d" : `\\${c}`));
