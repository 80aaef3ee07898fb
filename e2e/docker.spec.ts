import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)).toEqual([]);
}

/** The compartment, vessel or dry berth of a container. */
const berth = (page: Page, name: string) => page.getByRole("button", { name: new RegExp(`^container ${name} `) });

test("a container is a compartment, its chips type commands, and once it is stopped it lies without processes", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=cutaway");
  await expect(page.getByText("No container yet")).toBeVisible();
  await visitor.run("docker run -d --name web -p 8080:80 -m 64m nginx:alpine");
  await expect(berth(page, "web")).toHaveAccessibleName(
    /^container web of image nginx:alpine, running, \d+ processes, CPU .*, memory .* of 64M, 172\.17\.0\.2 in bridge, ports 8080→80\/tcp/,
  );
  await expect(page.getByText("8080→80", { exact: true })).toBeVisible();
  await expect(page.getByText("shim ▸ web")).toBeVisible();
  await visitor.run("docker run -d --name box alpine sleep 1000");
  await expect(berth(page, "box")).toBeVisible();

  await berth(page, "web").focus();
  await visitor.press("ArrowRight");
  await expect(berth(page, "box")).toBeFocused();
  await visitor.press("ArrowLeft", "Enter");
  const detail = page.getByRole("region", { name: "Container web" });
  await expect(detail).toContainText("It is running.");
  await expect(detail).toContainText("8080→80/tcp");
  await expect(detail).toContainText("of 64M");
  await expectNoViolations(page);

  await detail.getByRole("button", { name: "docker stop web", exact: true }).press("Enter");
  await visitor.see("docker stop web");
  await expect(berth(page, "web")).toHaveAccessibleName(/^container web of image nginx:alpine, exited 0/);
  await expect(detail).toContainText("It is exited 0.");
  await expect(detail.getByRole("button", { name: "docker start web", exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Text", exact: true }).click();
  const table = page.getByRole("table", { name: "Containers" });
  await expect(table.getByRole("row", { name: /^web nginx:alpine exited 0/ })).toBeVisible();
  await expect(table.getByRole("row", { name: /^box alpine running 1 / })).toContainText("sleep 1000");
  await expect(page.getByRole("table", { name: "Images" })).toContainText("nginx:alpine");
  await expectNoViolations(page);
});

test("what is the container's is called by its name in the other views", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=namespaces");
  await visitor.run("docker run -d --name web alpine sleep 1000");
  await expect(page.getByRole("button", { name: /^net namespace \d+ of container web/ })).toBeVisible();
  await page.getByRole("tab", { name: /cgroups/ }).click();
  await expect(page.getByRole("button", { name: /cgroup \/docker\/[0-9a-f]{64}/ })).toContainText("web");
  await page.getByRole("tab", { name: /Network/ }).click();
  await expect(page.getByRole("button", { name: /web/ }).first()).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in the cutaway of the ${colorScheme} theme, whatever state its containers are in`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const visitor = await Visitor.arrive(page, "/?seed=1#view=cutaway");
    await expectNoViolations(page);
    await visitor.run(
      "docker run -d --name cold alpine sleep 1000; docker pause cold; docker run --name bad alpine false; docker pull -q busybox",
    );
    await expect(berth(page, "cold")).toHaveAccessibleName(/paused/);
    await expect(berth(page, "bad")).toHaveAccessibleName(/exited 1/);
    await expectNoViolations(page);
  });
}
