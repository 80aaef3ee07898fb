import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDockerignore, PatternMatcher } from "./dockerignore.ts";

/** Moby's own cases, where they are at hand: they are not part of this repository. */
const suite = join(import.meta.dirname, "../../../shared/suites/dockerignore-patterns.json");

test.skipIf(!existsSync(suite))("moby's pattern cases (skipped where the suite is absent)", () => {
  const cases = JSON.parse(readFileSync(suite, "utf8")) as { patterns: string[]; path: string; match: boolean }[];
  const wrong = cases.filter(({ patterns, path, match }) => new PatternMatcher(patterns).matches(path) !== match);
  expect(cases.length).toBe(72);
  expect(wrong).toEqual([]);
});

test("comments, blanks and leading slashes are no patterns", () => {
  expect(parseDockerignore("# no\n\n /node_modules/ \n!  ./keep/x\n*.log\n")).toEqual(["node_modules", "!keep/x", "*.log"]);
});

test("the last match decides, and directories take their files along", () => {
  const matcher = new PatternMatcher(["docs", "!docs/README.md", "**/*.tmp"]);
  expect(["docs/a.md", "docs/README.md", "a/b/c.tmp", "src/docs/a"].map((path) => matcher.matches(path))).toEqual([
    true,
    false,
    true,
    false,
  ]);
});
