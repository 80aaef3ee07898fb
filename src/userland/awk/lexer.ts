/** The words of an awk program. A slash begins a regular expression where an operand may stand, so the parser's place decides. */

import type { Voice } from "../../abi/sys.ts";

/** A program that is refused: the message without the prefix, and whether the line is told. */
export class AwkSyntaxError {
  constructor(
    readonly message: string,
    /** 0 where the message tells it. */
    readonly line: number,
  ) {}
}

export type TokenKind = "number" | "string" | "regex" | "name" | "function" | "builtin" | "keyword" | "operator" | "newline" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** The word itself; of a string its value, of a regex its source. `function` is a name directly followed by `(`. */
  readonly text: string;
  readonly line: number;
}

const keywords = new Set([
  "BEGIN",
  "END",
  "if",
  "else",
  "while",
  "for",
  "do",
  "break",
  "continue",
  "next",
  "nextfile",
  "exit",
  "return",
  "delete",
  "in",
  "getline",
  "print",
  "printf",
  "function",
  "func",
]);

const commonBuiltins = [
  "length",
  "substr",
  "index",
  "split",
  "sub",
  "gsub",
  "match",
  "sprintf",
  "sin",
  "cos",
  "atan2",
  "exp",
  "log",
  "sqrt",
  "int",
  "rand",
  "srand",
  "tolower",
  "toupper",
  "system",
  "close",
  "fflush",
  "strftime",
  "mktime",
  "systime",
];
const busyboxBuiltins = ["and", "or", "xor", "compl", "lshift", "rshift", "gensub"];

const operators = ["**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "**", "==", "<=", ">=", "!=", "!~", ">>"];

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  f: "\f",
  v: "\v",
  a: "\x07",
  b: "\b",
  '"': '"',
  "\\": "\\",
};

/** The value of a string literal's inside, or of a `-v` assignment. Unknown escapes keep their backslash. */
export function unescapeString(text: string, voice: Voice = "gnu"): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(?:([0-7]{1,3})|([\s\S]))/g, (all, octal: string | undefined, c: string | undefined) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    return c === "\n" ? "" : (escapes[c ?? ""] ?? (voice === "gnu" ? all : (c ?? "")));
  });
}

export class Lexer {
  private at = 0;
  private line = 1;
  private readonly builtins: ReadonlySet<string>;

  constructor(
    private readonly source: string,
    private readonly voice: Voice,
  ) {
    this.builtins = new Set(voice === "gnu" ? commonBuiltins : [...commonBuiltins, ...busyboxBuiltins]);
  }

  /** The next token. `operand`: an operand may stand here, so `/` begins a regular expression. */
  next(operand: boolean): Token {
    this.skipBlanks();
    const { source, line } = this;
    const c = source[this.at];
    if (c === undefined) return { kind: "end", text: "", line };
    if (c === "\n") {
      this.at++;
      this.line++;
      return { kind: "newline", text: "\n", line };
    }
    const number = /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?/.exec(source.slice(this.at, this.at + 64));
    if (number !== null) {
      const hex = this.voice === "busybox" ? /^0[xX][0-9a-fA-F]+/.exec(source.slice(this.at, this.at + 64)) : null;
      const text = (hex ?? number)[0];
      this.at += text.length;
      return { kind: "number", text, line };
    }
    const word = /^[A-Za-z_][A-Za-z0-9_]*/.exec(source.slice(this.at, this.at + 256))?.[0];
    if (word !== undefined) {
      this.at += word.length;
      if (keywords.has(word) && !(word === "func" && this.voice === "gnu"))
        return { kind: "keyword", text: word === "func" ? "function" : word, line };
      if (this.builtins.has(word)) return { kind: "builtin", text: word, line };
      return { kind: source[this.at] === "(" ? "function" : "name", text: word, line };
    }
    if (c === '"') return this.string();
    if (c === "/" && operand) return this.regex();
    const long = operators.find((o) => source.startsWith(o, this.at) && !(this.voice === "gnu" && o.startsWith("**")));
    const text = long ?? c;
    this.at += text.length;
    if (long === undefined && !"{}()[];,+-*/%^!<>|?:~$=".includes(c)) {
      if (this.voice === "gnu") throw new AwkSyntaxError(`${line}: unexpected character '${c}'`, 0);
      throw new AwkSyntaxError("Unexpected token", line);
    }
    return { kind: "operator", text: text === "**" ? "^" : text === "**=" ? "^=" : text, line };
  }

  /** Whether the word after the present token is `getline`. */
  isBeforeGetline(): boolean {
    return /^(?:[ \t]|\\\r?\n)*getline(?![A-Za-z0-9_])/.test(this.source.slice(this.at, this.at + 80));
  }

  private skipBlanks(): void {
    for (;;) {
      const c = this.source[this.at];
      if (c === " " || c === "\t" || c === "\r") this.at++;
      else if (c === "\\" && /^\\\r?\n/.test(this.source.slice(this.at, this.at + 3))) {
        this.at = this.source.indexOf("\n", this.at) + 1;
        this.line++;
      } else if (c === "#") {
        const end = this.source.indexOf("\n", this.at);
        this.at = end < 0 ? this.source.length : end;
      } else return;
    }
  }

  private string(): Token {
    const { line } = this;
    const start = ++this.at;
    for (;;) {
      const c = this.source[this.at];
      if (c === undefined || c === "\n") {
        const shown = this.source.slice(start, start + 10);
        throw new AwkSyntaxError(this.voice === "gnu" ? `runaway string constant "${shown} ...` : "Unexpected end of string", line);
      }
      if (c === '"') break;
      if (c === "\\") {
        if (this.source[this.at + 1] === "\n") this.line++;
        this.at++;
      }
      this.at++;
    }
    return { kind: "string", text: unescapeString(this.source.slice(start, this.at++), this.voice), line };
  }

  private regex(): Token {
    const { line } = this;
    const start = ++this.at;
    let inBracket = false;
    for (let first = false; ; ) {
      const c = this.source[this.at];
      if (c === undefined || c === "\n") {
        const rest = this.source.slice(start).split("\n")[0] ?? "";
        throw new AwkSyntaxError(
          this.voice === "gnu" ? `runaway regular expression /${rest.slice(0, 10)} ...` : "Unexpected end of string",
          line,
        );
      }
      if (c === "\\") {
        this.at += 2;
        first = false;
        continue;
      }
      if (inBracket) {
        if (c === "]" && !first) inBracket = false;
        if (!(first && c === "^")) first = false;
      } else if (c === "[") {
        // Only mawk and later awks let a bracket hold a slash.
        const close = this.source.indexOf("]", this.at + 2);
        inBracket = close > 0 && !this.source.slice(this.at, close).includes("\n");
        first = true;
      } else if (c === "/") break;
      this.at++;
    }
    const text = this.source.slice(start, this.at++).replaceAll("\\/", "/");
    return { kind: "regex", text, line };
  }
}
