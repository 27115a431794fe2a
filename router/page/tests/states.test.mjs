// Rules 32 to 34, 38 and 39: what the page says, and to whom.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { announced, answer, ask, box, open, shows } from "./support/chat.mjs";
import { budget } from "./support/ledger.mjs";
import { Scripted, ada } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const sent = (server) => server.of("POST", "/api/turns");

test("rule 32: at a 401 the sign-in comes over the page, the draft is kept, nothing is sent by itself", async ({ page, server, address }) => {
  server.store("s1", "A question", "An answer");
  await open(page, `${address}/c/s1`);
  await page.getByText("An answer").first().waitFor();
  server.signedIn = false;
  await box(page).fill("Not lost");
  await box(page).press("Enter");
  await page.getByRole("dialog", { name: "You were signed out" }).waitFor();
  assert.equal(await box(page).inputValue(), "Not lost");
  assert.equal(await page.locator(".talk").getByText("An answer").count(), 1, "the page stays");
  await page.getByLabel("Paste your sign-in link").fill("t3n_right");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await drawn(page);
  assert.equal(sent(server).length, 1);
  assert.equal(await box(page).inputValue(), "Not lost");
  await box(page).press("Enter");
  await until("now it is sent", () => server.turns.size === 1);
  assert.equal(sent(server).length, 2, "once in vain, and once by hand");
});

test("while a deployment has routers of two versions, a page without its files loads again until it is whole", async ({ page, server, address }) => {
  const gone = { status: 404, error: { code: "not_found", message: "there is nothing here" } };
  server.next("GET", /^\/assets\/chat-.+\.js$/, gone);
  server.next("GET", /^\/assets\/chat-.+\.css$/, gone, 2);
  await page.goto(`${address}/#link=t3l_of-ada`);
  await page.getByText("is being updated").waitFor();
  // The one-time link is not lost on the way.
  await page.getByRole("button", { name: /^Sign in/ }).first().waitFor();
  assert.ok(server.of("GET", "/").length >= 2);
  assert.ok(!page.url().includes("link="));
  await until("it is whole", async () => (await page.evaluate(() => sessionStorage.getItem("t3nets.tries"))) === null);
});

for (const days of [-1, 0, 1]) {
  test(`rule 33: a limit says which, the local time and how long, with a clock that is ${days === 0 ? "right" : `${days} day off`}`, async ({ page, server, address }) => {
    const now = Date.UTC(2026, 10, 26, 21, 0, 0);
    server.offset = now - Date.now();
    await page.clock.install({ time: now + days * 86_400_000 });
    const dated = { date: new Date(now).toUTCString() };
    server.next("GET", "/api/me", ({ response }) => server.json(response, 200, server.who(), dated));
    server.next("POST", "/api/turns", { status: 429, error: { code: "daily_limit_reached", message: "the daily limit of 1000 messages is reached", hint: "1000 messages were used today; the limit resets at 2026-11-27T00:00:00Z" }, headers: { "retry-after": "10800", ...dated } }, 2);
    await page.goto(address);
    await box(page).fill("One more");
    await box(page).press("Enter");
    const note = page.locator(".refusal");
    await note.getByText("The daily limit of 1000 messages is reached.").waitFor();
    await note.getByRole("link", { name: "Change budgets" }).waitFor();
    assert.doesNotMatch(await note.textContent(), /limit resets|2026|were used/);
    // 21:00 UTC is 22:00 in Berlin; three hours on.
    assert.match(await note.textContent(), /It resets at (?:Friday[^0-9]*27 November, )?01:00\./);
    // Sent again before, it would be refused again.
    const retry = note.getByRole("button", { name: "Retry", exact: true });
    assert.equal(await retry.textContent(), "Retry in 3 h");
    assert.ok(await retry.isDisabled());
    assert.equal(await box(page).inputValue(), "One more");
    await page.clock.fastForward(2 * 3600_000 + 59 * 60_000 + 30_000);
    await page.clock.runFor(1_000);
    assert.match(await note.textContent(), /in (28|29|30) s/);
    await page.clock.runFor(31_000);
    assert.match(await note.textContent(), /It has reset: you can send again/);
    assert.equal(sent(server).length, 1, "nothing is sent by itself");
    assert.equal(await retry.textContent(), "Retry");
    await retry.click();
    await until("it is sent by hand", () => sent(server).length === 2);
  });
}

