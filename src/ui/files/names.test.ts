import { expect, test } from "vitest";
import { isBinary, renderHex, renderText } from "./content.ts";
import { cutEnd, cutStart, formatMode, isWithin, joinPath, quote, showName } from "./names.ts";

test("names show what would not be seen", () => {
  expect(showName("plain ü 漢.txt")).toBe("plain ü 漢.txt");
  expect(showName("a\nb\x1b[31m\x7f")).toBe("a\\nb\\x1b[31m\\x7f");
  expect(showName("evil\u202egnp.exe\u200b")).toBe("evil\\u202egnp.exe\\u200b");
  expect(showName("byte\udcff 😀")).toBe("byte\\xff 😀");
});

test("modes read as those of ls", () => {
  expect([0o100644, 0o040755, 0o120777, 0o104755, 0o102644, 0o041777, 0o020620, 0o010600, 0o140755].map(formatMode)).toEqual([
    "-rw-r--r--",
    "drwxr-xr-x",
    "lrwxrwxrwx",
    "-rwsr-xr-x",
    "-rw-r-Sr--",
    "drwxrwxrwt",
    "crw--w----",
    "prw-------",
    "srwxr-xr-x",
  ]);
});

test("paths that are typed cannot press keys", () => {
  expect(quote("/etc/hosts-1_x.d")).toBe("/etc/hosts-1_x.d");
  expect(quote("/a b'c")).toBe("'/a b'\\''c'");
  expect(quote("/x\u0003\r'y")).toBe("$'/x\\x03\\x0d\\'y'");
});

test("paths are joined and compared by their parts", () => {
  expect([joinPath("/", "a"), joinPath("/a", "b")]).toEqual(["/a", "/a/b"]);
  expect([isWithin("/ab", "/a"), isWithin("/a/b", "/a"), isWithin("/a", "/a"), isWithin("/x", "/")]).toEqual([false, true, true, true]);
  expect([cutEnd("abcdef", 40, 10), cutStart("abcdef", 40, 10), cutEnd("abc", 40, 10)]).toEqual(["abc…", "…def", "abc"]);
});

test("content is shown without its control characters", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  expect(renderText(bytes("a\tb\n\x1b[2J\0\u202e"))).toBe("a\tb\n␛[2J␀\\u202e");
  expect([
    isBinary(bytes("plain text\n")),
    isBinary(bytes("\x7fELF\0")),
    isBinary(new Uint8Array([255, 254, 253])),
    isBinary(bytes("")),
  ]).toEqual([false, true, true, false]);
  expect(renderHex(bytes("0123456789abcdef!\n"))).toBe(
    "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n00000010  21 0a                                             |!.|",
  );
});
