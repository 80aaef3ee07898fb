/** fmt(1) of coreutils 9.1: fills paragraphs, breaking lines where the sum of costs is least (coreutils `fmt.c`). Left out: -p. */

import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { FileLines, InputFiles, printBytes } from "../libc/lines.ts";
import { quote } from "../libc/quotearg.ts";

const usage = `fmt [-WIDTH] [OPTION]... [FILE]...
Reformat each paragraph of the FILEs. With no FILE, or when FILE is -, read standard input.

  -c, --crown-margin     keep the indentation of the first two lines
  -s, --split-only       split long lines, but do not join
  -t, --tagged-paragraph the first line is indented unlike the second
  -u, --uniform-spacing  one space between words, two after sentences
  -w, --width=WIDTH      lines of at most WIDTH columns (75)
  -g, --goal=WIDTH       try for lines of WIDTH columns (93% of the width)
      --help             show this help and exit`;

interface Word {
  readonly text: string;
  readonly paren: boolean;
  period: boolean;
  readonly punct: boolean;
  final: boolean;
  space: number;
  bestCost: number;
  nextBreak: number;
  lineLength: number;
}

interface Plan {
  readonly width: number;
  readonly goal: number;
  readonly mode: "normal" | "crown" | "split" | "tagged";
  readonly uniform: boolean;
}

const square = (n: number): number => n * n;
const LINE_COST = square(70);
const SENTENCE_BONUS = square(50);
const NOBREAK_COST = square(600);
const PAREN_BONUS = square(40);
const PUNCT_BONUS = square(40);
const shortCost = (n: number): number => square(n * 10);
const raggedCost = (n: number): number => shortCost(n) / 2;
const widowCost = (n: number): number => Math.trunc(square(200) / (n + 2));
const orphanCost = (n: number): number => Math.trunc(square(150) / (n + 2));

