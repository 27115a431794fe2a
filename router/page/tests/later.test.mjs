// Markdown's reader comes after the first sight: what shows until it is there, and where it cannot be had.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { answer, ask, paragraphs, place, shows } from "./support/chat.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const PART = "**/assets/answer-*.js";

/** Keeps the part back until what this returns is called. */
async function held(page) {
  let release;
  const until = new Promise((done) => (release = done));
  await page.route(PART, async (route) => {
    await until;
    await route.continue();
  });
  return release;
}

test("an answer that comes before Markdown's reader is text, then Markdown, and is followed all the while", async ({ page, server, address }) => {
  const release = await held(page);
  await page.goto(address);
  const turn = await ask(page, server, "Please");
  turn.delta(`## Sprint\n\nSome **bold** words.\n\n${paragraphs(40)}`);
  await shows(page, "Paragraph 40 ");
  assert.match(await answer(page).locator("p.plain").textContent(), /^## Sprint\n\nSome \*\*bold\*\* words\./);
  assert.ok((await place(page)).left <= 1, "at the end while it is text");
  release();
  await answer(page).locator("strong", { hasText: "bold" }).waitFor();
  await drawn(page);
  assert.equal(await answer(page).locator(".plain").count(), 0);
  assert.equal(await answer(page).locator("h3").textContent(), "Sprint");
  assert.ok((await place(page)).left <= 1, "at the end once it is Markdown");
  turn.delta("And *more*.");
  turn.done();
  await answer(page).locator("em", { hasText: "more" }).waitFor();
});

test("a conversation that is opened waits for Markdown's reader: no text as it is written, and nothing shifts", async ({ page, server, address }) => {
  for (let index = 0; index < 20; index++) server.store("s-1", `Question ${index}`, `Answer **${index}**\n\n${paragraphs(2)}`);
  const release = await held(page);
  await page.addInitScript(() => {
    window.seen = { raw: 0, shifts: 0 };
    new MutationObserver(() => (window.seen.raw += document.querySelectorAll(".ans .plain").length)).observe(document, { childList: true, subtree: true, characterData: true });
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) if (sources.some(({ node }) => node?.parentElement?.closest(".talk"))) window.seen.shifts += value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  const asked = page.waitForRequest(PART);
  await page.goto(`${address}/c/s-1`);
  await asked;
  await until("the history was sent", () => server.of("GET", "/api/history").length > 0);
  await page.getByText("Loading the conversation…").waitFor();
  await drawn(page);
  assert.equal(await page.locator(".turn").count(), 0);
  release();
  await page.locator(".ans strong", { hasText: "19" }).waitFor();
  await drawn(page);
  assert.deepEqual(await page.evaluate(() => window.seen), { raw: 0, shifts: 0 });
  assert.ok((await place(page)).left <= 1, "it opens at its end");
});

test("without Markdown's reader answers are text, and with the next one it is asked for again", async ({ page, server, address }) => {
  server.store("s-1", "Before", "Some **old** words");
  await page.route(PART, (route) => route.abort());
  await page.goto(`${address}/c/s-1`);
  await page.locator(".ans p.plain", { hasText: "Some **old** words" }).waitFor();
  await page.unroute(PART);
  const turn = await ask(page, server, "Please");
  turn.delta("Some **new** words");
  turn.done();
  await answer(page).locator("strong", { hasText: "new" }).waitFor();
  await page.locator(".ans strong", { hasText: "old" }).waitFor();
});
