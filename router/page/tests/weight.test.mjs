// What the page weighs, counted on the wire.
import assert from "node:assert/strict";
import { browserTests, until } from "./support/browser.mjs";
import { ask, open } from "./support/chat.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
/** Everything, once all that is loaded later is there. */
const MOST_BYTES = 100_000;
/** Until one can ask. */
const FIRST_BYTES = 60_000;
const FIRST_REQUESTS = 12;

test("under 100 KB on the wire, colours of code and all; little and few requests at first sight", async ({ page, context, server, address }) => {
  const client = await context.newCDPSession(page);
  await client.send("Network.enable");
  const loaded = { bytes: 0, requests: 0, names: [] };
  client.on("Network.loadingFinished", ({ encodedDataLength }) => (loaded.bytes += encodedDataLength));
  client.on("Network.requestWillBeSent", ({ request }) => ((loaded.requests += 1), loaded.names.push(new URL(request.url).pathname)));
  await open(page, address);
  await page.getByText("Good ").waitFor();
  await until("the list", () => server.of("GET", "/api/sessions").length > 0);
  const first = { ...loaded };
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const turn = await ask(page, server, "Code");
  turn.delta("```python\ndef f(x): pass\n```\n\nEnd.");
  turn.done();
  await page.locator(".h-keyword").first().waitFor();
  console.log(`first sight: ${first.bytes} bytes, ${first.requests} requests, first paint after ${Math.round(paint)} ms; with coloured code: ${loaded.bytes} bytes`);
  assert.ok(first.bytes < FIRST_BYTES, `${first.bytes} bytes: ${first.names}`);
  assert.ok(first.requests <= FIRST_REQUESTS, `${first.requests} requests: ${first.names}`);
  assert.ok(loaded.bytes < MOST_BYTES, `${loaded.bytes} bytes`);
});
