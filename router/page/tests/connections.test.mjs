// One's own accounts at MCP servers: from the answer that asks for one, by the server's sign-in and back; and by a token.
import assert from "node:assert/strict";
import { axe } from "./support/axe.mjs";
import { browserTests, until } from "./support/browser.mjs";
import { ask } from "./support/chat.mjs";
import { Scripted, ada } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const PHONE = { context: { viewport: { width: 380, height: 700 }, hasTouch: true } };
const LIST = "/api/me/integrations";

/** A server of the team's, which `own` says is connected or not. */
function withServer(server, own = {}) {
  const docs = { name: "mcp-docs", server: "https://docs.example", connected: false, updated_at: null, signed_in: false, ended_at: null, ...own };
  const all = () => ({ status: 200, body: { integrations: [docs] } });
  server.me = { ...server.me, user: { ...ada, role: "member" }, role: "member", may_administer: false };
  server.rules.push({ method: "GET", path: LIST, times: Infinity, answer: ({ response }) => server.json(response, 200, all().body) });
  for (const [method, change] of [["PUT", { connected: true, updated_at: "2026-11-27T12:00:00Z" }], ["DELETE", { connected: false, updated_at: null, ended_at: null }]]) {
    server.rules.push({ method, path: `${LIST}/mcp-docs`, times: Infinity, answer: ({ response }) => server.json(response, 200, (Object.assign(docs, change), all().body)) });
  }
  return docs;
}
const card = (page) => page.getByRole("region", { name: "docs" });
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

test("an answer leads to the server's sign-in and back; what comes back leaves the address and is sent once", PHONE, async ({ page, server, address }) => {
  const docs = withServer(server);
  await page.goto(address);
  const turn = await ask(page, server, "What do the docs say?");
  turn.delta(`Connect your account first. [Connect \`docs\`](${address}/dashboard?view=connections&card=mcp-docs)`);
  turn.done();
  const link = page.getByRole("link", { name: "Connect docs" });
  assert.equal(await link.getAttribute("class"), "btn");
  await page.goto(await link.getAttribute("href"));
  await card(page).getByText("not connected", { exact: true }).waitFor();
  assert.ok(await fits(page));
  await axe(page, "connections");

  // The server's sign-in sends one back at once.
  const back = `${address}/oauth/callback/mcp-docs`;
  server.next("POST", `${LIST}/mcp-docs/connect`, { status: 200, body: { authorization_url: `${back}?code=c-1&state=s-1&iss=https%3A%2F%2Fauth.example`, redirect_uri: back } });
  server.next("POST", `${LIST}/mcp-docs/connected`, ({ response }) => {
    Object.assign(docs, { connected: true, signed_in: true, updated_at: "2026-11-27T12:00:00Z" });
    server.json(response, 200, { name: "mcp-docs", credentials: "user" });
  });
  await card(page).getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("Your account at docs is connected.").waitFor();
  await card(page).getByText("connected", { exact: true }).waitFor();
  assert.equal(page.url(), `${address}/dashboard?view=connections&card=mcp-docs`);
  const sent = server.of("POST", `${LIST}/mcp-docs/connected`);
  assert.deepEqual(sent.map(({ body }) => body), [{ state: "s-1", code: "c-1", iss: "https://auth.example" }]);
  assert.equal(sent[0].headers.referer, undefined);
  await axe(page, "connections");
  await page.reload();
  await card(page).getByText("connected", { exact: true }).waitFor();
  assert.equal(server.of("POST", `${LIST}/mcp-docs/connected`).length, 1);

  // Who says no there is told so.
  server.next("POST", `${LIST}/mcp-docs/connected`, { status: 409, error: { code: "sign_in_refused", message: "the sign-in at `docs` was not completed: access was denied there", hint: "connect again, and allow it there" } });
  await page.goto(`${back}?error=access_denied&state=s-2`);
  await page.getByText("access was denied there").waitFor();
  assert.ok(!page.url().includes("s-2"));
});

test("a token is entered, tested and taken away; one that ended says since when", PHONE, async ({ page, server, address }) => {
  withServer(server, { signed_in: true, ended_at: "2026-11-20T12:00:00Z" });
  await page.goto(`${address}/dashboard?view=connections`);
  await card(page).getByText(/The connection ended .*20/).waitFor();
  await card(page).getByRole("button", { name: "Enter a token" }).click();
  await page.getByLabel("Your token").fill(" s3cret ");
  await axe(page, "connections");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Your token for docs was saved").waitFor();
  assert.deepEqual(server.of("PUT", `${LIST}/mcp-docs`)[0].body, { token: "s3cret" });
  server.next("POST", `${LIST}/mcp-docs/test`, { status: 200, body: { name: "mcp-docs", reached: { tools: [{ name: "look", use: "runs" }, { name: "drop", use: "off" }] }, timing_ms: 40 } });
  await card(page).getByRole("button", { name: "Test" }).click();
  await card(page).getByText("It answers, with 1 tool that you can use").waitFor();
  await card(page).getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await until("it is gone", () => server.of("DELETE", `${LIST}/mcp-docs`).length === 1);
  await card(page).getByText("not connected", { exact: true }).waitFor();
});
