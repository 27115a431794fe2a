// Rules 15 to 24: the box never loses a text and never sends one twice.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { answer, ask, box, open, shows, state } from "./support/chat.mjs";
import { Scripted, ada } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const phone = { context: { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } } };
const sent = (server) => server.of("POST", "/api/turns");
const value = (page) => box(page).inputValue();

test("rule 15: Enter never sends while composing", async ({ page, context, server, address }) => {
  await open(page, address);
  const client = await context.newCDPSession(page);
  await client.send("Input.imeSetComposition", { text: "すし", selectionStart: 2, selectionEnd: 2 });
  await page.keyboard.press("Enter");
  await drawn(page);
  assert.equal(sent(server).length, 0, "while composing");
  await client.send("Input.insertText", { text: "寿司" });
  // Process: what browsers say of a key that the input method took. Safari: composition is over, the code is 229.
  for (const init of [{ key: "Process", keyCode: 229 }, { key: "Enter", keyCode: 229 }, { key: "Enter", isComposing: true, keyCode: 13 }]) {
    await box(page).evaluate((field, init) => field.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init })), init);
  }
  await drawn(page);
  assert.equal(sent(server).length, 0, "the input method's Enter");
  await page.keyboard.press("Enter");
  await until("it is sent", () => sent(server).length === 1);
  // The first Enter is, by this way to compose, a line end; nothing of it was sent.
  assert.equal(sent(server)[0].body.message.trim(), "寿司");
});

test("rule 16: on touch Enter breaks the line and the button sends", phone, async ({ page, server, address }) => {
  await page.goto(address);
  await box(page).tap();
  await page.keyboard.type("one");
  await page.keyboard.press("Enter");
  await page.keyboard.type("two");
  assert.equal(await value(page), "one\ntwo");
  assert.equal(sent(server).length, 0);
  await page.getByRole("button", { name: "Send" }).tap();
  await until("it is sent", () => sent(server).length === 1);
  assert.equal(sent(server)[0].body.message, "one\ntwo");
});

for (const [name, options] of [["with a keyboard", {}], ["on touch", phone]]) {
  for (const keys of ["Control+Enter", "Meta+Enter"]) {
    test(`rule 16: ${keys} sends ${name}`, options, async ({ page, server, address }) => {
      await page.goto(address);
      await box(page).fill("now");
      await box(page).press(keys);
      await until("it is sent", () => sent(server).length === 1);
    });
  }
}

test("rule 16: Shift+Enter breaks the line", async ({ page, server, address }) => {
  await open(page, address);
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  assert.equal(await value(page), "one\ntwo");
  assert.equal(sent(server).length, 0);
});

test("rule 17: a question shows at once, before the router has taken it; what is typed next stays in the box", async ({ page, server, address }) => {
  const release = server.holdNextQuestion();
  await page.clock.install();
  await open(page, address);
  await box(page).fill("Is it taken?");
  await box(page).press("Enter");
  await page.locator(".you").getByText("Is it taken?").waitFor();
  assert.equal(await value(page), "");
  await answer(page).getByText("Sending…", { exact: true }).waitFor();
  await page.keyboard.type("More");
  await page.keyboard.press("Enter");
  await until("it says why", async () => /Your text is kept/.test(await state(page)));
  await page.clock.runFor(10_500);
  await answer(page).getByText("This is taking longer than usual").waitFor();
  assert.equal(server.turns.size, 0);
  release();
  await page.locator(".ans").getByText("Thinking…").waitFor();
  assert.equal(await page.locator(".you").count(), 1);
  assert.equal(await value(page), "More");
  assert.equal(sent(server).length, 1);
});

test("rule 17: a question on its way survives a reload, and is not there twice", async ({ page, server, address }) => {
  server.store("s1", "Before", "Answer");
  const release = server.holdNextQuestion();
  await open(page, `${address}/c/s1`);
  await page.getByText("Answer").first().waitFor();
  await box(page).fill("On its way");
  await box(page).press("Enter");
  await until("it is on its way", () => sent(server).length === 1);
  await page.reload();
  await until("it is in the box", async () => (await value(page)) === "On its way");
  await box(page).fill("");
  server.script = (turn) => turn.delta("Taken.");
  const again = server.holdNextQuestion();
  await box(page).fill("Another");
  await box(page).press("Enter");
  await until("it is on its way", () => sent(server).length === 2);
  // Taken, and the page never learns it.
  server.begin("s1", "Another").delta("Taken.");
  await page.reload();
  await shows(page, "Taken.");
  assert.equal(await value(page), "");
  for (const each of [release, again]) each();
});

