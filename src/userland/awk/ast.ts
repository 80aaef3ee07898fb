/** The tree of an awk program. */

export type LValue =
  | { readonly type: "var"; readonly name: string }
  | { readonly type: "field"; readonly index: Expr }
  | { readonly type: "element"; readonly name: string; readonly subscripts: readonly Expr[] };

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "^" | "<" | "<=" | "==" | "!=" | ">" | ">=" | "concat";

export type Expr =
  | LValue
  | { readonly type: "number"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "regex"; readonly source: string }
  | { readonly type: "assign"; readonly operator: BinaryOperator | "="; readonly target: LValue; readonly value: Expr }
  | { readonly type: "increment"; readonly target: LValue; readonly delta: 1 | -1; readonly prefix: boolean }
  | { readonly type: "cond"; readonly test: Expr; readonly yes: Expr; readonly no: Expr }
  | { readonly type: "and" | "or"; readonly left: Expr; readonly right: Expr }
  | { readonly type: "not" | "negate" | "plus" | "group"; readonly operand: Expr }
  | { readonly type: "binary"; readonly operator: BinaryOperator; readonly left: Expr; readonly right: Expr }
  | { readonly type: "match"; readonly negated: boolean; readonly left: Expr; readonly right: Expr }
  | { readonly type: "in"; readonly name: string; readonly subscripts: readonly Expr[] }
  | { readonly type: "call"; readonly name: string; readonly args: readonly Expr[]; readonly line: number }
  | { readonly type: "builtin"; readonly name: string; readonly args: readonly Expr[] }
  /** `source` is the file or the command. */
  | {
      readonly type: "getline";
      readonly from: "input" | "file" | "command";
      readonly source: Expr | undefined;
      readonly target: LValue | undefined;
    };

export type Redirect = ">" | ">>" | "|";

export type Stmt =
  | { readonly type: "block"; readonly body: readonly Stmt[] }
  | { readonly type: "expr"; readonly expr: Expr }
  | {
      readonly type: "print" | "printf";
      readonly args: readonly Expr[];
      readonly redirect: Redirect | undefined;
      readonly to: Expr | undefined;
    }
  | { readonly type: "if"; readonly test: Expr; readonly yes: Stmt; readonly no: Stmt | undefined }
  | { readonly type: "while" | "do"; readonly test: Expr; readonly body: Stmt }
  | {
      readonly type: "for";
      readonly init: Stmt | undefined;
      readonly test: Expr | undefined;
      readonly step: Stmt | undefined;
      readonly body: Stmt;
    }
  | { readonly type: "forIn"; readonly variable: LValue; readonly name: string; readonly body: Stmt }
  | { readonly type: "break" | "continue" | "next" | "nextfile" }
  | { readonly type: "exit" | "return"; readonly value: Expr | undefined }
  | { readonly type: "delete"; readonly name: string; readonly subscripts: readonly Expr[] | undefined };

export type Pattern =
  | { readonly type: "BEGIN" | "END" | "always" }
  | { readonly type: "when"; readonly test: Expr }
  | { readonly type: "range"; readonly from: Expr; readonly to: Expr };

export interface Rule {
  readonly pattern: Pattern;
  /** Absent: print the record. */
  readonly action: Stmt | undefined;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly body: Stmt;
}

export interface ProgramTree {
  readonly rules: readonly Rule[];
  readonly functions: ReadonlyMap<string, FunctionDefinition>;
}
