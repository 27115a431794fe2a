// Rules 37, 40 and 41, and axe on every state in both themes.
import assert from "node:assert/strict";
import { axe } from "./support/axe.mjs";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { ask, box, open, shows } from "./support/chat.mjs";
import { contrasts, forced, reachable, rings } from "./support/look.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const paper = { light: "rgb(250, 249, 246)", dark: "rgb(22, 22, 20)" };
const back = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

for (const [system, chosen] of [["light", "dark"], ["dark", "light"], ["light", null], ["dark", null]]) {
  test(`rule 37: the first paint is in the ${chosen ? `chosen theme (${chosen}, the system's is ${system})` : `system's theme (${system})`}`, { context: { colorScheme: system } }, async ({ page, address }) => {
    await page.addInitScript((theme) => {
      if (theme) localStorage.setItem("t3nets.theme", theme);
      window.backs = new Set();
      const look = () => {
        if (document.body) window.backs.add(getComputedStyle(document.body).backgroundColor);
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }, chosen);
    await open(page, address);
    await drawn(page);
    assert.deepEqual(await page.evaluate(() => [...window.backs].filter((color) => color !== "rgba(0, 0, 0, 0)")), [paper[chosen ?? system]]);
  });
}

test("rule 37: the theme is switched, kept, and followed by other tabs", async ({ page, context, address }) => {
  const other = await context.newPage();
  await open(page, address);
  await other.goto(address);
  await page.getByRole("button", { name: "Dark theme" }).click();
  assert.equal(await back(page), paper.dark);
  await until("the other tab", async () => (await back(other)) === paper.dark);
  await page.reload();
  assert.equal(await back(page), paper.dark);
  await page.locator(".who").click();
  await page.getByRole("button", { name: "System", exact: true }).click();
  assert.equal(await back(page), paper.light);
  await page.emulateMedia({ colorScheme: "dark" });
  await until("the system's", async () => (await back(page)) === paper.dark);
});

const table = "## Sprint 24\n\nSome **bold** words, `code`, a [link](https://acme.example).\n\n- one\n- two\n\n> quoted\n\n| Issue | Points |\n|---|--:|\n| A-1 | 3 |\n\n```python\ndef f(x):\n    return 'x' # why\n```\n";
const states = {
  "first sight": async ({ page, address }) => open(page, address),
  "an answer that comes": async ({ page, server, address }) => {
    await open(page, address);
    const turn = await ask(page, server, "How is it going?");
    turn.delta(table);
    await page.locator(".h-keyword").first().waitFor();
  },
  "an answer with details": async ({ page, server, address }) => {
    server.store("s1", "How is it going?", table, { route: "rule", skills: ["sprint_status"], model: "Claude", request_id: "req-7", timing_ms: 1200, usage: { input_tokens: 1, output_tokens: 2, cost_usd: null } });
    await open(page, `${address}/c/s1`);
    await page.locator(".h-keyword").first().waitFor();
    await page.getByRole("button", { name: "Details" }).click();
    await page.locator(".you").hover();
  },
  "an edit": async ({ page, server, address }) => {
    server.store("s1", "How is it going?", "Well.");
    await open(page, `${address}/c/s1`);
    await page.locator(".you").hover();
    await page.getByRole("button", { name: "Edit the question" }).click();
  },
  "a turn that failed": async ({ page, server, address }) => {
    await open(page, address);
    const turn = await ask(page, server, "Fail");
    turn.fail({ code: "model_unavailable", message: "the model is not available", hint: "try again", status: 503 });
    await page.getByRole("button", { name: "Retry" }).waitFor();
  },
  "a turn that broke off": async ({ page, server, address }) => {
    await open(page, address);
    const turn = await ask(page, server, "Break");
    turn.delta("Half");
    await shows(page, "Half");
    turn.brokenOff();
    await page.getByRole("button", { name: "Retry" }).waitFor();
  },
  "a limit, and a text that is too long": async ({ page, server, address }) => {
    server.me = { ...server.me, limits: { message_bytes: 10 } };
    server.next("POST", "/api/turns", { status: 429, error: { code: "rate", message: "too many" }, headers: { "retry-after": "4000" } });
    await open(page, address);
    await page.getByRole("button", { name: "Who is blocked?" }).click();
    await page.locator(".refusal").waitFor();
    await box(page).fill("much too long");
  },
  "signing in": async ({ page, server, address }) => {
    server.signedIn = false;
    await page.goto(address);
    await page.getByLabel("Paste your sign-in link").fill("t3n_wrong");
    await page.keyboard.press("Enter");
    await page.getByText("The key is not known.").waitFor();
  },
  "a link": async ({ page, address }) => {
    await page.goto(`${address}/#link=t3i_right`);
    await page.getByText("The link that you opened").waitFor();
  },
  "the account's menu": async ({ page, address }) => {
    await open(page, address);
    await page.locator(".who").click();
  },
  "removing a conversation": async ({ page, server, address }) => {
    server.store("s1", "How is it going?", "Well.");
    await open(page, `${address}/c/s1`);
    await page.getByRole("button", { name: "Delete this conversation" }).click();
    await page.getByRole("dialog").waitFor();
  },
  "no such conversation": async ({ page, address }) => {
    await page.goto(`${address}/c/none`);
    await page.getByText("There is no such conversation").waitFor();
  },
  "the menu on a phone": async ({ page, server, address }) => {
    server.store("s1", "How is it going?", "Well.");
    await page.setViewportSize({ width: 380, height: 700 });
    await page.goto(address);
    await page.getByRole("button", { name: "Menu" }).click();
    await page.locator(".list a").first().waitFor();
  },
  "not signed in": async ({ page, server, address }) => {
    server.me = { ...server.me, by: "nothing", user: null, sample_data: true };
    await open(page, address);
  },
};
/** An older conversation is in the list, whatever shows. */
const reached = async (given, reach) => {
  given.server.store("old", "An older conversation", "x", undefined, new Date(Date.now() - 3 * 86_400_000));
  await reach(given);
  await drawn(given.page);
};
for (const [name, reach] of Object.entries(states)) {
  for (const theme of ["light", "dark"]) {
    test(`rule 40: axe finds nothing on ${name}, and placeholders, borders and focus rings contrast, ${theme}`, { context: { colorScheme: theme } }, async (given) => {
      await reached(given, reach);
      await axe(given.page, `${name}, ${theme}`);
      await contrasts(given.page, `${name}, ${theme}`);
      assert.ok((await rings(given.page, `${name}, ${theme}`)) > 0);
    });
  }
  test(`rule 40: with forced colours ${name} shows its fields, what is chosen and where the focus is`, { context: { forcedColors: "active" } }, async (given) => {
    await reached(given, reach);
    await forced(given.page, name);
  });
}

test("rule 40: at 400 % zoom everything can be read and used", { context: { viewport: { width: 320, height: 256 } } }, async ({ page, server, address }) => {
  server.store("s1", "How is it going?", table, { route: "rule", skills: ["sprint_status"], request_id: "req-7", timing_ms: 1200 });
  await page.goto(`${address}/c/s1`);
  await page.getByRole("button", { name: "Details" }).click();
  await reachable(page, "an answer with details");
  await page.goto(address);
  await page.getByText("Good ").waitFor();
  await reachable(page, "first sight");
  await box(page).fill("Zoomed");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  const { y, height } = await page.getByRole("button", { name: "Send" }).boundingBox();
  assert.ok(y >= 0 && y + height <= 256, "the button is whole");
  await page.getByRole("button", { name: "Send" }).click();
  await until("it is sent", () => server.turns.size === 1);
});

test("rule 41: with a phone's keyboard the box is whole at 380 by 380", { context: { viewport: { width: 380, height: 380 }, hasTouch: true, isMobile: true } }, async ({ page, address }) => {
  await page.goto(address);
  assert.match(await page.locator("meta[name=viewport]").getAttribute("content"), /interactive-widget=resizes-content/);
  await box(page).fill("one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine");
  const { y, height, x, width } = await page.locator(".box").boundingBox();
  assert.ok(y >= 0 && y + height <= 380 && x >= 0 && x + width <= 380, `${x} ${y} ${width} ${height}`);
  assert.equal(await page.locator(".app").evaluate((app) => app.getBoundingClientRect().height), 380);
});

test("the keyboard alone does everything", async ({ page, server, address }) => {
  server.store("s1", "Older", "Older answer");
  await open(page, address);
  const tabTo = async (name) => {
    for (let index = 0; index < 60; index++) {
      const at = await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim() ?? "");
      if (at.startsWith(name)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`never reached: ${name}`);
  };
  await tabTo("Older");
  await page.keyboard.press("Enter");
  await page.getByText("Older answer").first().waitFor();
  await box(page).focus();
  await page.keyboard.type("Asked by key");
  await page.keyboard.press("Enter");
  await until("asked", () => server.turns.size === 1);
  server.turn.delta("Answer.");
  server.turn.done();
  await page.locator(".ans.open").waitFor({ state: "detached" });
  await page.locator(".talk").focus();
  await tabTo("Details");
  await page.keyboard.press("Enter");
  await page.locator(".details").waitFor();
  await page.locator(".brand").focus();
  await tabTo("Account");
  await page.keyboard.press("Enter");
  await tabTo("Sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Sign in" }).waitFor();
});

test("on a phone the menu opens, keeps the focus, and closes by Esc and by the page behind it", { context: { viewport: { width: 380, height: 700 } } }, async ({ page, server, address }) => {
  server.store("s1", "Older", "Older answer");
  await page.goto(address);
  const opener = page.getByRole("button", { name: "Menu" });
  await opener.click();
  await page.locator(".list a").waitFor();
  assert.ok(await page.evaluate(() => document.querySelector(".side").contains(document.activeElement)));
  await page.keyboard.press("Escape");
  await until("it is closed", () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") === "Menu"));
  await opener.click();
  await page.locator(".list a").click();
  await page.getByText("Older answer").first().waitFor();
  assert.equal(await page.locator(".app.open").count(), 0);
});
