// What an admin reads on the dashboard: figures, bars, tables, states.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { budgetField, withAdministration } from "./support/administration.mjs";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { NOW, PEOPLE, usage, withLedger } from "./support/ledger.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());

/** The dashboard of a tenant with a history, at a fixed moment. */
async function open({ page, server, address }, query = "", options = {}) {
  withLedger(server, options);
  await page.clock.setFixedTime(NOW);
  await page.goto(`${address}/dashboard${query}`);
  await page.getByRole("slider").first().waitFor();
}
const card = (page, name) => page.locator("section.card").filter({ has: page.getByRole("heading", { name, exact: true }) });
const numbers = (locator) => locator.evaluateAll((cells) => cells.map((cell) => cell.textContent));

for (const zone of ["America/Los_Angeles", "Pacific/Auckland"]) {
  test(`rule 42: days name their zone and are the same in ${zone}`, { context: { timezoneId: zone } }, async (t) => {
    await open(t);
    const ticks = await numbers(t.page.locator(".plot .tick.x"));
    assert.deepEqual(ticks, ["30 Oct", "2 Nov", "5 Nov", "8 Nov", "11 Nov", "14 Nov", "17 Nov", "20 Nov", "23 Nov", "26 Nov"]);
    await t.page.getByText(/days are UTC/).first().waitFor();
    await t.page.getByRole("slider").first().focus();
    assert.match(await t.page.getByRole("slider").first().getAttribute("aria-valuetext"), /^Thursday, 26 November 2026 \(UTC\), not over yet: rule \d+, model \d+/);
    await t.page.getByText("The same numbers as a table").click();
    await t.page.getByRole("button", { name: "Day (UTC)", exact: true }).waitFor();
  });
}

test("rule 43: range and sorting live in the address, and a stored default is not written into it", async (t) => {
  const { page, address } = t;
  await open(t);
  assert.equal(page.url(), `${address}/dashboard`);
  await page.getByRole("button", { name: "7 days" }).click();
  await page.getByRole("button", { name: "Tokens", exact: true }).click();
  await until("the address tells both", () => page.url() === `${address}/dashboard?range=7&sort=-tokens`);
  await page.getByRole("button", { name: "Tokens", exact: true }).click();
  await until("upwards", () => page.url() === `${address}/dashboard?range=7&sort=tokens`);
  await page.reload();
  await page.getByRole("button", { name: "7 days", pressed: true }).waitFor();
  await page.locator("th", { hasText: "Tokens" }).and(page.locator("[aria-sort=ascending]")).waitFor();
  await page.goBack();
  await page.locator("[aria-sort=descending]", { hasText: "Tokens" }).waitFor();
  // What was chosen last holds on the plain address, which stays plain.
  await page.goto(`${address}/dashboard`);
  await page.getByRole("button", { name: "7 days", pressed: true }).waitFor();
  assert.equal(page.url(), `${address}/dashboard`);
  // The address says more than what was chosen last, and does not become it.
  await page.goto(`${address}/dashboard?range=90`);
  await page.getByRole("button", { name: "90 days", pressed: true }).waitFor();
  await page.goto(`${address}/dashboard?range=nonsense&sort=__proto__`);
  await page.getByRole("button", { name: "7 days", pressed: true }).waitFor();
});

test("rule 44: an unknown cost is unknown, and not nought", async (t) => {
  await open(t, "?measure=cost", { price: null });
  await t.page.locator(".big", { hasText: "unknown" }).waitFor();
  assert.match(await card(t.page, "Cost").innerText(), /tokens have no known price/);
  assert.ok((await numbers(t.page.locator("td .unknown"))).every((text) => text === "unknown"));
  assert.match(await t.page.getByRole("slider").getAttribute("aria-valuetext"), /model unknown/);
});

test("rule 44: nought, nothing and not loaded differ, and the day that is not over is marked", async (t) => {
  const { page, server, address } = t;
  let answer;
  const waiting = new Promise((done) => (answer = done));
  server.next("GET", "/api/admin/usage", async ({ response, server, url }) => {
    await waiting;
    server.json(response, 200, usage(60, url.searchParams.get("by"), { empty: true }));
  }, Infinity);
  withLedger(server, { empty: true });
  await page.clock.setFixedTime(NOW);
  await page.goto(`${address}/dashboard`);
  // Not loaded: no figure at all.
  await card(page, "Turns").locator(".waiting").waitFor();
  assert.equal(await card(page, "Turns").locator(".big").count(), 0);
  answer();
  await card(page, "Turns").getByText("Nothing was asked yet").waitFor();
  assert.equal(await card(page, "Turns").locator(".big").innerText(), "0");
  // No data: words, no bars of nought.
  await page.getByText("No turns in these 30 days (UTC).").waitFor();
  await page.getByText("Nothing was asked in this period.").waitFor();
  assert.equal(await page.getByRole("slider").count(), 0);
});

