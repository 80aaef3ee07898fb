/** A builtin and one call of it: arguments, buffered output, messages in the flavour's words. */

import { Errno } from "../../../abi/errno.ts";
import type { Proc } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { writeAll } from "../../libc/stdio.ts";
import type { Element } from "../nodes-simple.ts";
import type { Shell } from "../shell.ts";

/** `name=(…)` given to `declare` and its kin; argv holds the name at the same place. */
export interface ArrayArgument {
  readonly name: string;
  readonly append: boolean;
  readonly elements: readonly Element[];
}

export interface Builtin {
  readonly name: string;
  /** POSIX "special": its errors end a dash, its assignments stay there. */
  readonly special?: boolean;
  /** Absent from these flavours. */
  readonly flavours?: readonly string[];
  /** What bash's usage message says after the name. */
  readonly usage?: string;
  /** bash says errors of expressions in it as the builtin's and goes on. */
  readonly catches?: boolean;
  /** One sentence for `help`. */
  readonly about?: string;
  run(c: Call): Proc<number>;
}

/** What getopts-like parsing of a builtin's options found. */
export interface CallOptions {
  readonly letters: readonly { readonly letter: string; readonly plus: boolean; readonly value: string }[];
  readonly operands: readonly string[];
}

export class Call {
  readonly name: string;
  readonly args: readonly string[];
  private out = "";
  usage = "";

  constructor(
    readonly sh: Shell,
    readonly argv: readonly string[],
    readonly arrays: ReadonlyMap<number, ArrayArgument>,
  ) {
    this.name = argv[0] ?? "";
    this.args = argv.slice(1);
  }

  print(text: string): void {
    this.out += text;
  }

  /** Writes what was printed; false if that failed, which is said. */
  *flush(): Proc<boolean> {
    if (this.out === "") return true;
    const text = this.out;
    this.out = "";
    try {
      yield* writeAll(this.sh.sys, 1, encodeUtf8(text));
      return true;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (this.sh.flavour === "dash") yield* this.sh.warn(`${this.name}: I/O error`, undefined);
      else if (this.sh.flavour === "bash") yield* this.sh.warn(`write error: ${e.message}`, this.name);
      // Of busybox's, only echo tells.
      else if (this.name === "echo") yield* this.sh.eprint(`${this.sh.arg0}: write error: ${e.message}\n`);
      return false;
    }
  }

  /** Says `shell: builtin: message`; the status. */
  *fail(message: string, status = 1): Proc<number> {
    yield* this.sh.warn(message, this.name);
    return status;
  }

  *wrongUsage(): Proc<number> {
    if (this.sh.flavour === "bash")
      yield* this.sh.eprint(`${this.name}: usage: ${this.name}${this.usage === "" ? "" : ` ${this.usage}`}\n`);
    return 2;
  }

  /** An option that is not known: bash adds the usage. */
  *invalidOption(letter: string, plus = false): Proc<number> {
    const sign = plus ? "+" : "-";
    if (this.sh.flavour === "bash") {
      yield* this.sh.warn(`${sign}${letter}: invalid option`, this.name);
      return yield* this.wrongUsage();
    }
    yield* this.sh.warn(this.sh.flavour === "dash" ? `Illegal option -${letter}` : `illegal option -${letter}`, this.name);
    return 2;
  }

  /** Reads options; undefined (and said) for a wrong one. A colon after a letter asks for a value; `plus` allows `+x`. */
  *options(known: string, plus = false): Proc<CallOptions | undefined> {
    const letters: { letter: string; plus: boolean; value: string }[] = [];
    const { args } = this;
    let i = 0;
    for (; i < args.length; i++) {
      const a = args[i] as string;
      if (a === "--") {
        i++;
        break;
      }
      if (a.length < 2 || (a[0] !== "-" && !(plus && a[0] === "+"))) break;
      for (let k = 1; k < a.length; k++) {
        const letter = a[k] as string;
        const at = letter === ":" ? -1 : known.indexOf(letter);
        if (at < 0) {
          yield* this.invalidOption(letter, a[0] === "+");
          return undefined;
        }
        if (known[at + 1] !== ":") {
          letters.push({ letter, plus: a[0] === "+", value: "" });
          continue;
        }
        const rest = a.slice(k + 1);
        const value = rest !== "" ? rest : args[++i];
        if (value === undefined) {
          if (this.sh.flavour === "bash") {
            yield* this.sh.warn(`-${letter}: option requires an argument`, this.name);
            yield* this.wrongUsage();
          } else
            yield* this.sh.warn(this.sh.flavour === "dash" ? `No arg for -${letter} option` : `no arg for -${letter} option`, this.name);
          return undefined;
        }
        letters.push({ letter, plus: a[0] === "+", value });
        break;
      }
    }
    return { letters, operands: args.slice(i) };
  }
}

export const has = (o: CallOptions, letter: string): boolean => o.letters.some((x) => x.letter === letter && !x.plus);
export const valueOf = (o: CallOptions, letter: string): string | undefined => o.letters.findLast((x) => x.letter === letter)?.value;

export const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
