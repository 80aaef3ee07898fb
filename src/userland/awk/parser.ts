/** The grammar of awk: POSIX's, with the precedence that mawk and busybox give. Errors in the words of either. */

import type { Voice } from "../../abi/sys.ts";
import type { Expr, Pattern, ProgramTree, Redirect, Rule, Stmt } from "./ast.ts";
import { ExpressionParser, isLValue } from "./expressions.ts";
import { AwkSyntaxError } from "./lexer.ts";

/** Errors: AwkSyntaxError. */
export function parseAwk(source: string, voice: Voice): ProgramTree {
  return new Parser(source, voice).program();
}

class Parser extends ExpressionParser {
  program(): ProgramTree {
    const rules: Rule[] = [];
    this.skipTerminators();
    while (this.token.kind !== "end") {
      if (this.isKeyword("function")) this.functionDefinition();
      else rules.push(this.rule());
      this.skipTerminators();
    }
    for (const call of this.calls) {
      if (!this.functions.has(call.name)) {
        const message = this.voice === "gnu" ? `function ${call.name} never defined` : "Call to undefined function";
        throw new AwkSyntaxError(message, this.voice === "gnu" ? this.token.line + 1 : call.line);
      }
    }
    return { rules, functions: this.functions };
  }

  // ── Rules and statements ───────────────────────────────────────────────────────────────────────────────────────────

  private functionDefinition(): void {
    this.advance();
    if (this.token.kind !== "name" && this.token.kind !== "function") throw this.error();
    const name = this.advance().text;
    this.expect("(");
    const parameters: string[] = [];
    while (!this.is(")")) {
      if (this.token.kind !== "name" || this.token.text === name) throw this.error();
      parameters.push(this.advance().text);
      this.skipNewlines();
      if (!this.is(",")) break;
      this.advance();
      this.skipNewlines();
    }
    this.expect(")");
    this.skipNewlines();
    this.inFunction = true;
    const body = this.block();
    this.inFunction = false;
    this.functions.set(name, { name, parameters, body });
  }

  private rule(): Rule {
    let pattern: Pattern;
    this.inMain = true;
    if (this.isKeyword("BEGIN") || this.isKeyword("END")) {
      pattern = { type: this.advance().text as "BEGIN" | "END" };
      this.inMain = false;
      if (!this.is("{")) throw this.error();
    } else if (this.is("{")) pattern = { type: "always" };
    else {
      const test = this.expression();
      if (this.is(",")) {
        this.advance();
        this.skipNewlines();
        pattern = { type: "range", from: test, to: this.expression() };
      } else pattern = { type: "when", test };
    }
    const action = this.is("{") ? this.block() : undefined;
    return { pattern, action };
  }

  private block(): Stmt {
    this.expect("{");
    const body: Stmt[] = [];
    this.skipTerminators();
    while (!this.is("}")) {
      if (this.token.kind === "end") {
        throw new AwkSyntaxError(
          this.voice === "gnu" ? "missing } near end of file" : "Unexpected token",
          this.token.line + (this.voice === "gnu" ? 1 : 0),
        );
      }
      body.push(this.statement());
      this.skipTerminators();
    }
    this.advance();
    return { type: "block", body };
  }

  /** The end of a simple statement: `;`, a newline, or a `}` that is left for the block. */
  private endStatement(): void {
    if (this.token.kind === "newline" || this.is(";")) this.advance();
    else if (!this.is("}") && this.token.kind !== "end") throw this.error();
  }

  private simpleOrBlock(): Stmt {
    this.skipNewlines();
    if (this.is(";")) {
      this.advance();
      return { type: "block", body: [] };
    }
    return this.statement();
  }

  private statement(): Stmt {
    if (this.is("{")) return this.block();
    if (this.token.kind === "keyword") {
      switch (this.token.text) {
        case "if":
          return this.ifStatement();
        case "while": {
          this.advance();
          const test = this.condition();
          if (this.is(";")) {
            this.advance();
            return { type: "while", test, body: { type: "block", body: [] } };
          }
          return { type: "while", test, body: this.simpleOrBlock() };
        }
        case "do": {
          this.advance();
          const body = this.simpleOrBlock();
          this.skipTerminators();
          if (!this.isKeyword("while")) throw this.error();
          this.advance();
          const test = this.condition();
          this.endStatement();
          return { type: "do", test, body };
        }
        case "for":
          return this.forStatement();
      }
    }
    const statement = this.simpleStatement();
    this.endStatement();
    return statement;
  }