test("rules 44 and 45: a chart has a name, a cursor for the keyboard and a table of the same numbers; its series differ by more than colour; the day that is not over looks and reads as such", async (t) => {
  const { page } = t;
  await open(t);
  assert.equal(await page.locator(".plot g.unfinished").count(), 1);
  const opacity = (selector) => page.locator(selector).first().evaluate((bar) => getComputedStyle(bar).opacity);
  assert.ok(Number(await opacity(".plot g.unfinished .bar")) < Number(await opacity(".plot g:not(.unfinished) .bar")));
  const chart = page.getByRole("slider", { name: "Turns a day, by route" });
  await chart.focus();
  const told = async () => chart.getAttribute("aria-valuetext");
  const last = await told();
  await page.keyboard.press("ArrowLeft");
  assert.match(await told(), /^Wednesday, 25 November/);
  await page.keyboard.press("Home");
  assert.match(await told(), /^Wednesday, 28 October/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await told(), /^Wednesday, 28 October/);
  await page.keyboard.press("End");
  assert.equal(await told(), last);
  await page.getByText("The same numbers as a table").click();
  await page.getByRole("cell", { name: "26 Nov – not over" }).waitFor();
  const row = await numbers(page.getByRole("group", { name: "Turns a day, by route" }).locator("tbody tr").first().locator("td"));
  const drawnNumbers = [...last.matchAll(/(rule|model|small talk) (\d+)/g)].map((found) => found[2]);
  assert.deepEqual(row.slice(1, 4), drawnNumbers);
  assert.equal(await page.locator("tbody").first().locator("tr").count(), 30);
  const patterns = await page.locator(".plot pattern").evaluateAll((found) => found.map((pattern) => pattern.querySelector("path")?.getAttribute("d") ?? ""));
  assert.equal(new Set(patterns).size, patterns.length);
  assert.ok(patterns.length >= 3);
  const day = usage(30, "route").rows.filter((row) => row.day === "2026-11-25");
  const heights = await page.locator(".plot g").nth(28).locator("rect").evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().height));
  // One stands upon the other.
  const tops = await page.locator(".plot g").nth(28).locator("rect").evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect()).map(({ top, bottom }) => ({ top, bottom })));
  for (const [index, bar] of tops.slice(1).entries()) assert.ok(Math.abs(bar.bottom - tops[index].top) <= 1.5, JSON.stringify(tops));
  const value = (id) => day.find((row) => row.id === id).turns;
  assert.ok(Math.abs(heights[0] / heights[1] - value("rule") / value("ai")) < 0.15, `${heights} ${JSON.stringify(day.map((row) => [row.id, row.turns]))}`);
});

test("rule 46: heads sort by buttons, say how, stably, and the file has the numbers untouched", async (t) => {
  const { page } = t;
  await open(t, "", { change: (path, body) => (body.by === "user" ? { ...body, groups: body.groups.map((group, index) => ({ ...group, ...(index < 2 && { turns: 5 }), ...(index === 1 && { label: '=HYPERLINK("http://evil")' }) })) } : body) });
  const table = page.getByRole("group", { name: "Who used it" });
  const names = () => numbers(table.locator("tbody tr td:first-child"));
  const turns = table.locator("th", { hasText: "Turns" });
  assert.equal(await turns.getAttribute("aria-sort"), "descending");
  const before = await names();
  await turns.getByRole("button").click();
  await table.locator("th[aria-sort=ascending]", { hasText: "Turns" }).waitFor();
  const upwards = await names();
  // Two with five turns each keep their order both ways.
  assert.equal(upwards[0], before.at(-2));
  assert.equal(upwards[1], before.at(-1));
  assert.equal(await table.locator("th[aria-sort=ascending], th[aria-sort=descending]").count(), 1);
  const waiting = page.waitForEvent("download");
  await card(page, "Who used it").getByRole("button", { name: "Save as CSV" }).click();
  const file = await waiting;
  assert.equal(file.suggestedFilename(), "t3nets-usage-by-user-2026-10-28-to-2026-11-26.csv");
  const text = await readFile(await file.path(), "utf8");
  assert.match(text, /"'=HYPERLINK\(""http:\/\/evil""\)",5,/);
  assert.match(text, /^\uFEFFPerson,Turns,Failed,Refused,Tokens,Cost,Last day \(UTC\)\r\n/);
  const cost = usage(30, "user").groups.find((group) => group.id === "bob").cost_usd;
  assert.ok(text.includes(`,${cost.toLocaleString("en-US", { useGrouping: false, maximumFractionDigits: 20 })},`), `${cost}\n${text}`);
});