test("rule 38: questions to begin with stand in full rows, however many, and below each other on a phone", async ({ page, server, address }) => {
  const all = server.me.ask;
  const rows = () => page.locator(".asks").evaluate((asks) => {
    const rows = Map.groupBy([...asks.children], (ask) => Math.round(ask.getBoundingClientRect().top));
    return [...rows.values()].map((row) => {
      const [left, right] = [row[0].getBoundingClientRect().left, row.at(-1).getBoundingClientRect().right];
      const box = asks.getBoundingClientRect();
      return { count: row.length, isFull: Math.abs(left - box.left) <= 1 && Math.abs(right - box.right) <= 1 };
    });
  });
  for (const count of [1, 2, 3, 4]) {
    server.me = { ...server.me, ask: all.slice(0, count) };
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(address);
    await page.locator(".asks button").first().waitFor();
    const wide = await rows();
    assert.ok(wide.every(({ isFull }) => isFull), JSON.stringify(wide));
    assert.deepEqual(wide.map((row) => row.count), [[1], [2], [3], [2, 2]][count - 1]);
    await page.setViewportSize({ width: 380, height: 700 });
    assert.deepEqual((await rows()).map((row) => row.count), Array(count).fill(1));
  }
});

test("rule 33: a turn that a limit ended offers Retry once it has reset, wherever one was meanwhile", async ({ page, server, address }) => {
  server.store("s1", "Elsewhere", "Another answer");
  server.store("s2", "The first one", "An answer");
  await page.clock.install();
  await open(page, `${address}/c/s2`);
  const turn = await ask(page, server, "One more");
  turn.fail({ code: "model_throttled", message: "the model is asked too often", status: 429, retry_after_seconds: 600 });
  const retry = page.locator(".ans").getByRole("button", { name: "Retry", exact: true });
  await retry.waitFor();
  assert.equal(await retry.textContent(), "Retry in 10 min");
  assert.ok(await retry.isDisabled());
  await page.locator(".list").getByText("Elsewhere").click();
  await page.getByText("Another answer").first().waitFor();
  await page.clock.runFor(5 * 60_000);
  await page.locator(".list").getByText("The first one").click();
  await retry.waitFor();
  assert.match(await retry.textContent(), /^Retry in [45] min$/);
  await page.clock.runFor(5 * 60_000 + 1_000);
  await until("it may be sent", () => retry.isEnabled());
  assert.equal(await retry.textContent(), "Retry");
  assert.equal(server.turns.size, 1, "nothing is sent by itself");
  await retry.click();
  await until("it is sent by hand", () => server.turns.size === 2);
});

test("rule 33: a budget of the month says its day and counts nothing down; Retry works, since an administrator may raise it", async ({ page, server, address }) => {
  const now = Date.UTC(2026, 10, 26, 21, 0, 0);
  server.offset = now - Date.now();
  await page.clock.install({ time: now });
  server.me = { ...server.me, may_administer: false, role: "member" };
  server.next("POST", "/api/turns", { status: 429, error: { code: "budget_reached", message: "too little is left of the monthly limit of $50.00 for an answer", hint: "$49.98 was used this month; the limit resets at 2026-12-01T00:00:00Z" }, headers: { "retry-after": String(99 * 3600) } });
  await page.goto(address);
  await box(page).fill("One more");
  await box(page).press("Enter");
  const note = page.locator(".refusal");
  await note.getByText("$49.98 was used this month. It resets on 1 December. An administrator can raise it before then.").waitFor();
  assert.doesNotMatch(await note.textContent(), /\d (h|s|min)\b|2026/);
  await note.getByRole("link", { name: "See usage" }).waitFor();
  assert.equal(await note.getByRole("link", { name: "Change budgets" }).count(), 0);
  await note.getByRole("button", { name: "Retry", exact: true }).click();
  await until("it is sent by hand", () => server.turns.size === 1);
});

test("an answer says that a budget is nearly used up, once in a conversation and its versions", async ({ page, server, address }) => {
  await open(page, address);
  const spent = page.locator(".spent");
  const dollars = budget("usd_per_month", 41.2, 50);
  const answered = async (text, warnings) => {
    const turn = server.turn;
    turn.delta(text);
    turn.done({ budget_warnings: warnings });
    await shows(page, text);
    await page.locator(".ans.open").waitFor({ state: "detached" });
  };
  await ask(page, server, "First");
  await answered("One.", [dollars]);
  assert.deepEqual(await spent.allTextContents(), ["82% of your team’s budget of $50 for this month is used. It resets on 1 December."]);
  await until("it is heard", async () => (await announced(page)).at(-1) === (await spent.textContent()));
  await ask(page, server, "Second");
  await answered("Two.", [dollars, budget("user_messages_per_day", 20, 20)]);
  assert.deepEqual((await spent.allTextContents()).slice(1), ["All of your budget of 20 messages for today is used. It resets at 01:00."]);
  await page.getByRole("button", { name: "Ask again" }).last().click();
  await until("it is asked again", () => server.turns.size === 3);
  await answered("Three.", [dollars]);
  assert.equal(await page.locator(".ans").last().locator(".spent").count(), 0);
  await page.getByRole("link", { name: "New chat" }).click();
  await ask(page, server, "Elsewhere");
  await answered("Four.", [dollars]);
  assert.equal(await spent.count(), 1);
});

