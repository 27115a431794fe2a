// A browser for tests: Debian's Chromium by playwright-core. Every test's pages are watched for breaches of
// the policy, for requests to elsewhere and for errors that nobody caught; any of them fails the test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const executablePath = process.env.T3NETS_TEST_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));

/** What a watched context did that no page of ours may do. */
export class Watch {
  violations = [];
  foreign = [];
  errors = [];

  clean() {
    assert.deepEqual(this.violations, [], "breaches of the policy");
    assert.deepEqual(this.foreign, [], "requests to elsewhere");
    assert.deepEqual(this.errors, [], "errors that nobody caught");
  }
}

export async function watched(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", timezoneId: "Europe/Berlin", reducedMotion: "reduce", colorScheme: "light", ...options });
  context.setDefaultTimeout(10_000);
  const watch = new Watch();
  await context.exposeBinding("t3netsViolation", (_source, what) => watch.violations.push(what));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => window.t3netsViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  const own = new Set([new URL(address).port]);
  context.on("request", (request) => {
    const url = new URL(request.url());
    const isOwn = own.has(url.port) && /^(127\.0\.0\.1|localhost|0\.0\.0\.0)$/.test(url.hostname);
    if (!isOwn && !["data:", "blob:", "about:"].includes(url.protocol)) watch.foreign.push(request.url());
  });
  context.on("weberror", (error) => watch.errors.push(String(error.error()?.stack ?? error.error())));
  return { context, watch };
}

/**
 * Tests of a file, with one browser: `const t = browserTests(() => Scripted.start()); t("rule 1: …", async ({ page, server }) => …)`.
 * `start` gives a server (`address`, `end()`) for each test, or for all of them with `{ shared: true }`.
 */
export function browserTests(start, { shared = false } = {}) {
  let browser;
  let common;
  before(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--force-color-profile=srgb"] });
    if (shared) common = await start();
  });
  after(async () => {
    await browser?.close();
    await common?.end();
  });
  const run = (name, ...rest) => {
    const body = rest.pop();
    const options = rest.pop() ?? {};
    return test(name, { timeout: options.timeout ?? 60_000 }, async () => {
      const server = common ?? (await start());
      const { context, watch } = await watched(browser, server.address, options.context);
      try {
        const page = await context.newPage();
        await body({ page, context, server, watch, browser, address: server.address });
        if (!options.unclean) watch.clean();
      } finally {
        await context.close();
        if (!common) await server.end();
      }
    });
  };
  return run;
}

/** Until something holds, asked every 10 ms; or the test fails with what it was last. */
export async function until(what, holds, timeout = 10_000) {
  const deadline = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      last = await holds();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) assert.fail(`never: ${what} (last: ${last})`);
    // A pause: asking without one takes a processor from the page that one waits for.
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** What two frames of the page have drawn. */
export const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
