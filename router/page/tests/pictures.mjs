// Makes the pictures of chat, dashboard and set-up in docs/images, from the pages as they are built:
//
//     T3NETS_PROGRAM=target/debug/t3nets node tests/pictures.mjs
//
// The chat shows a scripted conversation, the dashboard a sample ledger at a fixed moment, set-up a router that runs, with a Jira of the tests. pngquant makes
// the pictures small; without it they stay as they are.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { EMAIL, Jira, TOKEN } from "./support/jira.mjs";
import { NOW, withLedger } from "./support/ledger.mjs";
import { shown, withConversations } from "./support/pictures-chat.mjs";
import { Router } from "./support/router.mjs";
import { Scripted } from "./support/scripted.mjs";

const images = fileURLToPath(new URL("../../../docs/images/", import.meta.url));
const KINDS = {
  "": { colorScheme: "light", viewport: { width: 1280, height: 860 } },
  "-dark": { colorScheme: "dark", viewport: { width: 1280, height: 860 } },
  "-phone": { colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true },
};

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--force-color-profile=srgb"] });

const started = [];
async function pictures(name, show) {
  for (const [kind, options] of Object.entries(KINDS)) {
    const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    await show(page);
    await page.evaluate(() => document.activeElement?.blur());
    const path = `${images}${name}${kind}.png`;
    await page.screenshot({ path, animations: "disabled", caret: "hide" });
    spawnSync("pngquant", ["--force", "--skip-if-larger", "--strip", "--output", path, "256", path]);
    await context.close();
  }
}

for (const [name, show] of Object.entries(shown)) {
  await pictures(name, async (page) => {
    const server = await Scripted.start();
    started.push(server);
    const morning = Date.UTC(2026, 10, 26, 8, 20);
    server.offset = morning - Date.now();
    withConversations(server);
    await page.clock.install({ time: morning });
    await show(page, server);
  });
}
for (const server of started) await server.end();

const server = withLedger(await Scripted.start());
await pictures("dashboard", async (page) => {
  await page.clock.setFixedTime(NOW);
  await page.goto(`${server.address}/dashboard`);
  await page.getByRole("slider").waitFor();
  await page.getByRole("group", { name: "Who used it" }).waitFor();
});
await server.end();

const jira = await Jira.start();
const router = await Router.start([]);
await router.run("tenant", "set", "--name", "Acme");
await router.run("tenant", "add-user", "--email", "ada@acme.example", "--role", "admin", "--name", "Ada Lovelace");
const key = (await router.run("key", "create", "ada@acme.example", "--quiet")).trim();
await pictures("setup", async (page) => {
  await page.request.post(`${router.address}/session`, { data: { key } });
  await page.goto(`${router.address}/setup?step=jira`);
  await page.getByLabel("Jira address").fill(jira.address);
  await page.getByLabel("E-mail of the account").fill(EMAIL);
  await page.getByLabel("API token").fill(TOKEN);
  await page.keyboard.press("Tab");
  await page.getByText("reads 3 boards").waitFor();
  await page.getByLabel("Board", { exact: true }).selectOption("7");
  await page.getByText("reads the board Web shop").waitFor();
});
await router.end();
await jira.end();
await browser.close();
