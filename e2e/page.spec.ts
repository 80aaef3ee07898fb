import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
  expect(told).toEqual([]);
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in the ${colorScheme} theme`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const visitor = await Visitor.arrive(page);
    await visitor.run("sleep 1000 & ls -l /");
    await page.getByRole("button", { name: /^sleep, process/ }).click();
    await expectNoViolations(page);
    await page.getByRole("button", { name: "Text", exact: true }).click();
    await expect(page.getByRole("table")).toContainText("sleep");
    await expectNoViolations(page);
    await visitor.press("Control+k");
    await expect(page.getByPlaceholder("Find a command")).toBeVisible();
    await expectNoViolations(page);
  });
}

test("axe finds nothing on a phone, where one pane shows at a time", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const visitor = await Visitor.arrive(page);
  await page.getByRole("button", { name: "ls -l /" }).click();
  await visitor.see("usr");
  await expectNoViolations(page);
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Processes" }).click();
  await expect(page.getByRole("button", { name: /^init, process 1/ })).toBeVisible();
  await expectNoViolations(page);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(wide).toBe(false);
});

test("F6 leaves the terminal and comes back to it", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  const typing = page.locator(".xterm-helper-textarea");
  await expect(typing).toBeFocused();
  await visitor.press("F6");
  await expect(typing).not.toBeFocused();
  for (let i = 0; i < 3; i++) await visitor.press("F6");
  await expect(typing).toBeFocused();
});

test("the chosen theme is kept", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await Visitor.arrive(page);
  await page.getByRole("button", { name: /Paper/ }).click();
  await page.reload();
  await expect(page.getByRole("button", { name: /Blueprint/ })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("the page works in a sandboxed frame, without an origin and without storage", async ({ page, baseURL }) => {
  await page.route("**/host.html", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<iframe sandbox="allow-scripts" style="width:1200px;height:700px" src="${baseURL}/?seed=1"></iframe>`,
    }),
  );
  // The sandbox makes the frame's origin opaque, whatever page it is in; another network's page Chromium would keep away from a local server.
  await page.goto("/host.html");
  const visitor = new Visitor(page);
  const inside = () => page.frames().find((frame) => frame.url().includes("?seed=1"));
  await expect.poll(async () => (await inside()?.evaluate(() => globalThis.drydock?.screen() ?? "")) ?? "").toMatch(/[#$] ?$/);
  await page.frameLocator("iframe").locator(".xterm-helper-textarea").focus();
  await visitor.enter("echo framed");
  await expect.poll(async () => (await inside()?.evaluate(() => globalThis.drydock.screen())) ?? "").toContain("\nframed\n");
});

test("what the machine prints changes nothing but the terminal", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  const title = await page.title();
  await visitor.run(
    "printf '\\033]0;taken\\007\\033]2;taken\\007\\033[8;5;5t\\033]52;c;dGFrZW4=\\007<img src=x onerror=document.title=1>\\n'",
  );
  await visitor.run("printf '\\033]8;;javascript:document.title=1\\007link\\033]8;;\\007\\n'");
  await visitor.see("<img src=x onerror=document.title=1>");
  expect(await page.title()).toBe(title);
});
