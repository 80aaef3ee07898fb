/** The language of bc(1), GNU 1.07: statements as a tree. */

export type Node =
  | { readonly type: "number" | "string" | "name"; readonly text: string }
  | { readonly type: "element"; readonly name: string; readonly index: Node }
  | { readonly type: "assign"; readonly operator: string; readonly target: Node; readonly value: Node }
  | { readonly type: "increment"; readonly target: Node; readonly delta: 1 | -1; readonly prefix: boolean }
  | { readonly type: "binary"; readonly operator: string; readonly left: Node; readonly right: Node }
  | { readonly type: "unary"; readonly operator: "-" | "!"; readonly operand: Node }
  | { readonly type: "group"; readonly operand: Node }
  /** An argument that ends in `[]` hands an array on. */
  | { readonly type: "call"; readonly name: string; readonly args: readonly Node[] }
  | { readonly type: "array"; readonly name: string };

export type Statement =
  | { readonly type: "expression"; readonly value: Node }
  | { readonly type: "print"; readonly values: readonly Node[] }
  | { readonly type: "block"; readonly body: readonly Statement[] }
  | { readonly type: "if"; readonly test: Node; readonly yes: Statement; readonly no: Statement | undefined }
  | { readonly type: "while"; readonly test: Node; readonly body: Statement }
  | {
      readonly type: "for";
      readonly init: Node | undefined;
      readonly test: Node | undefined;
      readonly step: Node | undefined;
      readonly body: Statement;
    }
  | { readonly type: "return"; readonly value: Node | undefined }
  | { readonly type: "break" | "continue" | "halt" | "quit" }
  | {
      readonly type: "define";
      readonly name: string;
      readonly parameters: readonly Parameter[];
      readonly locals: readonly Parameter[];
      readonly body: Statement;
    };

export interface Parameter {
  readonly name: string;
  readonly isArray: boolean;
}

/** `incomplete`: the text ends where more must follow. */
export class BcSyntaxError {
  constructor(
    readonly line: number,
    readonly incomplete: boolean,
  ) {}
}

interface Token {
  readonly kind: "number" | "string" | "name" | "operator" | "newline" | "end";
  readonly text: string;
  readonly line: number;
}

const keywords = new Set(["auto", "break", "continue", "define", "else", "for", "halt", "if", "print", "quit", "return", "while"]);
const TOKEN =
  /[ \t]+|\\\n|\/\*[\s\S]*?\*\/|#[^\n]*|(\n)|([0-9A-F]+(?:\\\n)?[0-9A-F]*\.?[0-9A-F]*|\.[0-9A-F]+)|"([^"]*)"|([a-z][a-z0-9_]*)|(\+\+|--|[-+*/%^]=|[=!<>]=|&&|\|\||[-+*/%^=<>!(){}[\],;.])/y;

function tokenize(source: string, firstLine: number): Token[] {
  const tokens: Token[] = [];
  let line = firstLine;
  TOKEN.lastIndex = 0;
  let at = 0;
  while (at < source.length) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(source);
    if (found === null) throw new BcSyntaxError(line, source[at] === '"' || source.startsWith("/*", at));
    const [all, newline, number, string, name, operator] = found;
    if (newline !== undefined) tokens.push({ kind: "newline", text: "\n", line });
    else if (number !== undefined) tokens.push({ kind: "number", text: number.replace("\\\n", ""), line });
    else if (string !== undefined) tokens.push({ kind: "string", text: string, line });
    else if (name !== undefined) tokens.push({ kind: "name", text: name, line });
    else if (operator !== undefined) tokens.push({ kind: "operator", text: operator, line });
    line += all.split("\n").length - 1;
    at += all.length;
  }
  tokens.push({ kind: "end", text: "", line });
  return tokens;
}

/** The statements of whole lines. Errors: BcSyntaxError. */
export function parseBc(source: string, firstLine: number): Statement[] {
  return new Parser(tokenize(source, firstLine)).program();
}

