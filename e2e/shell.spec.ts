import { expect, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

test("a visitor types a command and sees what it prints", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  expect(await visitor.run("echo $((6 * 7)) > answer; cat answer")).toBe("42");
  expect(await visitor.run("ls /")).toMatch(/\bbin\b.*\busr\b/s);
});

test("the process tree shows what runs, and a selected process is told in words", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.run("sleep 1000 &");
  const box = page.getByRole("button", { name: /^sleep, process \d+, sleeping/ });
  await box.click();
  await expect(page.getByRole("region", { name: /^Process \d+$/ })).toContainText("sleep 1000");
  expect(page.url()).toMatch(/pid=\d+/);
  await page.getByRole("button", { name: /^kill \d+$/ }).click();
  await expect(page.getByText(/There is no process \d+ any more/)).toBeVisible();
  await visitor.press("Enter");
  await visitor.see("Terminated");
});

test("two terminals are two sessions on one machine", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  const first = await visitor.run("tty");
  await visitor.run("echo shared > /tmp/note");
  await visitor.press("Control+Shift+ArrowRight");
  await visitor.seePrompt(2);
  const second = await visitor.run("tty");
  expect(second).not.toBe(first);
  expect(await visitor.run("cat /tmp/note")).toBe("shared");
  await expect(page.getByRole("region", { name: "Terminals" })).toHaveCount(2);
});

test("reloading brings the session back", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/");
  await visitor.run("date +%s%N > born; echo kept > note");
  const born = await visitor.run("cat born");
  await visitor.seeKept("cat born\r");
  await page.reload();
  await visitor.see(born);
  await visitor.seePrompt();
  await page.locator(".xterm-helper-textarea").focus();
  expect(await visitor.run("cat note born")).toBe(`kept\n${born}`);
});

test("the end of a session offers a new terminal", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.enter("exit");
  await page.getByRole("button", { name: "Open a new one" }).click();
  await visitor.seePrompt(2);
  expect(await visitor.run("echo again")).toBe("again");
});

test("closing the last terminal offers to open one", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await page.getByRole("button", { name: "Close terminal 1" }).click();
  await page.getByRole("button", { name: "Open a terminal" }).click();
  await visitor.seePrompt(2);
  expect(await visitor.run("echo back")).toBe("back");
});

test("text is found in the scrollback", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.run("seq 5000 5400");
  await visitor.press("Control+Shift+f");
  await page.getByLabel("Find in terminal").last().fill("5003");
  await visitor.press("Enter");
  await expect(page.locator(".xterm-rows").getByText("5003").first()).toBeVisible();
});

test("programs whose code comes later run like the others", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.enter("top");
  await visitor.see(/load average/);
  await visitor.press("q");
  await visitor.seePrompt();
  expect(await visitor.run("strace -c true 2>&1 | tail -1")).toMatch(/total$/);
});
