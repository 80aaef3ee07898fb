import { describe, expect, it } from "vitest";
import { REG_NOTBOL, regcomp, RegexError } from "./regex.ts";

const find = (pattern: string, text: string, options = {}): string | undefined =>
  regcomp(pattern, { extended: true, ...options }).exec(text)?.groups[0];

describe("regcomp", () => {
  it("takes the longest of the leftmost matches", () => {
    expect(find("a|ab|abc", "xabcd")).toBe("abc");
    expect(find("(a*)(ab)*", "aab")).toBe("aab");
    expect(find("(^|x)y?", "xy")).toBe("xy");
  });

  it("speaks basic expressions with GNU operators", () => {
    expect(find("a\\{2\\}b\\+", "aaabb", { extended: false })).toBe("aabb");
    expect(find("\\(x\\|y\\)\\1", "xyy", { extended: false })).toBe("yy");
    expect(find("*a", "b*a", { extended: false })).toBe("*a");
  });

  it("knows classes, words and case", () => {
    expect(find("[[:upper:]]+", "abCDe")).toBe("CD");
    expect(find("\\bfür\\b", "x für y")).toBe("für");
    expect(find("\\<o\\w*", "foo one")).toBe("one");
    expect(find("HELLO", "say hello", { icase: true })).toBe("hello");
  });

  it("treats line ends as asked", () => {
    expect(find("^b", "a\nb")).toBeUndefined();
    expect(find("^b", "a\nb", { newline: true })).toBe("b");
    expect(regcomp("^a").exec("aa", 1)).toBeUndefined();
    expect(regcomp("^a").exec("aa", 0, REG_NOTBOL)).toBeUndefined();
  });

  it("refuses in the words of regerror", () => {
    const error = (pattern: string, options = {}): string => {
      try {
        regcomp(pattern, { extended: true, ...options });
        return "";
      } catch (e) {
        return e instanceof RegexError ? e.message : "?";
      }
    };
    expect(error("(a")).toBe("Unmatched ( or \\(");
    expect(error("[a")).toBe("Unmatched [, [^, [:, [., or [=");
    expect(error("a{2,1}")).toBe("Invalid content of \\{\\}");
    expect(error("*a")).toBe("Invalid preceding regular expression");
    expect(error("\\1")).toBe("Invalid back reference");
    expect(error("[[:foo:]]")).toBe("Invalid character class name");
    expect(error("*a", { dialect: "grep" })).toBe("");
  });

  it("survives nested repetition", () => {
    expect(find("(a*)*b", "a".repeat(5000))).toBeUndefined();
    expect(find("(x+x+)+y", "x".repeat(5000))).toBeUndefined();
  });
});
