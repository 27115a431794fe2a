// Against the router itself: `t3nets dev --demo`.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { browserTests, until } from "./support/browser.mjs";
import { box, shows } from "./support/chat.mjs";
import { Router } from "./support/router.mjs";

const test = browserTests(() => Router.start(), { shared: true });

/** A key of a user of the demo's tenant. */
async function keyOf(server, name) {
  const users = await server.run("tenant", "users", "--json");
  if (!users.includes(`${name}@acme.example`)) await server.run("tenant", "add-user", "--email", `${name}@acme.example`, "--role", "admin", "--name", name === "ada" ? "Ada Lovelace" : name);
  return (await server.run("key", "create", `${name}@acme.example`, "--quiet")).trim();
}
/** Signs a page in as them. */
async function signIn(page, server, name = "ada") {
  const key = await keyOf(server, name);
  await page.goto(server.address);
  await page.locator(".who").click();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Paste your sign-in link").fill(key);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
}
const ask = async (page, text) => {
  await box(page).fill(text);
  await box(page).press("Enter");
  await page.locator(".you").last().getByText(text).waitFor();
  await page.locator(".ans.open").waitFor({ state: "detached" });
};

test("the router serves the page, with the policy, and says who answers", async ({ page, address }) => {
  const response = await page.goto(address);
  assert.match(response.headers()["content-security-policy"], /trusted-types 'none'/);
  await page.getByText("Not signed in").waitFor();
  await page.getByText("from sample data").waitFor();
});

test("without signing in one asks and is answered", async ({ page, address }) => {
  await page.goto(address);
  await page.locator(".asks button").first().click();
  await shows(page, "Sprint");
  await page.locator(".ans.open").waitFor({ state: "detached" });
  await ask(page, "who is blocked?");
  assert.equal(await page.locator(".note").count(), 0);
});

test("a key signs in; a conversation is listed, found again after a reload, asked again, removed", async ({ page, server, address }) => {
  await signIn(page, server);
  await page.getByText("Ada Lovelace").waitFor();
  await ask(page, "sprint status?");
  await shows(page, "Sprint");
  await page.locator(".list").getByText("sprint status?").waitFor();
  await page.reload();
  await shows(page, "Sprint");
  await page.getByRole("button", { name: "Details" }).click();
  await page.locator(".details").getByText("Sprint status").waitFor();
  const first = page.url();
  await page.getByRole("button", { name: "Ask again" }).click();
  await until("another version", () => page.url() !== first);
  await page.locator(".ans.open").waitFor({ state: "detached" });
  await shows(page, "Sprint");
  await page.getByRole("link", { name: "an earlier conversation" }).click();
  await shows(page, "Sprint");
  await ask(page, "hello");
  await page.getByRole("button", { name: "Delete this conversation" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Good ").waitFor();
  assert.equal(page.url(), `${address}/`);
});

test("rule 31: two tabs at the router itself: the other shows the turn, and goes on from it", async ({ page, context, server }) => {
  await signIn(page, server);
  await ask(page, "hello");
  const other = await context.newPage();
  await other.goto(page.url());
  await other.locator(".you").getByText("hello").waitFor();
  await page.bringToFront();
  await ask(page, "sprint status?");
  await other.bringToFront();
  await other.locator(".you").getByText("sprint status?").waitFor();
  await shows(other, "Sprint");
  await ask(other, "thanks");
  await page.bringToFront();
  await page.locator(".you").getByText("thanks").waitFor();
});

test("rule 55: the pages are the same bytes signed in or out", async ({ context, server, address }) => {
  const opened = await context.request.post(`${address}/session`, { data: { key: await keyOf(server, "ada") } });
  assert.equal(opened.status(), 201);
  const [{ name, value }] = await context.cookies();
  for (const path of ["/", "/c/some-conversation", "/dashboard", "/setup"]) {
    const seen = async (cookie) => {
      const response = await fetch(`${address}${path}`, { headers: { accept: "text/html", ...(cookie && { cookie }) } });
      const headers = [...response.headers].filter(([name]) => name !== "date" && name !== "x-request-id");
      return { status: response.status, headers, text: await response.text() };
    };
    const signedOut = await seen();
    assert.equal(signedOut.status, 200);
    assert.ok(!signedOut.headers.some(([name]) => name === "set-cookie"), path);
    for (const cookie of [`${name}=${value}`, `${name}=t3s_of_nobody`]) assert.deepEqual(await seen(cookie), signedOut, path);
  }
});

test("rule 55: a link from another site shows who is signed in, though its request has no cookie", async ({ browser, server, address }) => {
  const other = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(`<a href="${address}/">T3nets</a>`));
  await new Promise((done) => other.listen(0, "127.0.0.1", done));
  const context = await browser.newContext();
  try {
    await context.request.post(`${address}/session`, { data: { key: await keyOf(server, "ada") } });
    const page = await context.newPage();
    // By its name it is another site than by its number.
    await page.goto(`http://localhost:${other.address().port}/`);
    const asked = page.waitForRequest(`${address}/`);
    await page.getByRole("link").click();
    assert.equal((await (await asked).allHeaders()).cookie, undefined);
    await page.locator(".who", { hasText: "Ada Lovelace" }).waitFor();
  } finally {
    await context.close();
    other.close();
  }
});
