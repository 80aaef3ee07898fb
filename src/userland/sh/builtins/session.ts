/** history, fc, help, caller, compgen, complete, bind: what belongs to working at a prompt. */

import { Errno } from "../../../abi/errno.ts";
import type { Proc } from "../../../abi/sys.ts";
import { expandHistory, HistoryError } from "../history-expansion.ts";
import { completeCommand, completeFile, completeVariable } from "../readline/candidates.ts";
import { runText } from "../run.ts";
import { type Builtin, has, valueOf } from "./call.ts";
import { builtinsOf } from "./index.ts";

export const history: Builtin = {
  name: "history",
  flavours: ["bash", "ash"],
  usage: "[-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const h = sh.history;
    const o = yield* c.options("cd:anrwps");
    if (o === undefined) return 2;
    const file = o.operands[0] ?? sh.get("HISTFILE") ?? "";
    if (has(o, "c")) h.clear();
    const offset = valueOf(o, "d");
    if (offset !== undefined) {
      const n = Number(offset);
      if (!Number.isInteger(n) || !h.delete(n < 0 ? h.number + n : n)) return yield* c.fail(`${offset}: history position out of range`);
      return 0;
    }
    if (has(o, "s")) {
      h.add(o.operands.join(" "), "", 100_000);
      return 0;
    }
    if (has(o, "p")) {
      for (const text of o.operands) {
        try {
          c.print(`${expandHistory(h, text)?.text ?? text}\n`);
        } catch (e) {
          if (e instanceof HistoryError) return yield* c.fail(`${text}: history expansion failed`);
          throw e;
        }
      }
      return 0;
    }
    if (has(o, "a")) yield* h.append(sh.sys, file);
    else if (has(o, "r") || has(o, "n")) yield* h.load(sh.sys, file);
    else if (has(o, "w")) {
      try {
        yield* h.write(sh.sys, file);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* c.fail(`${file}: cannot create: ${e.message}`);
      }
    } else if (!has(o, "c")) {
      const text = o.operands[0];
      if (text !== undefined && !/^[0-9]+$/.test(text)) return yield* c.fail(`${text}: numeric argument required`);
      const count = text === undefined ? h.entries.length : Number(text);
      const from = Math.max(0, h.entries.length - count);
      for (let i = from; i < h.entries.length; i++) c.print(`${String(h.first + i).padStart(5)}  ${h.entries[i]}\n`);
    }
    return 0;
  },
};

export const fc: Builtin = {
  name: "fc",
  flavours: ["bash"],
  usage: "[-e ename] [-lnr] [first] [last] or fc -s [pat=rep] [command]",
  *run(c): Proc<number> {
    const { sh } = c;
    const h = sh.history;
    // A negative number is an operand.
    const options = c.args.filter((a) => /^-[lnrs]+$/.test(a)).join("");
    const operands = c.args.filter((a) => !/^-[lnrse]+$/.test(a));
    const find = (text: string): number | undefined => {
      if (/^-?[0-9]+$/.test(text)) return Number(text) < 0 ? h.number + Number(text) - (options.includes("l") ? 1 : 0) : Number(text);
      for (let i = h.entries.length - 1; i >= 0; i--) if (h.entries[i]?.startsWith(text)) return h.first + i;
      return undefined;
    };
    if (options.includes("l")) {
      // The fc itself stands last in the list.
      const newest = h.number - 2;
      if (h.entries.length < 2) return 0;
      let first = operands[0] === undefined ? Math.max(h.first, newest - 15) : find(operands[0]);
      let last = operands[1] === undefined ? newest : find(operands[1]);
      if (first === undefined || last === undefined) return yield* c.fail("no command found");
      first = Math.max(first, h.first);
      last = Math.min(last, newest);
      const lines: string[] = [];
      for (let n = first; n <= last; n++) lines.push(`${options.includes("n") ? "" : n}\t ${h.get(n)}\n`);
      if (options.includes("r")) lines.reverse();
      c.print(lines.join(""));
      return 0;
    }
    if (!options.includes("s")) return yield* c.fail("only -l and -s work here: no editor is called");
    const change = operands[0]?.includes("=") ? /^([^=]*)=(.*)$/s.exec(operands[0]) : null;
    const wanted = change === null ? operands[0] : operands[1];
    const n = wanted === undefined ? h.number - 2 : find(wanted);
    let text = n === undefined ? undefined : h.get(n);
    if (text === undefined) return yield* c.fail("no command found");
    if (change !== null) text = text.replaceAll(change[1] as string, change[2] as string);
    yield* sh.eprint(`${text}\n`);
    h.entries[h.entries.length - 1] = text;
    return yield* runText(sh, text, "eval", false, sh.line);
  },
};

