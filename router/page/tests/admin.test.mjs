// Every action of an admin, in a browser against the router itself, and the same looked at by the command line.
import assert from "node:assert/strict";
import { budgetField } from "./support/administration.mjs";
import { browserTests, until } from "./support/browser.mjs";
import { EMAIL, TOKEN } from "./support/jira.mjs";
import { startTeam } from "./support/team.mjs";

const test = browserTests(async () => {
  const router = await startTeam();
  await router.run("tenant", "add-user", "--email", "mei@acme.example", "--role", "member", "--name", "Mei Tanaka");
  return router;
});

const json = async (server, ...args) => JSON.parse(await server.run(...args, "--json"));

/** A view of the dashboard, signed in. */
async function open({ page, server, address }, view) {
  const answer = await page.request.post(`${address}/session`, { data: { key: server.key } });
  assert.equal(answer.status(), 201);
  await page.goto(`${address}/dashboard?view=${view}`);
  await page.locator("section.card").first().waitFor();
}
const dialog = (page) => page.getByRole("dialog");
const said = async (page, text) => {
  const toast = page.locator(".toast:not([data-read])", { hasText: text }).last();
  await toast.waitFor();
  // The same words of an earlier change stay for seconds, and do not speak for the next one.
  await toast.evaluate((node) => node.setAttribute("data-read", ""));
};
const row = (page, text) => page.locator("tbody tr", { hasText: text });

test("rule 49: a person is added and invited by a link that is shown once, and signs in by it", async (t) => {
  const { page, server, address, browser } = t;
  await open(t, "people");
  await page.getByRole("button", { name: "Add a person" }).click();
  await page.getByLabel("E-mail", { exact: true }).fill("bob@acme.example");
  await page.getByLabel("Name", { exact: true }).fill("Bob Meyer");
  await page.getByRole("button", { name: "Add and invite" }).click();
  await page.getByRole("button", { name: "Create the link" }).click();
  const link = await page.getByLabel("Sign-in link").inputValue();
  assert.ok(link.startsWith(`${address}/#link=t3i_`), link);
  await dialog(page).getByRole("button", { name: "Copy", exact: true }).click();
  await dialog(page).getByText("Copied").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await row(page, "Bob Meyer").waitFor();
  // The command line knows him, and nothing shows the link again.
  const users = await json(server, "tenant", "users");
  assert.ok(JSON.stringify(users).includes("bob@acme.example"));
  await page.goto(`${address}/dashboard?view=keys`);
  await page.getByRole("heading", { name: "Invitations not used yet" }).waitFor();
  assert.ok(!(await page.content()).includes(link.split("#link=")[1]));
  const other = await browser.newContext();
  const his = await other.newPage();
  await his.goto(link);
  await his.getByRole("button", { name: "Sign in" }).click();
  await his.getByText("Bob Meyer").first().waitFor();
  await other.close();
});

test("a person is changed, and what the command line changes shows", async (t) => {
  const { page, server } = t;
  await open(t, "people");
  await page.getByRole("button", { name: "Change Mei Tanaka" }).click();
  await page.getByLabel("Role").selectOption("admin");
  await page.getByLabel("Name", { exact: true }).fill("Mei T.");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await said(page, "Mei T. was changed");
  await row(page, "Mei T.").getByText("admin", { exact: true }).waitFor();
  const mei = (await json(server, "tenant", "users")).users.find((user) => user.email === "mei@acme.example");
  assert.deepEqual([mei.display_name, mei.role], ["Mei T.", "admin"]);
  await server.run("tenant", "set-user", "mei@acme.example", "--role", "member");
  await page.reload();
  await row(page, "Mei T.").getByText("member").waitFor();
});

