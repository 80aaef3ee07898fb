/** Functions as `declare -f` and `type` print them: bash's print_cmd.c. */

import type * as U from "unbash";

/** The text of a definition, without a newline at its end. */
export function printFunction(f: U.Function, source: string): string {
  return new Printer(source).definition(f, "", false);
}

class Printer {
  /** Bodies of here-documents that follow the line in progress. */
  private pending: string[] = [];

  constructor(private readonly source: string) {}

  private text(n: { pos: number; end: number }): string {
    return this.source.slice(n.pos, n.end);
  }

  definition(f: U.Function, indent: string, nested: boolean): string {
    const head = `${nested ? "function " : ""}${f.name.text} () `;
    const { body } = f;
    const inner = body.type === "Redirected" ? body.command : body;
    const redirections = body.type === "Redirected" ? ` ${this.redirections(body.redirects)}` : "";
    if (inner.type === "BraceGroup")
      return `${head}\n${indent}{ \n${this.list(inner.body, `${indent}    `, false)}\n${indent}}${redirections}`;
    return `${head}\n${indent}{ \n${indent}    ${this.command(inner as U.CommandNode, `${indent}    `)}${redirections}\n${indent}}`;
  }

  /** Statements one a line; `last` tells whether the last one ends in a semicolon too. */
  private list(l: U.CompoundList, indent: string, last: boolean): string {
    const out: string[] = [];
    l.commands.forEach((s, i) => {
      const isLast = i === l.commands.length - 1;
      let text = indent + this.statement(s, indent);
      const previous = out[out.length - 1];
      if (previous?.endsWith(" &") && i > 0) {
        out[out.length - 1] = `${previous} ${text.slice(indent.length)}`;
        text = out.pop() as string;
      }
      if (!text.endsWith(" &") && (!isLast || last) && this.pending.length === 0) text += ";";
      out.push(text + this.takePending());
    });
    return out.join("\n");
  }

  private takePending(): string {
    const text = this.pending.map((p) => `\n${p}`).join("");
    this.pending = [];
    return text;
  }

  private statement(s: U.Statement, indent: string): string {
    return this.pipeline(s.command, indent) + (s.background === true ? " &" : "");
  }

  private pipeline(c: U.PipelineNode | U.AndOr, indent: string): string {
    if (c.type === "AndOr") return c.commands.map((p, i) => (i === 0 ? "" : ` ${c.operators[i - 1]} `) + this.pipeline(p, indent)).join("");
    if (c.type !== "Pipeline") return this.command(c, indent);
    const prefixes = c.prefixes.map((p) => (p.type === "Negation" ? "! " : p.posix === undefined ? "time " : "time -p ")).join("");
    return (
      prefixes +
      c.commands.map((p, i) => (i === 0 ? "" : ` ${c.operators[i - 1] === "|&" ? "2>&1 |" : "|"} `) + this.command(p, indent)).join("")
    );
  }

  private command(c: U.CommandNode, indent: string): string {
    const deep = `${indent}    `;
    switch (c.type) {
      case "Command":
        return this.simple(c);
      case "Redirected":
        return `${this.command(c.command, indent)} ${this.redirections(c.redirects)}`;
      case "Function":
        return this.definition(c, indent, true);
      case "Coproc":
        return `coproc ${c.name?.text ?? "COPROC"} ${c.body.type === "CompoundList" ? "" : this.command(c.body, indent)}`;
      case "If":
        return this.ifCommand(c.clause, c.then, c.elif, c.else, indent);
      case "While":
        return `${c.kind} ${this.inline(c.clause, indent)}; do\n${this.list(c.body, deep, true)}\n${indent}done`;
      case "For":
      case "Select": {
        const words = c.wordlist === undefined ? '"$@"' : c.wordlist.map((w) => w.text).join(" ");
        return `${c.type === "For" ? "for" : "select"} ${c.name.text} in ${words};\n${indent}do\n${this.list(c.body, deep, true)}\n${indent}done`;
      }
      case "ArithmeticFor":
        return `for ((${[c.initialize, c.test, c.update].map((e) => (e === undefined ? "1" : this.text(e).trim())).join("; ")}))\n${indent}do\n${this.list(c.body, deep, true)}\n${indent}done`;
      case "Case":
        return `case ${c.word.text} in \n${c.items.map((i) => `${deep}${i.pattern.map((p) => p.text).join(" | ")})\n${i.body.commands.length === 0 ? "" : `${this.list(i.body, `${deep}    `, false)}\n`}${deep}${i.terminator ?? ";;"}\n`).join("")}${indent}esac`;
      case "Subshell":
        return `( ${this.inline(c.body, indent)} )`;
      case "BraceGroup":
        return `{ \n${this.list(c.body, deep, false)}\n${indent}}`;
      case "ArithmeticCommand":
        return `((${c.body}))`;
      case "TestCommand":
        return `[[ ${this.text(c).slice(2, -2).trim().replace(/\s+/g, " ")} ]]`;
    }
  }

  private ifCommand(
    clause: U.CompoundList,
    then: U.CompoundList,
    elif: readonly U.Elif[],
    otherwise: U.CompoundList | undefined,
    indent: string,
  ): string {
    const deep = `${indent}    `;
    let out = `if ${this.inline(clause, indent)}; then\n${this.list(then, deep, true)}\n`;
    const next = elif[0];
    if (next !== undefined) out += `${indent}else\n${deep}${this.ifCommand(next.clause, next.then, elif.slice(1), otherwise, deep)};\n`;
    else if (otherwise !== undefined) out += `${indent}else\n${this.list(otherwise, deep, true)}\n`;
    return `${out}${indent}fi`;
  }

  private inline(l: U.CompoundList, indent: string): string {
    return l.commands.map((s) => this.statement(s, indent)).join(`;\n${indent}`);
  }

  private simple(c: U.Command): string {
    const words: string[] = [];
    for (const p of c.prefix) if (p.type === "Assignment") words.push(p.text);
    if (c.name !== undefined) words.push(c.name.text);
    for (const a of c.args) words.push(a.text);
    const redirections = this.redirections(c.redirects);
    return words.join(" ") + (redirections === "" ? "" : `${words.length > 0 ? " " : ""}${redirections}`);
  }

  private redirections(list: readonly U.Redirection[]): string {
    return list
      .map((r) => {
        const fd =
          r.descriptor === undefined ? "" : r.descriptor.type === "FileDescriptor" ? String(r.descriptor.value) : `{${r.descriptor.name}}`;
        if (r.type === "HereDoc") {
          this.pending.push(`${r.body.text}${r.delimiter?.value ?? ""}\n`);
          return `${fd}${r.operator}${r.delimiter?.text ?? ""}`;
        }
        const target = r.target?.text ?? "";
        if (r.operator === "<&" && target === "-") return `${fd || "0"}>&-`;
        if (r.operator === ">&" || r.operator === "<&") return `${fd || (r.operator === "<&" ? "0" : "1")}${r.operator}${target}`;
        return `${fd}${r.operator} ${target}`;
      })
      .join(" ");
  }
}