/** The words of a line, with the blanks that follow each. */
function wordsOf(line: string, uniform: boolean): Word[] {
  const words: Word[] = [];
  const re = /([^ \t]+)([ \t]*)/g;
  let column = /^[ \t]*/.exec(line)?.[0].length ?? 0;
  for (const [, text = "", blanks = ""] of line.matchAll(re)) {
    column += text.length;
    const start = column;
    for (const ch of blanks) column = ch === "\t" ? (column & ~7) + 8 : column + 1;
    let end = text.length - 1;
    while (end > 0 && /[)\]'"]/.test(text[end] as string)) end--;
    const period = /[.?!]/.test(text[end] as string);
    const last = re.lastIndex === line.length || column - start === 0;
    const final = period && (last || column - start > 1);
    words.push({
      text,
      paren: /[(['`"]/.test(text[0] as string),
      period,
      punct: /[!-/:-@[-`{-~]/.test(text.at(-1) as string),
      final,
      space: last || uniform ? (final ? 2 : 1) : column - start,
      bestCost: 0,
      nextBreak: 0,
      lineLength: 0,
    });
  }
  return words;
}

function baseCost(words: readonly Word[], at: number): number {
  let cost = LINE_COST;
  const before = words[at - 1];
  if (before !== undefined) {
    if (before.period) cost += before.final ? -SENTENCE_BONUS : NOBREAK_COST;
    else if (before.punct) cost -= PUNCT_BONUS;
    else if (words[at - 2]?.final) cost += widowCost(before.text.length);
  }
  const word = words[at] as Word;
  if (word.paren) cost -= PAREN_BONUS;
  else if (word.final) cost += orphanCost(word.text.length);
  return cost;
}

/** Finds where lines break, from the last word to the first. */
function breakLines(words: readonly Word[], plan: Plan, firstIndent: number, otherIndent: number): void {
  const end = words.length;
  const lineCost = (next: number, length: number): number => {
    const word = words[next];
    if (word === undefined) return 0;
    let cost = shortCost(plan.goal - length);
    if (word.nextBreak !== end) cost += raggedCost(length - word.lineLength);
    return cost;
  };
  for (let start = end - 1; start >= 0; start--) {
    const word = words[start] as Word;
    let best = Number.POSITIVE_INFINITY;
    let length = (start === 0 ? firstIndent : otherIndent) + word.text.length;
    for (let w = start + 1; ; w++) {
      const cost = lineCost(w, length) + (words[w]?.bestCost ?? 0);
      if (cost < best) {
        best = cost;
        word.nextBreak = w;
        word.lineLength = length;
      }
      if (w >= end) break;
      length += (words[w - 1] as Word).space + (words[w] as Word).text.length;
      if (length >= plan.width) break;
    }
    word.bestCost = best + baseCost(words, start);
  }
}

function paragraph(words: Word[], plan: Plan, firstIndent: number, otherIndent: number, tabs: boolean): string {
  const last = words.at(-1) as Word;
  last.period = true;
  last.final = true;
  breakLines(words, plan, firstIndent, otherIndent);
  let out = "";
  for (let at = 0; at < words.length; ) {
    const end = (words[at] as Word).nextBreak;
    const indent = at === 0 ? firstIndent : otherIndent;
    out += tabs ? "\t".repeat(indent >> 3) + " ".repeat(indent & 7) : " ".repeat(indent);
    for (let i = at; i < end; i++) {
      const word = words[i] as Word;
      out += word.text + (i < end - 1 ? " ".repeat(word.space) : "");
    }
    out += "\n";
    at = end;
  }
  return out;
}

const indentOf = (line: string): number => {
  let column = 0;
  for (const ch of line) {
    if (ch === " ") column++;
    else if (ch === "\t") column = (column & ~7) + 8;
    else break;
  }
  return column;
};

/** Collects lines into paragraphs. */
class Paragraphs {
  private words: Word[] = [];
  private first = 0;
  private other = 0;
  private count = 0;
  private tabs = false;

  constructor(private readonly plan: Plan) {}

  line(line: string): string {
    if (/^[ \t]*$/.test(line)) return `${this.end()}\n`;
    const indent = indentOf(line);
    let out = "";
    if (this.words.length > 0 && !this.joins(indent)) out = this.end();
    if (line.includes("\t")) this.tabs = true;
    if (this.words.length === 0) {
      this.first = indent;
      this.other = indent;
      if (this.plan.mode === "tagged") this.other = indent === 0 ? 3 : 0;
    }
    this.words.push(...wordsOf(line, this.plan.uniform));
    this.count++;
    if (this.plan.mode === "split") out += this.end();
    return out;
  }

  private joins(indent: number): boolean {
    const { mode } = this.plan;
    if (mode === "split") return false;
    if (this.count === 1 && (mode === "crown" || (mode === "tagged" && indent !== this.first))) {
      this.other = indent;
      return true;
    }
    return indent === this.other && !(mode === "tagged" && this.count === 1);
  }

  end(): string {
    if (this.words.length === 0) return "";
    const text = paragraph(this.words, this.plan, this.first, this.other, this.tabs);
    this.words = [];
    this.count = 0;
    return text;
  }
}

export const fmt: Executable = {
  name: "fmt",
  paths: ["/usr/bin/fmt"],
  sizeBytes: 48016,
  main: command({ help: help(usage) }, function* (c): Proc<number> {
    const args = c.args.map((a, i) => (i === 0 && /^-[0-9]+$/.test(a) ? `-w${a.slice(1)}` : a));
    const { options, operands } = yield* c.getopt(
      {
        short: "cstuw:g:",
        long: [
          { name: "crown-margin", as: "c" },
          { name: "split-only", as: "s" },
          { name: "tagged-paragraph", as: "t" },
          { name: "uniform-spacing", as: "u" },
          { name: "width", arg: "required", as: "w" },
          { name: "goal", arg: "required", as: "g" },
        ],
      },
      args,
    );
    const has = (name: string): boolean => options.some((o) => o.name === name);
    const number = function* (name: string, what: string): Proc<number | undefined> {
      const text = options.findLast((o) => o.name === name)?.arg;
      if (text === undefined) return undefined;
      if (!/^[0-9]+$/.test(text)) return yield* c.fail(`invalid ${what}: ${quote(text)}`);
      return Number(text);
    };
    const givenWidth = yield* number("w", "width");
    const givenGoal = yield* number("g", "goal");
    const width = givenWidth ?? (givenGoal === undefined ? 75 : givenGoal + 10);
    const goal = givenGoal ?? Math.trunc((width * (2 * (100 - 7) + 1)) / 200);
    const mode = has("s") ? "split" : has("c") ? "crown" : has("t") ? "tagged" : "normal";
    const plan: Plan = { width, goal, mode, uniform: has("u") };
    const files = new InputFiles(c, operands, (name) => `cannot open '${name}' for reading`);
    const input = new FileLines(files, { nsPerByte: 10 });
    const paragraphs = new Paragraphs(plan);
    for (let lines = yield* input.read(); lines !== undefined; lines = yield* input.read()) {
      yield* printBytes(c, lines.map((line) => paragraphs.line(line)).join(""));
    }
    yield* printBytes(c, paragraphs.end());
    return files.status;
  }),
};
