// The triggers of a tenant on the dashboard: listed, looked for, switched, and tried with a message.
import assert from "node:assert/strict";
import { triggers, withAdministration } from "./support/administration.mjs";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const PATH = "/api/admin/triggers";

/** The view, on a server that switches; `all` is what it has. */
async function open({ page, server, address }, all = triggers()) {
  withAdministration(server);
  const give = (method, path, answer) => server.rules.unshift({ method, path, times: Infinity, answer });
  give("GET", PATH, ({ response, url }) => {
    const message = url.searchParams.get("message");
    server.json(response, 200, { triggers: all, ...(message && { fires: all.find(({ phrase, state }) => state === "enabled" && message.includes(phrase)) ?? null }) });
  });
  give("PATCH", PATH, ({ response, body }) => {
    const isOf = (names, { skill, phrase }) => names?.includes(skill ? `${skill}: ${phrase}` : phrase) ?? false;
    all = all.filter((trigger) => trigger.skill || !isOf(body.enable, trigger)).map((trigger) => ({ ...trigger, state: isOf(body.enable, trigger) ? "enabled" : isOf(body.disable, trigger) ? "disabled" : trigger.state }));
    server.json(response, 200, { changed: ["disabled_triggers"], triggers: all });
  });
  await page.goto(`${address}/dashboard?view=triggers`);
  await page.getByRole("heading", { name: "Triggers" }).waitFor();
}
const group = (page, skill) => page.locator("details").filter({ has: page.getByRole("heading", { name: skill, exact: true }) });
const turn = (page, phrase) => page.getByRole("switch", { name: phrase, exact: true });
const asked = (server) => server.of("PATCH", PATH).map(({ body }) => body);

test("triggers are listed by skill with how many are off, the team's own without a switch; the keyboard switches", async (t) => {
  const { page, server } = t;
  await open(t);
  const heads = () => page.locator("summary").evaluateAll((all) => all.map((of) => of.innerText.split("\n").filter(Boolean).join("|")));
  await until("all skills", async () => (await heads()).length === 4);
  assert.deepEqual(await heads(), ["ping|1 phrase", "sprint_status|4 phrases, 1 off|not used", "release_notes|1 phrase|not used", "Not in this release|1 phrase"]);
  await group(page, "sprint_status").locator("summary").focus();
  await page.keyboard.press("Enter");
  const rows = group(page, "sprint_status").locator("li");
  const told = await rows.evaluateAll((all) => all.map((of) => of.innerText.split("\n").filter(Boolean).join("|")));
  assert.deepEqual(told, ["standup report status|the team’s own", "sprint board status|On", "sprint on track status|in a question: sprint on track/schedule/time/target|On", "blocker blockers|blocker/impediment/blockage|Off"]);
  await page.keyboard.press("Tab");
  // The first is the link to the settings, where the skill is chosen.
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.getByRole("status").filter({ hasText: "“sprint board” was switched off; this holds within 5 seconds" }).waitFor();
  assert.deepEqual(asked(server), [{ disable: ["sprint_status: sprint board"] }]);
  assert.ok(await turn(page, "sprint board").evaluate((of) => of === document.activeElement && !of.checked));
  assert.equal((await heads())[1], "sprint_status|4 phrases, 2 off|not used");
  // What a later release no longer has can be taken away.
  await group(page, "Not in this release").locator("summary").click();
  await page.getByRole("button", { name: "Take away sprint_status: moon phase" }).click();
  await until("it is gone", async () => (await heads()).length === 3);
  assert.deepEqual(asked(server)[1], { enable: ["sprint_status: moon phase"] });
});

test("what is looked for is open: by words, by the state, and where nothing is found it says so", async (t) => {
  const { page, address } = t;
  await open(t);
  await page.getByRole("searchbox", { name: "Search phrases" }).fill("impediment");
  await until("one is left", async () => (await page.locator("details[open] li").count()) === 1);
  assert.ok(!(await turn(page, "blocker").isChecked()));
  await page.getByRole("searchbox").fill("no such");
  await page.getByText("No phrase matches.").waitFor();
  await page.getByRole("searchbox").fill("");
  await page.getByLabel("Show", { exact: true }).selectOption("switched off");
  await until("those that are off", async () => (await page.locator("details[open] li").count()) === 2);
  assert.equal(page.url(), `${address}/dashboard?view=triggers&show=off`);
  await page.getByLabel("Show", { exact: true }).selectOption("the team’s own");
  await page.getByText("standup report").waitFor();
  await open(t, triggers().filter(({ origin, state }) => origin === "built_in" && state === "enabled"));
  for (const [shown, says] of [["own", "The team has no phrases of its own."], ["off", "All built-in phrases are on."]]) {
    await page.getByLabel("Show", { exact: true }).selectOption(shown);
    await page.getByText(says).waitFor();
  }
  await open(t, []);
  await page.getByText("There are no triggers.").waitFor();
});

