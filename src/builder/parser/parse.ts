/**
 * The Dockerfile parser: lines, continuations, comments, directives, here-documents, flags. It knows how each instruction's arguments are written and
 * not what they mean; unknown instructions pass. BuildKit `frontend/dockerfile/parser/parser.go`.
 */

import { argumentParsers, splitFlags } from "./arguments.ts";
import { Directives } from "./directives.ts";
import { heredocsOf } from "./heredoc.ts";
import { type Dockerfile, DockerfileError, type Heredoc, type InstructionNode, type LineRange, type ParseWarning } from "./node.ts";

/** Bytes in one line: Go's bufio.MaxScanTokenSize. */
const MAX_LINE = 65_535;
const HEREDOC_INSTRUCTIONS = new Set(["add", "copy", "run"]);

export interface ParseOptions {
  /** Whether `<<EOF` announces anything: not for the classic builder. */
  readonly heredocs?: boolean;
}

/** Errors: DockerfileError. */
export function parseDockerfile(text: string, { heredocs = true }: ParseOptions = {}): Dockerfile {
  return new Parser(text.replace(/^\ufeff/, ""), heredocs).parse();
}

const trimNewline = (line: string): string => line.replace(/[\r\n]+$/, "");
const isComment = (line: string): boolean => line.trimStart().startsWith("#");

class Parser {
  /** Each with its line end. */
  private readonly lines: readonly string[];
  private readonly directives = new Directives();
  private readonly warnings: ParseWarning[] = [];
  private at = 0;

  constructor(
    text: string,
    private readonly heredocs: boolean,
  ) {
    this.lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  }

  parse(): Dockerfile {
    const nodes: InstructionNode[] = [];
    let comments: string[] = [];
    for (;;) {
      const raw = this.next();
      if (raw === undefined) break;
      const line = trimNewline(raw).trimStart();
      const wrong = this.directives.take(line);
      if (wrong !== undefined) throw new DockerfileError(wrong, this.here(this.at));
      if (isComment(line)) {
        comments.push(line.slice(1).trim());
        continue;
      }
      const { text, more } = this.cutContinuation(line);
      if (!more && text === "") {
        comments = [];
        continue;
      }
      nodes.push(this.readInstruction(text, more, comments));
      comments = [];
    }
    const [first] = nodes;
    if (first === undefined) throw new DockerfileError("file with no instructions", this.here(this.at));
    const lines = { start: first.lines.start, end: (nodes[nodes.length - 1] as InstructionNode).lines.end };
    return { nodes, lines, escape: this.directives.escape, directives: this.directives.found, warnings: this.warnings };
  }

  private next(): string | undefined {
    const line = this.lines[this.at];
    if (line === undefined) return undefined;
    this.at++;
    if (line.length > MAX_LINE)
      throw new DockerfileError(`dockerfile line greater than maximum allowed size of ${MAX_LINE}`, this.here(this.at));
    return line;
  }

  private here(start: number): LineRange {
    return { start, end: Math.max(start, this.at) };
  }

  /** The line without the escape character at its end, and whether there was one. */
  private cutContinuation(line: string): { readonly text: string; readonly more: boolean } {
    const { escape } = this.directives;
    const trimmed = line.replace(/[ \t]+$/, "");
    const cut = trimmed.slice(0, -1);
    // Two of them are an escaped one.
    if (!trimmed.endsWith(escape) || cut.endsWith(escape)) return { text: line, more: false };
    return { text: cut, more: true };
  }

  private readInstruction(first: string, continues: boolean, comments: readonly string[]): InstructionNode {
    const start = this.at;
    let text = first;
    let emptyLine = false;
    for (let more = continues; more; ) {
      const raw = this.next();
      if (raw === undefined) break;
      if (isComment(raw)) continue;
      const line = trimNewline(raw);
      if (line.trim() === "") {
        emptyLine = true;
        continue;
      }
      const cut = this.cutContinuation(line);
      text += cut.text;
      more = cut.more;
    }
    if (emptyLine) this.warnings.push({ message: `Empty continuation line found in: ${text}`, lines: this.here(start) });
    try {
      const node = this.makeNode(text, comments);
      const heredocs = this.heredocs && takesHeredocs(node.child ?? node) ? this.readHeredocs(text, start) : [];
      return { ...node, heredocs, lines: this.here(start) };
    } catch (e) {
      if (e instanceof DockerfileError || !(e instanceof Error)) throw e;
      throw new DockerfileError(e.message, this.here(start));
    }
  }

  private makeNode(line: string, comments: readonly string[]): InstructionNode {
    const trimmed = line.trim();
    const blank = /[\t\v\f\r ]+/.exec(trimmed);
    const name = blank === null ? trimmed : trimmed.slice(0, blank.index);
    const { flags, rest } = splitFlags(blank === null ? "" : trimmed.slice(blank.index + blank[0].length));
    const args = rest.trim();
    const node = { name, original: line, flags, args: [], json: false, heredocs: [], lines: this.here(this.at), comments };
    if (name.toLowerCase() === "onbuild") return args === "" ? node : { ...node, child: this.makeNode(args, []) };
    const parse = Object.hasOwn(argumentParsers, name.toLowerCase()) ? argumentParsers[name.toLowerCase()] : undefined;
    return parse === undefined ? { ...node, args: [""] } : { ...node, ...parse(args, this.directives.escape) };
  }

  private readHeredocs(line: string, start: number): Heredoc[] {
    return heredocsOf(line).map((heredoc) => {
      let content = "";
      for (;;) {
        const raw = this.next();
        if (raw === undefined) throw new DockerfileError("unterminated heredoc", this.here(start));
        const text = trimNewline(raw);
        if ((heredoc.chomp ? text.replace(/^\t+/, "") : text) === heredoc.name) return { ...heredoc, content };
        content += raw;
      }
    });
  }
}

function takesHeredocs(node: InstructionNode): boolean {
  return HEREDOC_INSTRUCTIONS.has(node.name.toLowerCase()) && !node.json;
}
