// The audit trail as an admin reads it: order, words, filter, all of it, the file.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { browserTests, until } from "./support/browser.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());

/** 130 changes, newest first; those within one second have fractions of different length. */
function trail() {
  const at = (index) => (index < 3 ? ["22.739407Z", "22.60565797Z", "22.6Z"][index] : `${String(21 - Math.floor(index / 10)).padStart(2, "0")}Z`);
  const all = Array.from({ length: 130 }, (_, index) => ({ id: `e${1000 - index}`, at: `2026-11-26T19:25:${at(index)}`, actor: "user:ada@acme.example", action: "user.add", target: `person-${index}@acme.example` }));
  all[1] = { ...all[1], action: "secret.set:done", target: "jira" };
  all[2] = { ...all[2], action: "secret.set:intended", target: "jira" };
  return all;
}

async function open({ page, server, address }, entries = trail()) {
  server.next("GET", "/api/admin/audit", ({ response, server, url }) => server.page(response, url, "entries", entries), Infinity);
  await page.goto(`${address}/dashboard?view=audit`);
  await page.locator("tbody tr").first().waitFor();
}
const rows = (page) => page.locator("tbody tr");

test("46: changes of one second stand in the order of time, and a change that ended is one row", async (t) => {
  const { page } = t;
  await open(t);
  assert.match(await rows(page).nth(0).innerText(), /person-0@acme\.example was added/);
  assert.match(await rows(page).nth(1).innerText(), /26 Nov 2026, 20:25:22[\s\S]*Jira’s credentials were saved[\s\S]*secret\.set:done/);
  assert.match(await rows(page).nth(2).innerText(), /person-3@/);
  assert.equal(await page.getByText("secret.set:intended").count(), 0);
});

test("the trail is filtered over what is loaded, and all of it is loaded at once", async (t) => {
  const { page } = t;
  await open(t);
  assert.equal(await rows(page).count(), 49);
  const filter = page.getByRole("searchbox", { name: "Filter changes" });
  await filter.fill("person-129");
  await page.getByText("None of the loaded changes match.").waitFor();
  await page.getByRole("button", { name: "Load all" }).click();
  await rows(page).filter({ hasText: "person-129@acme.example was added" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Load all" }).count(), 0);
  await filter.fill("JIRA saved");
  await until("one row", async () => (await rows(page).count()) === 1);
  await filter.fill("");
  await until("all of them", async () => (await rows(page).count()) === 129);
});

test("the file has the whole trail as it is, also what was not loaded", async (t) => {
  const { page } = t;
  await open(t);
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as CSV" }).click();
  const file = await waiting;
  const lines = (await readFile(await file.path(), "utf8")).trimEnd().split("\r\n");
  assert.equal(lines.length, 131);
  assert.equal(lines[0], "\uFEFFWhen,Who,What,Action,Target");
  assert.match(lines[2], /^2026-11-26T19:25:22\.60565797Z,user:ada@acme\.example,Jira’s credentials were saved,secret\.set:done,jira$/);
});

test("on a phone a row is a card, and nothing of it is out of sight", { context: { viewport: { width: 380, height: 720 }, hasTouch: true } }, async (t) => {
  const { page } = t;
  await open(t);
  const box = await rows(page).nth(1).boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 380, JSON.stringify(box));
  const wide = await page.locator(".tablewrap").evaluate((wrap) => wrap.scrollWidth - wrap.clientWidth);
  assert.ok(wide <= 1, String(wide));
});
