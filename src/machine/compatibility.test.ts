import { join } from "node:path";
import { expect, test } from "vitest";
import { syscallTable } from "../abi/syscall-table.ts";
import { handlers } from "../kernel/syscalls/table.ts";
import { collectDifferences, renderCompatibility } from "./compatibility.ts";

const differences = collectDifferences(join(import.meta.dirname, ".."));

test("every approximation that the code admits is on the page, as a sentence of its own", () => {
  expect(differences.length).toBeGreaterThan(20);
  for (const d of differences) expect(d.text, d.where).toMatch(/^.{15,}$/);
  const page = renderCompatibility(differences);
  for (const d of differences) expect(page).toContain(d.where);
});

test("the page lists every call that the kernel handles, and calls absent only those that it does not", () => {
  const known = new Map(syscallTable.map((e) => [e.name, e]));
  for (const name of Object.keys(handlers)) expect(known.get(name)?.level, name).toMatch(/full|partial/);
  for (const e of syscallTable) if (e.level === "absent") expect(Object.keys(handlers)).not.toContain(e.name);
});

test("text of the code cannot become markup of the page", () => {
  expect(renderCompatibility([{ where: "x.ts:1", text: "<script>alert(1)</script>" }])).not.toContain("<script>");
});
