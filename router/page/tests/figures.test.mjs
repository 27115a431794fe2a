// Numbers, days, order and files of the dashboard, without a browser.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { load } from "./support/modules.mjs";

const days = await load("figures/days.ts");
const numbers = await load("figures/numbers.ts");
const { cell, csv } = await load("figures/csv.ts");
const sort = await load("figures/sort.ts");
const trail = await load("dashboard/trail.ts");
const { plain } = await load("common/names.ts");
const { boardIn, emailProblem, siteIn, tokenIn } = await load("setup/board.ts");

test("33: a time in the API's words is the reader's, and a setting has its label", () => {
  const said = plain("5 messages were used this month; the limit resets at 2026-12-01T00:00:00Z: see `usd_per_month`");
  assert.match(said, /resets at .*(December|November).*: see Dollars a month$/);
  assert.doesNotMatch(said, /2026|T00|Z/);
});

test("42: Los Angeles and Auckland show the same labels of days, which name their zone", () => {
  const program = `
    import { load } from ${JSON.stringify(new URL("./support/modules.mjs", import.meta.url).href)};
    const days = await load("figures/days.ts");
    const now = Date.parse("2026-11-26T10:30:00Z"), late = Date.parse("2026-11-26T23:59:59Z");
    console.log(JSON.stringify([days.today(now), days.today(late), days.daysUntil(days.today(late), 3).map(days.dayLabel), days.wholeDayLabel("2026-11-01"), days.plus("2026-03-28", 2), days.lastOfMonth("2026-02-10")]));`;
  const shown = ["America/Los_Angeles", "Pacific/Auckland", "UTC"].map((zone) => {
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", program], { env: { ...process.env, TZ: zone }, cwd: fileURLToPath(new URL("..", import.meta.url)), encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    return run.stdout;
  });
  assert.equal(shown[0], shown[1]);
  assert.equal(shown[0], shown[2]);
  assert.deepEqual(JSON.parse(shown[0]), ["2026-11-26", "2026-11-26", ["24 Nov", "25 Nov", "26 Nov"], "Sunday, 1 November 2026 (UTC)", "2026-03-30", "2026-02-28"]);
});

test("44: an unknown cost is no nought, and a small one is not rounded to nought", () => {
  assert.equal(numbers.cost(null), "unknown");
  assert.equal(numbers.cost(0), "$0.00");
  assert.equal(numbers.cost(27.4), "$27.40");
  assert.equal(numbers.cost(1234.5), "$1,234.50");
  assert.equal(numbers.cost(0.5), "$0.50");
  assert.equal(numbers.cost(0.0042), "$0.0042");
  assert.equal(numbers.cost(0.00000001), "under $0.000001");
  assert.notEqual(numbers.cost(0.000004), numbers.cost(0));
  assert.equal(numbers.change(0, 0), "none before either");
  assert.equal(numbers.change(5, 0), "none before");
  assert.equal(numbers.change(112, 100), "12% more than before");
  assert.equal(numbers.compact(409_600), "410 k");
});

test("45: an axis ends at a round number above the highest value", () => {
  for (const [highest, whole] of [[0, true], [1, true], [2, true], [7, true], [83, true], [366_000, true], [0.0042, false], [3.1, false]]) {
    const { top, step } = numbers.axis(highest, whole);
    assert.ok(top >= highest && top / step <= 5.001, `${highest}: ${top}, ${step}`);
    if (whole) assert.equal(step, Math.round(step));
  }
});

