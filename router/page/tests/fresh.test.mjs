// The demo as its first administrator finds it: sample data, no model, nobody else.
import assert from "node:assert/strict";
import { browserTests, until } from "./support/browser.mjs";
import { Router } from "./support/router.mjs";

const test = browserTests(async () => {
  const router = await Router.start();
  router.key = (await router.run("key", "create", "admin@example.com", "--quiet")).trim();
  return router;
});

async function open({ page, server, address }, path) {
  await page.request.post(`${address}/session`, { data: { key: server.key } });
  await page.goto(`${address}${path}`);
}
const field = (page, name) => page.getByLabel(name, { exact: true });

test("the overview points to set-up until something is connected or somebody else is there", async (t) => {
  const { page, server } = t;
  await open(t, "/dashboard");
  await page.getByRole("link", { name: "Set up your team" }).waitFor();
  await server.run("tenant", "add-user", "--email", "mei@acme.example", "--role", "member");
  const asked = page.waitForResponse((response) => response.url().includes("/api/admin/users"));
  await page.reload();
  await asked;
  await page.getByRole("slider").or(page.getByText("No turns in these 30 days (UTC).")).first().waitFor();
  await until("it is gone", async () => (await page.getByRole("link", { name: "Set up your team" }).count()) === 0);
});

test("sample data is no error in set-up, and says what it is; no model is no tick", async (t) => {
  const { page } = t;
  await open(t, "/setup?step=team");
  await page.getByText("No model is set up, so answers are made by templates.").waitFor();
  assert.equal(await page.locator(".hint.ok").count(), 0);
  assert.equal(await page.getByRole("link", { name: "Add a model" }).getAttribute("href"), "/dashboard?view=integrations&card=anthropic");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Sample data is connected. Enter your own Jira to replace it.").waitFor();
  assert.equal(await field(page, "Jira address").inputValue(), "");
  assert.equal(await page.locator(".hint.no").count(), 0);
  await page.getByRole("button", { name: "Keep the sample data" }).click();
  await page.getByRole("heading", { name: "First question" }).waitFor();
  await page.goto(`${t.address}/dashboard?view=integrations`);
  await page.getByRole("region", { name: "Jira" }).getByText("This is sample data").waitFor();
});

test("a question and an invitation get their ticks; an address is checked when it is left; the link is copied first", async (t) => {
  const { page } = t;
  await open(t, "/setup?step=question");
  const step = (name) => page.getByRole("listitem").filter({ hasText: name });
  assert.equal(await step("First question").getByText("done").count(), 0);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await step("First question").getByText("done", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Continue" }).click();
  await field(page, "E-mail").fill("mei");
  await field(page, "Name").focus();
  await page.getByText("This is not an e-mail address.").waitFor();
  await field(page, "E-mail").fill("mei@acme.example");
  await page.getByRole("button", { name: "Create a sign-in link" }).click();
  await field(page, "Link for mei").waitFor();
  await step("Invite people").getByText("done", { exact: true }).waitFor();
  const copy = page.getByRole("button", { name: "Copy", exact: true });
  const done = page.getByRole("link", { name: "Done" });
  assert.match(await copy.getAttribute("class"), /\bp\b/);
  assert.doesNotMatch(await done.getAttribute("class"), /\bp\b/);
  await done.click();
  await page.getByRole("dialog", { name: "Leave without copying?" }).getByRole("button", { name: "Cancel" }).click();
  await copy.click();
  await until("leaving is next", async () => /\bp\b/.test(await done.getAttribute("class")));
  // Come back on another day: both are ticked.
  await page.goto(`${t.address}/setup?step=team`);
  await step("First question").getByText("done", { exact: true }).waitFor();
  await step("Invite people").getByText("done", { exact: true }).waitFor();
});

test("turns without a model are called so, and a measure without numbers names itself", async (t) => {
  const { page, server } = t;
  await page.request.fetch(`${t.address}/api/chat`, { method: "POST", headers: { authorization: `Bearer ${server.key}`, cookie: "" }, data: { message: "Tell me about the weather" } });
  await open(t, "/dashboard");
  await until("it is settled", async () => {
    await page.reload();
    await page.getByRole("group", { name: "Who used it" }).or(page.getByText("Nothing was asked in this period.")).waitFor();
    return page.locator(".legend", { hasText: "no model" }).isVisible();
  });
  await page.locator(".legend").getByText("today, so far").waitFor();
  await page.getByRole("combobox", { name: "Measure" }).selectOption("tokens");
  await page.getByText("No tokens in these 30 days (UTC).").waitFor();
  await page.getByRole("combobox", { name: "Who" }).selectOption("model");
  await page.getByRole("heading", { name: "Models that answered" }).waitFor();
  await page.getByRole("cell", { name: "no model" }).waitFor();
});
