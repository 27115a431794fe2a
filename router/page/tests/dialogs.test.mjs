// Dialogs: where one begins in them, and what is shown once.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { NOW, PEOPLE, withLedger } from "./support/ledger.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());
const KEY = `t3n_${"abcdefgh".repeat(7)}`;
const people = (count) => Array.from({ length: count }, (_, index) => ({ user_id: `p${index}`, email: `person-${index}@${index === 3 ? "a-very-long-name-of-a-department.of-a-company-with-a-long-name.example" : "acme.example"}`, display_name: `Person ${index}`, role: index < 2 ? "admin" : "member" }));

async function open({ page, server, address }, view, users = PEOPLE) {
  const keys = [
    { prefix: "t3n_soon", user_id: "mei", kind: "key", name: "release bot", role: "member", state: "active", created_at: "2026-11-01T00:00:00Z", expires_at: "2026-11-29T00:00:00Z", hash: "a" },
    { prefix: "t3i_mei", user_id: "mei", kind: "link", name: "", role: "member", state: "active", created_at: "2026-11-26T00:00:00Z", expires_at: "2026-11-29T00:00:00Z", hash: "b" },
  ];
  const give = (method, path, body) => server.rules.unshift({ method, path, times: Infinity, answer: ({ response }) => server.json(response, 200, body) });
  withLedger(server);
  give("GET", "/api/admin/keys", { keys });
  give("POST", "/api/admin/keys", { ...keys[0], key: KEY });
  give("GET", "/api/admin/users", { users });
  await page.clock.setFixedTime(NOW);
  await page.goto(`${address}/dashboard?view=${view}`);
  await page.locator("tbody tr").first().waitFor();
}
const dialog = (page, name) => page.getByRole("dialog", name ? { name } : {});
/** What has the focus, by its label or words. */
const focused = async (page) => {
  await drawn(page);
  return read(page);
};
const read = (page) => page.evaluate(() => document.activeElement.id && (document.querySelector(`label[for="${document.activeElement.id}"]`)?.innerText ?? "") || document.activeElement.innerText || document.activeElement.getAttribute("aria-label"));

test("a dialog begins in its first field, and without fields at what does no harm", async (t) => {
  const { page } = t;
  await open(t, "people");
  await page.getByRole("button", { name: "Add a person" }).click();
  assert.equal(await focused(page), "E-mail");
  await page.keyboard.press("Escape");
  assert.equal(await focused(page), "Add a person");
  await page.getByRole("button", { name: "Remove Mei Tanaka" }).click();
  assert.match(await focused(page), /^Type mei to confirm/);
  await page.keyboard.press("Escape");
  await page.goto(`${t.address}/dashboard?view=keys`);
  await page.getByRole("button", { name: "Revoke t3i_mei" }).click();
  assert.equal(await focused(page), "Cancel");
});

test("signing in begins in the field; on a phone no keyboard comes up by itself", async (t) => {
  const { page, server, browser, address } = t;
  server.signedIn = false;
  await page.goto(address);
  await dialog(page, "Sign in").waitFor();
  assert.equal(await focused(page), "Paste your sign-in link");
  const phone = await browser.newContext({ hasTouch: true, isMobile: true, viewport: { width: 380, height: 640 } });
  const small = await phone.newPage();
  await small.goto(address);
  await dialog(small, "Sign in").waitFor();
  assert.equal(await small.evaluate(() => document.activeElement.tagName), "DIALOG");
  await phone.close();
});