test("rule 17: refused while something else is in the box, it waits above with Retry and Edit", async ({ page, server, address }) => {
  let refuse;
  const held = new Promise((done) => (refuse = done));
  server.next("POST", "/api/turns", async ({ response }) => {
    await held;
    server.refuse(response, 503, { code: "store_unavailable", message: "the store is not there" });
  });
  await open(page, address);
  await box(page).fill("Refuse me");
  await box(page).press("Enter");
  await page.locator(".you").waitFor();
  await page.keyboard.type("The next one");
  refuse();
  await answer(page).getByText("The store is not there.").waitFor();
  assert.equal(await value(page), "The next one");
  await answer(page).getByRole("button", { name: "Edit", exact: true }).waitFor();
  await answer(page).getByRole("button", { name: "Retry" }).click();
  await until("it is taken", () => server.turns.size === 1);
  assert.equal(server.turn.message, "Refuse me");
  await until("once", async () => (await page.locator(".you").count()) === 1);
  assert.equal(await value(page), "The next one");
});

test("rule 17: an edited question that is refused is in its box again", async ({ page, server, address }) => {
  server.store("s1", "A question", "An answer");
  server.store("s1", "A later one", "Its answer");
  let refuse;
  const held = new Promise((done) => (refuse = done));
  server.next("POST", "/api/turns", async ({ response }) => {
    await held;
    server.refuse(response, 503, { code: "store_unavailable", message: "the store is not there" });
  });
  await open(page, `${address}/c/s1`);
  await page.locator(".you").first().hover();
  await page.getByRole("button", { name: "Edit the question" }).first().click();
  await page.getByLabel("The question, edited").fill("Put better");
  await page.keyboard.press("Enter");
  await page.locator(".you").getByText("Put better").waitFor();
  assert.equal(await page.locator(".turn").count(), 1, "what comes after it goes");
  refuse();
  await page.locator(".refusal").getByText("The store is not there.").waitFor();
  assert.equal(await page.getByLabel("The question, edited").inputValue(), "Put better");
  assert.equal(await page.locator(".turn").count(), 2);
  await page.locator(".refusal").getByRole("button", { name: "Retry" }).click();
  await until("it is taken", () => server.turns.size === 1);
  assert.equal(server.turn.message, "Put better");
});

test("rule 17: a question that is refused is in the box, and nowhere else", async ({ page, server, address }) => {
  server.next("POST", "/api/turns", { status: 503, error: { code: "store_unavailable", message: "the store is not there" } });
  await open(page, address);
  await box(page).fill("Refuse me");
  await box(page).press("Enter");
  await page.locator(".refusal").getByText("The store is not there.").waitFor();
  assert.equal(await value(page), "Refuse me");
  assert.equal(await page.locator(".you").count(), 0);
});

test("rule 17: a turn that fails has the question with Retry and Edit, and the box is empty", async ({ page, server, address }) => {
  await open(page, address);
  const turn = await ask(page, server, "Fail me");
  turn.fail({ code: "model_unavailable", message: "the model is not available", status: 503 });
  await page.locator(".ans").getByText("The model is not available.").waitFor();
  assert.equal(await value(page), "");
  await page.getByRole("button", { name: "Edit", exact: true }).waitFor();
  await page.getByRole("button", { name: "Retry" }).click();
  await until("it is asked again", () => sent(server).length === 2);
  assert.equal(sent(server)[1].body.message, "Fail me");
  assert.equal(sent(server)[1].body.branch, undefined);
  assert.notEqual(sent(server)[1].headers["idempotency-key"], sent(server)[0].headers["idempotency-key"]);
  await until("the failed one is gone", async () => (await page.locator(".you").count()) === 1);
});

