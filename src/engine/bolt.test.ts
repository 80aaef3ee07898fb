import { expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../abi/utf8.ts";
import { decodeBolt, encodeBolt } from "./bolt.ts";

test("what is written is read again, however long", () => {
  const entries = Array.from({ length: 300 }, (_, i) => [`key/${i}/`, encodeUtf8("x".repeat(i * 7))] as const);
  const bytes = encodeBolt("libnetwork", entries);
  expect(bytes.length % 4096).toBe(0);
  const read = decodeBolt(bytes, "libnetwork");
  expect([...read.keys()]).toEqual(entries.map(([key]) => key).sort());
  for (const [key, value] of entries) expect(decodeUtf8(read.get(key) as Uint8Array)).toBe(decodeUtf8(value));
  expect(decodeBolt(bytes, "other").size).toBe(0);
});

test("an empty bucket is a file, too; what is no file of bolt has no entries", () => {
  expect(encodeBolt("volumes", []).length).toBe(32_768);
  expect(decodeBolt(encodeBolt("volumes", []), "volumes").size).toBe(0);
  expect(decodeBolt(new Uint8Array(10), "volumes").size).toBe(0);
  expect(decodeBolt(new Uint8Array(32_768), "volumes").size).toBe(0);
});