test("the budgets of one person and of one key are seen with what is used, set, changed and taken away", async (t) => {
  const { page, server, address } = t;
  await server.run("tenant", "set", "user_messages_per_day=9");
  const key = (await server.run("key", "create", "mei@acme.example", "--name", "release bot", "--quiet")).trim();
  const chat = () => page.request.fetch(`${address}/api/chat`, { method: "POST", headers: { authorization: `Bearer ${key}`, cookie: "" }, data: { message: "ping" } });
  for (let asked = 0; asked < 3; asked++) assert.equal((await chat()).status(), 200);
  const own = async () => (await json(server, "tenant", "users")).users.find((user) => user.user_id === "mei@acme.example").budgets ?? {};
  const field = (name) => dialog(page).getByLabel(name, { exact: true });
  const save = () => dialog(page).getByRole("button", { name: "Save" }).click();
  const budgets = async (name) => {
    await page.getByRole("button", { name: `Budgets of ${name}` }).click();
    await field("Messages a day").waitFor();
  };
  await open(t, "people");
  await until("what was asked is settled", async () => {
    await budgets("Mei Tanaka");
    const isSettled = await dialog(page).getByText("3 of 9 messages used").isVisible();
    if (!isSettled) await page.keyboard.press("Escape");
    return isSettled;
  });
  // By the keyboard alone: chosen, typed, and sent with Enter.
  await field("Messages a day").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.type("3");
  await field("Dollars a month").selectOption("At most");
  await field("Dollars a month, at most").fill("five");
  await field("Tokens a day").selectOption("No limit");
  await page.keyboard.press("Tab");
  await save();
  // What the router does not take is said at its field, and nothing of it is stored.
  await dialog(page).getByRole("alert").filter({ hasText: "Dollars a month must be a number from 0 to" }).waitFor();
  assert.ok(await field("Dollars a month, at most").evaluate((field) => field === document.activeElement && field.getAttribute("aria-invalid") === "true"));
  assert.deepEqual(await own(), {});
  await field("Dollars a month, at most").fill("$2.50");
  await page.keyboard.press("Enter");
  await said(page, "The budgets of Mei Tanaka were changed");
  assert.deepEqual(await own(), { messages_per_day: 3, tokens_per_day: "unlimited", usd_per_month: 2.5 });
  await row(page, "Mei Tanaka").getByText("3 of 3 messages a day").waitFor();
  await row(page, "Mei Tanaka").getByText("used up", { exact: true }).waitFor();
  await row(page, "Mei Tanaka").getByText("Tokens a day: no limit").waitFor();

  // Somebody else changed it meanwhile: nothing is overwritten, and what holds can be seen.
  await budgets("Mei Tanaka");
  await server.run("tenant", "set-user", "mei@acme.example", "--budget", "messages_per_day=7");
  await field("Messages a day, at most").fill("50");
  await save();
  await dialog(page).getByText("Somebody else changed these budgets in the meantime.").waitFor();
  await dialog(page).getByRole("button", { name: "Show the current values" }).click();
  await until("the value that holds", async () => (await field("Messages a day, at most").inputValue()) === "7");
  for (const name of ["Messages a day", "Tokens a day", "Dollars a month"]) await field(name).selectOption({ index: 0 });
  await save();
  await said(page, "The budgets of Mei Tanaka were changed");
  assert.deepEqual(await own(), {});

  await page.goto(`${address}/dashboard?view=keys`);
  await budgets("release bot");
  await dialog(page).getByText("3 used today").waitFor();
  await field("Messages a month").selectOption("At most");
  await field("Messages a month, at most").fill("4");
  await save();
  await said(page, "The budgets of “release bot” were changed");
  await row(page, "release bot").getByText("3 of 4 messages a month").waitFor();
  assert.equal(await page.getByRole("button", { name: /^Budgets of/ }).count(), 2);
});

test("rule 49: removing a person is confirmed by typing their id", async (t) => {
  const { page, server } = t;
  await open(t, "people");
  await page.getByRole("button", { name: "Remove Mei Tanaka" }).click();
  const go = dialog(page).getByRole("button", { name: "Remove" });
  assert.ok(await go.isDisabled());
  await dialog(page).getByRole("textbox").fill("mei");
  assert.ok(await go.isDisabled());
  await dialog(page).getByRole("textbox").fill("mei@acme.example");
  await go.click();
  await said(page, "Mei Tanaka was removed");
  await until("the row is gone", async () => (await row(page, "mei@acme.example").count()) === 0);
  assert.ok(!JSON.stringify(await json(server, "tenant", "users")).includes("mei@acme.example"));
});

