/** From the parser's tree to nodes that run; what the flavour does not know is refused here. */

import type * as U from "unbash";
import { compileCondition } from "./conditional.ts";
import type { Arithmetic, CommandSubstitution, CompiledWord, Node, Piece } from "./node.ts";
import {
  ArithmeticCommand,
  ArithmeticFor,
  Case,
  Coprocess,
  DefineFunction,
  For,
  Group,
  If,
  Redirected,
  Select,
  Subshell,
  TestCommand,
  While,
} from "./nodes-compound.ts";
import { AndOr, Background, List, Negated, Pipeline, Timed } from "./nodes-lists.ts";
import { type ArrayElement, type Assignment, type CommandWord, SimpleCommand } from "./nodes-simple.ts";
import { type Compiler, findFailure, type SyntaxFailure } from "./parse.ts";
import { printFunction } from "./print.ts";
import type { Redirection } from "./redirect.ts";
import { CompileFailure } from "./run.ts";
import type { Flavour, Shell } from "./shell.ts";
import { compileArithmeticText, compileHereParts, compileHereText, compileText, compileWord, compileWords, literalWord } from "./word.ts";

/** Compiles statements of one source text. `base` is the number of its first line. */
export function compileScript(sh: Shell, source: string, statements: readonly U.Statement[], base: number): Node {
  return new SourceCompiler(source, base, sh.flavour, sh.options.has("braceexpand")).list(statements);
}

class SourceCompiler implements Compiler {
  private lineStarts: number[] | undefined;
  private lastLine = 1;

  constructor(
    private readonly source: string,
    private readonly base: number,
    readonly flavour: Flavour,
    readonly braces: boolean,
  ) {}

  within(text: string): Compiler {
    return new SourceCompiler(text, this.lastLine, this.flavour, this.braces);
  }

