/** What a visitor does to see whether it breaks: the page answers, Ctrl-C works, and the shell is there afterwards. */
import { expect, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

for (const flood of ["yes", "cat /dev/urandom", "while :; do echo x; done", "dd if=/dev/zero of=/dev/null bs=1M count=10000"]) {
  test(`${flood} is interrupted while the page answers`, async ({ page }) => {
    const visitor = await Visitor.arrive(page);
    await visitor.enter(flood);
    await visitor.expectResponsive();
    await visitor.press("Control+c");
    // Random bytes set any mode, and ask the terminal for answers that land on the command line: reset it, and again if an answer came between.
    await expect(async () => {
      await visitor.press("Control+c", "Control+u");
      await visitor.enter("printf '\\033c'; echo still $((40 + 2))");
      await expect.poll(() => visitor.screen(), { timeout: 5_000 }).toContain("still 42");
    }).toPass();
  });
}

test("eight endless loops run, are drawn, and are killed", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  for (let i = 0; i < 8; i++) await visitor.run("while :; do :; done &");
  await expect(page.getByRole("button", { name: /, process \d+, running/ })).toHaveCount(8);
  await visitor.expectResponsive();
  await visitor.run("kill $(jobs -p); wait");
  await expect(page.getByRole("button", { name: /, process \d+, running/ })).toHaveCount(0);
});

test("a fork bomb leaves the page usable and a new machine one command away", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.enter(":() { : | : & }; :");
  await expect(page.getByText(/\d+ of them drawn together/)).toBeVisible();
  await visitor.expectResponsive();
  await visitor.press("Control+k");
  await page.getByPlaceholder("Find a command").fill("New machine");
  await visitor.press("Enter");
  await visitor.see("Welcome");
  await visitor.seePrompt();
  expect(await visitor.run("echo fresh")).toBe("fresh");
});

test("10 GB from /dev/zero end with the error of a full disk, or are interrupted", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.enter("dd if=/dev/zero of=/tmp/big bs=1M count=10000");
  await visitor.expectResponsive();
  await visitor.press("Control+c");
  await visitor.see(/records in/);
  await visitor.seePrompt();
  expect(await visitor.run("rm -f /tmp/big; echo gone")).toBe("gone");
});

test("100,000 lines arrive in order and to the last", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.enter("seq 100000; echo end");
  await visitor.expectResponsive();
  await visitor.see(/\n99999\n100000\nend\n/);
});

test("a session that a flood ran in comes back after a reload", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/#view=processes");
  await visitor.enter("yes");
  await expect(page.getByRole("button", { name: /^yes, process/ })).toBeVisible();
  await visitor.expectResponsive();
  await visitor.press("Control+c");
  await visitor.see(/\^C\n.*[#$] ?$/);
  expect(await visitor.run("echo flooded")).toBe("flooded");
  await visitor.seeKept("echo flooded\r");
  await page.reload();
  await visitor.see(/\nflooded\n/);
});
