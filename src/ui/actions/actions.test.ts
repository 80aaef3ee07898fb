import { expect, test } from "vitest";
import { matchesShortcut } from "./action.ts";

const press = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "shiftKey" | "altKey", boolean>> = {}) => ({
  ...{ key, code: "", ctrlKey: false, metaKey: false, shiftKey: false, altKey: false },
  ...held,
});

test("a shortcut fits its keys and no others", () => {
  expect(matchesShortcut("Ctrl+Shift+F", press("F", { ctrlKey: true, shiftKey: true }))).toBe(true);
  expect(matchesShortcut("Ctrl+Shift+F", press("f", { ctrlKey: true }))).toBe(false);
  expect(matchesShortcut("Ctrl+K", press("k", { metaKey: true }))).toBe(true);
  expect(matchesShortcut("Ctrl+K", press("k", { ctrlKey: true, altKey: true }))).toBe(false);
  expect(matchesShortcut("F8", press("F8"))).toBe(true);
  expect(matchesShortcut("F8", press("F8", { shiftKey: true }))).toBe(false);
  expect(matchesShortcut("Alt+1", press("1", { altKey: true }))).toBe(true);
  expect(matchesShortcut("Alt+1", { ...press("¡", { altKey: true }), code: "Digit1" })).toBe(true);
});
