// What tests of the chat do over and over.
import { drawn, until } from "./browser.mjs";

export const box = (page) => page.getByLabel("Your question");
export const open = async (page, address) => {
  await page.goto(address);
  await box(page).waitFor();
  // What is loaded after the first sight: an answer shows as Markdown from its first word.
  await page.waitForFunction(() => "t3netsCost" in window);
  await until("focus is in the box", () => page.evaluate(() => document.activeElement?.tagName === "TEXTAREA" || matchMedia("(hover: none)").matches));
};
/** Asks, and waits until the router has the turn. */
export async function ask(page, server, text) {
  const before = server.turns.size;
  await box(page).fill(text);
  // Where one writes with a finger, Enter is for lines.
  await box(page).press((await page.evaluate(() => matchMedia("(hover: none)").matches)) ? "Control+Enter" : "Enter");
  await until("the router has the turn", () => server.turns.size > before);
  await page.locator(".ans.open").waitFor();
  const turn = server.turn;
  await until("the page follows", () => turn.readers.size > 0 || turn.waiters.size > 0);
  return turn;
}
export const answer = (page) => page.locator(".ans").last();
/** Until the page shows it, and has drawn it. */
export async function shows(page, text) {
  await page.locator(".ans").last().getByText(text).first().waitFor();
  await drawn(page);
}
export const place = (page) => page.locator(".talk").evaluate((talk) => ({ top: talk.scrollTop, height: talk.scrollHeight, room: talk.clientHeight, left: talk.scrollHeight - talk.clientHeight - talk.scrollTop }));
export const state = (page) => page.evaluate(() => document.querySelector(".under").textContent);
export const announced = (page) => page.evaluate(() => [...document.querySelectorAll("[data-announcer] p")].map((p) => p.textContent));

/** A text of many paragraphs. */
export const paragraphs = (count, from = 0) => Array.from({ length: count }, (_, index) => `Paragraph ${from + index + 1} says something about the sprint that is long enough to fill most of a line.\n\n`).join("");

/** A mixed answer of about so many characters, in pieces as a model sends them. */
export function longAnswer(characters) {
  const part = `## Heading\n\nSome **bold** words, a [link](https://acme.example/a), \`code\` and *more* that goes on for a while so that it is a paragraph.\n\n- one item of a list\n- another **item** of it\n- a third\n\n| Issue | What | Points |\n|---|---|--:|\n| A-1 | Something to do | 3 |\n| A-2 | Something else | 5 |\n\n\`\`\`python\ndef f(x):\n    return x + 1\n\`\`\`\n\n`;
  return part.repeat(Math.ceil(characters / part.length)).slice(0, characters);
}