test("46: CSV defuses what a spreadsheet takes for a formula, and leaves numbers alone", () => {
  for (const text of ["=1+1", "+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1+1"]) {
    const written = cell(text).replace(/^"/, "");
    assert.ok(written.startsWith("'"), JSON.stringify(text));
  }
  assert.equal(cell(-5), "-5");
  assert.equal(cell(0.0000042), "0.0000042");
  assert.equal(cell(12345678.9), "12345678.9");
  assert.equal(cell("-5"), "-5");
  assert.equal(cell(null), "");
  assert.equal(cell('Ada "the" Lovelace, Ltd'), '"Ada ""the"" Lovelace, Ltd"');
  assert.equal(csv([["Name", "Cost"], ["a\nb", 1]]), '\uFEFFName,Cost\r\n"a\nb",1\r\n');
});

test("46: sorting is stable both ways, and what is not known comes last both ways", () => {
  const rows = [["a", 1], ["b", null], ["c", 2], ["d", 1], ["e", 2]];
  const names = (descending) => sort.sorted(rows, (row) => row[1], descending).map((row) => row[0]).join("");
  assert.equal(names(false), "adceb");
  assert.equal(names(true), "ceadb");
  assert.deepEqual(sort.sorted(["b10", "B9", "a"], (text) => text, false), ["a", "B9", "b10"]);
});

test("46: instants are in the order of time, however many digits their fractions have", () => {
  // As the API writes them: without the noughts at the end.
  const inOrder = ["2026-11-26T19:25:21Z", "2026-11-26T19:25:22Z", "2026-11-26T19:25:22.097Z", "2026-11-26T19:25:22.60565797Z", "2026-11-26T19:25:22.739407Z", "2026-11-26T19:25:22.7394071Z", "2026-11-26T21:25:22.9+02:00", "2026-11-26T19:25:23Z", "2026-12-01T00:00:00.5Z"];
  const mixed = [...inOrder].sort((one, other) => (one < other ? 1 : -1));
  assert.deepEqual(sort.sorted(mixed, (at) => at, false), inOrder);
  assert.deepEqual(sort.sorted(mixed, (at) => at, true), [...inOrder].reverse());
  // What ends at no time comes last; a text beside an instant is a text.
  assert.deepEqual(sort.sorted([null, ...mixed], (at) => at, false).at(-1), null);
  assert.deepEqual(sort.sorted(["b", "2026-11-26T19:25:22Z", "a"], (at) => at, false), ["2026-11-26T19:25:22Z", "a", "b"]);
});

test("an entry of the audit trail is said in words, of every action that the router writes", () => {
  for (const [action, target, words] of [
    ["secret.set:done", "jira", "Jira’s credentials were saved"],
    ["secret.remove:failed", "anthropic", "Anthropic’s credentials were removed – this failed"],
    ["secret.restore:intended", "jira", "Jira’s credentials were restored – begun, and not known to have finished"],
    ["user_secret.set:done", "mcp-docs of mei@acme.example", "The token of mei@acme.example for mcp-docs was saved"],
    ["tool.run:done", "mcp-docs/pages/create", "The tool pages/create of mcp-docs was run after a yes"],
    ["tenant.set", "acme (messages_per_day, name)", "Settings were changed: Messages a day, name"],
    ["user.add", "mei@acme.example", "mei@acme.example was added"],
    ["user.set", "mei@acme.example (role)", "mei@acme.example was changed: role"],
    ["key.create", "t3n_c4ympift for ada@acme.example", "An API key for ada@acme.example was created"],
    ["user.set", "mei@acme.example (role, budget usd_per_day)", "mei@acme.example was changed: role, Dollars a day"],
    ["user.export", "mei@acme.example", "What is kept of mei@acme.example was exported"],
    ["tenant.questions", "the last 7 days", "The questions that no rule answered were looked at"],
    ["key.set", "t3n_c4ympift of ada@acme.example (budget usd_per_month)", "The budgets of an API key of ada@acme.example were changed: Dollars a month"],
    ["key.revoke", "t3n_c4ympift of ada@acme.example", "An API key of ada@acme.example was revoked"],
    ["key.revoke", "t3s_c4ympift of ada@acme.example", "A session of ada@acme.example was ended"],
    ["key.revoke", "t3s_aaaa, t3s_bbbb", "Sessions were revoked"],
    ["session.open", "t3s_aaaa of ada@acme.example, signed in with t3n_bbbb", "ada@acme.example signed in"],
    ["channel.map", "channel slack T024BE7LD", "A Slack channel was connected"],
    ["something.new", "x", null],
  ]) {
    assert.equal(trail.worded({ id: "1", at: "", actor: "user:ada", action, target }), words, action);
  }
  const entry = (id, action, target = "jira") => ({ id, at: "", actor: "user:ada", action, target });
  const left = trail.joined([entry("6", "secret.set:intended"), entry("5", "secret.set:done"), entry("4", "secret.set:intended", "openai"), entry("3", "secret.set:intended"), entry("2", "secret.set:failed"), entry("1", "secret.set:intended")]);
  assert.deepEqual(left.map((of) => of.id), ["6", "5", "4", "2"]);
});

test("43: sorting is written into the address and read from it, whatever stands there", () => {
  const usual = { column: "tokens", descending: true };
  assert.equal(sort.written(usual), "-tokens");
  assert.deepEqual(sort.read("-cost", ["cost", "tokens"], usual), { column: "cost", descending: true });
  assert.deepEqual(sort.read("cost", ["cost", "tokens"], usual), { column: "cost", descending: false });
  for (const text of [null, "", "-", "nothing", "__proto__"]) assert.deepEqual(sort.read(text, ["cost", "tokens"], usual), usual);
});

test("51: a board's address is taken apart, and a token trimmed", () => {
  for (const text of ["12", " 12 ", "https://acme.atlassian.net/jira/software/projects/SHOP/boards/12", "https://acme.atlassian.net/jira/software/c/projects/SHOP/boards/12/backlog?epics=visible", "https://acme.atlassian.net/secure/RapidBoard.jspa?rapidView=12&view=planning", "acme.atlassian.net/jira/people/boards/12", " https://acme.atlassian.net/jira/software/projects/SHOP/boards/12#x\n"]) {
    assert.equal(boardIn(text)?.board, "12", text);
  }
  for (const text of ["", "board", "https://acme.atlassian.net/jira/software/projects/SHOP", "-12", "12a", "https://x/?rapidView=12;drop", "99999999999999999999"]) assert.equal(boardIn(text), null, text);
  assert.equal(boardIn("https://acme.atlassian.net/boards/3").site, "https://acme.atlassian.net");
  assert.equal(tokenIn(" ATATT3x\r\nFfGF0=12\u200B \n"), "ATATT3xFfGF0=12");
});

test("51: the site's address is taken out of any page's", () => {
  assert.equal(siteIn("acme.atlassian.net"), "https://acme.atlassian.net");
  assert.equal(siteIn(" https://acme.atlassian.net/jira/your-work "), "https://acme.atlassian.net");
  assert.equal(siteIn("https://api.atlassian.com/ex/jira/0a1b-2c"), "https://api.atlassian.com/ex/jira/0a1b-2c");
  assert.equal(siteIn("http://127.0.0.1:4000/x"), "http://127.0.0.1:4000");
  for (const text of ["", "acme", "http://acme.atlassian.net", "https://me:secret@acme.atlassian.net", "ftp://a.b", "javascript:alert(1)", "two words.net"]) assert.equal(siteIn(text), null, text);
  assert.equal(emailProblem("bot@acme.example"), null);
  assert.ok(emailProblem("bot") && emailProblem(""));
});