test("rule 49: the last admin is refused with the reason", async (t) => {
  const { page, server } = t;
  for (const user of await json(server, "tenant", "users").then((of) => of.users ?? of)) {
    if (user.role === "admin" && user.user_id !== "ada@acme.example") await server.run("tenant", "remove-user", user.user_id, "--yes");
  }
  await server.run("tenant", "set-user", "mei@acme.example", "--role", "admin");
  await open(t, "people");
  // Another administrator took the right away meanwhile: the dialog says so, and only the dialog.
  await page.getByRole("button", { name: "Remove Ada Lovelace" }).click();
  await server.run("tenant", "set-user", "mei@acme.example", "--role", "member");
  await dialog(page).getByRole("textbox").fill("ada@acme.example");
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await dialog(page).getByText("is the tenant's last administrator. Make someone else an administrator first.").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".note.bad").count(), 0);
  await page.reload();
  // Known before: nothing has to be typed to be refused.
  await page.getByText("Ada Lovelace is the only administrator").waitFor();
  assert.ok(await page.getByRole("button", { name: "Remove Ada Lovelace" }).isDisabled());
  assert.ok(await page.getByRole("button", { name: "Remove Mei Tanaka" }).isEnabled());
  await page.getByRole("button", { name: "Change Ada Lovelace" }).click();
  assert.ok(await page.getByLabel("Role").isDisabled());
  await dialog(page).getByText("Make someone else an administrator first.").waitFor();
});

test("rule 49: a new key is shown once, works, and is revoked by typing its name", async (t) => {
  const { page, server, address } = t;
  await open(t, "keys");
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByLabel("What it is for").fill("release bot");
  await page.getByLabel("User", { exact: true }).fill("mei@acme.example");
  await page.getByRole("button", { name: "Create the key" }).click();
  const key = await page.getByLabel("API key", { exact: true }).inputValue();
  const me = async () => (await page.request.fetch(`${address}/api/me`, { headers: { authorization: `Bearer ${key}`, cookie: "" } })).status();
  assert.equal(await me(), 200);
  // By selecting it, as where the browser does not allow the button.
  await page.getByLabel("API key", { exact: true }).evaluate((field) => (field.select(), document.execCommand("copy")));
  await page.getByRole("button", { name: "Done" }).click();
  await row(page, "release bot").waitFor();
  assert.ok(!(await page.content()).includes(key));
  assert.match(JSON.stringify(await json(server, "key", "list")), /"name":"release bot"/);
  await page.getByRole("button", { name: "Revoke release bot" }).click();
  const go = dialog(page).getByRole("button", { name: "Revoke" });
  assert.ok(await go.isDisabled());
  await dialog(page).getByRole("textbox").fill("release bot");
  await go.click();
  await until("the row is gone", async () => (await row(page, "release bot").count()) === 0);
  await until("the key stops working", async () => (await me()) === 401);
  // What the command line makes shows, too.
  await server.run("key", "create", "mei@acme.example", "--name", "by hand");
  await page.reload();
  await row(page, "by hand").waitFor();
});

test("a session is revoked, and its browser has to sign in again", async (t) => {
  const { page, server, address } = t;
  const elsewhere = await fetch(`${address}/session`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key: server.key }) });
  assert.equal(elsewhere.status, 201);
  await open(t, "keys");
  const sessions = page.getByRole("group", { name: "Sessions" }).locator("tbody tr");
  await sessions.first().waitFor();
  assert.equal(await sessions.count(), 2);
  const own = sessions.filter({ hasText: "this browser" });
  assert.equal(await own.count(), 1);
  await own.getByRole("button", { name: /^Revoke/ }).click();
  await dialog(page).getByText("You are signed out on this browser").waitFor();
  await dialog(page).getByRole("button", { name: "Revoke" }).click();
  await said(page, "Revoked");
  // It stops within seconds, as keys do.
  await until("the page asks who one is", async () => {
    await page.reload();
    return page.getByRole("button", { name: "Sign in" }).first().isVisible();
  });
});

