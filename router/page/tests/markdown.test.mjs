// Rules 9, 10, 12, 13, 14: links, images, code, tables, copying.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { answer, ask, open, shows } from "./support/chat.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const narrow = { context: { viewport: { width: 320, height: 700 } } };

async function answered(page, server, address, text) {
  await open(page, address);
  const turn = await ask(page, server, "Please");
  turn.delta(text);
  turn.done();
  await page.locator(".ans.open").waitFor({ state: "detached" });
  await drawn(page);
}

test("rule 9: links only absolute http, https, mailto, in a new tab, noopener noreferrer", async ({ page, server, address }) => {
  await answered(page, server, address, "[a](https://acme.example/a?x=1&amp;y=2) [b](http://acme.example) [c](mailto:ada@acme.example) https://acme.example/bare [d](/relative) [e](//acme.example/x) [f](javascript:alert(1)) [g](java&#x73;cript:alert(1)) [h](data:text/html,x) [i](ftp://acme.example) [j](https:acme) [k](\u0001javascript:alert(1)) [l](JAVASCRIPT&colon;alert(1))");
  const links = await answer(page).locator(".md a").evaluateAll((all) => all.map((link) => [link.textContent, link.getAttribute("href"), link.target, link.rel]));
  assert.deepEqual(links, [
    ["a", "https://acme.example/a?x=1&y=2", "_blank", "noopener noreferrer"],
    ["b", "http://acme.example/", "_blank", "noopener noreferrer"],
    ["c", "mailto:ada@acme.example", "_blank", "noopener noreferrer"],
    ["https://acme.example/bare", "https://acme.example/bare", "_blank", "noopener noreferrer"],
  ]);
  // What is no link keeps its words.
  for (const word of ["d", "e", "f", "g", "h", "i", "j", "l"]) assert.match(await answer(page).locator(".md").textContent(), new RegExp(` ${word}\\b`));
});

test("rule 10: an answer's image is never fetched: its text stands there, with a link", async ({ page, server, address }) => {
  const fetched = [];
  page.on("request", (request) => fetched.push(request.url()));
  await answered(page, server, address, "See ![the **chart**](https://elsewhere.example/chart.png) and ![](https://elsewhere.example/2.png) and ![x](/assets/own.png) and [![badge](https://elsewhere.example/b.svg)](https://acme.example)");
  assert.deepEqual(fetched.filter((url) => !url.startsWith(address)), []);
  assert.equal(fetched.filter((url) => url.includes("own.png")).length, 0);
  assert.equal(await answer(page).locator("img").count(), 0);
  assert.equal(await answer(page).getByRole("link", { name: "Image: the **chart**" }).getAttribute("href"), "https://elsewhere.example/chart.png");
});

test("rule 12: code has its language, and copies by click and key exactly what was written", async ({ page, context, server, address }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const code = 'def f(x):\n\treturn "<b>&amp;" + x   \n\n# `ticks` and **stars**\n';
  await answered(page, server, address, `Look:\n\n\`\`\`python\n${code}\n\`\`\`\n`);
  await answer(page).locator(".h-keyword").first().waitFor();
  assert.equal(await answer(page).locator(".code header > span").first().textContent(), "python");
  assert.equal(await answer(page).locator("pre").textContent(), code);
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const button = page.getByRole("button", { name: "Copy the code" });
  await button.click();
  await answer(page).locator(".code").getByText("Copied").waitFor();
  assert.equal(await copied(), code);
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await button.focus();
  await page.keyboard.press("Enter");
  await until("it is copied", async () => (await copied()) === code);
});

test("rule 12: code copies by touch", { context: { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 }, permissions: ["clipboard-read", "clipboard-write"] } }, async ({ page, server, address }) => {
  await page.goto(address);
  const turn = await ask(page, server, "Code");
  turn.delta("```\nsome code\n```");
  turn.done();
  const button = page.getByRole("button", { name: "Copy the code" });
  await button.tap();
  await until("it is copied", async () => (await page.evaluate(() => navigator.clipboard.readText())) === "some code");
  const { width, height } = await button.boundingBox();
  assert.ok(width >= 44 && height >= 36, `a finger hits ${width} by ${height}`);
});

