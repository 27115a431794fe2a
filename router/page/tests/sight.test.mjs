// Rule 40 on dashboard and set-up: contrasts, focus, forced colours, a zoom of 400 %, in every view and step.
import assert from "node:assert/strict";
import { axe } from "./support/axe.mjs";
import { budgetField, withAdministration } from "./support/administration.mjs";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { NOW, PEOPLE, withLedger } from "./support/ledger.mjs";
import { contrasts, forced, reachable, rings } from "./support/look.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const ZOOMED = { viewport: { width: 320, height: 256 } };

const dialog = (page) => page.getByRole("dialog");
const loaded = async (page) => {
  await page.locator("section.card").first().waitFor();
  await until("all of it is loaded", async () => (await page.locator(".waiting").count()) === 0);
  await drawn(page);
};

/** What is scrolled under another element axe cannot judge. */
const toTop = (page) => page.locator(".sheet").evaluate((sheet) => (sheet.scrollTop = 0));

/** Goes through all views of the dashboard, and the dialogs that they open; `look(page, state)` at each. */
async function dashboard({ page, server, address }, look) {
  withAdministration(server);
  withLedger(server);
  await page.clock.setFixedTime(NOW);
  const at = async (view) => {
    await page.goto(`${address}/dashboard?view=${view}`);
    await loaded(page);
  };
  const open = async (name, state) => {
    await page.getByRole("button", { name, exact: true }).first().click();
    await dialog(page).waitFor();
    await loaded(page);
    await look(page, state);
  };
  await at("overview");
  await page.getByText("The same numbers as a table").click();
  await page.getByText("1 failure of the model").click();
  await toTop(page);
  await look(page, "the overview");
  await at("people");
  await look(page, "people");
  await open("Add a person", "adding a person");
  await page.keyboard.press("Escape");
  await open("Remove Mei Tanaka", "confirming");
  await page.keyboard.press("Escape");
  await open("Budgets of Mei Tanaka", "budgets of one person");
  await dialog(page).getByLabel("Tokens a day", { exact: true }).selectOption("At most");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).getByText("Enter a number.").waitFor();
  await look(page, "a budget without a number");
  await page.keyboard.press("Escape");
  await open("Invite Mei Tanaka", "inviting");
  await page.getByRole("button", { name: "Create the link" }).click();
  await page.getByLabel("Sign-in link").waitFor();
  await look(page, "a link that is shown once");
  await at("keys");
  await look(page, "keys and sessions");
  await open("Budgets of release bot", "budgets of one key");
  await page.keyboard.press("Escape");
  await open("New key", "a new key");
  await at("integrations");
  await page.getByRole("button", { name: "Test" }).first().click();
  await page.getByText("Jira refused the credentials").waitFor();
  await look(page, "integrations");
  await at("channels");
  await look(page, "channels");
  await open("Connect a channel", "connecting a channel");
  await at("triggers");
  await look(page, "triggers");
  await page.getByLabel("Try a message").fill("the sprint board please");
  await page.keyboard.press("Enter");
  await page.getByText("by the built-in phrase").waitFor();
  await page.getByRole("searchbox").fill("s");
  await page.getByRole("switch", { name: "sprint board" }).click();
  await page.locator(".triggers .note").waitFor();
  await toTop(page);
  await look(page, "triggers that were looked for, of which one could not be switched");
  await at("settings");
  await budgetField(page, "The whole team", "Messages a day").fill("many");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await toTop(page);
  await look(page, "settings");
  await at("audit");
  await look(page, "the audit");
  server.me = { ...server.me, user: PEOPLE[1], role: "member", may_administer: false };
  await at("overview");
  await look(page, "one's own use");
  server.rules.length = 0;
  server.next("GET", /^\/api\/usage$/, { status: 503, error: { code: "store_unavailable", message: "the store does not answer" } }, Infinity);
  await page.goto(`${address}/dashboard`);
  await page.locator(".note").first().waitFor();
  await look(page, "panels that failed");
}