export const help: Builtin = {
  name: "help",
  flavours: ["bash", "ash"],
  usage: "[-dms] [pattern ...]",
  *run(c): Proc<number> {
    const { sh } = c;
    const all = builtinsOf(sh);
    if (sh.flavour === "ash") {
      c.print("Built-in commands:\n------------------\n");
      let line = "\t";
      for (const name of [...all.keys()].sort()) {
        if (line.length + name.length > 64) {
          c.print(`${line.trimEnd()}\n`);
          line = "\t";
        }
        line += `${name} `;
      }
      c.print(`${line.trimEnd()}\n\n`);
      return 0;
    }
    const o = yield* c.options("dms");
    if (o === undefined) return 2;
    const synopsis = (name: string): string => `${name}${all.get(name)?.usage === undefined ? "" : ` ${all.get(name)?.usage}`}`;
    if (o.operands.length === 0) {
      c.print(
        "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\nThese commands are part of the shell.  `help name' tells more about one.\n\n",
      );
      for (const name of [...all.keys()].sort()) c.print(` ${synopsis(name)}\n`);
      return 0;
    }
    let status = 1;
    for (const pattern of o.operands) {
      for (const name of [...all.keys()].sort()) {
        if (name !== pattern && !name.startsWith(pattern)) continue;
        if (all.has(pattern) && name !== pattern) continue;
        status = 0;
        const about = all.get(name)?.about;
        c.print(
          has(o, "d")
            ? `${name}${about === undefined ? "" : ` - ${about}`}\n`
            : `${name}: ${synopsis(name)}\n${has(o, "s") || about === undefined ? "" : `    ${about}\n`}`,
        );
      }
    }
    if (status !== 0)
      return yield* c.fail(
        `no help topics match \`${o.operands[o.operands.length - 1]}'.  Try \`help help' or \`man -k ${o.operands[o.operands.length - 1]}' or \`info ${o.operands[o.operands.length - 1]}'.`,
      );
    return 0;
  },
};

export const caller: Builtin = {
  name: "caller",
  flavours: ["bash"],
  usage: "[expr]",
  *run(c): Proc<number> {
    const callStack = [...c.sh.callStack].reverse();
    const text = c.args[0];
    if (callStack.length === 0) return 1;
    const n = Number(text ?? 0);
    const frame = callStack[n];
    if (frame === undefined) return 1;
    const outer = callStack[n + 1];
    if (text !== undefined && outer === undefined && c.sh.commandString) return 1;
    const source = outer?.source ?? (c.sh.commandString ? "NULL" : c.sh.arg0);
    c.print(
      text === undefined
        ? `${frame.line} ${source}\n`
        : outer === undefined && c.sh.commandString
          ? `${frame.line} main ${source}\n`
          : `${frame.line} ${outer?.name ?? "main"} ${source}\n`,
    );
    return 0;
  },
};

export const compgen: Builtin = {
  name: "compgen",
  flavours: ["bash"],
  usage: "[-abcdefgjksuv] [-A action] [-W wordlist] [word]",
  *run(c): Proc<number> {
    const { sh } = c;
    const o = yield* c.options("abcdefgjksuvA:W:o:");
    if (o === undefined) return 2;
    const word = o.operands[0] ?? "";
    const out: string[] = [];
    for (const { letter, value } of o.letters) {
      const kind = letter === "A" ? value : letter;
      if (kind === "b" || kind === "builtin") out.push(...[...builtinsOf(sh).keys()].sort());
      else if (kind === "a" || kind === "alias") out.push(...sh.aliases.keys());
      else if (kind === "c" || kind === "command") out.push(...(yield* completeCommand(sh, word)));
      else if (kind === "d" || kind === "directory") out.push(...(yield* completeFile(sh, word, true)).map((f) => f.replace(/\/$/, "")));
      else if (kind === "f" || kind === "file") out.push(...(yield* completeFile(sh, word, false)).map((f) => f.replace(/\/$/, "")));
      else if (kind === "v" || kind === "variable") out.push(...completeVariable(sh, word));
      else if (kind === "function") out.push(...[...sh.functions.keys()].sort());
      else if (letter === "W") out.push(...value.split(/[ \t\n]+/).filter((w) => w !== ""));
    }
    const matching = out.filter((w) => w.startsWith(word));
    for (const w of matching) c.print(`${w}\n`);
    return matching.length > 0 ? 0 : 1;
  },
};

/** Programmable completion is taken note of by nobody. Differs from Linux: bash runs the functions named here. */
export const complete: Builtin = {
  name: "complete",
  flavours: ["bash"],
  usage:
    "[-abcdefgjksuv] [-pr] [-DEI] [-o option] [-A action] [-G globpat] [-W wordlist] [-F function] [-C command] [-X filterpat] [-P prefix] [-S suffix] [name ...]",
  *run(c): Proc<number> {
    if (c.args.length === 0 || c.args[0] === "-p") return 0;
    return yield* c.fail("programmable completion is not built in");
  },
};
