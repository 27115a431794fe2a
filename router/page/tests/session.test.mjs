// Signing in and out: rules 32, 53, 54 and 56 as far as they are of every page.
import assert from "node:assert/strict";
import { browserTests, until } from "./support/browser.mjs";
import { Scripted, ada } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const account = (page) => page.locator(".who");

test("rule 32: a 401 brings the sign-in over the page, and a key signs in", async ({ page, server, address }) => {
  server.signedIn = false;
  await page.goto(address);
  const field = page.getByLabel("Paste your sign-in link");
  await field.fill("  t3n_wrong\n");
  await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The key is not known.").waitFor();
  await field.fill("t3n_right");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByText("Ada Lovelace").waitFor();
  assert.deepEqual(server.of("POST", "/session").map((request) => request.body), [{ key: "t3n_wrong" }, { key: "t3n_right" }]);
});

test("rule 53: opening a one-time link spends nothing; a button's POST does", async ({ page, server, address }) => {
  server.signedIn = false;
  await page.goto(`${address}/#link=t3i_right`);
  const button = page.getByRole("dialog").getByRole("button", { name: "Sign in" });
  await button.waitFor();
  assert.equal(server.of("POST", "/session").length, 0);
  await button.click();
  await page.getByText("Ada Lovelace").waitFor();
  assert.deepEqual(server.of("POST", "/session").map((request) => request.body), [{ link: "t3i_right" }]);
});

test("rule 54: the token leaves the address before any other request; a used link says how to get a new one", async ({ page, server, address }) => {
  server.signedIn = false;
  server.next("POST", "/session", { status: 401, error: { code: "unauthorized", message: "the link was used, or its user is gone", hint: "links work once and expire. Ask for a new one; the operator can run `t3nets open`" } });
  const seen = [];
  page.on("request", () => seen.push(page.url()));
  await page.goto(`${address}/#link=t3i_used`);
  await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
  await page.locator(".note.bad").getByText("The link was used, or its user is gone. Links work once and expire. Ask for a new one").waitFor();
  assert.equal(page.url(), `${address}/`);
  for (const request of server.requests) assert.ok(!JSON.stringify([request.path, ...request.query, request.headers]).includes("t3i_used"), request.path);
  assert.equal(await page.evaluate(() => history.state), null);
});

test("rule 56: signing out in one tab brings the sign-in in the other", async ({ page, context, address }) => {
  const other = await context.newPage();
  for (const tab of [page, other]) {
    await tab.goto(address);
    await account(tab).waitFor();
  }
  await account(page).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  for (const tab of [page, other]) await tab.getByRole("dialog", { name: "Sign in" }).waitFor();
  await until("the other tab shows nobody", async () => (await account(other).count()) === 0);
});

test("rule 56: no admin's link shows for a member, not even for a moment", async ({ page, server, address }) => {
  server.me = { ...server.me, user: { ...ada, role: "member" }, role: "member", may_administer: false };
  let release;
  const held = new Promise((done) => (release = done));
  server.next("GET", "/api/me", async ({ response }) => {
    await held;
    server.json(response, 200, server.who());
  });
  await page.goto(address);
  assert.equal(await page.getByRole("link", { name: "Set up" }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Dashboard" }).count(), 0);
  release();
  await page.getByRole("link", { name: "Your account" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Set up" }).count(), 0);
});

test("a recovery code is shown once, and signs in", async ({ page, server, address }) => {
  await page.goto(address);
  await account(page).click();
  await page.getByRole("button", { name: "Recovery code" }).click();
  const dialog = page.getByRole("dialog", { name: "Recovery code" });
  await dialog.getByRole("button", { name: "Create a code" }).click();
  await dialog.getByText("t3r_right").waitFor();
  await dialog.getByRole("button", { name: "Copy", exact: true }).click();
  await dialog.getByRole("button", { name: "Done" }).click();
  assert.equal(await page.getByText("t3r_right").count(), 0);
  await account(page).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Paste your sign-in link").fill("t3r_right");
  await page.keyboard.press("Enter");
  await page.getByText("Ada Lovelace").waitFor();
  assert.deepEqual(server.of("POST", "/session").map((request) => request.body), [{ recovery_code: "t3r_right" }]);
});

test("signing out shows what a reload would: who may ask without signing in goes on, in the same team", async ({ page, server, address }) => {
  server.store("s1", "A question", "An answer");
  await page.goto(`${address}/c/s1`);
  await page.locator(".ans").getByText("An answer").waitFor();
  server.next("DELETE", "/session", ({ response }) => {
    server.me = { ...server.me, by: "nothing", user: null, role: "member", may_administer: false };
    server.json(response, 204);
  });
  await account(page).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("Not signed in").waitFor();
  assert.equal(page.url(), `${address}/`);
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.getByText(/^Good /).waitFor();
  assert.equal(await page.locator(".brand .name").textContent(), "Acme");
});

test("signing out where everyone has to sign in keeps the team's name", async ({ page, address }) => {
  await page.goto(address);
  await account(page).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("dialog", { name: "Sign in" }).waitFor();
  assert.equal(await page.locator(".brand .name").textContent(), "Acme");
});

test("a recovery code is offered once, after the first sign-in by a link", async ({ page, server, address }) => {
  const offer = page.getByText("A recovery code gets you back in");
  for (const isFirst of [true, false]) {
    server.signedIn = false;
    await page.goto("about:blank");
    await page.goto(`${address}/#link=t3i_right`);
    await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Ada Lovelace").waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    if (!isFirst) break;
    await page.getByRole("button", { name: "Create a recovery code" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Create a code" }).click();
    await page.getByText("t3r_right").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("button", { name: "Done" }).click();
    await offer.waitFor({ state: "detached" });
  }
  assert.equal(await offer.count(), 0);
});