test("limits and the team's name are set on the page and by the command line", async (t) => {
  const { page, server } = t;
  let reads = 0;
  page.on("request", (request) => (reads += request.method() === "GET" && request.url().endsWith("/api/settings") ? 1 : 0));
  await open(t, "settings");
  const messages = budgetField(page, "The whole team", "Messages a day");
  await messages.fill("250");
  await budgetField(page, "The whole team", "Dollars a month").fill("2.50");
  await budgetField(page, "Each person", "Tokens a day").fill("20000");
  await page.getByLabel("Name of the team").fill("Acme");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await said(page, "Saved");
  await page.locator(".brand", { hasText: "Acme" }).waitFor();
  const shown = JSON.stringify(await json(server, "tenant", "show"));
  assert.match(shown, /"messages_per_day":250/);
  assert.match(shown, /"name":"Acme"/);
  assert.match(shown, /"usd_per_month":2\.5\b/);
  assert.match(shown, /"user_tokens_per_day":20000/);
  await server.run("tenant", "set", "messages_per_day=300");
  // Read again, the form would lose what is typed into it meanwhile.
  assert.equal(reads, 1);
  // Somebody else changed it meanwhile: refused, with a way to see what holds.
  await page.getByLabel("Longest answer, in tokens").fill("100");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("The settings were changed by someone else in the meantime.").waitFor();
  await page.getByRole("button", { name: "Show the current values" }).click();
  await until("the page shows it", async () => (await messages.inputValue()) === "300");
  // What it does not take is said at its field.
  await page.getByLabel("Longest answer, in tokens").fill("many");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const field = page.getByLabel("Longest answer, in tokens");
  await page.getByText(/must be a whole number from 1 to 200,000/i).and(page.locator("[role=alert]")).waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  // Emptied, its default holds again.
  await field.fill("");
  await messages.fill("");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await said(page, "Saved");
  assert.doesNotMatch(JSON.stringify(await json(server, "tenant", "show")), /"messages_per_day":(250|300)/);
});

test("skills and channels are chosen among those there are", async (t) => {
  const { page, server } = t;
  await open(t, "settings");
  const skills = page.getByRole("group", { name: "Skills" });
  await skills.getByLabel("All").uncheck();
  await skills.getByLabel("sprint_status").uncheck();
  const channels = page.getByRole("group", { name: "Where people may ask" });
  await channels.getByRole("checkbox").first().uncheck();
  await channels.getByLabel("teams").uncheck();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await said(page, "Saved");
  const { settings } = await json(server, "tenant", "show");
  assert.deepEqual(settings.enabled_skills, ["ping", "release_notes"]);
  assert.ok(settings.enabled_channels.length > 1 && !settings.enabled_channels.includes("teams"), String(settings.enabled_channels));
});

test("phrases of the team's own are typed a line each, with spaces, and a wrong one is said at their field", async (t) => {
  const { page, server } = t;
  await open(t, "settings");
  const phrases = page.getByLabel("Phrases of the team’s own");
  const save = page.getByRole("button", { name: "Save", exact: true });
  await phrases.pressSequentially("sprint_status: standup report \n\nsprint_status/blockers: what holds us up");
  await save.click();
  await said(page, "Saved");
  assert.deepEqual((await json(server, "tenant", "show")).settings.skill_triggers, ["sprint_status: standup report", "sprint_status/blockers: what holds us up"]);
  await page.reload();
  assert.equal(await phrases.inputValue(), "sprint_status: standup report\nsprint_status/blockers: what holds us up");
  await phrases.fill("no_skill: what is it");
  await save.click();
  await until("it is marked", async () => (await phrases.getAttribute("aria-invalid")) === "true");
  await phrases.fill("");
  await save.click();
  await until("there are none", async () => (await json(server, "tenant", "show")).settings.skill_triggers === undefined);
});

test("a message is tried, the built-in trigger that it fires switched off, and others' switches are kept", async (t) => {
  const { page, server } = t;
  await server.run("tenant", "set", "skill_triggers=sprint_status: standup report");
  await open(t, "triggers");
  const off = async () => (await server.run("tenant", "trigger", "list", "--disabled", "--json").then(JSON.parse)).triggers.map((trigger) => trigger.phrase);
  await page.getByLabel("Try a message").fill("the sprint board please");
  await page.keyboard.press("Enter");
  const told = page.getByRole("status").filter({ hasText: "reaches" });
  await told.getByText("“the sprint board please” reaches sprint_status/status, by the built-in phrase sprint board.").waitFor();
  // Somebody else switched another one meanwhile: that stays, and shows.
  await server.run("tenant", "trigger", "disable", "ping");
  await page.getByRole("button", { name: "Switch “sprint board” off" }).click();
  await said(page, "“sprint board” was switched off");
  assert.deepEqual(await off(), ["ping", "sprint board"]);
  await until("the message is tried again", async () => !(await told.isVisible()) || !(await told.innerText()).includes("phrase sprint board."));
  await page.getByLabel("Show", { exact: true }).selectOption("switched off");
  const switches = page.getByRole("switch");
  await until("both show", async () => (await switches.count()) === 2);
  for (const name of ["sprint board", "ping"]) await page.getByRole("switch", { name }).click();
  await until("both are on again", async () => (await off()).length === 0);
  await page.getByText("All built-in phrases are on.").waitFor();
  await page.getByLabel("Try a message").fill("standup report");
  await page.keyboard.press("Enter");
  await told.getByText("by the team’s own phrase standup report.").waitFor();
  assert.equal(await page.getByRole("button", { name: /^Switch/ }).count(), 0);
  await page.getByRole("link", { name: "Settings" }).first().click();
  await page.getByLabel("Phrases of the team’s own").waitFor();
  assert.equal(await page.getByLabel("Built-in phrases switched off").count(), 0);
});