test("49: a new key is whole, stays at Esc, and asks before it is gone without being copied", async (t) => {
  const { page } = t;
  await open(t, "keys");
  await page.getByRole("button", { name: "New key" }).click();
  await dialog(page).waitFor();
  await page.keyboard.type("release bot");
  await page.keyboard.press("Enter");
  const field = page.getByLabel("API key", { exact: true });
  await field.waitFor();
  assert.equal(await focused(page), "Copy");
  const [scroll, client] = await field.evaluate((of) => [[of.scrollWidth, of.scrollHeight], [of.clientWidth, of.clientHeight]]);
  assert.deepEqual(scroll, client);
  assert.equal(await field.inputValue(), KEY);
  for (let times = 0; times < 3; times += 1) await page.keyboard.press("Escape");
  assert.ok(await field.isVisible());
  await page.getByRole("button", { name: "Done" }).click();
  await dialog(page, "Close without copying?").getByRole("button", { name: "Cancel" }).click();
  await dialog(page, "Your new key").getByRole("button", { name: "Close", exact: true }).click();
  await dialog(page, "Close without copying?").getByRole("button", { name: "Cancel" }).click();
  await dialog(page).getByRole("button", { name: "Copy", exact: true }).click();
  await dialog(page).getByText("Copied").waitFor();
  await page.getByRole("button", { name: "Done" }).click();
  await until("it is closed", async () => (await dialog(page).count()) === 0);
});

test("a form is sent once, says that it is under way, and can be sent again after it failed", async (t) => {
  const { page, server } = t;
  await open(t, "keys");
  let refuse;
  const answer = { method: "POST", path: "/api/admin/keys", times: 1, answer: async ({ response }) => {
    await new Promise((done) => (refuse = done));
    server.refuse(response, 503, { code: "store_unavailable", message: "the store does not answer" });
  } };
  server.rules.unshift(answer);
  await page.getByRole("button", { name: "New key" }).click();
  await dialog(page).waitFor();
  // Two in one moment, before the page can draw that one is under way; and one after that.
  await dialog(page).locator("form").evaluate((form) => (form.requestSubmit(), form.requestSubmit()));
  assert.ok(await dialog(page).getByRole("button", { name: "Creating…" }).isDisabled());
  await page.keyboard.press("Enter");
  await until("it was sent", () => refuse);
  assert.equal(server.of("POST", "/api/admin/keys").length, 1);
  refuse();
  await dialog(page).getByText("The store does not answer.").waitFor();
  await page.keyboard.press("Enter");
  await page.getByLabel("API key", { exact: true }).waitFor();
  assert.equal(server.of("POST", "/api/admin/keys").length, 2);
});

test("what goes wrong is said in its dialog, and gone with it", async (t) => {
  const { page, server } = t;
  await open(t, "people");
  server.next("DELETE", /^\/api\/admin\/users\//, { status: 409, error: { code: "refused", message: "user `mei` was changed by someone else" } });
  await page.getByRole("button", { name: "Remove Mei Tanaka" }).click();
  await dialog(page).waitFor();
  await page.keyboard.type("mei");
  await page.keyboard.press("Enter");
  await dialog(page).getByText("User mei was changed by someone else.").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".note.bad").count(), 0);
});

test("many people are searched, long addresses are cut off, and who did not come yet is marked", async (t) => {
  const { page } = t;
  await open(t, "people");
  assert.equal(await page.getByRole("searchbox").count(), 0);
  await page.locator("tbody tr", { hasText: "Mei Tanaka" }).getByText("invited").waitFor();
  await open(t, "people", people(16));
  const long = page.locator(".cut[title*=department]");
  assert.ok((await long.evaluate((of) => of.scrollWidth - of.clientWidth)) > 0);
  await page.getByRole("searchbox", { name: "Search people" }).fill("person-12@");
  await until("one is left", async () => (await page.locator("tbody tr").count()) === 1);
});

test("a key that ends soon is to be seen", async (t) => {
  const { page } = t;
  await open(t, "keys");
  await page.locator(".soon", { hasText: "29 Nov, 01:00 – soon" }).waitFor();
  assert.equal(await page.locator(".soon").count(), 1);
});

for (const width of [380, 768, 1000]) {
  test(`what can be done to a person is in sight at ${width} px`, { context: { viewport: { width, height: 800 } } }, async (t) => {
    const { page } = t;
    await open(t, "people", people(6));
    for (const name of ["Invite Person 3", "Change Person 3", "Remove Person 3"]) {
      const box = await page.getByRole("button", { name }).boundingBox();
      const wrap = await page.locator(".tablewrap").boundingBox();
      assert.ok(box.x >= wrap.x && box.x + box.width <= wrap.x + wrap.width + 1, `${name}: ${JSON.stringify([box, wrap])}`);
    }
  });
}
