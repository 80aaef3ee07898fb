import { expect, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

test("job control by keys: stop, background, foreground, interrupt", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.enter("sleep 100");
  await expect(page.getByRole("button", { name: /^sleep, process \d+, sleeping/ })).toBeVisible();
  await visitor.press("Control+z");
  await visitor.see(/\[1\]\+\s+Stopped\s+sleep 100/);
  await expect(page.getByRole("button", { name: /^sleep, process \d+, stopped/ })).toBeVisible();
  await visitor.run("bg");
  await expect(page.getByRole("button", { name: /^sleep, process \d+, sleeping/ })).toBeVisible();
  expect(await visitor.run("jobs")).toMatch(/^\[1\]\+\s+Running\s+sleep 100 &$/);
  await visitor.enter("fg");
  await visitor.see(/fg\nsleep 100$/);
  await visitor.press("Control+c");
  await visitor.see(/\^C\n[^\n]*[#$] ?$/);
  await expect(page.getByRole("button", { name: /^sleep, process/ })).toHaveCount(0);
  expect(await visitor.run("echo $?")).toBe("130");
});

test("an orphan is drawn below its new parent and says whose it was", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.run("(sleep 500 &)");
  await expect(page.getByRole("button", { name: /^sleep, process \d+, sleeping, orphan of \d+/ })).toBeVisible();
});

test("a paused clock stands still, a step moves it by one system call, play goes on", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  const clock = page.getByRole("timer", { name: "Time since boot" });
  await visitor.press("F8");
  await expect(page.getByRole("button", { name: "Play" }).first()).toBeVisible();
  await visitor.enter("echo later");
  const stood = await clock.textContent();
  expect(await visitor.screen()).not.toContain("later");
  await visitor.press("F9");
  await expect(clock).not.toHaveText(stood ?? "");
  expect(await visitor.screen()).not.toContain("later");
  await visitor.press("F8");
  await visitor.see(/\nlater\n/);
});