test("rule 12: nothing is wider than 320 px", narrow, async ({ page, server, address }) => {
  await answered(page, server, address, `${"x".repeat(400)}\n\n\`${"y".repeat(300)}\`\n\nhttps://acme.example/${"z".repeat(300)}\n\n\`\`\`\n${"w".repeat(500)}\n\`\`\`\n\n| ${"A".repeat(30)} | ${"B".repeat(60)} | C |\n|---|---|---|\n| ${"d".repeat(100)} | e | f |\n\n1. ${"v".repeat(200)}\n   - ${"u".repeat(200)}\n\n> ${"t".repeat(200)}\n\n# ${"s".repeat(200)}`);
  // What scrolls in a box of its own may be as wide as it is.
  const wide = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((element) => !element.parentElement.closest("pre, .tablewrap") && !element.closest(".side, .hidden, .skip") && element.getBoundingClientRect().right > 320).map((element) => `${element.tagName} ${element.className} ${element.getBoundingClientRect().right}`));
  assert.deepEqual(wide, []);
  const cut = await page.evaluate(() => [...document.querySelectorAll(".md p, .md li, .md blockquote, .md h3")].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.textContent.slice(0, 10)));
  assert.deepEqual(cut, []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
});

test("rule 13: a table scrolls in a box of its own that has a name and takes focus; words never break by letter", narrow, async ({ page, server, address }) => {
  await answered(page, server, address, "| Issue | What | Who | State |\n|---|---|---|---|\n| SHOP-108 | Book incoming transfers against open invoices | Mei Tanaka | In progress |");
  const box = page.getByRole("group", { name: "Table: Issue, What, Who, State" });
  assert.ok(await box.evaluate((table) => table.scrollWidth > table.clientWidth), "it scrolls");
  // Chromium gives the focus to what scrolls by itself; others do not.
  assert.equal(await box.getAttribute("tabindex"), "0");
  await box.focus();
  await page.keyboard.press("ArrowRight");
  await until("it moved", () => box.evaluate((table) => table.scrollLeft > 0));
  const broken = await box.evaluate((table) => {
    // A word that breaks has more than one box.
    const found = [];
    for (const cell of table.querySelectorAll("td, th")) {
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (const word of node.textContent.matchAll(/\S+/g)) {
          const range = document.createRange();
          range.setStart(node, word.index);
          range.setEnd(node, word.index + word[0].length);
          if (range.getClientRects().length > 1) found.push(word[0]);
        }
      }
    }
    return found;
  });
  assert.deepEqual(broken.filter((word) => !word.includes("-")), []);
});

test("rule 14: copying works without a secure context, gives Markdown, and says so", async ({ page, server }) => {
  server.plain = true;
  const address = `http://0.0.0.0:${server.port}`;
  await answered(page, server, address, "Some **bold** words.");
  assert.equal(await page.evaluate(() => window.isSecureContext), false);
  await page.getByRole("button", { name: "Copy the answer" }).click();
  await answer(page).getByText("Copied").waitFor();
  await page.getByLabel("Your question").focus();
  await page.keyboard.press("Control+V");
  assert.equal(await page.getByLabel("Your question").inputValue(), "Some **bold** words.");
});

test("rule 14: where copying is refused it says why not", async ({ page, server, address }) => {
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "clipboard", { value: { writeText: () => Promise.reject(new Error("no")) } });
    document.execCommand = () => false;
  });
  await answered(page, server, address, "Words.");
  await page.getByRole("button", { name: "Copy the answer" }).click();
  await answer(page).getByText("The browser does not allow it").waitFor();
  assert.equal(await answer(page).getByText("Copied").count(), 0);
});