/** Jira's card with what works typed into it. */
async function typeJira(page, jira) {
  const card = page.getByRole("region", { name: "Jira" });
  await card.getByLabel("Address", { exact: true }).fill(jira.address);
  await card.getByLabel("E-mail of the account").fill(EMAIL);
  await card.getByLabel("API token").fill(TOKEN);
  await card.getByLabel("Board").fill("7");
  return card;
}

test("rule 47: a secret's field is empty and says stored; blank keeps it; another host asks for it again", async (t) => {
  const { page, server } = t;
  const { jira } = server;
  await open(t, "integrations");
  await (await typeJira(page, jira)).getByRole("button", { name: "Save", exact: true }).click();
  await said(page, "Jira was saved");
  const card = page.getByRole("region", { name: "Jira" });
  const token = card.getByLabel("API token");
  assert.equal(await token.inputValue(), "");
  assert.equal(await token.getAttribute("placeholder"), "stored");
  assert.ok(!(await page.content()).includes(TOKEN));
  // By the command line it is there, and works.
  assert.match(await server.run("secret", "test", "jira"), /Web shop/);
  await card.getByLabel("Board").fill("12");
  await card.getByRole("button", { name: "Save", exact: true }).click();
  await said(page, "Jira was saved");
  assert.match(await server.run("secret", "test", "jira"), /Platform/);
  const asked = jira.requests.length;
  await card.getByLabel("Address", { exact: true }).fill("https://other.example");
  await card.getByText("The address is on another host: enter it again. What is stored is never sent to a new host.").waitFor();
  await card.getByRole("button", { name: "Save", exact: true }).click();
  await card.getByText("Must be entered again, because the address is another host's.").waitFor();
  assert.equal(jira.requests.length, asked);
  assert.match(await server.run("secret", "test", "jira"), /Platform/);
});

test("rule 48: a test is one call for two clicks, and says what it saw or why not, with its time", async (t) => {
  const { page, server } = t;
  const { jira } = server;
  await open(t, "integrations");
  const card = await typeJira(page, jira);
  let release;
  const held = new Promise((done) => (release = done));
  const calls = [];
  await page.route("**/api/admin/integrations/jira/test", async (route) => {
    calls.push(route.request().postDataJSON());
    await held;
    await route.continue();
  });
  await card.getByRole("button", { name: "Test" }).evaluate((button) => (button.click(), button.click()));
  await card.getByText("Asking Jira…").waitFor();
  release();
  await card.getByText(/T3nets Bot reads the board Web shop at 127\.0\.0\.1; Sprint 24 is active with 2 issues \(\d+\sms\)/).waitFor();
  assert.equal(calls.length, 1);
  const untouched = () => assert.rejects(server.run("secret", "test", "jira"), /jira/);
  await untouched();
  await card.getByLabel("API token").fill("wrong");
  await card.getByText(/Before the last change/).waitFor();
  await card.getByRole("button", { name: "Test" }).click();
  await card.getByText(/Jira refused the credentials\..*\(\d+\sms\)/).waitFor();
  // Nothing was stored by testing.
  await untouched();
});

test("an integration is removed by typing its name, and restored", async (t) => {
  const { page, server } = t;
  await open(t, "integrations");
  await (await typeJira(page, server.jira)).getByRole("button", { name: "Save", exact: true }).click();
  await said(page, "Jira was saved");
  const card = page.getByRole("region", { name: "Jira" });
  await card.getByRole("button", { name: "Remove" }).click();
  await dialog(page).getByRole("textbox").fill("jira");
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await card.getByText("removed", { exact: true }).waitFor();
  await assert.rejects(server.run("secret", "test", "jira"));
  await card.getByRole("button", { name: "Restore" }).click();
  await card.getByRole("button", { name: "Remove" }).waitFor();
  assert.match(await server.run("secret", "test", "jira"), /Web shop/);
});

