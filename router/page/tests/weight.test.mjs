// What the page weighs, counted on the wire.
import assert from "node:assert/strict";
import { browserTests, until } from "./support/browser.mjs";
import { ask, box } from "./support/chat.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
/** Everything, once all that is loaded later is there. */
const MOST_BYTES = 88_000;
/** Until one can ask. */
const FIRST_BYTES = 42_000;
const FIRST_REQUESTS = 11;

test("under 42 KB on the wire at first sight; Markdown's reader comes after it, colours of code when they are needed", async ({ page, context, server, address }) => {
  const client = await context.newCDPSession(page);
  await client.send("Network.enable");
  const names = new Map();
  const sizes = [];
  client.on("Network.requestWillBeSent", ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname));
  client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.push({ name: names.get(requestId), bytes: encodedDataLength }));
  const isLater = (name) => /^\/assets\/(?:answer|highlight)-/.test(name);
  const weight = (parts) => parts.reduce((sum, part) => sum + part.bytes, 0);

  await page.goto(address);
  await page.getByText("Good ").waitFor();
  await box(page).waitFor();
  await until("the list", () => server.of("GET", "/api/sessions").length > 0);
  await until("what comes after the first sight", () => sizes.some(({ name }) => isLater(name)));
  const { paint, began } = await page.evaluate(() => ({
    paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
    began: performance.getEntriesByType("resource").find(({ name }) => name.includes("/assets/answer-"))?.startTime,
  }));
  const first = sizes.filter(({ name }) => !isLater(name));
  const firstNames = [...names.values()].filter((name) => !isLater(name));
  assert.ok(began > paint, `Markdown's reader is asked for after ${began} ms, the first paint is after ${paint} ms`);
  assert.ok(![...names.values()].some((name) => name.includes("/highlight-")), "colours of code without code");

  const turn = await ask(page, server, "Code");
  turn.delta("```python\ndef f(x): pass\n```\n\nEnd.");
  turn.done();
  await page.locator(".h-keyword").first().waitFor();
  console.log(`first sight: ${weight(first)} bytes, ${firstNames.length} requests, first paint after ${Math.round(paint)} ms; with Markdown and coloured code: ${weight(sizes)} bytes`);
  assert.ok(weight(first) < FIRST_BYTES, `${weight(first)} bytes: ${JSON.stringify(first)}`);
  assert.ok(firstNames.length <= FIRST_REQUESTS, `${firstNames.length} requests: ${firstNames}`);
  assert.ok(weight(sizes) < MOST_BYTES, `${weight(sizes)} bytes`);
});
