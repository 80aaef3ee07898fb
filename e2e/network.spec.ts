import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { Visitor } from "./terminal.ts";

const PAIR = "ip netns add blue; ip link add v0 type veth peer name v1 netns blue; ip addr add 10.0.0.1/24 dev v0; ip link set v0 up";
const OTHER = "ip -n blue addr add 10.0.0.2/24 dev v1; ip -n blue link set v1 up";

async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)).toEqual([]);
}

const card = (page: Page, text: RegExp) => page.getByRole("button", { name: text });

test("a namespace and a wire that are typed appear, and what is sent moves their counters", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=network");
  await expect(page.getByText("The host's network is alone")).toBeVisible();
  await visitor.run(PAIR);
  await expect(card(page, /^network blue: v1 veth down/)).toBeVisible();
  await visitor.run(OTHER);
  await expect(card(page, /^network blue: v1 veth 10\.0\.0\.2\/24 up/)).toBeVisible();
  await expect(page.locator(".drawing .wire.veth:not(.off)")).toHaveCount(1);
  await visitor.run("ping -c 2 10.0.0.2");
  await expect(page.getByText(/ICMP 10\.0\.0\.2 → 10\.0\.0\.1 echo reply 2/).first()).toBeVisible();
  await card(page, /^network blue/).click();
  const detail = page.getByRole("region", { name: /^Namespace \d+/ });
  await expect(detail).toContainText("/run/netns/blue");
  await expect(detail).toContainText(/in [1-9]\d* \(.*\), out [1-9]/);
  await expect(detail).toContainText("host reaches 10.0.0.1");
  await expect(card(page, /^network host: .*the selected one reaches 10\.0\.0\.1/)).toBeVisible();
  await page.locator(".xterm-helper-textarea").first().focus();
  await visitor.run("ip netns del blue");
  await expect(card(page, /^network blue/)).toHaveCount(0);
});

test("the empty view's chips type what makes a network", async ({ page }) => {
  const visitor = await Visitor.arrive(page, "/?seed=1#view=network");
  await page.getByRole("button", { name: "ip netns add blue", exact: true }).click();
  await visitor.see("ip netns add blue");
  await visitor.seePrompt();
  await page.getByRole("button", { name: /^ip link add v0/ }).click();
  await expect(card(page, /^network blue/)).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in the network of the ${colorScheme} theme, as picture and as text`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const visitor = await Visitor.arrive(page, "/?seed=1#view=network");
    await expectNoViolations(page);
    await visitor.run(`${PAIR}; ${OTHER}; ping -c 1 10.0.0.2`);
    await card(page, /^network blue/).click();
    await expect(page.getByText("Who can be reached")).toBeVisible();
    await expectNoViolations(page);
    await page.getByRole("button", { name: "Text", exact: true }).click();
    await expect(page.getByRole("table", { name: "Links" })).toContainText("v0 in host");
    await expect(page.getByRole("table", { name: "Whom blue can reach" })).toContainText("reaches 10.0.0.1");
    await expectNoViolations(page);
  });
}
