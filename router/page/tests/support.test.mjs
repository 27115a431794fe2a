// The fixture itself: what it is there to see, it sees.
import assert from "node:assert/strict";
import { browserTests, until } from "./support/browser.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());

test("a breach of the policy is seen", { unclean: true }, async ({ page, watch, address }) => {
  await page.goto(address);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.setAttribute("src", "data:text/javascript,0");
    document.body.append(script);
  }).catch(() => {});
  await until("a violation is told", () => watch.violations.length > 0);
  assert.throws(() => watch.clean(), /breaches of the policy/);
});

test("a request to elsewhere is seen", { unclean: true }, async ({ page, watch, address }) => {
  await page.goto("about:blank");
  await page.route("http://elsewhere.example/**", (route) => route.fulfill({ body: "" }));
  await page.goto(address);
  await page.goto("http://elsewhere.example/pixel.png");
  assert.deepEqual(watch.foreign, ["http://elsewhere.example/pixel.png"]);
  assert.throws(() => watch.clean(), /requests to elsewhere/);
});

test("an error that nobody catches is seen", { unclean: true }, async ({ page, watch, address }) => {
  await page.goto(address);
  await page.evaluate(() => void setTimeout(() => { throw new Error("nobody catches this"); }));
  await until("an error is told", () => watch.errors.length > 0);
  assert.throws(() => watch.clean(), /errors that nobody caught/);
});
