// Set-up, against the router itself and a Jira that the test drives.
import assert from "node:assert/strict";
import { axe } from "./support/axe.mjs";
import { browserTests, until } from "./support/browser.mjs";
import { EMAIL, Jira, TOKEN } from "./support/jira.mjs";
import { startTeam } from "./support/team.mjs";

const test = browserTests(startTeam);

async function open({ page, server, address }, step) {
  await page.request.post(`${address}/session`, { data: { key: server.key } });
  await page.goto(`${address}/setup${step ? `?step=${step}` : ""}`);
  await page.getByRole("list", { name: "Steps" }).waitFor();
}
const field = (page, name) => page.getByLabel(name, { exact: true });
const heading = (page, name) => page.getByRole("heading", { name }).waitFor();

/** Types an account that works, and leaves its last field. */
async function account(page, jira, { url = jira.address, email = EMAIL, token = TOKEN } = {}) {
  await field(page, "Jira address").fill(url);
  await field(page, "E-mail of the account").fill(email);
  await field(page, "API token").fill(token);
  await page.keyboard.press("Tab");
}

test("the whole of set-up: team, Jira, a question, inviting, and the one who was invited asks", async (t) => {
  const { page, server, browser } = t;
  await open(t);
  await field(page, "Name of the team").fill("Acme");
  await page.getByRole("button", { name: "Continue" }).click();
  await heading(page, "Connect Jira");
  await page.locator(".brand", { hasText: "Acme" }).waitFor();
  const made = page.getByRole("link", { name: /id\.atlassian\.com/ });
  assert.equal(await made.getAttribute("href"), "https://id.atlassian.com/manage-profile/security/api-tokens");
  assert.equal(await made.getAttribute("rel"), "noopener noreferrer");
  await account(page, server.jira);
  await page.getByText(/T3nets Bot is signed in at 127\.0\.0\.1 and reads 3 boards/).waitFor();
  await field(page, "Board").selectOption("7");
  await page.getByText(/reads the board Web shop at 127\.0\.0\.1; Sprint 24 is active with 2 issues/).waitFor();
  // Nothing was stored until one says so.
  await assert.rejects(server.run("secret", "test", "jira"));
  await page.getByRole("button", { name: "Save and continue" }).click();
  await heading(page, "First question");
  assert.match(await server.run("secret", "test", "jira"), /Web shop/);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  // As the chat would show it: Markdown, not its marks.
  await page.locator(".first-answer .md", { hasText: "Sprint 24" }).waitFor();
  assert.equal(await page.locator(".first-answer .plain").count(), 0);
  await page.getByRole("button", { name: "Continue" }).click();
  await field(page, "E-mail").fill("mei@acme.example");
  await field(page, "Name").fill("Mei Tanaka");
  await page.getByRole("button", { name: "Create a sign-in link" }).click();
  const link = await field(page, "Link for Mei Tanaka").inputValue();
  const other = await browser.newContext();
  const hers = await other.newPage();
  await hers.goto(link);
  await hers.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
  await hers.getByText("Mei Tanaka").first().waitFor();
  await hers.goto(`${server.address}/setup`);
  await hers.getByText("Only administrators can set up the team.").waitFor();
  await other.close();
  // Come back later: it goes on behind what is done.
  await page.goto(`${server.address}/setup`);
  await heading(page, "First question");
});

test("rule 50: a field is checked when it is left and at Next, and its error stands at it", async (t) => {
  const { page } = t;
  await open(t, "jira");
  await field(page, "Jira address").fill("acme");
  assert.equal(await page.locator(".hint.no").count(), 0);
  await page.keyboard.press("Tab");
  const described = async (name) => page.locator(`[id="${await field(page, name).getAttribute("aria-describedby")}"]`).innerText();
  await until("its error", async () => (await described("Jira address")).includes("This is not an address like"));
  assert.equal(await field(page, "Jira address").getAttribute("aria-invalid"), "true");
  assert.equal(await field(page, "E-mail of the account").getAttribute("aria-invalid"), "false");
  await page.getByRole("button", { name: "Test", exact: true }).click();
  assert.match(await described("E-mail of the account"), /Enter the e-mail address/);
  assert.match(await described("API token"), /Paste the token/);
  await until("the first wrong field has the focus", () => field(page, "Jira address").evaluate((element) => element === document.activeElement));
});

test("rule 50: back, reload and leaving lose only the token, which is kept nowhere", async (t) => {
  const { page, server, address } = t;
  await open(t, "team");
  await page.getByRole("button", { name: "Continue" }).click();
  await heading(page, "Connect Jira");
  await account(page, server.jira);
  await page.getByText("reads 3 boards").waitFor();
  const kept = () => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, history.state]));
  assert.ok(!(await kept()).includes(TOKEN));
  const still = async () => {
    await until("address and e-mail are there", async () => (await field(page, "Jira address").inputValue()) === server.jira.address && (await field(page, "E-mail of the account").inputValue()) === EMAIL);
    assert.equal(await field(page, "API token").inputValue(), "");
  };
  await page.reload();
  await still();
  await page.goBack();
  await heading(page, "Your team");
  await page.goForward();
  await still();
  await page.goto(`${address}/`);
  await page.goto(`${address}/setup?step=jira`);
  await still();
  // Of the one who signs out nothing stays.
  await page.locator(".who").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await until("it is gone", async () => !(await kept()).includes(EMAIL));
});

