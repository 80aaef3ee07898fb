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

/** A docker0 by hand: a container behind a bridge, a client outside, and port 8080 of the host sent on to the container. */
const PUBLISHED = [
  "plug() { ip netns add $1; ip link add v$1 type veth peer name eth0 netns $1; ip -n $1 addr add $2 dev eth0; ip -n $1 link set eth0 up; ip link set v$1 up; ip -n $1 route add default via $3; }",
  "echo 1 > /proc/sys/net/ipv4/ip_forward; ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up",
  "plug web 172.17.0.2/16 172.17.0.1; ip link set vweb master docker0; plug lan 192.168.7.9/24 192.168.7.1; ip addr add 192.168.7.1/24 dev vlan",
  "iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80; iptables -t nat -A OUTPUT -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
  "iptables -P FORWARD DROP; iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -A FORWARD -d 172.17.0.2 -p tcp --dport 80 -j ACCEPT",
  "echo a page > /tmp/index.html; ip netns exec web busybox httpd -p 80 -h /tmp",
];

test("a published port: the packet is rewritten where the rule stands, and the rules decide who is reached", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "no-preference" });
  const visitor = await Visitor.arrive(page, "/?seed=1#view=network");
  for (const line of PUBLISHED) await visitor.run(line);
  await expect(card(page, /^network host: .*4 rules/)).toBeVisible();
  await visitor.run("curl -s 192.168.7.1:8080");
  await visitor.see("a page");
  const drawing = page.locator(".drawing.network");
  await expect(drawing.getByText("DNAT 192.168.7.1:8080 → 172.17.0.2:80").first()).toBeVisible();
  await expect(drawing.getByText("OUTPUT: nat OUTPUT 1 (DNAT)").first()).toBeVisible();
  await visitor.run("ip netns exec lan curl -s 192.168.7.1:8080");
  await expect(drawing.getByText("PREROUTING: nat PREROUTING 1 (DNAT)").first()).toBeVisible();
  await expect(drawing.getByText("turned back 172.17.0.2:80 → 192.168.7.1:8080").first()).toBeVisible();
  await visitor.run("ip netns exec lan ping -c 1 -W 0.1 172.17.0.2 > /dev/null");
  await expect(drawing.getByText("filter FORWARD policy DROP", { exact: true }).first()).toBeVisible();
  await card(page, /^network lan/).click();
  await expect(card(page, /^network web: .*the selected one reaches 172\.17\.0\.2:80 by TCP/)).toBeVisible();
  await page.getByRole("button", { name: "Text", exact: true }).click();
  const reach = page.getByRole("table", { name: "Whom lan can reach" });
  await expect(reach).toContainText("no: host the policy of FORWARD (filter) drops it");
  await expect(reach).toContainText("192.168.7.1:8080 → 172.17.0.2:80 by nat PREROUTING 1 (DNAT) of host");
  await expect(page.getByRole("table", { name: "Who can reach whom" })).toContainText("port 80");
  await expect(page.getByRole("table", { name: "Packets, the last one first" })).toContainText("dropped: by filter FORWARD policy DROP");
});
