import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expandWord, LexError } from "./lex.ts";

/** BuildKit's own rows, where they are at hand: they are not part of this repository. */
const suite = join(import.meta.dirname, "../../../../shared/suites/buildkit/shell");
const rows = (name: string): string[] => (existsSync(suite) ? readFileSync(join(suite, name), "utf8").split("\n") : []);

const home = new Map([
  ["PWD", "/home"],
  ["SHELL", "bash"],
  ["KOREAN", "한국어"],
  ["NULL", ""],
]);

const options = { escape: "\\" };

describe.skipIf(!existsSync(suite))("BuildKit's rows (skipped where the suite is absent)", () => {
  const cases = rows("envVarTest")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("|").map((field) => field.trim()) as [string, string, string])
    .filter(([platform]) => platform !== "W");

  test("envVarTest", () => {
    const wrong = cases.filter(([, source, expected]) => {
      try {
        return expandWord(source, home, options).result !== expected;
      } catch (e) {
        if (!(e instanceof LexError)) throw e;
        return expected !== "error";
      }
    });
    expect(cases.length).toBeGreaterThan(150);
    expect(wrong).toEqual([]);
  });

  test("wordsTest", () => {
    const env = new Map<string, string>();
    const wrong: unknown[] = [];
    for (const line of rows("wordsTest")) {
      if (line === "" || line.startsWith("#")) continue;
      if (line.startsWith("ENV ")) {
        const [name, value] = line.slice(4).split(/=(.*)/s) as [string, string];
        env.set(name, value);
        continue;
      }
      const [source, expected] = line.split("|") as [string, string];
      const want = expected.replace(/^ /, "").split(",");
      try {
        const { words } = expandWord(source.trim(), env, options);
        if (words.join(",") !== want.join(",")) wrong.push([source, words, want]);
      } catch (e) {
        if (!(e instanceof LexError)) throw e;
        if (expected.trim() !== "error") wrong.push([source, e.message]);
      }
    }
    expect(wrong).toEqual([]);
  });
});

test("patterns trim and replace", () => {
  const env = new Map([["file", "a.tar.gz"]]);
  const expand = (word: string): string => expandWord(word, env, options).result;
  expect(expand(`\${file#*.}`)).toBe("tar.gz");
  expect(expand(`\${file##*.}`)).toBe("gz");
  expect(expand(`\${file%.*}`)).toBe("a.tar");
  expect(expand(`\${file%%.*}`)).toBe("a");
  expect(expand(`\${file/./-}`)).toBe("a-tar.gz");
  expect(expand(`\${file//./-}`)).toBe("a-tar-gz");
});

test("what is asked for and not set is told", () => {
  const { used, unset } = expandWord("$PWD-$GHOST", home, options);
  expect([...used]).toEqual(["PWD", "GHOST"]);
  expect([...unset]).toEqual(["GHOST"]);
});

test("errors name the word", () => {
  expect(() => expandWord("it's", home, options)).toThrow(
    `failed to process "it's": unexpected end of statement while looking for matching single-quote`,
  );
});