/** Goes through all steps of set-up. */
async function setUp({ page, server, address }, look) {
  withAdministration(server);
  const boards = [{ id: 7, name: "Web shop", type: "scrum" }, { id: 31, name: "Support", type: "kanban" }];
  let answer = { status: 409, error: { code: "integration_denied", message: "Jira refused the credentials", field: "api_token" } };
  server.rules.unshift({ method: "POST", path: "/api/admin/integrations/jira/test", times: Infinity, answer: ({ response, body }) => {
    if (answer.error) return server.refuse(response, answer.status, answer.error);
    const board = boards.find(({ id }) => String(id) === body.fields.board_id);
    server.json(response, 200, { reached: { account: "T3nets Bot", site: "acme.atlassian.net", ...(board ? { board, sprint: { name: "Sprint 24", issues: 2 } } : { boards }) }, timing_ms: 120 });
  } });
  const unset = { name: "jira", connected: false, can_test: true, updated_at: null, deleted_for_good_at: null, fields: ["url", "email", "api_token", "board_id"].map((name) => ({ name, description: name, is_secret: name === "api_token", is_optional: false, is_set: false, value: null })) };
  server.rules.unshift({ method: "GET", path: "/api/admin/integrations", times: Infinity, answer: { status: 200, body: { integrations: [unset] } } });
  server.next("POST", "/api/chat", { status: 200, body: { text: "## Sprint 24\n\nIt **goes** well.\n\n| Issue | Points |\n|---|--:|\n| A-1 | 3 |\n\n```sql\nselect 1;\n```\n", session_id: "s-1", model: "Claude Sonnet 4.5", timing_ms: 900 } }, Infinity);
  server.next("POST", "/api/admin/users", { status: 201, body: PEOPLE[1] }, Infinity);
  const field = (name) => page.getByLabel(name, { exact: true });
  const at = async (step) => {
    await page.goto(`${address}/setup?step=${step}`);
    await page.getByRole("list", { name: "Steps" }).waitFor();
  };
  await at("team");
  await look(page, "the team");
  await at("jira");
  await look(page, "Jira, not tried");
  await field("Jira address").fill("https://acme.atlassian.net");
  await field("E-mail of the account").fill("bot@acme.example");
  await field("API token").fill("wrong");
  await page.keyboard.press("Tab");
  await page.getByText("refused the credentials").waitFor();
  await look(page, "Jira, refused");
  answer = {};
  await field("API token").fill("right");
  await page.keyboard.press("Tab");
  await field("Board").selectOption("7");
  await page.getByText("reads the board Web shop").waitFor();
  await look(page, "Jira, reached");
  await at("question");
  await look(page, "a first question");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.locator(".first-answer strong").waitFor();
  await look(page, "a first answer");
  await at("people");
  await field("E-mail").fill("mei@acme.example");
  await page.getByRole("button", { name: "Create a sign-in link" }).click();
  await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
  await look(page, "one who is invited");
}

/** Looks at each state, and says at the end what was wrong with all of them. */
async function everywhere(walk, t, look) {
  const wrong = [];
  await walk(t, (page, state) => look(page, state).catch((error) => void wrong.push(error.message)));
  assert.deepEqual(wrong, []);
}

const pages = { "the dashboard": dashboard, "set-up": setUp };
for (const [name, walk] of Object.entries(pages)) {
  for (const theme of ["light", "dark"]) {
    test(`rule 40: placeholders, borders and focus rings contrast on ${name}, ${theme}`, { context: { colorScheme: theme }, timeout: 180_000 }, async (t) => {
      let controls = 0;
      let ringed = 0;
      await everywhere(walk, t, async (page, state) => {
        await axe(page, state);
        controls += await contrasts(page, state);
        ringed += await rings(page, state);
      });
      assert.ok(controls > 60 && ringed > 80, `${controls} controls, ${ringed} rings`);
    });
  }
  test(`rule 40: with forced colours ${name} shows its fields, what is chosen and where the focus is`, { context: { forcedColors: "active" }, timeout: 180_000 }, (t) => everywhere(walk, t, forced));
  test(`rule 40: at 400 % zoom everything on ${name} can be read and used`, { context: ZOOMED, timeout: 180_000 }, (t) => everywhere(walk, t, reachable));
}
