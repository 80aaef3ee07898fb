import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

const MAKE = "mkdir -p /tmp/o/{lower,upper,work,merged}; cp /etc/{hosts,passwd,profile} /tmp/o/lower";
const MOUNT = "mount -t overlay overlay -o lowerdir=/tmp/o/lower,upperdir=/tmp/o/upper,workdir=/tmp/o/work /tmp/o/merged";

async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)).toEqual([]);
}

/** What a slab of the picture has, by layer number or as seen. */
const cell = (page: Page, text: RegExp) => page.getByRole("button", { name: text });

test("an overlay that is typed appears as slabs, and what is done in it as marks on them", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=layers");
  await expect(page.getByText("No overlay is mounted")).toBeVisible();
  await visitor.run(MAKE);
  await visitor.run(MOUNT);
  await expect(page.getByRole("button", { name: "Only upper: nothing here" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Only lower: 3 added" })).toBeVisible();
  await expect(cell(page, /^hosts, .*, as seen/)).toBeVisible();
  await visitor.run("cd /tmp/o/merged; echo more >> hosts; rm profile; touch new");
  await expect(cell(page, /^hosts, .*, changed in layer 0$/)).toBeVisible();
  await expect(cell(page, /^hosts, .*, added in layer 1, covered$/)).toBeVisible();
  await expect(cell(page, /^profile, .*, removed in layer 0$/)).toBeVisible();
  await expect(cell(page, /^profile, .*, as seen/)).toHaveCount(0);
  await expect(cell(page, /^new, .*, added in layer 0$/)).toBeVisible();
  await expect(page.getByText("1 copied up (124B) · 1 whiteout")).toBeVisible();
  await visitor.run("cd /; umount /tmp/o/merged");
  await expect(page.getByText("No overlay is mounted")).toBeVisible();
});

test("the empty view's chips type what makes an overlay", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=layers");
  for (const start of ["mkdir -p", "cp -r", "mount -t overlay"]) {
    await page.getByRole("button", { name: new RegExp(`^${start}`) }).click();
    await visitor.see(start);
    await visitor.seePrompt();
  }
  await expect(page.getByRole("button", { name: "Only lower: 3 added" })).toBeVisible();
});

test("why a file is seen is told, layer by layer, with what each holds", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=layers");
  await visitor.run(`${MAKE}; ${MOUNT}; echo mine > /tmp/o/merged/hosts; rm /tmp/o/merged/profile`);
  await cell(page, /^hosts, .*, as seen/).click();
  const why = page.getByRole("region", { name: "Why /hosts is seen" });
  await expect(why).toContainText("It is seen because upper has it");
  await why.getByRole("button", { name: "Content in upper" }).click();
  await expect(why).toContainText("mine");
  await why.getByRole("button", { name: "Content in lower" }).click();
  await expect(why).toContainText("localhost");
  await cell(page, /^profile, .*, removed/).click();
  await expect(page.getByRole("region", { name: "Why /profile is seen" })).toContainText("upper has a whiteout for it");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in the layers of the ${colorScheme} theme, as picture and as text`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const visitor = await Visitor.arrive(page, "/?seed=1#view=layers");
    await expectNoViolations(page);
    await visitor.run(`${MAKE}; ${MOUNT}; rm /tmp/o/merged/hosts; mkdir /tmp/o/merged/sub; touch /tmp/o/merged/sub/inner`);
    await cell(page, /^hosts, .*, removed/).click();
    await expectNoViolations(page);
    await page.getByRole("button", { name: "Text", exact: true }).click();
    const table = page.getByRole("table", { name: /Names in/ });
    await expect(table).toContainText("upper: a whiteout");
    await expectNoViolations(page);
    await table.getByRole("button", { name: "Look into sub" }).click();
    await expect(page.getByRole("table", { name: "Names in /sub" })).toContainText("inner");
  });
}

test("on a phone the stack has room", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const visitor = await Visitor.arrive(page, "/?seed=1#view=layers");
  await visitor.run(`${MAKE}; ${MOUNT}`);
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button").nth(1).click();
  await expect(page.getByRole("button", { name: "Only lower: 3 added" })).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
  await expectNoViolations(page);
});