const failures = [
  ["no network", "cut", /T3nets cannot be reached\. Check the network/],
  ["403", { status: 403, error: { code: "tenant_suspended", message: "the tenant is suspended" } }, /The tenant is suspended\. Ask your team’s administrator\..*req-1/],
  ["409", { status: 409, error: { code: "turn_under_way", message: "busy" } }, /Another question in this conversation is being answered\. Send again when it is complete/],
  ["504", { status: 504, error: { code: "deadline", message: "too slow" } }, /The answer took too long\. Ask again.*req-1/],
  ["504 of a proxy", ({ response }) => { response.writeHead(504, { "content-type": "text/html" }); response.end("<h1>504</h1>"); }, /The answer took too long/],
  ["500", { status: 500, error: { code: "internal", message: "something went wrong here; it was logged" } }, /Something went wrong here; it was logged\..*req-1/],
];
for (const [name, reply, says] of failures) {
  test(`rule 34: ${name} says what happened and what to do, and is never an answer`, async ({ page, server, address }) => {
    server.next("POST", "/api/turns", reply, Infinity);
    await open(page, address);
    await box(page).fill("Try");
    await box(page).press("Enter");
    const note = page.locator(".refusal");
    await note.waitFor();
    assert.match(await note.textContent(), says);
    if (/req-1/.test(String(says))) await note.getByRole("button", { name: "Copy the request's id" }).waitFor();
    assert.equal(await page.locator(".ans").count(), 0);
    assert.equal(await box(page).inputValue(), "Try");
    server.rules.length = 0;
    await note.getByRole("button", { name: "Retry" }).click();
    await until("it is taken", () => server.turns.size === 1);
    server.turn.delta("Fine.");
    server.turn.done();
    await shows(page, "Fine.");
    await note.waitFor({ state: "detached" });
  });
}

test("rule 34: a page that cannot learn who one is says so and tries again", async ({ page, server, address }) => {
  server.next("GET", "/api/me", { status: 403, error: { code: "tenant_suspended", message: "the tenant is suspended" } });
  await page.goto(address);
  await page.getByText("The tenant is suspended.").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await box(page).waitFor();
});

test("rule 34: a conversation that is not there says so", async ({ page, address }) => {
  await page.goto(`${address}/c/never-was`);
  await page.getByText("There is no such conversation here").waitFor();
  await page.getByRole("button", { name: "New chat" }).click();
  await page.getByText("Good ").waitFor();
});

test("rule 34: what is asked where no conversation was found begins one, with its own address", async ({ page, server, address }) => {
  await page.goto(`${address}/c/never-was`);
  await page.getByText("There is no such conversation here").waitFor();
  const turn = await ask(page, server, "Begin here");
  turn.delta("Begun.");
  turn.done();
  await shows(page, "Begun.");
  assert.equal(sent(server)[0].body.session_id, undefined);
  assert.equal(await page.getByText("There is no such conversation here").count(), 0);
  assert.equal(page.url(), `${address}/c/${turn.session_id}`);
});

test("rule 38: first sight says who answers and offers questions; a click asks and never overwrites a draft", async ({ page, server, address }) => {
  server.me = { ...server.me, sample_data: true };
  await open(page, address);
  await page.getByRole("heading", { name: /^Good (morning|afternoon|evening), Ada$/ }).waitFor();
  await page.getByText("Claude Sonnet 4.5 answers for Acme, from sample data").waitFor();
  await page.locator(".chip").getByText("Sample data").waitFor();
  await page.keyboard.type("my draft");
  await page.getByRole("button", { name: "What am I working on?" }).click();
  await until("it is asked", () => sent(server).length === 1);
  assert.equal(sent(server)[0].body.message, "What am I working on?");
  await page.locator(".you").waitFor();
  assert.equal(await box(page).inputValue(), "my draft");
  await until("one types on", () => page.evaluate(() => document.activeElement.tagName === "TEXTAREA"));
});

