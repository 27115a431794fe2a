// What the pictures of the chat show: a scripted conversation on a fixed day.
const ago = (server, days) => new Date(server.now().getTime() - days * 86_400_000);

const ANSWER = `## Sprint 24 is on track, with two blockers

47% of the work is done with **6 of 14 days** left. The goal, “customers pay by invoice without calling us”, depends on SHOP-108.

| Issue | What | Who | State | Points |
|---|---|---|---|--:|
| [SHOP-108](https://acme.example/browse/SHOP-108) | Book incoming transfers against open invoices | Mei Tanaka | In progress | 8 |
| [SHOP-111](https://acme.example/browse/SHOP-111) | Let support cancel an invoice | Ada Lovelace | To do | 5 |`;
const FILTER = "The open issues as a filter that you can save:\n\n```jql\nsprint = 24 AND status != Done AND flagged is not EMPTY\nORDER BY priority DESC\n```\n\nIn Jira it goes into `Filters`";

export function withConversations(server) {
  server.store("c6", "Onboarding checklist", "…", undefined, ago(server, 5));
  server.store("c5", "Velocity of the last three sprints", "…", undefined, ago(server, 4));
  server.store("c4", "Draft an update for the board meeting", "…", undefined, ago(server, 1.1));
  server.store("c3", "Who reviews SHOP-111?", "…", undefined, ago(server, 1));
  server.store("c2", "Release notes for 2.4.0", "Version 2.4.0 brings invoices by e-mail, a faster check-out and", { stopped: true }, ago(server, 0.02));
  server.store("c1", "How is the sprint going, and what is blocked?", ANSWER, { route: "rule", skills: ["sprint_status"], timing_ms: 1234 }, ago(server, 0.01));
  server.sessions.get("c1").title = "Sprint 24: what is blocked";
}

const box = (page) => page.getByLabel("Your question");
const send = async (page, text) => {
  await box(page).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
};

export const shown = {
  chat: async (page, server) => {
    server.script = (turn) => turn.delta(FILTER);
    await page.goto(`${server.address}/c/c1`);
    await page.getByText("on track").waitFor();
    await send(page, "Give me a filter for the blocked ones");
    await page.locator(".h-keyword").first().waitFor();
    // Both turns, as one sees them after a wheel's notch.
    await page.locator(".talk").evaluate((talk) => (talk.scrollTop = 0));
  },
  "chat-empty": async (page, server) => {
    await page.goto(server.address);
    await page.getByText("Good morning").waitFor();
    await page.locator(".send").waitFor();
  },
  "chat-states": async (page, server) => {
    server.script = (turn) => {
      turn.delta("Version 2.4.0 brings invoices by e-mail, a faster check-out and");
      turn.brokenOff();
    };
    await page.goto(server.address);
    await send(page, "Release notes for 2.4.0");
    await page.getByRole("button", { name: "Retry" }).waitFor();
    server.script = (turn) => turn.fail({ code: "messages_exhausted", message: "your team has used its 1,000 messages for today", status: 429, retry_after_seconds: 10_800 });
    await send(page, "And for 2.3.9?");
    await page.getByText("It resets at").waitFor();
    await page.locator(".talk").evaluate((talk) => (talk.scrollTop = 0));
  },
};
