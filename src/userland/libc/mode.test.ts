import { expect, test } from "vitest";
import { S_IFDIR, S_IFREG } from "../../abi/stat.ts";
import { adjustMode, compileMode, modeString } from "./mode.ts";

const change = (text: string, mode: number, umask = 0o022): string => {
  const compiled = compileMode(text);
  return compiled === undefined ? "invalid" : adjustMode(mode, compiled, umask).toString(8);
};

test("symbolic modes change what they name, less the umask where they name no class", () => {
  expect(change("u+x,go=", S_IFREG | 0o644)).toBe("700");
  expect(change("+w", S_IFREG | 0o444)).toBe("644");
  expect(change("a+X", S_IFREG | 0o644)).toBe("644");
  expect(change("a+X", S_IFDIR | 0o600)).toBe("711");
  expect(change("g=u", S_IFREG | 0o640)).toBe("660");
  expect(change("u+q", S_IFREG | 0o640)).toBe("invalid");
});

test("an octal mode of up to four digits leaves the set-ID bits of a directory", () => {
  expect(change("755", S_IFDIR | 0o2700)).toBe("2755");
  expect(change("00755", S_IFDIR | 0o2700)).toBe("755");
  expect(change("755", S_IFREG | 0o2700)).toBe("755");
});

test("the letters of a mode show set-ID and sticky bits", () => {
  expect(modeString(S_IFREG | 0o4755)).toBe("-rwsr-xr-x");
  expect(modeString(S_IFDIR | 0o1777)).toBe("drwxrwxrwt");
  expect(modeString(S_IFREG | 0o7000)).toBe("---S--S--T");
});