test("rule 38: whoever is not signed in chats without a list", async ({ page, server, address }) => {
  server.me = { ...server.me, by: "nothing", user: null, role: "member", may_administer: false };
  await open(page, address);
  await page.getByText("Not signed in").waitFor();
  const turn = await ask(page, server, "Anyone?");
  turn.delta("Yes.");
  turn.done();
  await shows(page, "Yes.");
  assert.equal(await page.locator(".list").count(), 0);
  assert.equal(server.of("GET", "/api/sessions").length + server.of("GET", "/api/history").length, 0);
  assert.equal(page.url(), `${address}/`, "there is no history to find it in again");
  const next = await ask(page, server, "And on?");
  assert.equal(next.session_id, turn.session_id);
});

const anonymous = (server) => (server.me = { ...server.me, by: "nothing", user: null, role: "member", may_administer: false });

test("rule 38: whoever is not signed in is never told to have been signed out, however long an answer takes", async ({ page, server, address }) => {
  anonymous(server);
  server.next("GET", "/api/turns", { status: 401, error: { code: "unauthorized", message: "this needs a user" } }, Infinity);
  await page.clock.install();
  await open(page, address);
  const turn = await ask(page, server, "Anyone?");
  await page.keyboard.type("mid-typing");
  for (let index = 0; index < 4; index++) await page.clock.runFor(6_000);
  turn.delta("Yes.");
  turn.done();
  await page.clock.runFor(1_000);
  await shows(page, "Yes.");
  await page.clock.runFor(6_000);
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal(server.of("GET", "/api/turns").length, 0, "there is no list to ask for");
  assert.equal(await box(page).inputValue(), "mid-typing");
});

test("rule 38: what is answered to users alone offers to sign in, and no Retry", async ({ page, server, address }) => {
  anonymous(server);
  await open(page, address);
  const turn = await ask(page, server, "What am I working on?");
  turn.fail({ code: "skill_input", message: "whose issues are yours is not known, because you are not signed in", status: 422 });
  const note = answer(page).locator(".note");
  await note.getByText("Whose issues are yours is not known").waitFor();
  assert.equal(await note.getByRole("button", { name: "Retry" }).count(), 0);
  await note.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("dialog", { name: "Sign in" }).waitFor();
});

test("rule 32: a session that ends is said above the box, and the sign-in comes with what one does next", async ({ page, server, address }) => {
  await open(page, address);
  await page.keyboard.type("Mid-");
  server.signedIn = false;
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await page.locator(".foot").getByText("You were signed out.").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.keyboard.type("typing");
  assert.equal(await box(page).inputValue(), "Mid-typing");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "You were signed out" }).waitFor();
  assert.equal(await box(page).inputValue(), "Mid-typing");
});

test("rule 32: the sign-in never comes into what one types", async ({ page, server, address }) => {
  let refuse;
  const held = new Promise((done) => (refuse = done));
  server.next("POST", "/api/turns", async ({ response }) => {
    await held;
    server.signedIn = false;
    server.refuse(response, 401, { code: "unauthorized", message: "a credential is needed" });
  });
  await open(page, address);
  await box(page).fill("One");
  await page.keyboard.press("Enter");
  await until("it is on its way", () => sent(server).length === 1);
  await page.keyboard.type("Two");
  refuse();
  await page.locator(".foot").getByText("You were signed out.").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal(await box(page).inputValue(), "Two");
  await page.locator(".foot").getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("dialog", { name: "You were signed out" }).waitFor();
});

test("rule 38: a link to a conversation asks whoever is not signed in to sign in", async ({ page, server, address }) => {
  server.store("s1", "A question", "An answer");
  server.me = { ...server.me, by: "nothing", user: null };
  await page.goto(`${address}/c/s1`);
  await page.getByRole("dialog", { name: "Sign in" }).waitFor();
  assert.equal(server.of("GET", "/api/history").length, 0);
  server.me = { ...server.me, by: "session", user: ada };
  await page.getByLabel("Paste your sign-in link").fill("t3n_right");
  await page.keyboard.press("Enter");
  await page.locator(".talk").getByText("An answer").waitFor();
});

test("rule 38: without a model it says who answers all the same", async ({ page, server, address }) => {
  server.me = { ...server.me, model: { provider: "offline", name: "offline" }, sample_data: true };
  await open(page, address);
  await page.getByText("Answers come from sample data").waitFor();
  assert.equal(await page.locator(".chip.model").count(), 0);
});

