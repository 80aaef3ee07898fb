/** The tree as BuildKit's `parser.Node.Dump()` writes it: for comparing with its own files. */

import { quoteGo } from "../quote.ts";
import type { Dockerfile, InstructionNode } from "./node.ts";

export function dumpDockerfile({ nodes }: Dockerfile): string {
  return nodes.map((node) => `(${dumpNode(node)})\n`).join("");
}

function dumpNode(node: InstructionNode): string {
  const flags = node.flags.length === 0 ? "" : ` [${node.flags.map(quoteGo).join(" ")}]`;
  const child = node.child === undefined ? "" : ` (${dumpNode(node.child)})`;
  return node.name.toLowerCase() + flags + child + node.args.map((arg) => ` ${quoteGo(arg)}`).join("");
}