test("switches that are pressed one after the other are saved one after the other, and none is lost", async (t) => {
  const { page, server } = t;
  await open(t);
  await page.getByRole("searchbox").fill("sprint_status");
  const held = [];
  let under = 0;
  const answer = server.rules.find(({ method, path }) => method === "PATCH" && path === PATH).answer;
  server.rules.unshift({ method: "PATCH", path: PATH, times: Infinity, answer: async (of) => {
    assert.equal((under += 1), 1, "two at once");
    await new Promise((done) => held.push(done));
    under -= 1;
    answer(of);
  } });
  await turn(page, "sprint board").click();
  await turn(page, "blocker").click();
  await turn(page, "sprint board").click();
  // Each shows what was wanted last, whatever is saved so far.
  const isWanted = async () => (await turn(page, "sprint board").isChecked()) && (await turn(page, "blocker").isChecked());
  for (let saved = 0; saved < 3; saved++) {
    await until(`call ${saved + 1}`, () => held.length > saved);
    await drawn(page);
    assert.ok(await isWanted(), `after ${saved} calls`);
    held[saved]();
  }
  assert.deepEqual(asked(server), [{ disable: ["sprint_status: sprint board"] }, { enable: ["sprint_status: blocker"] }, { enable: ["sprint_status: sprint board"] }]);
  await page.locator(".toast", { hasText: "“sprint board” was switched on" }).waitFor();
  assert.ok(await isWanted());
});

test("a switch that is refused goes back and says why at its phrase; what somebody else changed is loaded", async (t) => {
  const { page, server } = t;
  const all = triggers();
  await open(t, all);
  await page.getByRole("searchbox").fill("sprint");
  const row = page.locator("li").filter({ has: turn(page, "sprint board") });
  const refuse = (status, error) => server.rules.unshift({ method: "PATCH", path: PATH, times: 1, answer: { status, error } });
  refuse(503, { code: "store_unavailable", message: "the store does not answer", hint: "try again" });
  await turn(page, "sprint board").click();
  await row.getByText("The store does not answer. Try again.").waitFor();
  assert.ok(await turn(page, "sprint board").isChecked());
  refuse(409, { code: "changed", message: "tenant `acme` was changed by someone else" });
  all.find(({ phrase }) => phrase === "sprint on track").state = "disabled";
  await turn(page, "sprint board").click();
  await row.getByText("Somebody else changed the team’s settings at the same moment. Nothing was switched").waitFor();
  await until("what they changed shows", async () => !(await turn(page, "sprint on track").isChecked()));
  assert.ok(await turn(page, "sprint board").isChecked());
  await turn(page, "sprint board").click();
  await until("it is switched", async () => !(await turn(page, "sprint board").isChecked()) && (await row.locator(".note").count()) === 0);
});

test("a message tells what it reaches, again after a switch; what fails says so and is tried again", async (t) => {
  const { page, server } = t;
  await open(t);
  const field = page.getByLabel("Try a message");
  const button = page.getByRole("button", { name: "Try", exact: true });
  assert.ok(await button.isDisabled());
  await field.fill("  the sprint board please ");
  await page.keyboard.press("Enter");
  await page.getByText("“the sprint board please” reaches sprint_status/status, by the built-in phrase sprint board.").waitFor();
  await page.getByRole("button", { name: "Switch “sprint board” off" }).click();
  await page.getByText("“the sprint board please” fires no trigger. The model answers it, unless it is small talk, such as a greeting.").waitFor();
  assert.deepEqual(asked(server), [{ disable: ["sprint_status: sprint board"] }]);
  assert.equal(server.requests.filter(({ path }) => /turns|chat/.test(path)).length, 0, "nothing is asked of a model");
  server.rules.unshift({ method: "GET", path: PATH, times: 1, answer: { status: 503, error: { code: "store_unavailable", message: "the store does not answer" } } });
  await field.fill("ping");
  await button.click();
  await page.getByText("The store does not answer.").waitFor();
  assert.equal(await page.getByText("fires no trigger").count(), 0);
  await button.click();
  await page.getByText("“ping” reaches ping, by the built-in phrase ping.").waitFor();
  assert.equal(await page.getByText("The store does not answer.").count(), 0);
});

test("a list that cannot be loaded says why, and is loaded again", async (t) => {
  const { page, server } = t;
  server.next("GET", PATH, { status: 503, error: { code: "store_unavailable", message: "the store does not answer" } });
  withAdministration(server);
  await page.goto(`${t.address}/dashboard?view=triggers`);
  await page.getByText("The store does not answer.").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "sprint_status" }).waitFor();
});
