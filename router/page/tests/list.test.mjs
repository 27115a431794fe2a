// Rules 35 and 36: the conversations at the side, and long ones.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { box, open, paragraphs, place } from "./support/chat.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const lines = (page) => page.locator(".list").evaluate((list) => [...list.querySelectorAll("h2, a")].sort((a, b) => a.offsetTop - b.offsetTop).map((row) => row.textContent));

for (const [zone, wanted] of [
  ["Europe/Berlin", ["Today", "just after midnight in Berlin", "Yesterday", "an hour before", "Previous 7 days", "three days ago", "Previous 30 days", "ten days ago", "September 2026", "in September"]],
  ["America/Los_Angeles", ["Today", "just after midnight in Berlin", "an hour before", "Previous 7 days", "three days ago", "Previous 30 days", "ten days ago", "September 2026", "in September"]],
]) {
  test(`rule 35: the list goes by the local calendar day (${zone}), ordered by the router's time`, { context: { timezoneId: zone } }, async ({ page, server, address }) => {
    const now = Date.UTC(2026, 10, 26, 0, 0, 0);
    server.offset = now - Date.now();
    await page.clock.install({ time: now });
    const at = (text) => new Date(text);
    server.store("e", "in September", "x", undefined, at("2026-09-10T12:00:00Z"));
    server.store("d", "ten days ago", "x", undefined, at("2026-11-16T12:00:00Z"));
    server.store("c", "three days ago", "x", undefined, at("2026-11-22T20:00:00Z"));
    server.store("b", "an hour before", "x", undefined, at("2026-11-25T22:15:00Z"));
    server.store("a", "just after midnight in Berlin", "x", undefined, at("2026-11-25T23:15:00Z"));
    await page.goto(address);
    await until("the list", async () => (await lines(page)).length > 5);
    assert.deepEqual(await lines(page), wanted);
  });
}

test("rule 35: at midnight the list is grouped anew", async ({ page, server, address }) => {
  const now = Date.UTC(2026, 10, 26, 22, 59, 30);
  server.offset = now - Date.now();
  await page.clock.install({ time: now });
  server.store("a", "this evening", "x", undefined, new Date(now - 3600_000));
  await page.goto(address);
  await until("today", async () => (await lines(page))[0] === "Today");
  await page.clock.runFor(60_000);
  await until("yesterday", async () => (await lines(page))[0] === "Yesterday");
});

test("rule 35: each conversation has an address, and Back goes back", async ({ page, server, address }) => {
  server.store("s/1 ä".replace(/[^!-~]/g, "-"), "Strange id", "Strange answer");
  server.store("s2", "Second", "Second answer");
  await open(page, address);
  await page.locator(".list").getByText("Second").click();
  await page.getByText("Second answer").first().waitFor();
  assert.equal(page.url(), `${address}/c/s2`);
  await page.locator(".list").getByText("Strange id").click();
  await page.getByText("Strange answer").first().waitFor();
  await page.reload();
  await page.getByText("Strange answer").first().waitFor();
  await page.goBack();
  await page.getByText("Second answer").first().waitFor();
  await page.goBack();
  await page.getByText("Good ").waitFor();
});

test("rule 36: of 10,000 conversations at most 100 rows are in the document, and the last can be reached", async ({ page, server, address }) => {
  const now = Date.now();
  for (let index = 0; index < 10_000; index++) server.sessions.set(`s${index}`, { session_id: `s${index}`, title: `Conversation ${index}`, preview: "", updated_at: new Date(now - index * 600_000).toISOString(), messages: [] });
  await open(page, address);
  await page.locator(".list a").first().waitFor();
  const list = page.locator(".list");
  const rows = () => list.evaluate((nav) => nav.querySelectorAll("a, h2").length);
  assert.ok((await rows()) <= 100);
  await until("the last one shows", async () => {
    await list.evaluate((nav) => (nav.scrollTop = nav.scrollHeight));
    assert.ok((await rows()) <= 100, `${await rows()} rows`);
    return (await list.getByText("Conversation 9999", { exact: true }).count()) > 0;
  }, 30_000);
  await list.locator("a").filter({ hasText: "Conversation 9999" }).focus();
  await list.evaluate((nav) => (nav.scrollTop = 0));
  await drawn(page);
  await drawn(page);
  assert.ok((await rows()) <= 100);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Conversation 9999/);
});