test("rule 48: a panel that fails blanks no other, says why, and comes back", async (t) => {
  const { page, server } = t;
  server.next("GET", "/api/admin/health", { status: 503, error: { code: "store_unavailable", message: "the store does not answer" } });
  await open(t);
  const health = card(page, "Health");
  await health.getByText("The store does not answer.").waitFor();
  assert.equal(await card(page, "Turns").locator(".big").innerText(), "1,686");
  await page.getByRole("group", { name: "Who used it" }).waitFor();
  await health.getByRole("button", { name: "Try again" }).click();
  await health.getByText("Conversations").waitFor();
  assert.equal(await health.locator(".note").count(), 0);
  await health.getByText("Jira refused the credentials. Make a new token.").waitFor();
  assert.match(await health.innerText(), /Secrets\s*works?\s*11\sms/);
});

test("a panel whose data is not stored is absent, not empty", async (t) => {
  const { page, server } = t;
  const older = ({ turns, failed, refusals, ...left }) => left;
  server.next("GET", "/api/admin/health", { status: 404, error: { code: "not_found", message: "there is nothing here" } }, Infinity);
  await open(t, "", { change: (path, body) => (path === "/api/admin/usage" && !body.by ? { ...body, budgets: body.budgets.slice(0, 1), days: body.days.map(older), total: older(body.total) } : body) });
  assert.equal(await card(page, "Turns").locator(".big").innerText(), "1,686");
  assert.equal(await card(page, "Health").count(), 0);
  assert.equal(await card(page, "Not answered").count(), 0);
  // Nor is there a panel where no budget is set but the messages of a day, which have a card.
  assert.equal(await card(page, "Budgets").count(), 0);
});

test("budgets: how much of each is used, whose, and when it resets; who is near the end is named, and marked in words", async (t) => {
  const { page } = t;
  await open(t);
  await card(page, "Budgets").getByText("Key release bot").waitFor();
  await card(page, "Budgets").getByText("Mei Tanaka").waitFor();
  const told = (lines) => lines.map((line) => line.innerText.split("\n").filter(Boolean).join("|"));
  assert.deepEqual(await card(page, "Budgets").locator("li").evaluateAll(told), [
    "Tokens today|The whole team|120 k of 500 k|24% used, resets at 01:00",
    "Dollars this month|nearly used up|The whole team|$41.20 of $50|82% used, resets 1 Dec, 01:00",
    "Tokens this month|used up|Mei Tanaka|2 M of 2 M|100% used, resets 1 Dec, 01:00",
    "Dollars today|nearly used up|Key release bot|$0.90 of $1|90% used, resets at 01:00",
    "Tokens today|nearly used up|Bob Meyer|8,500 of 10 k|85% used, resets at 01:00",
  ]);
  assert.equal(await page.getByRole("meter", { name: "Dollars this month, The whole team" }).getAttribute("aria-valuetext"), "$41.20 of $50");
});

test("budgets: a field for each that the API lists, dollars with decimals, and what is wrong stands at its field", async (t) => {
  const { page, server, address } = t;
  withAdministration(server);
  await page.goto(`${address}/dashboard?view=settings`);
  const dollars = budgetField(page, "The whole team", "Dollars a month");
  const tokens = budgetField(page, "Each API key", "Tokens a day");
  await tokens.waitFor();
  const fields = (group) => page.getByRole("group", { name: group, exact: true }).getByRole("textbox").count();
  assert.deepEqual([await fields("The whole team"), await fields("Each person"), await fields("Each API key")], [6, 6, 1]);
  assert.equal(await tokens.getAttribute("placeholder"), "no limit");
  // Each of them is on its way to the next.
  await dollars.pressSequentially("2.05");
  assert.equal(await dollars.inputValue(), "2.05");
  await tokens.fill("2.5");
  const save = page.getByRole("button", { name: "Save", exact: true });
  await save.click();
  const said = (field) => field.evaluate((input) => document.getElementById(input.getAttribute("aria-describedby"))?.textContent);
  await until("it is said", async () => (await said(tokens)) === "Must be a whole number from 0 to 1,000,000,000.");
  await until("the focus is there", () => tokens.evaluate((input) => input === document.activeElement));
  assert.equal(server.of("PUT", "/api/settings").length, 0);
  await tokens.fill("");
  server.next("PUT", "/api/settings", { status: 400, error: { code: "invalid_value", field: "usd_per_month", message: "a budget must be more than was used" } });
  await save.click();
  await until("the router's word, too", async () => (await said(dollars)) === "A budget must be more than was used.");
  assert.deepEqual(server.of("PUT", "/api/settings")[0].body.settings, { usd_per_month: 2.05 });
});

