// Against the router itself: `t3nets dev --demo`.
import assert from "node:assert/strict";
import { browserTests } from "./support/browser.mjs";
import { Router } from "./support/router.mjs";

const test = browserTests(() => Router.start(), { shared: true });

test("the router serves the page, with the policy, and says who answers", async ({ page, address }) => {
  const response = await page.goto(address);
  assert.match(response.headers()["content-security-policy"], /trusted-types 'none'/);
  await page.getByText("Not signed in").waitFor();
});

test("a key of the router's signs in", async ({ page, server, address }) => {
  await server.run("tenant", "add-user", "--email", "ada@acme.example", "--role", "admin", "--name", "Ada Lovelace");
  const key = (await server.run("key", "create", "ada@acme.example", "--quiet")).trim();
  await page.goto(address);
  await page.locator(".who").click();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("API key or sign-in link").fill(key);
  await page.keyboard.press("Enter");
  await page.getByText("Ada Lovelace").waitFor();
});
