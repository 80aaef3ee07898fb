import { expect, test } from "vitest";
import {
  digestFault,
  familiarName,
  familiarString,
  normalizedString,
  parseAnyReference,
  parseNormalizedNamed,
  type ReferenceAge,
  InvalidReference,
  tagNameOnly,
  withTag,
} from "./reference.ts";

const HEX = "0123456789012345678901234567890123456789012345678901234567890123";

const fault = (name: string, age: ReferenceAge): string => {
  try {
    return normalizedString(parseNormalizedNamed(name, age));
  } catch (e) {
    if (!(e instanceof InvalidReference)) throw e;
    return e.message;
  }
};

test.each([
  ["alpine", "docker.io/library/alpine", "alpine"],
  ["alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"],
  ["index.docker.io/x", "docker.io/library/x", "x"],
  ["docker.io/library/x", "docker.io/library/x", "x"],
  ["library/x", "docker.io/library/x", "x"],
  ["docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"],
  ["bitnami/redis:7", "docker.io/bitnami/redis:7", "bitnami/redis:7"],
  ["localhost/x", "localhost/x", "localhost/x"],
  ["localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y"],
  [`a@sha256:${HEX}`, `docker.io/library/a@sha256:${HEX}`, `a@sha256:${HEX}`],
  [`a:t@sha256:${HEX}`, `docker.io/library/a:t@sha256:${HEX}`, `a:t@sha256:${HEX}`],
])("%s is %s", (typed, normalized, familiar) => {
  expect(normalizedString(parseNormalizedNamed(typed))).toBe(normalized);
  expect(familiarString(parseNormalizedNamed(typed))).toBe(familiar);
});

test("what is wrong with a name is told in the words of the client and of the engine", () => {
  const cases: readonly (readonly [name: string, client: string, engine: string])[] = [
    [
      "Foo",
      "invalid reference format: repository name (library/Foo) must be lowercase",
      "invalid reference format: repository name must be lowercase",
    ],
    [
      "HOST.com/X:y",
      "invalid reference format: repository name (X) must be lowercase",
      "invalid reference format: repository name must be lowercase",
    ],
    ["HOST/x", "HOST/x", "invalid reference format: repository name must be lowercase"],
    ["[::1]:5000/x", "[::1]:5000/x", "invalid reference format"],
    ["", "invalid reference format", "invalid reference format"],
    ["a:b:c", "invalid reference format", "invalid reference format"],
    ["a//b", "invalid reference format", "invalid reference format"],
    ["foo@bar", "invalid reference format", "invalid reference format"],
    [`a@md5:${HEX.slice(0, 32)}`, "unsupported digest algorithm", "unsupported digest algorithm"],
    [
      HEX,
      `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`,
      `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`,
    ],
    ["x".repeat(300), "repository name must not be more than 255 characters", "repository name must not be more than 255 characters"],
  ];
  for (const [name, client, engine] of cases) expect([name, fault(name, "client"), fault(name, "engine")]).toEqual([name, client, engine]);
});

test("a long wrong name is refused at once", () => {
  expect(fault(`${"a".repeat(5000)}!`, "client")).toBe("invalid reference format");
  expect(fault(`${"a-".repeat(5000)}!`, "engine")).toBe("invalid reference format");
});

test("an id or a digest alone is a reference where any is taken", () => {
  expect(parseAnyReference(HEX)).toEqual({ digest: `sha256:${HEX}` });
  expect(parseAnyReference(`sha256:${HEX}`)).toEqual({ digest: `sha256:${HEX}` });
  expect(parseAnyReference("a")).toEqual({ domain: "docker.io", path: "library/a" });
  expect(digestFault("sha256:abc")).toBe("invalid checksum digest format");
  expect(digestFault(`sha512:${HEX}`)).toBe("invalid checksum digest length");
});

test("tags", () => {
  const a = parseNormalizedNamed("a");
  expect(familiarString(tagNameOnly(a))).toBe("a:latest");
  expect(familiarString(withTag(a, "1.0"))).toBe("a:1.0");
  expect(familiarName(withTag(a, "1.0"))).toBe("a");
  expect(() => withTag(a, "x:y")).toThrow("invalid tag format");
});