test("rule 35: what was used last stands first, whenever it began, and what was removed elsewhere goes", async ({ page, server, address }) => {
  const old = (id, minutes) => server.store(id, `Begun as ${id}`, "x", undefined, new Date(Date.now() - minutes * 60_000));
  for (let index = 100; index < 550; index++) old(`s${index}`, 1000 + index);
  old("a-very-old", 1);
  await open(page, address);
  const first = () => page.locator(".list a").evaluateAll((rows) => rows.sort((a, b) => a.offsetTop - b.offsetTop)[0]?.textContent);
  await until("the one that was used last", async () => (await first()) === "Begun as a-very-old");
  // Answered again here.
  server.script = (turn) => turn.done();
  await page.goto(`${address}/c/s120`);
  await box(page).fill("Go on");
  await box(page).press("Enter");
  await until("on top", async () => (await first()) === "Begun as s120");
  // Removed and begun by another device.
  server.sessions.delete("a-very-old");
  server.store("s-now", "From elsewhere", "x");
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await until("from elsewhere", async () => (await first()) === "From elsewhere");
  await until("gone", async () => (await page.locator(".list").getByText("a-very-old").count()) === 0);
});

test("rule 36: arrow keys walk the list", async ({ page, server, address }) => {
  for (let index = 0; index < 60; index++) server.store(`s${index}`, `Conversation ${index}`, "x", undefined, new Date(Date.now() - index * 60_000));
  await open(page, address);
  await page.locator(".list a").first().focus();
  for (let index = 1; index <= 40; index++) {
    await page.keyboard.press("ArrowDown");
    await until(`row ${index}`, async () => (await page.evaluate(() => document.activeElement.textContent)) === `Conversation ${index}`);
  }
});

test("rule 36: in 1,000 turns a key shows within 50 ms, and older ones load upward without a jump", { timeout: 120_000 }, async ({ page, server, address }) => {
  const messages = [];
  for (let index = 0; index < 1000; index++) {
    const at = new Date(Date.now() - (1000 - index) * 60_000).toISOString();
    messages.push({ role: "user", content: `Question ${index}`, at }, { role: "assistant", content: `Answer ${index}. ${index % 3 ? "Short." : paragraphs(3)}`, at });
  }
  server.sessions.set("s1", { session_id: "s1", title: "Long", preview: "", updated_at: new Date().toISOString(), messages });
  await open(page, `${address}/c/s1`);
  await page.getByText("Answer 999.").first().waitFor();
  let last = 0;
  while ((await page.locator(".turn").count()) < 1000) {
    const count = await page.locator(".turn").count();
    // What is read now: the topmost turn that shows.
    await page.locator(".talk").evaluate((talk) => (talk.scrollTop = 300));
    const seen = await page.evaluate(() => {
      const talk = document.querySelector(".talk");
      const turn = [...talk.querySelectorAll(".turn")].find((each) => each.getBoundingClientRect().bottom > talk.getBoundingClientRect().top);
      window.read = turn;
      return turn.getBoundingClientRect().top;
    });
    await until("more are there", async () => (await page.locator(".turn").count()) > count);
    await drawn(page);
    const now = await page.evaluate(() => window.read.getBoundingClientRect().top);
    if (Math.abs(now - seen) > 2 && (await place(page)).top > 0) last = Math.max(last, Math.abs(now - seen));
  }
  assert.ok(last <= 2, `it jumped by ${last} px`);
  await box(page).focus();
  await box(page).evaluate((field) => field.addEventListener("keydown", () => {
    const began = performance.now();
    requestAnimationFrame(() => setTimeout(() => (window.took = performance.now() - began)));
  }));
  const all = [];
  for (const key of "abcde") {
    await page.evaluate(() => (window.took = 0));
    await page.keyboard.press(key);
    all.push(await until("a frame", () => page.evaluate(() => window.took)));
  }
  all.sort((a, b) => a - b);
  assert.ok(all[2] < 50, `${all} ms`);
});