test("rule 18: drafts are kept per conversation, while typing, over reload and switching", async ({ page, server, address }) => {
  server.store("s1", "First conversation", "Answer");
  server.store("s2", "Second conversation", "Answer");
  await open(page, `${address}/c/s1`);
  await page.getByText("Answer").first().waitFor();
  await page.keyboard.type("draft of one");
  await page.locator(".list").getByText("Second conversation").click();
  await until("the box is empty", async () => (await value(page)) === "");
  await box(page).fill("draft of two");
  await page.locator(".list").getByText("First conversation").click();
  await until("the first draft is back", async () => (await value(page)) === "draft of one");
  await page.locator(".new").click();
  await until("a new chat is empty", async () => (await value(page)) === "");
  await page.goto(`${address}/c/s2`);
  await until("the second draft is back after loading", async () => (await value(page)) === "draft of two");
  await page.reload();
  await until("and after a reload", async () => (await value(page)) === "draft of two");
});

test("rule 18: a reload right after the last key loses nothing", async ({ page, address }) => {
  await open(page, address);
  await page.keyboard.type("typed just now");
  await page.reload();
  await until("the draft is there", async () => (await value(page)) === "typed just now");
});

test("rule 18: a draft is the person's: another one does not see it", async ({ page, server, address }) => {
  await open(page, address);
  await page.keyboard.type("Ada's secret");
  server.signedIn = false;
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.equal(await value(page), "Ada's secret", "kept at a 401");
  server.me = { ...server.me, user: { ...ada, user_id: "bob", display_name: "Bob Meyer" } };
  await page.getByLabel("Paste your sign-in link").fill("t3n_right");
  await page.keyboard.press("Enter");
  await page.getByText("Bob Meyer").waitFor();
  assert.equal(await value(page), "");
  assert.equal(sent(server).length, 1, "nothing is sent by itself");
});

for (const [name, twice] of [
  ["double Enter", async (page) => { await page.keyboard.press("Enter"); await page.keyboard.press("Enter"); }],
  ["a double click", (page) => page.locator(".send").dblclick()],
]) {
  test(`rule 19: ${name} is one turn`, async ({ page, server, address }) => {
    await open(page, address);
    // The second comes while the first is on its way.
    const release = server.holdNextQuestion();
    await box(page).fill("Once");
    await twice(page);
    await until("it is on its way", () => sent(server).length > 0);
    await drawn(page);
    assert.equal(await page.locator(".ans.open").count(), 1, "the second click stops nothing");
    release();
    await until("it is taken", () => server.turns.size > 0);
    await drawn(page);
    assert.equal(sent(server).length, 1);
    assert.equal(server.turns.size, 1);
    assert.equal(await page.locator(".you").count(), 1);
  });
}

test("rule 19: a retry after a lost reply is one turn", async ({ page, server, address }) => {
  // The router takes the turn, and its answer is lost.
  server.next("POST", "/api/turns", ({ request, response, body }) => {
    const lost = { writeHead() {}, end() {} };
    server.post(request, lost, body);
    response.destroy();
  }, Infinity);
  await open(page, address);
  await box(page).fill("Only once");
  await box(page).press("Enter");
  await page.locator(".refusal").getByText("T3nets cannot be reached.").waitFor();
  assert.equal(await value(page), "Only once");
  server.rules.length = 0;
  await page.getByRole("button", { name: "Retry" }).click();
  await page.locator(".you").getByText("Only once").waitFor();
  assert.equal(server.turns.size, 1);
  assert.equal(await value(page), "");
});

test("rule 20: from 80 % of the limit on it says how much is left; above it the text stays whole and Send says why", async ({ page, server, address }) => {
  server.me = { ...server.me, limits: { message_bytes: 1000 } };
  await open(page, address);
  await box(page).fill("x".repeat(799));
  assert.doesNotMatch(await state(page), /left/);
  // Two bytes a letter: the unit is the router's.
  await box(page).fill("ä".repeat(400));
  assert.match(await state(page), /About 100 characters left/);
  await box(page).fill("ä".repeat(501));
  assert.match(await state(page), /Too long: shorten it by about 1 character\./);
  const button = page.getByRole("button", { name: "Send" });
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  await box(page).press("Enter");
  await until("it says why", async () => /send it in parts/.test(await state(page)));
  assert.equal(await value(page), "ä".repeat(501));
  assert.equal(sent(server).length, 0);
});