test("rule 56: a member sees their own use, and nothing of an admin's frame at any moment", async (t) => {
  const { page, server, address } = t;
  withLedger(server);
  server.me = { ...server.me, user: PEOPLE[1], role: "member", may_administer: false };
  await page.clock.setFixedTime(NOW);
  await page.addInitScript(() => {
    window.seen = [];
    new MutationObserver(() => window.seen.push(document.body?.innerText ?? "")).observe(document, { childList: true, subtree: true, characterData: true });
  });
  await page.goto(`${address}/dashboard?view=people`);
  await page.getByRole("slider", { name: "Your turns a day" }).waitFor();
  const seen = await page.evaluate(() => window.seen.join("\n"));
  assert.ok(seen.includes("Your turns"));
  await card(page, "Budgets").locator("li", { hasText: "You" }).filter({ hasText: "18 of 20" }).filter({ hasText: "nearly used up" }).waitFor();
  for (const word of ["Integrations", "Audit", "People", "Keys and sessions", "Triggers", "Health"]) assert.ok(!seen.includes(word), word);
  assert.deepEqual(server.requests.filter((request) => request.path.startsWith("/api/admin")), []);
});

test("rule 32: a 401 puts the sign-in over the dashboard, which loads anew after it", async (t) => {
  const { page, server } = t;
  await open(t);
  server.signedIn = false;
  server.rules.unshift({ method: "GET", path: "/api/admin/health", times: 1, answer: { status: 401, error: { code: "unauthorized", message: "the session is over" } } });
  await page.getByRole("button", { name: "Check again" }).click();
  await page.getByRole("dialog").getByLabel("Paste your sign-in link").fill("t3n_right");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await card(page, "Health").getByText("Conversations").waitFor();
  await until("no panel is left with an error", async () => (await page.locator(".note.bad").count()) === 0);
});

test("on a phone the views fade out where there are more of them, and the one that shows is in sight", { context: { viewport: { width: 380, height: 700 }, hasTouch: true } }, async (t) => {
  const { page, address } = t;
  await open(t);
  const views = page.getByRole("navigation", { name: "Administration" });
  const edges = () => views.evaluate((nav) => ["before", "after"].filter((edge) => nav.classList.contains(edge)));
  const isInSight = () => views.evaluate((nav) => {
    const [box, link] = [nav, nav.querySelector("[aria-current]")].map((element) => element.getBoundingClientRect());
    return link.left >= box.left && link.right <= box.right;
  });
  assert.deepEqual(await edges(), ["after"]);
  assert.ok(await isInSight());
  assert.match(await views.evaluate((nav) => getComputedStyle(nav).maskImage), /linear-gradient/);
  await page.goto(`${address}/dashboard?view=audit`);
  await views.waitFor();
  await until("the last one is in sight", isInSight);
  assert.deepEqual(await edges(), ["before"]);
  await views.evaluate((nav) => (nav.scrollLeft -= 60));
  await until("both edges fade", async () => (await edges()).length === 2);
  await page.setViewportSize({ width: 1280, height: 800 });
  await until("nothing is left to fade", async () => (await edges()).length === 0);
  assert.equal(await views.evaluate((nav) => getComputedStyle(nav).maskImage), "none");
});

test("rule 48: an answer that cannot be drawn stays in its panel", async (t) => {
  const { page, address } = t;
  // What an answer of another release or of a proxy may look like.
  withLedger(t.server, { change: (path, body) => (body.by ? { ...body, groups: 3 } : body) });
  await page.clock.setFixedTime(NOW);
  await page.goto(`${address}/dashboard`);
  await page.getByText("Something on this page went wrong.").first().waitFor();
  assert.equal(await card(page, "Turns").locator(".big").innerText(), "1,686");
  await card(page, "Health").getByText("Conversations").waitFor();
});

test("rule 44: while another period is loaded, the last one's numbers do not stand under its name", async (t) => {
  const { page, server } = t;
  await open(t);
  let answer;
  const waiting = new Promise((done) => (answer = done));
  server.rules.unshift({ method: "GET", path: "/api/admin/usage", times: Infinity, answer: async ({ response, server, url }) => {
    await waiting;
    server.json(response, 200, usage(Number(url.searchParams.get("days")), url.searchParams.get("by")));
  } });
  await page.getByRole("button", { name: "90 days" }).click();
  await until("no old figure shows", async () => !(await card(page, "Turns").locator(".big").isVisible()) && !(await page.getByRole("slider").isVisible()));
  answer();
  await until("the new one does", async () => (await card(page, "Turns").locator(".big").innerText()) === "4,344");
});