test("the list is beside dashboard and set-up too, and leads to conversations", async ({ page, server, address }) => {
  server.store("s1", "How is the sprint going?", "Fine.");
  for (const path of ["/dashboard", "/setup"]) {
    await page.goto(`${address}${path}`);
    await page.locator(".list").getByText("How is the sprint going?").waitFor();
    assert.equal(server.of("GET", "/api/turns").length, 0);
  }
  await page.locator(".list").getByText("How is the sprint going?").click();
  await page.locator(".ans").getByText("Fine.").waitFor();
  assert.equal(page.url(), `${address}/c/s1`);
});

test("Ctrl+K searches all titles, Enter opens the first, Esc clears", async ({ page, server, address }) => {
  for (let index = 0; index < 300; index++) server.store(`s${index}`, `Conversation ${index}`, "x", undefined, new Date(Date.now() - index * 60_000));
  server.store("old", "Über die Blocker", "Found.", undefined, new Date(Date.now() - 86_400_000));
  await open(page, address);
  await page.locator(".list a").first().waitFor();
  await page.keyboard.press("Control+K");
  await until("the search has the focus", () => page.evaluate(() => document.activeElement.type === "search"));
  await page.keyboard.type("uber");
  await until("one is left", async () => (await page.locator(".list a").count()) === 1);
  await page.keyboard.type(" nothing");
  await page.getByText("No conversation has that in its title.").waitFor();
  await page.keyboard.press("Escape");
  await until("all are back", async () => (await page.locator(".list a").count()) > 10);
  await page.keyboard.type("blocker");
  await until("one is left", async () => (await page.locator(".list a").count()) === 1);
  await page.keyboard.press("Enter");
  await page.locator(".ans").getByText("Found.").waitFor();
  await page.keyboard.press("Control+Shift+O");
  await page.getByText("Good ").waitFor();
});

test("a row's menu deletes the conversation, after it was named", async ({ page, server, address }) => {
  server.store("s1", "Keep me", "x");
  server.store("s2", "Delete me", "y");
  await open(page, `${address}/c/s1`);
  await page.locator(".list").getByText("Delete me").hover();
  await page.getByRole("button", { name: "More: Delete me" }).click();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("menu").count(), 0);
  await page.getByRole("button", { name: "More: Delete me" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete “Delete me”?" }).getByRole("button", { name: "Delete" }).click();
  await until("it is gone", async () => (await page.locator(".list a").count()) === 1);
  assert.deepEqual(server.of("POST", "/api/clear").map((request) => request.body), [{ session_id: "s2" }]);
  assert.equal(page.url(), `${address}/c/s1`);
});

test("titles have no marks of Markdown, and say where they were cut", async ({ page, server, address }) => {
  server.sessions.set("s1", { session_id: "s1", title: "## **Fix** `snake_case_name` and *this* [link](https://acme.example/a)", preview: "", updated_at: new Date().toISOString(), messages: [] });
  server.sessions.set("s2", { session_id: "s2", title: "words ".repeat(20).slice(0, 80), preview: "", updated_at: new Date(0).toISOString(), messages: [] });
  await open(page, address);
  await page.locator(".list a").first().waitFor();
  const titles = await page.locator(".list a").evaluateAll((rows) => rows.map((row) => row.title).sort());
  assert.deepEqual(titles, ["Fix snake_case_name and this link", `${"words ".repeat(13)}wo…`]);
});

test("another version says so where it begins", async ({ page, server, address }) => {
  server.store("s1", "First", "One");
  server.store("s1", "Second", paragraphs(30));
  await open(page, `${address}/c/s1`);
  await page.locator(".ans").last().getByText("Paragraph 30").waitFor();
  await page.locator(".ans").last().getByRole("button", { name: "Ask again" }).click();
  await until("it is asked", () => server.turns.size === 1);
  const note = page.locator(".version");
  await note.waitFor();
  await drawn(page);
  assert.ok((await note.boundingBox()).y > 40, "in sight");
});
