/** iconv(1) of glibc for UTF-8, ASCII, ISO-8859-1 and -15, UTF-16 and UTF-32. Other encodings are refused. busybox has none. */

import { Errno } from "../../abi/errno.ts";
import { O_CREAT, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { concat, Input, Output } from "../libc/stdio.ts";
import { open } from "../libc/unistd.ts";

type Encoding = "utf8" | "ascii" | "latin1" | "latin9" | "utf16le" | "utf16be" | "utf32le" | "utf32be";

const names: Readonly<Record<string, Encoding>> = {
  "UTF-8": "utf8",
  UTF8: "utf8",
  ASCII: "ascii",
  "US-ASCII": "ascii",
  "ANSI_X3.4-1968": "ascii",
  "ISO-8859-1": "latin1",
  ISO88591: "latin1",
  ISO8859_1: "latin1",
  LATIN1: "latin1",
  L1: "latin1",
  "ISO-8859-15": "latin9",
  LATIN9: "latin9",
  "UTF-16LE": "utf16le",
  "UTF-16BE": "utf16be",
  "UTF-32LE": "utf32le",
  "UTF-32BE": "utf32be",
};
const latin9: Readonly<Record<number, number>> = {
  0xa4: 0x20ac,
  0xa6: 0x160,
  0xa8: 0x161,
  0xb4: 0x17d,
  0xb8: 0x17e,
  0xbc: 0x152,
  0xbd: 0x153,
  0xbe: 0x178,
};

/** The code points; `bad` is the offset of the first byte that is none. */
function decode(bytes: Uint8Array, encoding: Encoding): { points: number[]; bad: number | undefined } {
  const points: number[] = [];
  if (encoding === "utf8") {
    let at = 0;
    for (const ch of decodeUtf8(bytes)) {
      const point = ch.codePointAt(0) as number;
      if (point >= 0xdc80 && point <= 0xdcff) return { points, bad: at };
      points.push(point);
      at += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    }
    return { points, bad: undefined };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = encoding.endsWith("le");
  if (encoding.startsWith("utf16")) {
    for (let at = 0; at + 1 < bytes.length; at += 2) {
      const unit = view.getUint16(at, little);
      if (unit >= 0xd800 && unit < 0xdc00 && at + 3 < bytes.length) {
        points.push(0x10000 + ((unit - 0xd800) << 10) + (view.getUint16(at + 2, little) - 0xdc00));
        at += 2;
      } else points.push(unit);
    }
    return { points, bad: undefined };
  }
  if (encoding.startsWith("utf32")) {
    for (let at = 0; at + 3 < bytes.length; at += 4) points.push(view.getUint32(at, little));
    return { points, bad: undefined };
  }
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (encoding === "ascii" && byte > 127) return { points, bad: at };
    points.push(encoding === "latin9" ? (latin9[byte] ?? byte) : byte);
  }
  return { points, bad: undefined };
}

/** The bytes of a code point, or undefined where the encoding has none. */
function encode(point: number, encoding: Encoding): readonly number[] | undefined {
  switch (encoding) {
    case "utf8":
      return [...encodeUtf8(String.fromCodePoint(point))];
    case "ascii":
      return point < 128 ? [point] : undefined;
    case "latin1":
      return point < 256 ? [point] : undefined;
    case "latin9": {
      const special = Object.entries(latin9).find(([, to]) => to === point);
      if (special !== undefined) return [Number(special[0])];
      return point < 256 && latin9[point] === undefined ? [point] : undefined;
    }
    default: {
      const wide = encoding.startsWith("utf32");
      const units = wide
        ? [point]
        : Array.from(String.fromCodePoint(point)).flatMap((s) => Array.from({ length: s.length }, (_, i) => s.charCodeAt(i)));
      const bytes = units.flatMap((u) => (wide ? [u & 255, (u >> 8) & 255, (u >> 16) & 255, u >>> 24] : [u & 255, u >> 8]));
      if (encoding.endsWith("le")) return bytes;
      const size = wide ? 4 : 2;
      return units.flatMap((_, i) => bytes.slice(i * size, i * size + size).reverse());
    }
  }
}

/** What //TRANSLIT makes of a character: without its accents, or a question mark. */
function transliterate(point: number): number[] {
  const special: Readonly<Record<number, string>> = {
    0xdf: "ss",
    0xe6: "ae",
    0xc6: "AE",
    0x20ac: "EUR",
    0x2018: "'",
    0x2019: "'",
    0x201c: '"',
    0x201d: '"',
    0x2013: "-",
    0x2014: "-",
    0x2026: "...",
  };
  const plain = special[point] ?? String.fromCodePoint(point).normalize("NFD").replace(/\p{M}/gu, "");
  return /^[ -~]+$/.test(plain) ? Array.from(plain, (ch) => ch.charCodeAt(0)) : [63];
}

export const iconv: Executable = {
  name: "iconv",
  paths: ["/usr/bin/iconv"],
  sizeBytes: 64648,
  main: command(
    {
      help: help(`iconv [OPTION...] [FILE...]
Convert the encoding of the FILEs.

  -f, --from-code=NAME  encoding of the input
  -t, --to-code=NAME    encoding of the output; //TRANSLIT after it: replace what it lacks, //IGNORE: drop it
  -c                    drop what cannot be converted
  -o, --output=FILE     write to FILE
  -l, --list            the encodings that are known
      --help            show this help`),
    },
    function* (c) {
      const { options, operands } = yield* c.getopt({
        short: "f:t:co:l",
        long: [
          { name: "from-code", arg: "required", as: "f" },
          { name: "to-code", arg: "required", as: "t" },
          { name: "output", arg: "required", as: "o" },
          { name: "list", as: "l" },
        ],
      });
      const arg = (name: string): string | undefined => options.findLast((o) => o.name === name)?.arg;
      if (options.some((o) => o.name === "l")) {
        yield* c.print(
          Object.keys(names)
            .map((name) => `${name}//\n`)
            .join(""),
        );
        return 0;
      }
      const [fromName = "UTF-8"] = (arg("f") ?? "UTF-8").toUpperCase().split("//");
      const [toName = "UTF-8", ...how] = (arg("t") ?? "UTF-8").toUpperCase().split("//");
      const [from, to] = [names[fromName || "UTF-8"], names[toName || "UTF-8"]];
      if (from === undefined || to === undefined) return yield* c.fail("failed to start conversion processing: No such file or directory");
      const drops = options.some((o) => o.name === "c") || how.includes("IGNORE");
      const translit = how.includes("TRANSLIT");
      const outputName = arg("o");
      const out = outputName === undefined ? c.stdout : new Output(c.sys, yield* open(c.sys, outputName, O_WRONLY | O_CREAT | O_TRUNC));
      let status = 0;
      for (const name of operands.length === 0 ? ["-"] : operands) {
        let input = c.stdin;
        try {
          if (name !== "-") input = new Input(c.sys, yield* open(c.sys, name));
        } catch (e) {
          if (!(e instanceof Errno)) throw e;
          yield* c.warn(`cannot open input file \`${name}': ${e.message}`);
          status = 1;
          continue;
        }
        const bytes = concat([yield* input.readAll()]);
        yield* c.sys.spend(bytes.length * 5);
        const { points, bad } = decode(bytes, from);
        const made: number[] = [];
        let failed = bad;
        let at = 0;
        for (const point of points) {
          const encoded = encode(point, to) ?? (translit ? transliterate(point) : drops ? [] : undefined);
          if (encoded === undefined) {
            failed = at;
            break;
          }
          made.push(...encoded);
          at += (encode(point, from) ?? [0]).length;
        }
        yield* out.write(Uint8Array.from(made));
        yield* out.flush();
        if (failed !== undefined) return yield* c.fail(`illegal input sequence at position ${failed}`);
      }
      return status;
    },
  ),
};
