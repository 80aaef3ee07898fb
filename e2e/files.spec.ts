import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)).toEqual([]);
}

const mount = (page: Page, target: string) => page.getByRole("treeitem", { name: new RegExp(`^Mount \\d+, ${target},`) });

test("what is mounted appears in the tree, is covered, and goes", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=files");
  await expect(mount(page, "/proc")).toBeVisible();
  await expect(mount(page, "/mnt")).toHaveCount(0);
  await visitor.run("mount -t tmpfs one /mnt");
  await expect(mount(page, "/mnt")).toBeVisible();
  await visitor.run("mount -t tmpfs two /mnt");
  await expect(page.getByRole("treeitem", { name: /^Mount \d+, \/mnt, .* covered by mount/ })).toBeVisible();
  await visitor.run("umount /mnt; umount /mnt");
  await expect(mount(page, "/mnt")).toHaveCount(0);
});

test("a mount is opened by keyboard, down to what is in a file", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=files");
  await visitor.run("mkdir /tmp/d; echo 'hello inside' > /tmp/d/f; printf '\\001\\000\\377' > /tmp/d/raw");
  await mount(page, "/tmp").focus();
  await visitor.press("ArrowRight");
  await expect(page.getByRole("treeitem", { name: "d, directory" })).toBeVisible();
  await visitor.press("ArrowDown", "ArrowRight");
  await expect(page.getByRole("treeitem", { name: /^f, file/ })).toBeVisible();
  await visitor.press("ArrowDown", "Enter");
  const sheet = page.getByRole("region", { name: "File /tmp/d/f" });
  await expect(sheet).toContainText("hello inside");
  await expect(sheet).toContainText("tmpfs at /tmp");
  await page.getByRole("treeitem", { name: /^raw, file/ }).click();
  await expect(page.getByRole("region", { name: "File /tmp/d/raw" })).toContainText("01 00 ff");
});

test("an open directory follows what happens in it", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=files");
  await mount(page, "/tmp").focus();
  await visitor.press("ArrowRight");
  await expect(page.getByRole("treeitem", { name: "empty" })).toBeVisible();
  await page.locator(".xterm-helper-textarea").first().focus();
  await visitor.run("touch $'/tmp/odd\\033[31m\\nname'");
  await expect(page.getByRole("treeitem", { name: "odd\\x1b[31m\\nname, file, 0" })).toBeVisible();
});

test("a file is downloaded as it is", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=files");
  await visitor.run("head -c 3000000 /usr/bin/bash > /tmp/big; md5sum /tmp/big");
  await mount(page, "/tmp").focus();
  await visitor.press("ArrowRight");
  await page.getByRole("treeitem", { name: /^big, file/ }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "download" }).click()]);
  expect(download.suggestedFilename()).toBe("big");
  const { createHash } = await import("node:crypto");
  const { readFile } = await import("node:fs/promises");
  const digest = createHash("md5")
    .update(await readFile(await download.path()))
    .digest("hex");
  await visitor.see(digest);
});

test("another mount namespace is chosen, and what it shares is tied to it", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=files");
  await visitor.run("unshare -m sh -c 'mount -t tmpfs private /mnt; exec sleep 1000' & sleep 0.2");
  const rail = page.getByRole("button", { name: /^Show the mount namespace of sleep/ });
  await expect(rail).toBeVisible();
  await expect(mount(page, "/mnt")).toHaveCount(0);
  await rail.click();
  await expect(mount(page, "/mnt")).toBeVisible();
  await page.getByRole("combobox", { name: "Mount namespace" }).selectOption({ index: 0 });
  await expect(mount(page, "/mnt")).toHaveCount(0);
});

test("a file on an overlay leads to its layers", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=files");
  await visitor.run("mkdir -p /o/{l/sub,u,w,m}; echo x > /o/l/sub/f; mount -t overlay o -o lowerdir=/o/l,upperdir=/o/u,workdir=/o/w /o/m");
  await mount(page, "/o/m").focus();
  await visitor.press("ArrowRight");
  await page.getByRole("treeitem", { name: "sub, directory" }).click();
  await page.getByRole("treeitem", { name: /^f, file/ }).click();
  await page.getByRole("button", { name: "which layer?" }).click();
  await expect(page.getByRole("region", { name: "Why /sub/f is seen" })).toContainText("It is seen because lower has it");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in the files of the ${colorScheme} theme, as picture and as text`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const visitor = await Visitor.arrive(page, "/?seed=1#view=files");
    await visitor.run("mount -t tmpfs one /mnt; mount -t tmpfs two /mnt; unshare -m sleep 1000 & sleep 0.1");
    await mount(page, "/").first().focus();
    await visitor.press("ArrowRight");
    await expect(page.getByRole("treeitem", { name: "etc, directory" })).toBeVisible();
    await expectNoViolations(page);
    await mount(page, "/proc").click();
    await expect(page.getByRole("region", { name: /^Mount \d+/ })).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole("button", { name: "Text", exact: true }).click();
    await expect(page.getByRole("table")).toContainText("covered by");
    await page
      .getByRole("button", { name: "os-release" })
      .or(page.getByRole("button", { name: "Entries of /tmp" }))
      .first()
      .click();
    await expectNoViolations(page);
  });
}
