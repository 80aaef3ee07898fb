/** The tree as BuildKit's `parser.Node.Dump()` writes it: for comparing with its own files. */

import type { Dockerfile, InstructionNode } from "./node.ts";

export function dumpDockerfile({ nodes }: Dockerfile): string {
  return nodes.map((node) => `(${dumpNode(node)})\n`).join("");
}

function dumpNode(node: InstructionNode): string {
  const flags = node.flags.length === 0 ? "" : ` [${node.flags.map(quote).join(" ")}]`;
  const child = node.child === undefined ? "" : ` (${dumpNode(node.child)})`;
  return node.name.toLowerCase() + flags + child + node.args.map((arg) => ` ${quote(arg)}`).join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\x07": "\\a" },
};

/** Go's strconv.Quote(). */
function quote(text: string): string {
  const escaped = text.replace(/[\\"\p{Cc}]/gu, (ch) => ESCAPES[ch] ?? `\\x${(ch.codePointAt(0) as number).toString(16).padStart(2, "0")}`);
  return `"${escaped}"`;
}
