/** base64(1) and base32(1) of coreutils 9.1, and busybox's: bytes as printable text and back. */

import { Errno } from "../../abi/errno.ts";
import type { Proc, Program } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { extraOperand } from "../libc/operands.ts";
import { quote, quotef } from "../libc/quotearg.ts";
import { concat, Input } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

const usage = (name: string): string => `${name} [OPTION]... [FILE]
Encode FILE, or standard input, as ${name}, or decode it.

  -d, --decode          decode
  -i, --ignore-garbage  skip bytes that are not of the alphabet when decoding
  -w, --wrap=COLS       wrap encoded lines at COLS columns (76); 0 does not wrap
      --help            show this help and exit`;
const busyboxUsage = (name: string): string => `${name} [-d] [-w COL] [FILE]

${name === "base64" ? "Base64" : "Base32"} encode or decode FILE to standard output

\t-d\tDecode data
\t-w COL\tWrap lines at COL (default 76, 0 disables)`;

interface Alphabet {
  readonly name: "base64" | "base32";
  readonly letters: string;
  readonly bits: 5 | 6;
  /** Bytes and letters of a full group. */
  readonly group: readonly [number, number];
}

const base64Alphabet: Alphabet = {
  name: "base64",
  letters: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  bits: 6,
  group: [3, 4],
};
const base32Alphabet: Alphabet = { name: "base32", letters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: [5, 8] };

function encode(bytes: Uint8Array, alphabet: Alphabet): string {
  const { letters, bits, group } = alphabet;
  const parts: string[] = [];
  let part = "";
  let pending = 0;
  let count = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    count += 8;
    while (count >= bits) {
      count -= bits;
      part += letters[(pending >> count) & ((1 << bits) - 1)] as string;
    }
    pending &= (1 << count) - 1;
    if (part.length > 4096) {
      parts.push(part);
      part = "";
    }
  }
  if (count > 0) part += letters[(pending << (bits - count)) & ((1 << bits) - 1)] as string;
  const rest = bytes.length % group[0];
  if (rest > 0) part += "=".repeat(group[1] - Math.ceil((rest * 8) / bits));
  return parts.join("") + part;
}

/** What could be decoded, and whether all was. */
function decode(bytes: Uint8Array, alphabet: Alphabet, ignoreGarbage: boolean): { readonly decoded: Uint8Array; readonly ok: boolean } {
  const values = new Int16Array(256).fill(-1);
  for (let i = 0; i < alphabet.letters.length; i++) values[alphabet.letters.charCodeAt(i)] = i;
  const out = new Uint8Array(Math.ceil((bytes.length * alphabet.bits) / 8) + 8);
  let n = 0;
  let letters = 0;
  let padding = 0;
  let pending = 0;
  let count = 0;
  for (const byte of bytes) {
    if (byte === 10) continue;
    if (byte === 61) {
      padding++;
      if ((letters + padding) % alphabet.group[1] === 0) {
        letters = 0;
        padding = 0;
        pending = 0;
        count = 0;
      }
      continue;
    }
    const value = values[byte] as number;
    if (value < 0) {
      if (ignoreGarbage) continue;
      return { decoded: out.subarray(0, n), ok: false };
    }
    if (padding > 0) return { decoded: out.subarray(0, n), ok: false };
    letters++;
    pending = ((pending << alphabet.bits) | value) & 0xfffff;
    count += alphabet.bits;
    if (count >= 8) {
      count -= 8;
      out[n++] = (pending >> count) & 0xff;
    }
  }
  return { decoded: out.subarray(0, n), ok: (letters + padding) % alphabet.group[1] === 0 };
}

const runner = (alphabet: Alphabet): ((c: Command) => Proc<number>) =>
  function* (c) {
    const gnu = c.voice === "gnu";
    const { options, operands } = yield* c.getopt({
      short: gnu ? "diw:" : "dw:",
      long: [
        { name: "decode", as: "d" },
        { name: "ignore-garbage", as: "i" },
        { name: "wrap", arg: "required", as: "w" },
      ],
    });
    const has = (name: string): boolean => options.some((o) => o.name === name);
    const wrapText = options.findLast((o) => o.name === "w")?.arg ?? "76";
    if (!/^[0-9]+$/.test(wrapText)) return yield* c.fail(gnu ? `invalid wrap size: ${quote(wrapText)}` : `invalid number '${wrapText}'`);
    const wrap = Number(wrapText);
    if (operands.length > 1) throw extraOperand(c, operands[1] as string);
    const name = operands[0] ?? "-";
    let input = c.stdin;
    if (name !== "-") {
      try {
        input = new Input(c.sys, yield* open(c.sys, name));
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        return yield* c.fail(gnu ? `${quotef(name)}: ${e.message}` : `can't open '${name}': ${e.message}`);
      }
    }
    if (has("d")) {
      const bytes = yield* readAll(c, input);
      const { decoded, ok } = decode(bytes, alphabet, has("i"));
      yield* c.stdout.write(decoded);
      if (ok) return 0;
      yield* c.stdout.flush();
      return yield* c.fail(gnu ? "invalid input" : "truncated input");
    }
    // Whole groups at a time, so that a long stream is encoded as it comes.
    let rest: Uint8Array = new Uint8Array(0);
    let column = 0;
    const emit = function* (text: string): Proc<void> {
      if (wrap === 0) {
        yield* c.print(text);
        return;
      }
      const lines: string[] = [];
      for (let at = 0; at < text.length; ) {
        const piece = text.slice(at, at + wrap - column);
        lines.push(piece);
        at += piece.length;
        column += piece.length;
        if (column === wrap) {
          lines.push("\n");
          column = 0;
        }
      }
      yield* c.print(lines.join(""));
    };
    for (;;) {
      const bytes = yield* input.read();
      if (bytes === undefined) break;
      yield* c.sys.spend(bytes.length * 3);
      const all = concat([rest, bytes]);
      const whole = all.length - (all.length % alphabet.group[0]);
      yield* emit(encode(all.subarray(0, whole), alphabet));
      rest = all.slice(whole);
    }
    yield* emit(encode(rest, alphabet));
    if (wrap > 0 && column > 0) yield* c.print("\n");
    return 0;
  };

function* readAll(c: Command, input: Input): Proc<Uint8Array> {
  const bytes = yield* input.readAll();
  yield* c.sys.spend(bytes.length * 3);
  return bytes;
}

const make = (alphabet: Alphabet): Program => command({ help: help(usage(alphabet.name), busyboxUsage(alphabet.name)) }, runner(alphabet));

export const base64: Executable = {
  name: "base64",
  paths: ["/usr/bin/base64"],
  sizeBytes: 48016,
  applet: "/bin/base64",
  main: make(base64Alphabet),
};
export const base32: Executable = {
  name: "base32",
  paths: ["/usr/bin/base32"],
  sizeBytes: 48016,
  applet: "/bin/base32",
  main: make(base32Alphabet),
};
