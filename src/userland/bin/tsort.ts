/** tsort(1) of coreutils 9.1: a total order from pairs. busybox has it from 1.37 only. */

import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { InputFiles, latin1, printBytes } from "../libc/lines.ts";
import { checkOperands } from "../libc/operands.ts";
import { quotef } from "../libc/quotearg.ts";
import { concat } from "../libc/stdio.ts";

interface Item {
  count: number;
  readonly successors: string[];
}

/** The order (Kahn's, as in Knuth 2.2.3), calling `loop` for each cycle that had to be broken. */
function order(items: Map<string, Item>, names: readonly string[]): { readonly sorted: string[]; readonly loops: string[][] } {
  const sorted: string[] = [];
  const loops: string[][] = [];
  const done = new Set<string>();
  let queue = names.filter((name) => items.get(name)?.count === 0);
  while (done.size < names.length) {
    while (queue.length > 0) {
      const name = queue.shift() as string;
      if (done.has(name)) continue;
      done.add(name);
      sorted.push(name);
      // Successors were pushed in front, so the last pair comes first.
      for (const next of [...(items.get(name)?.successors ?? [])].reverse()) {
        const item = items.get(next) as Item;
        if (--item.count === 0) queue.push(next);
      }
    }
    const stuck = names.find((name) => !done.has(name));
    if (stuck === undefined) break;
    const path: string[] = [];
    let at = stuck;
    while (!path.includes(at)) {
      path.push(at);
      const current = at;
      at = names.find((name) => !done.has(name) && (items.get(name)?.successors.includes(current) ?? false)) ?? current;
      if (at === current) break;
    }
    const cycle = path.slice(path.indexOf(at)).reverse();
    const first = names.find((name) => cycle.includes(name)) ?? at;
    const turn = cycle.indexOf(first);
    loops.push([...cycle.slice(turn), ...cycle.slice(0, turn)]);
    // The cycle is broken at its first item.
    (items.get(first) as Item).count = 0;
    for (const item of items.values()) {
      for (let k = item.successors.length - 1; k >= 0; k--) if (item.successors[k] === first) item.successors.splice(k, 1);
    }
    queue = [first];
  }
  return { sorted, loops };
}

export const tsort: Executable = {
  name: "tsort",
  paths: ["/usr/bin/tsort"],
  sizeBytes: 56208,
  main: command(
    {
      help: help(`tsort [OPTION] [FILE]
Write a total order that agrees with the pairs in FILE. With no FILE, or when FILE is -, read standard input.

      --help  show this help and exit`),
    },
    function* (c) {
      const { operands } = yield* c.getopt({ short: "" });
      checkOperands(c, operands, 0, 1);
      const files = new InputFiles(c, operands);
      const file = yield* files.next();
      if (file === undefined) return 1;
      const parts: Uint8Array[] = [];
      for (let part = yield* file.read(); part !== undefined; part = yield* file.read()) parts.push(part.slice());
      const words = latin1(concat(parts)).match(/[^ \t\n]+/g) ?? [];
      if (words.length % 2 === 1) return yield* c.fail(`${quotef(file.name)}: input contains an odd number of tokens`);
      const items = new Map<string, Item>();
      const item = (name: string): Item => {
        let found = items.get(name);
        if (found === undefined) items.set(name, (found = { count: 0, successors: [] }));
        return found;
      };
      for (let i = 0; i < words.length; i += 2) {
        const [a, b] = [words[i] as string, words[i + 1] as string];
        const from = item(a);
        const to = item(b);
        if (a === b) continue;
        from.successors.push(b);
        to.count++;
      }
      yield* c.sys.spend(words.length * 200);
      // Ties come in the order of the names, as the binary tree of the original is walked.
      const names = [...items.keys()].sort();
      const { sorted, loops } = order(items, names);
      for (const loop of loops) {
        yield* c.warn(`${quotef(file.name)}: input contains a loop:`);
        for (const name of loop) yield* c.warn(name);
      }
      yield* printBytes(c, sorted.map((name) => `${name}\n`).join(""));
      return loops.length > 0 ? 1 : files.status;
    },
  ),
};
