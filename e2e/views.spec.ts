import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

const tab = (page: Page, name: string) => page.getByRole("tab", { name: new RegExp(`${name}$`) });
const asText = (page: Page) => page.getByRole("button", { name: "Text", exact: true });

/** A row of the text twin that is shown. */
const row = (page: Page, text: string | RegExp) => page.getByRole("tabpanel").getByRole("row").filter({ hasText: text });

async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)).toEqual([]);
}

test("the views are tabs: by arrow keys, by shortcut, and in the address", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await tab(page, "Processes").focus();
  await visitor.press("ArrowRight");
  await expect(tab(page, "Namespaces")).toBeFocused();
  await expect(tab(page, "Namespaces")).toHaveAttribute("aria-selected", "true");
  await expect(page).toHaveURL(/#view=namespaces$/);
  await visitor.press("End");
  await expect(tab(page, "Files")).toHaveAttribute("aria-selected", "true");
  await page.locator(".xterm-helper-textarea").first().focus();
  await visitor.press("Alt+4");
  await expect(page.getByRole("tabpanel", { name: /cgroups/ })).toBeVisible();
  await asText(page).click();
  await expect(page).toHaveURL(/#view=cgroups&as=text$/);
  await page.reload();
  await expect(row(page, "cpuset cpu io memory pids")).toBeVisible();
});

test("unshare shows in the namespaces, in the picture as in the text, and goes with its process", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await tab(page, "Namespaces").click();
  await page.getByRole("button", { name: "unshare -u bash" }).click();
  const plate = page.getByRole("button", { name: /^uts namespace \d+/ });
  await expect(plate).toBeVisible();
  await expect(page.getByRole("status")).toHaveText(/^uts namespace \d+ came\.$/);
  await visitor.run("hostname box");
  await expect(page.getByRole("button", { name: /^uts namespace \d+ \(box\)$/ })).toBeVisible();
  const number = (await visitor.run("readlink /proc/self/ns/uts")).replace(/\D/g, "");
  await plate.click();
  await expect(page.getByRole("region", { name: `Namespace ${number}` })).toContainText("bash");
  await expect(page).toHaveURL(new RegExp(`ns=${number}`));
  await asText(page).click();
  await expect(row(page, "box").filter({ hasText: number })).toContainText("uts");
  await page.locator(".xterm-helper-textarea").first().focus();
  await visitor.enter("exit");
  await expect(row(page, "box")).toHaveCount(0);
});

test("a process in a PID namespace carries both numbers, and from in there only it is seen", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.enter("unshare -fp --mount-proc bash");
  const shell = page.getByRole("button", { name: /^bash, process \d+, inside 1, / });
  await expect(shell).toBeVisible();
  const name = (await shell.getAttribute("aria-label")) ?? "";
  const host = /process (\d+)/.exec(name)?.[1] ?? "";
  await page
    .getByRole("group", { name: "Seen from" })
    .getByRole("button", { name: `bash ${host}` })
    .click();
  await expect(page.getByRole("button", { name: /^init, process 1, .*, not seen from here$/ })).toBeVisible();
  await asText(page).click();
  await expect(page.getByRole("tabpanel").locator("tbody tr")).toHaveCount(1);
  await expect(row(page, `${host} / 1`)).toContainText("bash");
});

test("a memory limit fills; who goes beyond it is killed, and that is told", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await tab(page, "cgroups").click();
  await page.getByRole("button", { name: /^echo "\+cpu \+memory \+pids"/ }).click();
  await page.getByRole("button", { name: "mkdir /sys/fs/cgroup/lab" }).click();
  const strip = page.getByRole("button", { name: /^cgroup \/lab,/ });
  await expect(strip).toBeVisible();
  await visitor.run("cd /sys/fs/cgroup/lab; echo 32M > memory.max");
  await expect(strip).toHaveAccessibleName(/memory 0 of 32M/);
  await visitor.run("bash -c 'echo $$ > cgroup.procs; head -c 20M /dev/zero > /dev/shm/cargo'");
  await expect(strip).toHaveAccessibleName(/memory 20M of 32M/);
  await visitor.run("bash -c 'echo $$ > cgroup.procs; exec stress --vm 1 --vm-bytes 20M'");
  await expect(strip).toHaveAccessibleName(/OOM ×1/);
  await strip.click();
  await expect(page.getByRole("region", { name: "Cgroup /lab" })).toContainText(/Killed for memory.*stress \d+/i);
  await asText(page).click();
  await expect(row(page, "/lab")).toContainText("32M");
});

test("a CPU limit throttles, and the picture says so", async ({ page }) => {
  const visitor = await Visitor.arrive(page);
  await visitor.run("cd /sys/fs/cgroup; echo +cpu > cgroup.subtree_control; mkdir slow; echo '20000 100000' > slow/cpu.max");
  await tab(page, "cgroups").click();
  await page.locator(".xterm-helper-textarea").first().focus();
  await visitor.run("bash -c 'echo $$ > slow/cgroup.procs; exec yes > /dev/null' &");
  await expect(page.getByRole("button", { name: /^cgroup \/slow,/ })).toHaveAccessibleName(/CPU 0\.(19|20|21) of 0\.20, throttled \d+%/);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in any view, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const visitor = await Visitor.arrive(page);
    await visitor.run("mkdir /sys/fs/cgroup/lab; unshare -fpu --mount-proc sleep 1000 & sleep 1");
    for (const name of ["Processes", "Namespaces", "cgroups"]) {
      await tab(page, name).click();
      await page.getByRole("tabpanel").locator("[data-key]").last().click();
      await expect(page.locator(".detail dl")).toBeVisible();
      await expectNoViolations(page);
      await page.locator(".detail").getByRole("button", { name: "Close" }).click();
      await asText(page).click();
      await expect(page.getByRole("tabpanel").getByRole("table").first()).toBeVisible();
      await expectNoViolations(page);
      await asText(page).click();
    }
  });
}

test("on a phone every view is there and fits", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await Visitor.arrive(page);
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Processes" }).click();
  for (const name of ["Namespaces", "cgroups"]) {
    await tab(page, name).click();
    await expect(page.getByRole("tabpanel").locator("[data-key]").first()).toBeVisible();
    await expectNoViolations(page);
    const wide = await page.locator(".drawing").evaluate((drawing) => drawing.scrollWidth > drawing.clientWidth);
    expect(wide).toBe(false);
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
});

test("a view that cannot be fetched takes nothing else with it", async ({ page }) => {
  await page.route(/NamespacePicture/, (route) => route.abort());
  const visitor = await Visitor.arrive(page);
  await tab(page, "Namespaces").click();
  await expect(page.getByRole("button", { name: "Reload the page" })).toBeVisible();
  await page.locator(".xterm-helper-textarea").first().focus();
  expect(await visitor.run("echo on")).toBe("on");
  await tab(page, "Processes").click();
  await expect(page.getByRole("button", { name: /^init, process 1/ })).toBeVisible();
});
