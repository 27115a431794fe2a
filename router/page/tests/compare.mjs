// First sight of the chat, beside Open WebUI's: bytes on the wire, requests, first paint, and how long until one can type.
//
//     pip download --no-deps open-webui==0.12.4 && unzip -q open_webui-*.whl -d open-webui
//     T3NETS_PROGRAM=… node tests/compare.mjs open-webui/open_webui
//
// Both in one browser, on this machine's loopback, with brotli as Open WebUI's server has it. Its API is answered here with
// one model and one user, at once: what its own server would add is left out.
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { chromium } from "playwright-core";
import { executablePath } from "./support/browser.mjs";
import { Router } from "./support/router.mjs";

const ROUNDS = 7;
const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".wasm": "application/wasm" };
const user = { id: "u1", email: "ada@acme.example", name: "Ada", role: "admin", profile_image_url: "/user.png", token: "t", token_type: "Bearer", permissions: { workspace: {}, chat: {}, features: {}, sharing: {} } };
const api = {
  "/api/config": { status: true, name: "Open WebUI", version: "0.12.4", default_locale: "en-US", oauth: { providers: {} }, features: { auth: true, enable_login_form: true }, default_models: "m", default_prompt_suggestions: [], permissions: {}, ui: {}, file: {}, audio: { tts: {}, stt: {} }, code: {}, metadata: {} },
  "/api/version": { version: "0.12.4" },
  "/api/v1/auths": user,
  "/api/models": { data: [{ id: "m", name: "Model", object: "model", owned_by: "openai", info: { meta: {} } }] },
  "/api/v1/users/user/settings": { ui: {} },
};

/** The frontend out of the package. */
async function openWebUi(folder) {
  const kept = new Map();
  const read = (path) => {
    const own = path.startsWith("/static/") ? join(folder, path) : join(folder, "frontend", path);
    const name = existsSync(own) && statSync(own).isFile() ? own : join(folder, "frontend/index.html");
    if (!kept.has(name)) {
      const kind = kinds[extname(name)] ?? "application/octet-stream";
      const plain = readFileSync(name);
      const packs = /text|json|javascript|svg|wasm/.test(kind) && plain.length > 500;
      kept.set(name, { kind, packs, content: packs ? brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }) : plain });
    }
    return kept.get(name);
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    if (/^\/(api|ws|ollama|openai)\b/.test(path)) {
      response.writeHead(200, { "content-type": "application/json" });
      return response.end(JSON.stringify(api[path.replace(/\/$/, "")] ?? []));
    }
    const { kind, packs, content } = read(path);
    response.writeHead(200, { "content-type": kind, "content-length": content.length, ...(packs && { "content-encoding": "br" }) });
    response.end(content);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { address: `http://127.0.0.1:${server.address().port}`, end: () => server.close() };
}

async function look(browser, address, box, before) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  if (before) await context.addInitScript(before);
  const page = await context.newPage();
  const client = await context.newCDPSession(page);
  await client.send("Network.enable");
  const seen = { bytes: 0, requests: 0 };
  client.on("Network.loadingFinished", ({ encodedDataLength }) => ((seen.bytes += encodedDataLength), (seen.requests += 1)));
  const began = performance.now();
  await page.goto(address);
  await page.locator(box).first().waitFor({ timeout: 60_000 });
  seen.ready = performance.now() - began;
  await page.waitForLoadState("networkidle");
  seen.paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  await context.close();
  return seen;
}

const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const router = await Router.start();
const other = process.argv[2] && (await openWebUi(process.argv[2]));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const places = { T3nets: () => look(browser, router.address, "textarea"), ...(other && { "Open WebUI": () => look(browser, other.address, "#chat-input", "localStorage.token = 't'") }) };
const all = Object.fromEntries(Object.keys(places).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) for (const [name, look] of Object.entries(places)) all[name].push(await look());
for (const [name, seen] of Object.entries(all)) {
  const of = (what) => middle(seen.map((each) => each[what]));
  console.log(`${name}: ${(of("bytes") / 1000).toFixed(1)} KB, ${of("requests")} requests, first paint ${Math.round(of("paint"))} ms, ready to type ${Math.round(of("ready"))} ms`);
}
await browser.close();
await router.end();
other?.end();