test("under an answer stands from where it is and how long it took, before and after a reload; details in words", async ({ page, server, address }) => {
  server.me = { ...server.me, sample_data: true };
  await open(page, address);
  let turn = await ask(page, server, "Sprint?");
  turn.delta("Fine.");
  turn.done({ skill: "sprint_status", route: "rule", model: "offline", usage: { input_tokens: 0, output_tokens: 0, cost_usd: 0 }, timing_ms: 5 });
  const stored = server.sessions.get(turn.session_id).messages.at(-1);
  stored.details.timing_ms = 43;
  const meta = answer(page).locator(".meta");
  await until("as it is stored", async () => (await meta.textContent()) === "from sample data · 43 ms");
  await page.reload();
  await until("after a reload", async () => (await meta.textContent()) === "from sample data · 43 ms");
  await page.getByRole("button", { name: "Details" }).click();
  const rows = await page.locator(".details > div").evaluateAll((all) => all.map((row) => [...row.children].map((each) => each.textContent.trim()).join(": ")));
  assert.deepEqual(rows.slice(0, 4), ["How: A rule recognised the question", "Skill: Sprint status", "Model: None", "Time: 43 ms"]);
  turn = await ask(page, server, "Ping?");
  turn.delta("Pong.");
  turn.done({ skill: "ping", route: "rule", timing_ms: 7 });
  await until("from nothing", async () => /^\d/.test(await meta.last().textContent()));
});

test("a long question shows its beginning, and all of it by a button", async ({ page, server, address }) => {
  server.store("s1", `Begin ${"and on ".repeat(400)}end`, "An answer");
  await open(page, `${address}/c/s1`);
  await page.locator(".ans").getByText("An answer").waitFor();
  const height = async () => (await page.locator(".you p").boundingBox()).height;
  const cut = await height();
  assert.ok(cut < 300, `${cut}`);
  assert.equal(await page.locator(".you p").evaluate((text) => getComputedStyle(text).overflowY), "hidden", "no box that scrolls by itself");
  await page.getByRole("button", { name: "Show more" }).click();
  assert.ok((await height()) > 2 * cut);
  await page.getByRole("button", { name: "Show less" }).click();
  assert.equal(await height(), cut);
});

test("rule 39: one polite region says that it answers, whole sentences, that it is complete; nothing old", async ({ page, server, address }) => {
  server.store("s1", "Old question", "Old answer. Of two sentences.");
  await open(page, `${address}/c/s1`);
  await page.getByText("Old answer").first().waitFor();
  const turn = await ask(page, server, "New question");
  await until("it says so", async () => (await announced(page)).includes("Answering"));
  turn.delta("The **first** sen");
  await shows(page, "sen");
  assert.deepEqual(await announced(page), ["Answering"]);
  turn.delta("tence. The [second](https://acme.example) one is");
  await until("a sentence", async () => (await announced(page)).includes("The first sentence."));
  turn.delta(" here.\n\n```js\nlet secret = 1;\n```\n\nLast words");
  await until("the next", async () => (await announced(page)).some((words) => words.includes("The second one is here.")));
  turn.done();
  await until("the end", async () => (await announced(page)).at(-1) === "Answer complete");
  const all = await announced(page);
  assert.ok(all.some((words) => words.includes("Last words")), all.join("|"));
  assert.ok(!all.join().includes("Old"), "no old turns");
  const live = await page.evaluate(() => [...document.querySelectorAll("[aria-live], [role=log], [role=alert]")].filter((element) => element.closest(".talk")).length);
  assert.equal(live, 0, "the log is not live");
  assert.equal(await answer(page).getAttribute("aria-busy"), "false");
});

test("rule 39: seconds of a countdown are not spoken", async ({ page, server, address }) => {
  server.next("POST", "/api/turns", { status: 429, error: { code: "rate", message: "too many" }, headers: { "retry-after": "100" } });
  await open(page, address);
  await box(page).fill("x");
  await box(page).press("Enter");
  await page.locator(".refusal").getByRole("button", { name: "Retry", exact: true }).waitFor();
  const seconds = page.locator(".refusal button span[aria-hidden=true]");
  await seconds.waitFor();
  assert.equal(await seconds.evaluate((element) => element.closest("[aria-live], [role=status], [role=alert]")), null);
  assert.deepEqual((await announced(page)).filter((words) => /\d+ s\b/.test(words)), []);
});