test("rule 20: 20,000 Japanese characters are too long by the router's count, and stay", async ({ page, server, address }) => {
  await open(page, address);
  await box(page).fill("寿".repeat(20_000));
  assert.match(await state(page), /Too long: shorten it by about 9,078 characters\./);
  await box(page).press("Enter");
  assert.equal((await value(page)).length, 20_000);
  assert.equal(sent(server).length, 0);
});

test("rule 21: after a paste of 30,000 characters the next key shows within 100 ms; the box grows to 8 lines, then scrolls", async ({ page, context, address }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, address);
  const height = async () => (await box(page).boundingBox()).height;
  const one = await height();
  await page.keyboard.type("1");
  for (let line = 2; line <= 8; line++) {
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type(String(line));
  }
  const eight = await height();
  assert.ok(eight > one * 5, "it grows");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.press("Shift+Enter");
  assert.ok(Math.abs((await height()) - eight) < 1, "and then no more");
  assert.ok(await box(page).evaluate((field) => field.scrollHeight > field.clientHeight), "it scrolls");
  await page.evaluate((text) => navigator.clipboard.writeText(text), "Some words of a long text. ".repeat(1112).slice(0, 30_000));
  await box(page).fill("");
  await page.keyboard.press("Control+V");
  await until("it is there", async () => (await value(page)).length === 30_000);
  await box(page).evaluate((field) => {
    field.addEventListener("keydown", () => {
      const began = performance.now();
      requestAnimationFrame(() => setTimeout(() => (window.took = performance.now() - began)));
    });
  });
  await page.keyboard.press("x");
  const took = await until("a frame is drawn", () => page.evaluate(() => window.took));
  assert.ok(took < 100, `${took} ms`);
});

test("rule 22: one can type while it answers; Enter keeps the text and says why it waits", async ({ page, server, address }) => {
  await open(page, address);
  const turn = await ask(page, server, "First");
  await box(page).fill("Second");
  await box(page).press("Enter");
  await until("it says why", async () => /Your text is kept/.test(await state(page)));
  assert.equal(await value(page), "Second");
  assert.equal(sent(server).length, 1);
  turn.delta("Answer.");
  turn.done();
  await page.locator(".ans.open").waitFor({ state: "detached" });
  assert.equal(sent(server).length, 1, "nothing is sent by itself");
  await box(page).press("Enter");
  await until("now it is sent", () => sent(server).length === 2);
});

test("rule 23: Up in an empty box recalls questions, Down returns the draft", async ({ page, server, address }) => {
  server.store("s1", "Older question", "Answer");
  server.store("s1", "Newer question\nof two lines", "Answer");
  await open(page, `${address}/c/s1`);
  await page.getByText("Older question").first().waitFor();
  await page.keyboard.press("ArrowUp");
  assert.equal(await value(page), "Newer question\nof two lines");
  await page.keyboard.press("ArrowUp");
  assert.equal(await value(page), "Newer question\nof two lines", "the caret goes up first");
  await page.keyboard.press("ArrowUp");
  assert.equal(await value(page), "Older question");
  await page.keyboard.press("ArrowUp");
  assert.equal(await value(page), "Older question", "there is none before");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await value(page), "");
  await page.keyboard.type("a draft");
  await page.keyboard.press("ArrowUp");
  assert.equal(await value(page), "a draft", "a box with a text keeps it");
});

test("rule 24: no focus on touch before one touches the box", phone, async ({ page, address }) => {
  await page.goto(address);
  await box(page).waitFor();
  await drawn(page);
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
});

test("rule 24: focus never takes a selection away", async ({ page, server, address }) => {
  await open(page, address);
  const turn = await ask(page, server, "Select me");
  turn.delta("Words to be selected.\n\nMore.");
  await shows(page, "More.");
  await page.locator(".md p").first().selectText();
  turn.delta(" And more.");
  turn.done();
  await page.locator(".ans.open").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.getSelection().toString().trim()), "Words to be selected.");
});