class Parser {
  private at = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  program(): Statement[] {
    const out: Statement[] = [];
    for (;;) {
      while (this.is("newline") || this.isOp(";")) this.at++;
      if (this.is("end")) return out;
      out.push(this.isWord("define") ? this.define() : this.statement());
      if (!this.is("newline") && !this.is("end") && !this.isOp(";")) throw this.error();
    }
  }

  private get token(): Token {
    return this.tokens[this.at] as Token;
  }

  private is(kind: Token["kind"]): boolean {
    return this.token.kind === kind;
  }

  private isOp(text: string): boolean {
    return this.token.kind === "operator" && this.token.text === text;
  }

  private isWord(text: string): boolean {
    return this.token.kind === "name" && this.token.text === text;
  }

  private error(): BcSyntaxError {
    // What is wrong at a newline is told when that has been read.
    return new BcSyntaxError(this.token.line + (this.is("newline") ? 1 : 0), this.is("end"));
  }

  private expect(text: string): void {
    if (!this.isOp(text)) throw this.error();
    this.at++;
  }

  private newlines(): void {
    while (this.is("newline")) this.at++;
  }

  private define(): Statement {
    this.at++;
    if (this.isWord("void")) this.at++;
    const name = this.name();
    const parameters = this.parameters("(", ")");
    this.newlines();
    this.expect("{");
    while (this.is("newline") || this.isOp(";")) this.at++;
    let locals: Parameter[] = [];
    if (this.isWord("auto")) {
      this.at++;
      locals = this.parameterList();
    }
    const body = this.blockRest();
    return { type: "define", name, parameters, locals, body };
  }

  private name(): string {
    if (!this.is("name") || keywords.has(this.token.text)) throw this.error();
    return this.tokens[this.at++]?.text as string;
  }

  private parameters(open: string, close: string): Parameter[] {
    this.expect(open);
    if (this.isOp(close)) {
      this.at++;
      return [];
    }
    const list = this.parameterList();
    this.expect(close);
    return list;
  }

  private parameterList(): Parameter[] {
    const list: Parameter[] = [];
    for (;;) {
      if (this.isOp("*")) this.at++;
      const name = this.name();
      const isArray = this.isOp("[");
      if (isArray) {
        this.at++;
        this.expect("]");
      }
      list.push({ name, isArray });
      if (!this.isOp(",")) return list;
      this.at++;
    }
  }

  private blockRest(): Statement {
    const body: Statement[] = [];
    for (;;) {
      while (this.is("newline") || this.isOp(";")) this.at++;
      if (this.isOp("}")) {
        this.at++;
        return { type: "block", body };
      }
      body.push(this.statement());
      if (!this.is("newline") && !this.isOp(";") && !this.isOp("}")) throw this.error();
    }
  }

  private statement(): Statement {
    if (this.isOp("{")) {
      this.at++;
      return this.blockRest();
    }
    if (this.is("name") && keywords.has(this.token.text)) {
      const word = this.token.text;
      switch (word) {
        case "break":
        case "continue":
        case "halt":
        case "quit":
          this.at++;
          return { type: word };
        case "return": {
          this.at++;
          const bare = this.is("newline") || this.is("end") || this.isOp(";") || this.isOp("}");
          return { type: "return", value: bare ? undefined : this.expression() };
        }
        case "print": {
          this.at++;
          const values = [this.expression()];
          while (this.isOp(",")) {
            this.at++;
            values.push(this.expression());
          }
          return { type: "print", values };
        }
        case "if":
          return this.ifStatement();
        case "while": {
          this.at++;
          this.expect("(");
          const test = this.expression();
          this.expect(")");
          this.newlines();
          return { type: "while", test, body: this.statement() };
        }
        case "for":
          return this.forStatement();
        default:
          throw new BcSyntaxError(this.token.line, false);
      }
    }
    return { type: "expression", value: this.expression() };
  }

