/** From bytes of a terminal to keys: UTF-8, escape sequences of xterm, bracketed paste. */

import type { Proc, Sys } from "../../../abi/sys.ts";
import { POLLIN } from "../../../abi/poll.ts";
import { decodeUtf8 } from "../../../abi/utf8.ts";

export type Key =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "paste"; readonly text: string }
  | { readonly kind: "key"; readonly name: string }
  | { readonly kind: "end" };

const finals: Readonly<Record<string, string>> = { A: "up", B: "down", C: "right", D: "left", H: "home", F: "end", Z: "backtab" };
const numbers: Readonly<Record<string, string>> = {
  "1": "home",
  "3": "delete",
  "4": "end",
  "5": "pageup",
  "6": "pagedown",
  "7": "home",
  "8": "end",
};

/** After an escape alone, so long is waited for the rest of a sequence. */
const ESCAPE_WAIT_MS = 500;

export class KeyReader {
  private readonly byte = new Uint8Array(1);

  constructor(
    private readonly sys: Sys,
    private readonly fd: number,
  ) {}

  /** One byte, as readline reads, so that what is typed ahead is left to the programs; -1 at the end. Throws EINTR. */
  private *read(): Proc<number> {
    const n = yield* this.sys.read(this.fd, this.byte);
    return n === 0 ? -1 : (this.byte[0] as number);
  }

  /** The next key. Blocks. */
  *next(): Proc<Key> {
    const b = yield* this.read();
    if (b < 0) return { kind: "end" };
    if (b === 27) return yield* this.escape();
    if (b >= 32 && b !== 127) return { kind: "text", text: yield* this.character(b) };
    return { kind: "key", name: nameOf(b) };
  }

  /** The next character as it is, for ^V. */
  *literal(): Proc<string> {
    const b = yield* this.read();
    return b < 0 ? "" : yield* this.character(b);
  }

  private *character(first: number): Proc<string> {
    if (first < 0x80) return String.fromCharCode(first);
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    const bytes = [first];
    while (bytes.length < length) {
      const b = yield* this.read();
      if (b < 0) break;
      bytes.push(b);
    }
    return decodeUtf8(Uint8Array.from(bytes));
  }

  private *escape(): Proc<Key> {
    if ((yield* this.sys.poll([{ fd: this.fd, events: POLLIN, revents: 0 }], ESCAPE_WAIT_MS)) === 0) return { kind: "key", name: "escape" };
    const b = yield* this.read();
    if (b === 91 || b === 79) return yield* this.sequence();
    if (b < 0) return { kind: "end" };
    if (b === 127 || b === 8) return { kind: "key", name: "M-backspace" };
    return { kind: "key", name: b < 32 ? `M-${nameOf(b)}` : `M-${(yield* this.character(b)).toLowerCase()}` };
  }

  private *sequence(): Proc<Key> {
    let parameters = "";
    for (;;) {
      const b = yield* this.read();
      if (b < 0) return { kind: "end" };
      const c = String.fromCharCode(b);
      if (b < 64) {
        parameters += c;
        continue;
      }
      if (c === "~") {
        if (parameters === "200") return yield* this.paste();
        return { kind: "key", name: modified(numbers[parameters.split(";")[0] as string] ?? "unknown", parameters) };
      }
      return { kind: "key", name: modified(finals[c] ?? "unknown", parameters) };
    }
  }

  /** Everything up to the end of a bracketed paste. */
  private *paste(): Proc<Key> {
    const end = [27, 91, 50, 48, 49, 126];
    const bytes: number[] = [];
    for (;;) {
      const b = yield* this.read();
      if (b < 0) break;
      bytes.push(b);
      if (b === 126 && bytes.length >= 6 && end.every((e, i) => bytes[bytes.length - 6 + i] === e)) {
        bytes.length -= 6;
        break;
      }
    }
    return { kind: "paste", text: decodeUtf8(Uint8Array.from(bytes)) };
  }
}

/** `1;5` is Ctrl, `1;3` is Alt. */
function modified(name: string, parameters: string): string {
  const modifier = parameters.split(";")[1];
  if (modifier === "5") return `C-${name}`;
  return modifier === "3" && (name === "left" || name === "right") ? `C-${name}` : name;
}

function nameOf(b: number): string {
  if (b === 13 || b === 10) return "enter";
  if (b === 9) return "tab";
  if (b === 127 || b === 8) return "backspace";
  return `C-${String.fromCharCode(b + 96)}`;
}
