import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { dumpDockerfile } from "./dump.ts";
import { DockerfileError } from "./node.ts";
import { parseDockerfile } from "./parse.ts";

/** BuildKit's own test files, where they are at hand: they are not part of this repository. */
const suite = join(import.meta.dirname, "../../../../shared/suites/buildkit/parser");

describe.skipIf(!existsSync(suite))("BuildKit's files (skipped where the suite is absent)", () => {
  const folders = (name: string): string[] => (existsSync(suite) ? readdirSync(join(suite, name)) : []);
  const read = (...path: string[]): string => readFileSync(join(suite, ...path), "utf8");

  test.each(folders("testfiles"))("%s", (name) => {
    const dump = dumpDockerfile(parseDockerfile(read("testfiles", name, "Dockerfile")));
    expect(dump.trim()).toBe(read("testfiles", name, "result").trim());
  });

  test.each(folders("testfiles-negative"))("%s is refused", (name) => {
    expect(() => parseDockerfile(read("testfiles-negative", name, "Dockerfile"))).toThrow(DockerfileError);
  });

  test("lines of instructions", () => {
    const { lines, nodes } = parseDockerfile(read("testfile-line", "Dockerfile"));
    expect(lines).toEqual({ start: 5, end: 31 });
    expect(nodes.map((node) => [node.lines.start, node.lines.end])).toEqual([
      [5, 5],
      [11, 12],
      [17, 31],
    ]);
  });
});

test("here-documents: several in one line, tabs taken off, quoted ones not expanded", () => {
  const { nodes } = parseDockerfile('FROM a\nCOPY <<-one <<"two" /dst/\n\tfirst\n\tone\n$second\ntwo\nRUN 3<<EOF cat\nx\nEOF\n');
  expect(nodes[1]?.heredocs).toEqual([
    { name: "one", expand: true, chomp: true, fileDescriptor: 0, content: "\tfirst\n" },
    { name: "two", expand: false, chomp: false, fileDescriptor: 0, content: "$second\n" },
  ]);
  expect(nodes[2]?.heredocs[0]).toMatchObject({ fileDescriptor: 3, content: "x\n" });
  expect(nodes[2]?.lines).toEqual({ start: 7, end: 9 });
});

test("a here-document that never ends is an error at its lines", () => {
  try {
    parseDockerfile("FROM a\nRUN <<EOF\nx\n");
    expect.unreachable();
  } catch (e) {
    expect(e).toMatchObject({ message: "unterminated heredoc", lines: { start: 2, end: 3 } });
  }
});

test("directives end with the first line that is none", () => {
  expect(parseDockerfile("# syntax=docker/dockerfile:1\n# Escape=`\nFROM a\nRUN a `\n b\n").nodes[1]?.args).toEqual(["a  b"]);
  expect(parseDockerfile("\n# escape=`\nFROM a\nRUN a \\\n b\n").nodes[1]?.args).toEqual(["a  b"]);
  expect(() => parseDockerfile("# escape=x\nFROM a\n")).toThrow("invalid escape token 'x' does not match ` or \\");
  expect(() => parseDockerfile("# escape=`\n# escape=`\nFROM a\n")).toThrow("only one escape parser directive can be used");
});

test("an empty line in a continuation is a warning", () => {
  const { warnings, nodes } = parseDockerfile("FROM a\nRUN a \\\n\n  b\n");
  expect(nodes[1]?.args).toEqual(["a   b"]);
  expect(warnings).toEqual([{ message: "Empty continuation line found in: RUN a   b", lines: { start: 2, end: 4 } }]);
});

test("10,000 instructions and a 60 KB line are read; a longer line is refused", () => {
  expect(parseDockerfile(`FROM a\n${"RUN true\n".repeat(10_000)}`).nodes.length).toBe(10_001);
  expect(parseDockerfile(`FROM a\nRUN ${"x".repeat(60_000)}\n`).nodes.length).toBe(2);
  expect(() => parseDockerfile(`FROM a\nRUN ${"x".repeat(70_000)}\n`)).toThrow(
    "dockerfile line greater than maximum allowed size of 65535",
  );
});
