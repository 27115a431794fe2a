// Rules 25 to 31: turns that are stopped, asked again, cut, lost, left, and seen from two tabs.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { answer, ask, box, open, shows, state } from "./support/chat.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const sent = (server) => server.of("POST", "/api/turns");
const deleted = (server) => server.of("DELETE", /^\/api\/turns\//);
const over = (page) => page.locator(".ans.open").waitFor({ state: "detached" });

for (const [name, stop] of [["the button", (page) => page.getByRole("button", { name: "Stop" }).click()], ["Esc", (page) => page.keyboard.press("Escape")]]) {
  test(`rule 25: ${name} stops within 200 ms; the partial text stays, marked`, async ({ page, server, address }) => {
    await open(page, address);
    const turn = await ask(page, server, "Long, please");
    turn.delta("The first part of it");
    await shows(page, "The first part");
    const measured = page.evaluate(() => new Promise((done) => {
      let began = 0;
      for (const kind of ["keydown", "click"]) document.addEventListener(kind, () => (began ||= performance.now()), { capture: true, once: true });
      const look = () => (began && !document.querySelector(".ans.open") ? done(performance.now() - began) : requestAnimationFrame(look));
      look();
    }));
    await drawn(page);
    await stop(page);
    assert.ok((await measured) < 200, `${await measured} ms`);
    await until("the router is told", () => deleted(server).length === 1);
    assert.match(await answer(page).textContent(), /The first part of it.*Stopped/s);
    assert.equal(turn.state, "stopped");
  });
}

test("rule 25: stop works before there is a session id", async ({ page, server, address }) => {
  const release = server.holdNextQuestion();
  await open(page, address);
  await box(page).fill("Stop me at once");
  await box(page).press("Enter");
  await until("it is on its way", () => sent(server).length === 1);
  await page.keyboard.press("Escape");
  await until("it says so", async () => /Stopping…/.test(await state(page)));
  assert.equal(await box(page).inputValue(), "Stop me at once", "its text is back");
  assert.equal(await page.locator(".you").count(), 0);
  release();
  await until("the router is told", () => deleted(server).length === 1);
  await until("it shows", async () => /Stopped/.test(await answer(page).textContent()));
});

test("rule 25: Esc closes a menu first", async ({ page, server, address }) => {
  await open(page, address);
  await ask(page, server, "Long, please");
  await page.locator(".who").click();
  await page.getByText("Theme", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Theme", { exact: true }).waitFor({ state: "detached" });
  assert.equal(deleted(server).length, 0);
  assert.equal(await page.locator(".ans.open").count(), 1);
  await page.keyboard.press("Escape");
  await until("then it stops", () => deleted(server).length === 1);
});

test("rule 26: asking again and editing keep the older version", async ({ page, server, address }) => {
  server.store("s1", "First question", "First answer");
  server.store("s1", "Second question", "Second answer");
  await open(page, `${address}/c/s1`);
  await page.getByText("Second answer").first().waitFor();
  await page.locator(".ans").last().getByRole("button", { name: "Ask again" }).click();
  await until("it is asked", () => sent(server).length === 1);
  assert.deepEqual(sent(server)[0].body, { message: "Second question", branch: { session_id: "s1", messages: 2 } });
  server.turn.delta("Another answer");
  server.turn.done();
  await shows(page, "Another answer");
  assert.equal(await page.getByText("First answer").count(), 1);
  assert.equal(await page.getByText("Second answer").count(), 0);
  assert.notEqual(page.url(), `${address}/c/s1`);
  await page.getByRole("link", { name: "an earlier conversation" }).click();
  await page.getByText("Second answer").first().waitFor();
  const question = page.locator(".you").first();
  await question.hover();
  await question.getByRole("button", { name: "Edit the question" }).click();
  await page.getByLabel("The question, edited").fill("First question, put better");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await until("it is asked", () => sent(server).length === 2);
  assert.deepEqual(sent(server)[1].body, { message: "First question, put better", branch: { session_id: "s1", messages: 0 } });
  assert.equal(server.sessions.get("s1").messages.length, 4);
});

test("rule 26: cancelling an edit changes nothing, gives the focus back, and asks before a changed text goes", async ({ page, server, address }) => {
  server.store("s1", "A question", "An answer");
  await open(page, `${address}/c/s1`);
  await box(page).fill("a draft");
  const field = page.getByLabel("The question, edited");
  for (const cancel of [() => page.locator(".edit").getByRole("button", { name: "Cancel" }).click(), () => page.keyboard.press("Escape")]) {
    for (const isChanged of [false, true]) {
      await page.locator(".you").hover();
      await page.getByRole("button", { name: "Edit the question" }).click();
      if (isChanged) await field.fill("changed");
      await cancel();
      if (isChanged) {
        const asks = page.getByRole("dialog", { name: "Discard your changes?" });
        await asks.getByRole("button", { name: "Cancel" }).click();
        assert.equal(await field.inputValue(), "changed");
        await cancel();
        await asks.getByRole("button", { name: "Discard" }).click();
      }
      await page.locator(".you").getByText("A question").waitFor();
      await until("the focus is back", () => page.evaluate(() => document.activeElement.getAttribute("aria-label") === "Edit the question"));
    }
  }
  assert.equal(await box(page).inputValue(), "a draft");
  assert.equal(sent(server).length, 0);
});

test("what opens has the focus with its first drawing: what is typed at once is not lost", async ({ page, server, address }) => {
  server.store("s1", "A question", "An answer");
  await open(page, `${address}/c/s1`);
  await page.locator(".you").hover();
  // A click, and where the focus is before the browser could hand on another key.
  const focusAfter = (selector) => page.evaluate(async (wanted) => {
    document.querySelector(wanted).click();
    for (let turn = 0; turn < 20; turn += 1) await null;
    return document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent;
  }, selector);
  assert.equal(await focusAfter(".edits"), "The question, edited");
  assert.equal(await focusAfter("[aria-label^='Delete']"), "Cancel");
});

test("rule 26: in an edited question Shift+Enter breaks the line and Enter asks", async ({ page, server, address }) => {
  server.store("s1", "A question", "An answer");
  await open(page, `${address}/c/s1`);
  await page.locator(".you").hover();
  await page.getByRole("button", { name: "Edit the question" }).click();
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("of two lines");
  const field = page.getByLabel("The question, edited");
  assert.ok((await field.evaluate((element) => element.clientHeight - element.scrollHeight)) >= 0, "it grows");
  assert.equal(await field.evaluate((element) => getComputedStyle(element).resize), "none");
  await page.keyboard.press("Enter");
  await until("it is asked", () => server.turns.size === 1);
  assert.equal(server.turn.message, "A question\nof two lines");
});

test("rule 27: a reload in the middle shows question and text within 1 s, then goes on without gap or doubling", async ({ page, server, address }) => {
  await open(page, address);
  const turn = await ask(page, server, "Reload me");
  turn.delta("One two three ");
  await shows(page, "One two three");
  const began = Date.now();
  await page.reload();
  await page.locator(".you").getByText("Reload me").waitFor();
  await shows(page, "One two three");
  assert.ok(Date.now() - began < 2_000, `${Date.now() - began} ms with the browser's own time`);
  turn.delta("four fünf ");
  turn.delta("sechs.");
  turn.done();
  await over(page);
  assert.equal((await answer(page).locator(".md").textContent()).trim(), "One two three four fünf sechs.");
  assert.equal(await page.locator(".you").count(), 1);
});

test("rule 28: a cut connection keeps the text, says so, and goes on from where it was", async ({ page, server, address }) => {
  await open(page, address);
  const turn = await ask(page, server, "Cut me");
  turn.delta("Grüße, one ");
  await shows(page, "one");
  server.next("GET", `/api/turns/${turn.id}`, "cut", 3);
  turn.cut();
  await page.getByText("Reconnecting…").waitFor();
  assert.match(await answer(page).textContent(), /Grüße, one/);
  turn.delta("two ");
  await shows(page, "two");
  turn.delta("three.");
  turn.done();
  await over(page);
  assert.equal((await answer(page).locator(".md").textContent()).trim(), "Grüße, one two three.");
  const asked = server.of("GET", `/api/turns/${turn.id}`).map((request) => request.query.get("after"));
  assert.equal(asked.at(-1), String(Buffer.byteLength("Grüße, one ")), "resumed by bytes");
});

test("rule 28: a bare `offline` ends nothing", async ({ page, context, server, address }) => {
  await open(page, address);
  const turn = await ask(page, server, "Stay");
  turn.delta("One ");
  await shows(page, "One");
  await page.evaluate(() => dispatchEvent(new Event("offline")));
  await context.setOffline(true);
  turn.delta("two.");
  await shows(page, "two.");
  assert.equal(await page.locator(".ans.open").count(), 1, "it goes on");
  assert.equal(await page.locator(".ans .note").count(), 0);
  await context.setOffline(false);
  turn.done();
  await over(page);
  assert.equal(server.of("GET", `/api/turns/${turn.id}`).length, 1);
});

test("rule 28: behind a front that does not stream it goes on by long polls", async ({ page, server, address }) => {
  server.streams = false;
  await open(page, address);
  const turn = await ask(page, server, "Poll");
  turn.delta("One ");
  await shows(page, "One");
  turn.delta("zwei ä ");
  await shows(page, "zwei");
  turn.tool("sprint_status");
  turn.delta("three.");
  turn.done();
  await over(page);
  assert.equal((await answer(page).locator(".md").textContent()).trim(), "One zwei ä three.");
});

test("rule 28: a front that keeps the stream back is found out, and polled", async ({ page, server, address }) => {
  await open(page, address);
  await page.evaluate(() => {});
  // Every stream is kept back; polls are answered.
  server.next("GET", /^\/api\/turns\/t-/, ({ request, response, url }) => {
    if (!request.headers.accept.includes("event-stream")) void server.follow(request, response, url, server.turn);
  }, Infinity);
  await box(page).fill("Kept back");
  await box(page).press("Enter");
  await until("a turn", () => server.turns.size === 1);
  server.turn.delta("All of it.");
  await shows(page, "All of it.");
  server.turn.done();
  await over(page);
});

for (const [name, lose] of [["that the router says broke off", (turn) => turn.brokenOff()], ["that the router no longer knows", (turn) => { turn.forgotten = true; turn.cut(); }]]) {
  test(`rule 29: a turn ${name} ends as broken off with Retry within 10 s`, async ({ page, server, address }) => {
    await open(page, address);
    const turn = await ask(page, server, "Lose me");
    turn.delta("Half of ");
    await shows(page, "Half of");
    lose(turn);
    await page.locator(".note").getByText("The answer broke off").waitFor({ timeout: 10_000 });
    assert.match(await answer(page).textContent(), /Half of/);
    await page.getByRole("button", { name: "Retry" }).click();
    await until("asked again", () => sent(server).length === 2);
    server.turn.delta("Whole.");
    server.turn.done();
    await shows(page, "Whole.");
    await until("in place of the broken one", async () => (await page.locator(".you").count()) === 1);
  });
}

test("rule 30: a new chat in the middle gets none of the old text; the old one goes on and is marked", async ({ page, server, address }) => {
  await open(page, address);
  const turn = await ask(page, server, "The old one");
  turn.delta("Old text ");
  await shows(page, "Old text");
  await page.keyboard.press("Control+Shift+O");
  await page.getByText("Good ").waitFor();
  turn.delta("goes on ");
  await drawn(page);
  await drawn(page);
  assert.equal(await page.locator(".talk").getByText("Old text").count(), 0);
  await page.locator(".list .live").waitFor();
  const other = await ask(page, server, "The new one");
  turn.delta("to its end.");
  other.delta("New text.");
  other.done();
  await shows(page, "New text.");
  assert.equal(await page.locator(".talk").getByText("Old text").count(), 0);
  turn.done();
  await page.locator(".list .live").waitFor({ state: "detached" });
  await page.locator(".list").getByText("The old one").click();
  await shows(page, "Old text goes on to its end.");
});

test("rule 30: a question that the router takes after one has left stays in its conversation", async ({ page, server, address }) => {
  const release = server.holdNextQuestion();
  await open(page, address);
  await box(page).fill("Left behind");
  await box(page).press("Enter");
  await until("it is on its way", () => sent(server).length === 1);
  server.store("s9", "Another", "Other answer");
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.locator(".list").getByText("Another").click();
  await page.getByText("Other answer").first().waitFor();
  release();
  await page.locator(".list").getByText("Left behind").waitFor();
  await until("it is taken", () => server.turns.size === 1);
  server.turn.delta("Its answer");
  await drawn(page);
  assert.equal(await page.locator(".talk").getByText("Its answer").count(), 0);
  assert.equal(page.url(), `${address}/c/s9`);
});

test("rule 31: the other tab shows the turn live", async ({ page, context, server, address }) => {
  server.store("s1", "Shared", "Answer one");
  const other = await context.newPage();
  await open(page, `${address}/c/s1`);
  await other.goto(`${address}/c/s1`);
  await other.getByText("Answer one").first().waitFor();
  await page.bringToFront();
  const turn = await ask(page, server, "From one tab");
  await other.getByText("From one tab").first().waitFor();
  turn.delta("Seen in both.");
  await shows(page, "Seen in both.");
  await other.bringToFront();
  await shows(other, "Seen in both.");
  turn.done();
  await over(other);
  await over(page);
  assert.equal(await other.locator(".you").count(), 2);
});

test("rule 31: a stale send gets 409, explained, and the text is kept", async ({ page, server, address }) => {
  server.store("s1", "Shared", "Answer one", undefined, new Date(Date.now() - 60_000));
  await open(page, `${address}/c/s1`);
  await page.getByText("Answer one").first().waitFor();
  // Another device, of which no tab tells.
  server.store("s1", "From elsewhere", "Answer two");
  await box(page).fill("On what was");
  await box(page).press("Enter");
  await page.locator(".refusal").getByText("This conversation went on in another tab.").waitFor();
  await page.getByText("Answer two").first().waitFor();
  assert.equal(await box(page).inputValue(), "On what was");
  assert.equal(server.turns.size, 0);
  await box(page).press("Enter");
  await until("then it goes", () => server.turns.size === 1);
});