  private ifStatement(): Statement {
    this.at++;
    this.expect("(");
    const test = this.expression();
    this.expect(")");
    this.newlines();
    const yes = this.statement();
    const before = this.at;
    while (this.isOp(";")) this.at++;
    if (!this.isWord("else")) {
      this.at = before;
      return { type: "if", test, yes, no: undefined };
    }
    this.at++;
    this.newlines();
    return { type: "if", test, yes, no: this.statement() };
  }

  private forStatement(): Statement {
    this.at++;
    this.expect("(");
    const part = (end: string): Node | undefined => {
      const node = this.isOp(end) ? undefined : this.expression();
      this.expect(end);
      return node;
    };
    const [init, test, step] = [part(";"), part(";"), part(")")];
    this.newlines();
    return { type: "for", init, test, step, body: this.statement() };
  }

  // ── Expressions: || && ! comparison assignment + * ^ unary ─────────────────────────────────────────────────────────

  private expression(): Node {
    return this.or();
  }

  private chain(operators: readonly string[], next: () => Node): Node {
    let left = next();
    while (this.is("operator") && operators.includes(this.token.text)) {
      const operator = this.token.text;
      this.at++;
      left = { type: "binary", operator, left, right: next() };
    }
    return left;
  }

  private or(): Node {
    return this.chain(["||"], () => this.chain(["&&"], () => this.not()));
  }

  private not(): Node {
    if (!this.isOp("!")) return this.comparison();
    this.at++;
    return { type: "unary", operator: "!", operand: this.not() };
  }

  private comparison(): Node {
    return this.chain(["==", "!=", "<", "<=", ">", ">="], () => this.assignment());
  }

  private assignment(): Node {
    const left = this.additive();
    const operator = this.is("operator") && /^[-+*/%^]?=$/.test(this.token.text) ? this.token.text : undefined;
    if (operator === undefined) return left;
    if (left.type !== "name" && left.type !== "element") throw this.error();
    this.at++;
    return { type: "assign", operator: operator.slice(0, -1), target: left, value: this.assignment() };
  }

  private additive(): Node {
    return this.chain(["+", "-"], () => this.chain(["*", "/", "%"], () => this.power()));
  }

  private power(): Node {
    const left = this.unary();
    if (!this.isOp("^")) return left;
    this.at++;
    return { type: "binary", operator: "^", left, right: this.power() };
  }

  private unary(): Node {
    if (this.isOp("-")) {
      this.at++;
      return { type: "unary", operator: "-", operand: this.unary() };
    }
    if (this.isOp("++") || this.isOp("--")) {
      const delta = this.token.text === "++" ? 1 : -1;
      this.at++;
      return { type: "increment", target: this.primary(), delta, prefix: true };
    }
    const operand = this.primary();
    if ((this.isOp("++") || this.isOp("--")) && (operand.type === "name" || operand.type === "element")) {
      const delta = this.token.text === "++" ? 1 : -1;
      this.at++;
      return { type: "increment", target: operand, delta, prefix: false };
    }
    return operand;
  }

  private primary(): Node {
    const { kind, text } = this.token;
    if (kind === "number" || kind === "string") {
      this.at++;
      return { type: kind, text };
    }
    if (this.isOp("(")) {
      this.at++;
      const operand = this.expression();
      this.expect(")");
      return { type: "group", operand };
    }
    if (this.isOp(".")) {
      this.at++;
      return { type: "name", text: "last" };
    }
    const name = this.name();
    if (this.isOp("[")) {
      this.at++;
      if (this.isOp("]")) {
        this.at++;
        return { type: "array", name };
      }
      const index = this.expression();
      this.expect("]");
      return { type: "element", name, index };
    }
    if (!this.isOp("(")) return { type: "name", text: name };
    this.at++;
    const args: Node[] = [];
    while (!this.isOp(")")) {
      args.push(this.expression());
      if (!this.isOp(",")) break;
      this.at++;
    }
    this.expect(")");
    return { type: "call", name, args };
  }
}