  private condition(): Expr {
    this.expect("(");
    const test = this.expression();
    this.expect(")");
    return test;
  }

  private ifStatement(): Stmt {
    this.advance();
    const test = this.condition();
    const yes = this.simpleOrBlock();
    // An else may stand after newlines and a semicolon.
    const wasAtTerminator = this.token.kind === "newline" || this.is(";");
    if (wasAtTerminator) this.skipTerminators();
    if (!this.isKeyword("else")) return { type: "if", test, yes, no: undefined };
    this.advance();
    return { type: "if", test, yes, no: this.simpleOrBlock() };
  }

  private forStatement(): Stmt {
    this.advance();
    this.expect("(");
    let init: Stmt | undefined;
    if (!this.is(";")) {
      init = this.simpleStatement();
      if (this.is(")") && init.type === "expr") {
        const e = init.expr.type === "group" ? init.expr.operand : init.expr;
        const key = e.type === "in" && e.subscripts.length === 1 ? e.subscripts[0] : undefined;
        if (e.type !== "in" || key === undefined || !isLValue(key)) throw this.error();
        this.advance();
        return { type: "forIn", variable: key, name: e.name, body: this.simpleOrBlock() };
      }
    }
    this.expect(";");
    this.skipNewlines();
    const test = this.is(";") ? undefined : this.expression();
    this.expect(";");
    this.skipNewlines();
    const step = this.is(")") ? undefined : this.simpleStatement();
    this.expect(")");
    return { type: "for", init, test, step, body: this.simpleOrBlock() };
  }

  private simpleStatement(): Stmt {
    if (this.token.kind !== "keyword") return { type: "expr", expr: this.expression() };
    const word = this.token.text;
    switch (word) {
      case "print":
      case "printf":
        return this.printStatement(word);
      case "next":
      case "nextfile":
        if (!this.inMain && !this.inFunction && this.voice === "gnu") throw new AwkSyntaxError(`improper use of ${word}`, this.token.line);
        this.advance();
        return { type: word };
      case "break":
      case "continue":
        this.advance();
        return { type: word };
      case "exit":
      case "return": {
        if (word === "return" && !this.inFunction) {
          throw new AwkSyntaxError(this.voice === "gnu" ? "return outside function body" : "Unexpected token", this.token.line);
        }
        this.advance();
        const bare = this.kind === "newline" || this.kind === "end" || this.is(";") || this.is("}");
        return { type: word, value: bare ? undefined : this.expression() };
      }
      case "delete": {
        this.advance();
        const grouped = this.is("(");
        if (grouped) this.advance();
        if (this.kind !== "name") throw this.error();
        const name = this.advance(false).text;
        const subscripts = this.is("[") ? this.subscripts() : undefined;
        if (grouped) this.expect(")");
        return { type: "delete", name, subscripts };
      }
      default:
        return { type: "expr", expr: this.expression() };
    }
  }

  private printStatement(type: "print" | "printf"): Stmt {
    this.advance();
    let args: Expr[] = [];
    const outer = this.noGreater;
    this.noGreater = true;
    if (!this.endsPrint()) {
      args.push(this.expression());
      const only = args[0] as Expr & { readonly list?: readonly Expr[] };
      if (only.list !== undefined) args = [...only.list];
      while (this.is(",")) {
        this.advance();
        this.skipNewlines();
        args.push(this.expression());
      }
    }
    this.noGreater = outer;
    if (type === "printf" && args.length === 0) throw this.error();
    let redirect: Redirect | undefined;
    let to: Expr | undefined;
    if (this.is(">") || this.is(">>") || this.is("|")) {
      redirect = this.advance().text as Redirect;
      const before = this.noGreater;
      this.noGreater = true;
      to = this.concatenation(redirect !== "|");
      this.noGreater = before;
    }
    return { type, args, redirect, to };
  }

  private endsPrint(): boolean {
    return this.token.kind === "newline" || this.token.kind === "end" || [";", "}", ">", ">>", "|"].some((t) => this.is(t));
  }
}