test("no form is there for channels that the router does not answer on, and one for those that it does", async (t) => {
  const { page } = t;
  await open(t, "channels");
  await page.getByText("T3nets answers on this web page and through the API. Slack, Microsoft Teams and Telegram are not available yet.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Connect a channel" }).count(), 0);
  // A router that says that it answers on Slack.
  await page.route("**/api/admin/channels?*", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), served: ["dashboard", "api", "slack"] } });
  });
  await page.reload();
  await page.getByText("Microsoft Teams and Telegram are not available yet.").waitFor();
  await page.getByRole("button", { name: "Connect a channel" }).click();
  assert.deepEqual(await dialog(page).locator("option").allInnerTexts(), ["Slack"]);
  await page.getByLabel("Its ID").fill("T024BE7LD");
  await page.keyboard.press("Enter");
  await dialog(page).getByText("The router does not answer on Slack yet.").waitFor();
});

test("what is asked by the API shows on the dashboard, to its user alone on theirs, and by the command line", async (t) => {
  const { page, server, address, browser } = t;
  await server.run("tenant", "set", "messages_per_day=4");
  const ask = async (key) => (await page.request.fetch(`${address}/api/chat`, { method: "POST", headers: { authorization: `Bearer ${key}`, cookie: "" }, data: { message: "ping" } })).status();
  const mei = (await server.run("key", "create", "mei@acme.example", "--quiet")).trim();
  assert.deepEqual([await ask(server.key), await ask(server.key), await ask(server.key), await ask(mei), await ask(mei)], [200, 200, 200, 200, 429]);
  await open(t, "overview");
  const big = (name) => page.locator("section.card").filter({ has: page.getByRole("heading", { name, exact: true }) }).locator(".big").innerText();
  // Usage is settled behind the answer.
  await until("all four are settled, and the refusal", async () => {
    await page.reload();
    await page.getByRole("group", { name: "Who used it" }).waitFor();
    return (await big("Turns")) === "4" && (await big("Not answered")) === "1";
  });
  assert.equal(await big("Messages today"), "4");
  await page.getByText("Used up; resets at").waitFor();
  const cells = async (name) => row(page, name).locator("td").evaluateAll((cells) => cells.map((cell) => cell.textContent));
  assert.deepEqual((await cells("Ada Lovelace")).slice(0, 4), ["Ada Lovelace", "3", "0", "0"]);
  assert.deepEqual((await cells("Mei Tanaka")).slice(0, 4), ["Mei Tanaka", "1", "0", "1"]);
  assert.match(await page.getByRole("slider").getAttribute("aria-valuetext"), /rule 4/);
  assert.equal((await json(server, "tenant", "usage")).total.messages, 4);
  await page.locator(".healthy").getByText("Secrets").waitFor();
  const other = await browser.newContext();
  const hers = await other.newPage();
  await hers.request.post(`${address}/session`, { data: { key: mei } });
  await hers.goto(`${address}/dashboard`);
  await hers.getByRole("slider", { name: "Your turns a day" }).waitFor();
  assert.equal(await hers.locator(".big").first().innerText(), "1");
  assert.ok(!(await hers.locator("body").innerText()).includes("Ada"));
  await other.close();
});

test("the audit trail shows who changed what, of the page and of the command line", async (t) => {
  const { page, server } = t;
  await open(t, "people");
  await page.getByRole("button", { name: "Add a person" }).click();
  await page.getByLabel("E-mail", { exact: true }).fill("bob@acme.example");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await said(page, "was added");
  await server.run("tenant", "set", "messages_per_day=77");
  await page.getByRole("link", { name: "Audit" }).click();
  await row(page, "bob@acme.example was added").filter({ hasText: "user.add" }).filter({ hasText: "ada@acme.example" }).waitFor();
  await row(page, "Settings were changed: Messages a day").filter({ hasText: "command line" }).filter({ hasText: "tenant.set" }).waitFor();
  assert.match(JSON.stringify(await json(server, "tenant", "audit")), /user:ada@acme\.example/);
});