  lineAt(pos: number): number {
    if (this.lineStarts === undefined) {
      this.lineStarts = [0];
      for (let i = this.source.indexOf("\n"); i >= 0; i = this.source.indexOf("\n", i + 1)) this.lineStarts.push(i + 1);
    }
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lineStarts[middle] as number) <= pos) low = middle;
      else high = middle - 1;
    }
    this.lastLine = low + this.base;
    return this.lastLine;
  }

  private textOf(n: { pos: number; end: number }): string {
    return this.source.slice(n.pos, n.end);
  }

  private refuse(token: string, pos: number): CompileFailure {
    return new CompileFailure({ pos, kind: "token", token, expecting: undefined }, this.source);
  }

  // ── Substitutions ──────────────────────────────────────────────────────────────────────────────────────────────────

  substitution(part: U.CommandExpansionPart, quoted: boolean): CommandSubstitution {
    const backtick = part.text.startsWith("`");
    const script = part.script;
    if (script?.errors !== undefined && !backtick) throw new CompileFailure(this.inner(script, part), this.source);
    const file = script === undefined || this.flavour === "dash" ? undefined : this.fileOf(script);
    return { kind: "command", quoted, script: this.lazy(script, part.pos), file };
  }

  private inner(script: U.ParsedScript, part: { pos: number; end: number }): SyntaxFailure {
    const found = findFailure(this.source.slice(0, part.end), script);
    if (found !== undefined && found.kind !== "end") return found;
    return { pos: part.end - 1, kind: "token", token: ")", expecting: undefined };
  }

  process(part: U.ProcessSubstitutionPart, quoted: boolean): Piece {
    if (this.flavour === "dash") throw this.refuse("(", part.pos + 1);
    return { kind: "process", quoted, operator: part.operator, script: this.lazy(part.script, part.pos) };
  }

  /** Scripts inside words are compiled when they are first run. */
  private lazy(script: U.ParsedScript | undefined, pos: number): () => Node {
    let node: Node | undefined;
    const line = this.lineAt(pos);
    return () => {
      if (node === undefined) {
        const source = script?.source;
        if (source !== undefined) {
          if (script?.errors !== undefined) throw new CompileFailure(findFailure(source, script) as SyntaxFailure, source);
          node = new SourceCompiler(source, line, this.flavour, this.braces).list(script?.commands ?? []);
        } else node = this.list(script?.commands ?? []);
      }
      return node;
    };
  }

  /** `$(<word)`. */
  private fileOf(script: U.ParsedScript): CompiledWord | undefined {
    const c = script.commands.length === 1 ? script.commands[0]?.command : undefined;
    if (c?.type !== "Command" || c.name !== undefined || c.prefix.length !== 1 || c.suffix.length > 0) return undefined;
    const r = c.prefix[0];
    return r?.type === "Redirect" && r.operator === "<" && r.descriptor === undefined && r.target !== undefined
      ? compileWord(r.target, this)
      : undefined;
  }

  // ── Lists ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  list(statements: readonly U.Statement[]): Node {
    if (statements.length === 1) return this.statement(statements[0] as U.Statement);
    const first = statements[0];
    const last = statements[statements.length - 1];
    const text = first === undefined || last === undefined ? "" : this.source.slice(first.pos, last.end);
    return new List(
      text,
      statements.map((s) => this.statement(s)),
    );
  }

  private statement(s: U.Statement): Node {
    const node = this.command(s.command);
    return s.background === true ? new Background(this.textOf(s.command), node) : node;
  }

  private command(c: U.PipelineNode | U.AndOr): Node {
    switch (c.type) {
      case "AndOr":
        return new AndOr(
          this.textOf(c),
          c.commands.map((p) => this.command(p)),
          c.operators,
        );
      case "Pipeline":
        return this.pipeline(c);
      default:
        return this.single(c);
    }
  }

  private pipeline(p: U.Pipeline): Node {
    const commands = p.commands.map((c) => this.single(c));
    const bar = p.operators.indexOf("|&");
    if (bar >= 0 && this.flavour !== "bash") throw this.refuse("&", this.source.indexOf("|&", p.pos) + 1);
    const first = p.commands[0];
    const text = first === undefined ? "" : this.source.slice(first.pos, p.end);
    let node: Node | undefined =
      commands.length > 1
        ? new Pipeline(
            text,
            commands,
            p.operators.map((o) => o === "|&"),
          )
        : commands[0];
    for (let i = p.prefixes.length - 1; i >= 0; i--) {
      const prefix = p.prefixes[i] as U.PipelinePrefix;
      node = prefix.type === "Negation" ? new Negated(this.textOf(p), node) : new Timed(this.textOf(p), node, prefix.posix !== undefined);
    }
    return node as Node;
  }

  // ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────────

  private single(c: U.CommandNode): Node {
    switch (c.type) {
      case "Command":
        return this.simple(c);
      case "Redirected":
        return this.redirected(c);
      case "Function":
        return this.functionDefinition(c);
      case "Coproc":
        return this.coprocess(c);
      default:
        return this.compound(c);
    }
  }

  private redirected(c: U.Redirected): Node {
    const redirections = c.redirects.map((r) => this.redirection(r));
    const line = this.lineAt(c.pos);
    if (c.command.type === "Subshell") return new Subshell(line, this.textOf(c), this.compoundList(c.command.body), redirections);
    return new Redirected(line, this.textOf(c), this.compound(c.command), redirections);
  }

  private functionDefinition(f: U.Function): Node {
    if (/^function\b/.test(this.source.slice(f.pos)) && this.flavour === "dash") throw this.refuse("(", f.pos);
    if (f.body.type === "CompoundList") throw this.refuse("newline", f.body.pos);
    const body = this.single(f.body);
    const { source } = this;
    return new DefineFunction(this.lineAt(f.pos), this.textOf(f), f.name.text, body, () => printFunction(f, source));
  }

  private coprocess(c: U.Coproc): Node {
    if (c.body.type === "CompoundList") throw this.refuse("newline", c.body.pos);
    return new Coprocess(this.lineAt(c.pos), this.textOf(c), c.name?.text ?? "COPROC", this.single(c.body));
  }

  private compoundList(l: U.CompoundList): Node {
    return this.list(l.commands);
  }

  private compound(c: U.CompoundCommand): Node {
    const line = this.lineAt(c.pos);
    const text = this.textOf(c);
    switch (c.type) {
      case "If": {
        const branches: { condition: Node | undefined; body: Node }[] = [
          { condition: this.compoundList(c.clause), body: this.compoundList(c.then) },
        ];
        for (const e of c.elif) branches.push({ condition: this.compoundList(e.clause), body: this.compoundList(e.then) });
        if (c.else !== undefined) branches.push({ condition: undefined, body: this.compoundList(c.else) });
        return new If(line, text, branches);
      }
      case "While":
        return new While(line, text, c.kind === "until", this.compoundList(c.clause), this.compoundList(c.body));
      case "For":
        if (this.flavour !== "bash" && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(c.name.text))
          throw new CompileFailure(
            { pos: c.name.pos, kind: "token", token: c.name.text, expecting: undefined, words: "bad for loop variable" },
            this.source,
          );
        return new For(line, text, c.name.text, this.wordList(c.wordlist), this.compoundList(c.body));
      case "Select":
        return new Select(line, text, c.name.text, this.wordList(c.wordlist), this.compoundList(c.body));
      case "ArithmeticFor":
        return this.arithmeticFor(c, line, text);
      case "Case":
        return new Case(
          line,
          text,
          compileWord(c.word, this),
          c.items.map((i) => ({
            patterns: i.pattern.map((p) => compileWord(p, this)),
            body: this.compoundList(i.body),
            terminator: i.terminator ?? ";;",
          })),
        );
      case "Subshell":
        return new Subshell(line, text, this.compoundList(c.body), []);
      case "BraceGroup":
        return new Group(line, text, this.compoundList(c.body));
      case "ArithmeticCommand":
        if (this.flavour !== "bash") return this.doubleSubshell(c, line, text);
        return new ArithmeticCommand(line, text, compileArithmeticText(text.slice(2, -2), this, true));
      case "TestCommand":
        if (this.flavour === "dash") return this.testWords(c, line, text);
        return new TestCommand(
          line,
          text,
          compileCondition(c.expression, (w) => compileWord(w, this)),
        );
    }
  }

  /** `((…))` where that is no syntax of its own: a subshell in a subshell. */
  private doubleSubshell(c: U.ArithmeticCommand, line: number, text: string): Node {
    const words = c.body
      .trim()
      .split(/\s+/)
      .filter((w) => w !== "");
    const inner = new SimpleCommand(
      line,
      c.body,
      [],
      words.map((w) => compileText(w, this)),
      [],
    );
    return new Subshell(line, text, new Subshell(line, text, inner, []), []);
  }

  /** `[[ … ]]` as the words of a command, which dash does not know. */
  private testWords(c: U.TestCommand, line: number, text: string): Node {
    const words: CommandWord[] = [];
    const add = (w: string): void => void words.push(literalWord(w));
    const visit = (e: U.TestExpression): void => {
      switch (e.type) {
        case "TestUnary":
          add(e.operator);
          words.push(compileWord(e.operand, this));
          return;
        case "TestBinary":
          words.push(compileWord(e.left, this));
          add(e.operator);
          words.push(compileWord(e.right, this));
          return;
        case "TestLogical":
          e.operands.forEach((o, i) => {
            if (i > 0) add(e.operator === "&&" ? "-a" : "-o");
            visit(o);
          });
          return;
        case "TestNot":
          for (let i = 0; i < e.negations.length; i++) add("!");
          visit(e.operand);
          return;
        case "TestGroup":
          add("(");
          visit(e.expression);
          add(")");
      }
    };
    add("[[");
    visit(c.expression);
    add("]]");
    return new SimpleCommand(line, text, [], words, []);
  }

  private wordList(words: readonly U.Word[] | undefined): CompiledWord[] | undefined {
    return words?.flatMap((w) => compileWords(w, this));
  }

  private arithmeticFor(c: U.ArithmeticFor, line: number, text: string): Node {
    const open = this.source.indexOf("((", c.pos) + 2;
    const close = this.source.lastIndexOf("))", c.body.pos);
    const parts = splitSemicolons(this.source.slice(open, close));
    const part = (i: number): Arithmetic | undefined => {
      const t = parts[i] ?? "";
      return t.trim() === "" ? undefined : compileArithmeticText(t, this, true);
    };
    return new ArithmeticFor(line, text, part(0), part(1), part(2), this.compoundList(c.body));
  }

  private simple(c: U.Command): Node {
    const line = this.lineAt(c.pos);
    const assignments: Assignment[] = [];
    const words: CommandWord[] = [];
    const redirections: Redirection[] = [];
    for (const p of c.prefix) {
      if (p.type === "Assignment") this.assignment(p, assignments, words);
      else redirections.push(this.redirection(p));
    }
    if (c.name !== undefined) words.push(...compileWords(c.name, this));
    const declares = c.name !== undefined && /^(declare|typeset|local|export|readonly|alias|eval)$/.test(c.name.text);
    c.suffix.forEach((s, i) => {
      if (s.type === "Word") this.checkParentheses(s, i === 0 && c.prefix.length === 0);
    });
    if (c.name !== undefined) this.checkParentheses(c.name, false);
    // A lone parenthesis at the end is lost on the library.
    if (c.suffix.length === 0 && /^[ \t]*\(\s*$/.test(this.source.slice(c.end))) throw this.refuse("newline", c.end);
    for (const s of c.suffix) {
      if (s.type === "Word") words.push(...this.suffixWord(s, declares));
      else if (s.type === "Assignment") {
        if (this.flavour !== "bash" && !Array.isArray(s.value) && s.value.type === "ArrayValue") throw this.refuse("(", s.value.pos);
        if (!declares) words.push(...compileWordsOf(s.text, this));
        else words.push({ assignment: this.makeAssignment(s) });
      } else redirections.push(this.redirection(s));
    }
    return new SimpleCommand(line, this.textOf(c), assignments, words, redirections);
  }

  /** The library takes `(` for a part of a word; the shells do not. */
  private checkParentheses(w: U.Word, second: boolean): void {
    if (!w.text.includes("(")) return;
    let at = -1;
    for (const p of w.parts ?? [{ type: "Literal", text: w.text, pos: w.pos }]) {
      if (p.type !== "Literal" || at >= 0) continue;
      const m = /(?:^|[^\\])(?:\\\\)*(\()/.exec(p.text);
      if (m !== null) at = p.pos + m.index + m[0].length - 1;
    }
    if (at < 0) return;
    const rest = this.source.slice(at + 1);
    const next = /^\s*([^\s()]+)/.exec(rest);
    const name = /^\w+\($/.test(w.text.slice(0, at - w.pos + 1)) && !second;
    if ((second && at === w.pos) || (name && this.source.slice(0, w.pos).trim() === "")) {
      if (/^\s*$/.test(rest)) throw new CompileFailure({ pos: at, kind: "token", token: "newline", expecting: ")" }, this.source);
      if (next !== null) throw new CompileFailure({ pos: at + 1, kind: "token", token: next[1] as string, expecting: ")" }, this.source);
    }
    throw this.refuse("(", at);
  }

  private suffixWord(w: U.Word, declares: boolean): CompiledWord[] {
    if (declares && /^[A-Za-z_][A-Za-z0-9_]*=/.test(w.text)) return [compileWord(w, this, true)];
    return compileWords(w, this);
  }

  /** An assignment before a command; what dash and ash take for a word becomes one. */
  private assignment(a: U.Assignment, assignments: Assignment[], words: CommandWord[]): void {
    if (this.flavour !== "bash") {
      if (a.value.type === "ArrayValue") throw this.refuse("(", a.value.pos);
      if (a.append === true || a.index !== undefined) {
        words.push(...compileWordsOf(a.text, this));
        return;
      }
    }
    assignments.push(this.makeAssignment(a));
  }

  private makeAssignment(a: U.Assignment): Assignment {
    const index = a.index === undefined ? undefined : compileWord(a.index, this);
    const value = a.value.type === "ArrayValue" ? a.value.elements.map((e) => this.element(e)) : compileWord(a.value, this, true);
    return { name: a.name, append: a.append ?? false, index, value };
  }

  private element(w: U.Word): ArrayElement {
    const end = w.text.startsWith("[") ? closingBracket(w.text) : -1;
    const m = end > 0 ? /^(\+?)=/.exec(w.text.slice(end + 1)) : null;
    if (m === null) return { index: undefined, append: false, words: compileWords(w, this) };
    const index = compileText(w.text.slice(1, end), this, true);
    return { index, append: m[1] !== "", words: [compileText(w.text.slice(end + 1 + m[0].length), this, true)] };
  }

  private redirection(r: U.Redirection): Redirection {
    const d = r.descriptor;
    const common = {
      fd: d?.type === "FileDescriptor" ? d.value : undefined,
      variable: d?.type === "FileDescriptorVariable" ? d.name : undefined,
      line: this.lineAt(r.pos),
    };
    if (r.type === "HereDoc") {
      const missing =
        r.closing === undefined ? { missing: { delimiter: r.delimiter?.value ?? "", lastLine: this.lineAt(this.source.length) } } : {};
      const rest =
        r.closing === undefined && this.flavour === "bash" && r.body.text !== "" && !r.body.text.endsWith("\n")
          ? [{ kind: "literal" as const, text: "\n", quoted: true, split: false }]
          : [];
      const quoted = r.delimiter?.quoted === true;
      if (r.operator === "<<-")
        return { ...common, ...missing, operator: "<<", target: undefined, body: [...this.stripped(r.body.text, quoted), ...rest] };
      const body: readonly Piece[] =
        quoted || r.body.parts === undefined
          ? [{ kind: "literal", text: quoted ? r.body.text : unescapeHere(r.body.text), quoted: true, split: false }]
          : compileHereParts(r.body.parts, this);
      return { ...common, ...missing, operator: "<<", target: undefined, body: [...body, ...rest] };
    }
    if (r.type === "HereString") {
      if (this.flavour !== "bash") throw this.refuse("<", r.pos + 2);
      return {
        ...common,
        operator: "<<<",
        target: r.target === undefined ? literalWord("") : compileWord(r.target, this),
        body: undefined,
      };
    }
    if ((r.operator === "&>" || r.operator === "&>>") && this.flavour === "dash") throw this.refuse("&>", r.pos);
    const target = r.target === undefined ? literalWord("") : compileWord(r.target, this);
    return { ...common, operator: r.operator, target, body: undefined };
  }

  /** The body of `<<-`: leading tabs go, before anything is expanded. */
  private stripped(text: string, quoted: boolean): readonly Piece[] {
    const plain = text.replace(/^\t+/gm, "");
    if (quoted) return [{ kind: "literal", text: plain, quoted: true, split: false }];
    return compileHereText(plain, this);
  }
}

function unescapeHere(text: string): string {
  return text.replace(/\\([$`\\]|\n)/g, (_, e: string) => (e === "\n" ? "" : e));
}

function compileWordsOf(text: string, c: Compiler): CompiledWord[] {
  return [compileText(text, c)];
}

function closingBracket(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "[") depth++;
    else if (text[i] === "]" && --depth === 0) return i;
  }
  return -1;
}

function splitSemicolons(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === ";" && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