test("rule 51: a board's address is taken apart, a site's page and a token's line ends trimmed", async (t) => {
  const { page, server } = t;
  await open(t, "jira");
  await account(page, server.jira, { url: ` ${server.jira.address}/jira/your-work `, token: `  ${TOKEN.slice(0, 9)}\n` });
  // As it is copied out of a mail that broke it over two lines.
  await field(page, "API token").fill(`${TOKEN.slice(0, 12)} ${TOKEN.slice(12)}\u200B`);
  await page.keyboard.press("Tab");
  await page.getByText("reads 3 boards").waitFor();
  assert.equal(await field(page, "Jira address").inputValue(), server.jira.address);
  await field(page, "Board").selectOption("other");
  await field(page, "Board").fill(`${server.jira.address}/secure/RapidBoard.jspa?rapidView=12`);
  await page.keyboard.press("Tab");
  await page.getByText(/reads the board Platform/).waitFor();
  await until("the number stands there", async () => ["12"].includes(await field(page, "Board").inputValue()));
  // Of another site it is no board of this one.
  await page.getByRole("button", { name: "Save and continue" }).click();
  await heading(page, "First question");
  assert.match(await server.run("secret", "test", "jira"), /Platform/);
});

for (const [what, change, name, text] of [
  ["the address", ({ jira }) => ({ url: jira.address.replace(/\d+$/, "9") }), "Jira address", /Jira cannot be reached/],
  ["the e-mail", () => ({ email: "else@acme.example" }), "API token", /refused the credentials.*E-mail and token must belong/],
  ["the token", () => ({ token: "ATATT3-wrong" }), "API token", /refused the credentials/],
]) {
  test(`rule 52: a test says at its field that ${what} is what failed`, async (t) => {
    const { page, server } = t;
    await open(t, "jira");
    await account(page, server.jira, change(server));
    await until("it is said", async () => text.test(await page.locator(`[id="${await field(page, name).getAttribute("aria-describedby")}"]`).innerText()));
    assert.equal(await page.locator(".hint.ok").count(), 0);
  });
}

test("rule 52: a test says at the board that the right to read it is what failed", async (t) => {
  const { page, server } = t;
  server.jira.forbidden.add(12);
  await open(t, "jira");
  await account(page, server.jira);
  await field(page, "Board").selectOption("12");
  await page.getByText(/may not read the board.*Give the account the right/).waitFor();
  assert.equal(await page.getByRole("button", { name: "Save and continue" }).count(), 0);
  // A board without sprints is read, and that is said.
  await field(page, "Board").selectOption("31");
  await page.getByText(/reads the board Support.*no sprint is active/).waitFor();
});

test("rule 48: a test of set-up is one call, however often it is asked for", async (t) => {
  const { page, server } = t;
  await open(t, "jira");
  await account(page, server.jira);
  await page.getByText("reads 3 boards").waitFor();
  const asked = () => server.jira.requests.filter((path) => path === "/rest/api/3/myself").length;
  assert.equal(asked(), 1);
  // Leaving the fields again asks nothing anew.
  await field(page, "API token").focus();
  await field(page, "Jira address").focus();
  await field(page, "E-mail of the account").focus();
  assert.equal(asked(), 1);
  await page.getByRole("button", { name: "Test again" }).evaluate((button) => (button.click(), button.click()));
  await until("it was asked once more", () => asked() === 2);
  await page.getByText("reads 3 boards").waitFor();
  assert.equal(asked(), 2);
});

test("rule 47: the stored token is kept by a blank field, and asked for again with another host", async (t) => {
  const { page, server } = t;
  await server.jira.end();
  server.jira = await Jira.start();
  await open(t, "jira");
  await account(page, server.jira);
  await field(page, "Board").selectOption("7");
  await page.getByText("reads the board Web shop").waitFor();
  await page.getByRole("button", { name: "Save and continue" }).click();
  await heading(page, "First question");
  await page.getByRole("button", { name: "Connect Jira" }).click();
  assert.equal(await field(page, "API token").getAttribute("placeholder"), "stored");
  await page.getByText("reads the board Web shop").waitFor();
  await field(page, "Jira address").fill("https://other.example");
  await field(page, "API token").focus();
  await page.keyboard.press("Tab");
  await page.getByText("The address is on another host: enter the token again").waitFor();
});

for (const theme of ["light", "dark"]) {
  test(`rule 40: axe finds nothing in set-up, ${theme}`, { context: { colorScheme: theme } }, async (t) => {
    const { page, server } = t;
    await open(t, "team");
    await axe(page, "team");
    await page.getByRole("button", { name: "Continue" }).click();
    await account(page, server.jira, { token: "wrong" });
    await page.getByText("refused the credentials").waitFor();
    await axe(page, "a test that failed");
    await account(page, server.jira);
    await field(page, "Board").selectOption("7");
    await page.getByText("reads the board Web shop").waitFor();
    await axe(page, "a test that passed");
    await page.getByRole("button", { name: "Save and continue" }).click();
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.locator(".first-answer").waitFor();
    await axe(page, "a first question");
    await page.getByRole("button", { name: "Continue" }).click();
    await field(page, "E-mail").fill("mei@acme.example");
    await page.getByRole("button", { name: "Create a sign-in link" }).click();
    await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
    await axe(page, "inviting");
  });
}

test("nothing of set-up is wider than a phone of 320 px", { context: { viewport: { width: 320, height: 640 }, hasTouch: true } }, async (t) => {
  await open(t, "jira");
  await account(t.page, t.server.jira);
  await t.page.getByText("reads 3 boards").waitFor();
  const wide = await t.page.evaluate(() => [document.scrollingElement.scrollWidth, document.querySelector(".sheet").scrollWidth]);
  assert.ok(wide.every((width) => width <= 320), String(wide));
});
