// What is typed into the dashboard's forms, and what is known of credentials: against the router and a Jira that the test drives.
import assert from "node:assert/strict";
import { budgetField } from "./support/administration.mjs";
import { browserTests, until } from "./support/browser.mjs";
import { EMAIL, TOKEN } from "./support/jira.mjs";
import { startTeam } from "./support/team.mjs";

const test = browserTests(startTeam);

async function open({ page, server, address }, view) {
  await page.request.post(`${address}/session`, { data: { key: server.key } });
  await page.goto(`${address}/dashboard?view=${view}`);
  await page.locator("section.card form").first().waitFor();
}
const card = (page, name = "Jira") => page.getByRole("region", { name });
async function typeJira(page, jira, token = TOKEN) {
  await card(page).getByLabel("Address", { exact: true }).fill(jira.address);
  await card(page).getByLabel("E-mail of the account").fill(EMAIL);
  await card(page).getByLabel("API token").fill(token);
  await card(page).getByLabel("Board").fill("7");
}
const save = (page) => card(page).getByRole("button", { name: "Save", exact: true }).click();

test("saving tries first, and stores what does not work only if one says so; the badge says what is known", async (t) => {
  const { page, server } = t;
  await open(t, "integrations");
  await typeJira(page, server.jira, "wrong");
  await save(page);
  await card(page).getByText(/Jira refused the credentials/).waitFor();
  await assert.rejects(server.run("secret", "test", "jira"));
  await card(page).getByText("not connected", { exact: true }).waitFor();
  await card(page).getByRole("button", { name: "Save anyway" }).click();
  await card(page).getByText("does not work", { exact: true }).waitFor();
  await card(page).getByText(/^Does not work: Jira refused the credentials/).waitFor();
  await card(page).getByLabel("API token").fill(TOKEN);
  await save(page);
  await card(page).getByText("works", { exact: true }).waitFor();
  await card(page).getByText(/T3nets Bot reads the board Web shop/).waitFor();
  assert.match(await server.run("secret", "test", "jira"), /Web shop/);
  // On another day health knows it.
  await until("health was checked since", async () => {
    await page.reload();
    await card(page).getByText(/^(works|stored, not tested)$/).waitFor();
    return card(page).getByText("works", { exact: true }).isVisible();
  });
});

test("what health does not try is stored, and not tested", async (t) => {
  const { page, server } = t;
  await open(t, "integrations");
  await page.route("**/api/admin/health", (route) => route.fulfill({ status: 404, json: { error: { code: "not_found", message: "there is nothing here" } } }));
  await typeJira(page, server.jira);
  await save(page);
  await card(page).getByText("works", { exact: true }).waitFor();
  await page.reload();
  await card(page).getByText("stored, not tested", { exact: true }).waitFor();
});

test("what was typed is there again after another view, and leaving the page warns", async (t) => {
  const { page } = t;
  await open(t, "settings");
  await budgetField(page, "The whole team", "Messages a day").fill("250");
  await page.getByLabel("Name of the team").fill("Acme");
  await page.getByRole("link", { name: "Integrations" }).click();
  await card(page).getByLabel("E-mail of the account").fill(EMAIL);
  await page.getByRole("link", { name: "Settings" }).click();
  assert.equal(await budgetField(page, "The whole team", "Messages a day").inputValue(), "250");
  assert.equal(await page.getByLabel("Name of the team").inputValue(), "Acme");
  let warned = 0;
  page.on("dialog", (dialog) => {
    warned += dialog.type() === "beforeunload" ? 1 : 0;
    void dialog.accept();
  });
  // Saved and put back, there is nothing to lose.
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".toast", { hasText: "Saved" }).waitFor();
  await page.getByRole("link", { name: "Integrations" }).click();
  assert.equal(await card(page).getByLabel("E-mail of the account").inputValue(), EMAIL);
  await page.reload();
  assert.equal(warned, 1);
  await card(page).getByLabel("E-mail of the account").fill("x");
  await card(page).getByLabel("E-mail of the account").fill("");
  await page.reload();
  assert.equal(warned, 1);
});

test("all that is wrong is said at once, and what a setting does stands below it", async (t) => {
  const { page } = t;
  await open(t, "settings");
  await budgetField(page, "The whole team", "Messages a day").fill("-1");
  await page.getByLabel("Turns of history for the model").fill("many");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await until("both are marked", async () => (await page.locator("[aria-invalid=true]").count()) === 2);
  await page.getByLabel("Turns of history for the model").fill("10");
  await page.getByText("0: each question stands alone. From 0 to 1,000.").waitFor();
  const channels = page.getByRole("group", { name: "Where people may ask" });
  await channels.getByLabel("Everywhere").uncheck();
  await channels.getByLabel("Slack (not available yet)").waitFor();
  await channels.getByLabel("Web page", { exact: true }).waitFor();
});

test("a model without a key leads to where the key is entered, and a stored key to its use", async (t) => {
  const { page, server } = t;
  await server.run("tenant", "set", "ai_provider=anthropic");
  await open(t, "settings");
  await page.getByText("There is no API key for the AI provider Anthropic.").waitFor();
  await page.getByRole("link", { name: "Add the key" }).click();
  await until("its field", () => card(page, "Anthropic").getByLabel("API key").evaluate((field) => field === document.activeElement));
  await page.goto(`${t.address}/dashboard`);
  await page.locator(".healthy li", { hasText: "Model" }).getByRole("link", { name: "Add a key" }).click();
  await card(page, "Anthropic").getByLabel("API key").waitFor();
  await server.run("tenant", "set", "ai_provider=offline");
  await page.reload();
  await page.route("**/anthropic/test", (route) => route.fulfill({ json: { reached: { model: "claude" }, timing_ms: 3 } }));
  await card(page, "Anthropic").getByLabel("API key").fill("sk-ant-test");
  await card(page, "Anthropic").getByRole("button", { name: "Save", exact: true }).click();
  await card(page, "Anthropic").getByRole("button", { name: "Answer with Anthropic" }).click();
  await page.locator(".toast", { hasText: "Anthropic answers from now on" }).waitFor();
  assert.match(await server.run("tenant", "show", "--json"), /"ai_provider":\s*"anthropic"/);
});
