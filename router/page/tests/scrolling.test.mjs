// Rules 1 to 4: the log never moves under a reader.
import assert from "node:assert/strict";
import { browserTests, drawn, until } from "./support/browser.mjs";
import { ask, box, open, paragraphs, place, shows } from "./support/chat.mjs";
import { Scripted } from "./support/scripted.mjs";

const test = browserTests(() => Scripted.start());

/** A conversation whose answer is longer than the room, and still comes. */
async function streaming(page, server, address) {
  await open(page, address);
  const turn = await ask(page, server, "Tell me everything");
  turn.delta(paragraphs(60));
  await shows(page, "Paragraph 60 ");
  await until("it follows", async () => (await place(page)).left <= 2);
  return turn;
}

async function staysOverDeltas(page, turn, from) {
  const { top } = await place(page);
  for (let index = 0; index < 50; index++) {
    turn.delta(`Delta ${from + index} of many.\n\n`);
    if (index % 10 === 9) await shows(page, `Delta ${from + index} `);
    const now = (await place(page)).top;
    assert.ok(Math.abs(now - top) <= 2, `at delta ${index} it moved from ${top} to ${now}`);
  }
}

const center = async (page) => {
  const { x, y, width, height } = await page.locator(".talk").boundingBox();
  return { x: x + width / 2, y: y + height / 2, right: x + width };
};
const ways = {
  "one notch of the wheel": async (page) => {
    const { x, y } = await center(page);
    await page.mouse.move(x, y);
    await page.mouse.wheel(0, -100);
  },
  PageUp: async (page) => {
    await page.locator(".talk").focus();
    await page.keyboard.press("PageUp");
  },
  Home: async (page) => {
    await page.locator(".talk").focus();
    await page.keyboard.press("Home");
  },
  "a drag of the scrollbar": async (page) => {
    const { y, right } = await center(page);
    await page.mouse.move(right - 6, y * 1.6);
    await page.mouse.down();
    await page.mouse.move(right - 6, y * 1.2, { steps: 4 });
    await page.mouse.up();
    // A headless browser may draw no scrollbar: what a drag does is to set the place.
    await page.locator(".talk").evaluate((talk) => talk.scrollHeight - talk.clientHeight - talk.scrollTop <= 2 && (talk.scrollTop -= 300));
  },
};
for (const [name, move] of Object.entries(ways)) {
  test(`rule 1: ${name} during a stream stops following`, async ({ page, server, address }) => {
    const turn = await streaming(page, server, address);
    const before = (await place(page)).top;
    await move(page);
    await until("it moved up", async () => (await place(page)).top < before - 5);
    // A smooth scroll of the browser's own has to come to rest.
    await until("it rests", async () => {
      const one = (await place(page)).top;
      await drawn(page);
      await drawn(page);
      return one === (await place(page)).top;
    });
    await staysOverDeltas(page, turn, 0);
  });
}

test("rule 1: a swipe of 10 px during a stream stops following", { context: { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } } }, async ({ page, context, server, address }) => {
  const turn = await streaming(page, server, address);
  const before = (await place(page)).top;
  const client = await context.newCDPSession(page);
  // By times of their own: sent at once, as a busy machine may, they would be a fling, which goes on for thousands of pixels.
  let at = Date.now() / 1000 - 2;
  const touch = (type, y) => client.send("Input.dispatchTouchEvent", { type, timestamp: (at += 0.05), touchPoints: type === "touchEnd" ? [] : [{ x: 200, y }] });
  // The first pixels are the browser's, to tell a swipe from a tap.
  await touch("touchStart", 300);
  for (let y = 302; y <= 330; y += 2) await touch("touchMove", y);
  await touch("touchEnd");
  await until("it moved up", async () => (await place(page)).top < before - 5);
  await until("it rests", async () => {
    const one = (await place(page)).top;
    await drawn(page);
    return one === (await place(page)).top;
  });
  assert.ok(before - (await place(page)).top < 60, "a small swipe");
  await staysOverDeltas(page, turn, 0);
});

test("rule 2: back within 60 px of the end following resumes; the button shows at 200 px and goes at 60", async ({ page, server, address }) => {
  const turn = await streaming(page, server, address);
  const button = page.getByRole("button", { name: "To the end" });
  const moveTo = async (left) => {
    await page.locator(".talk").evaluate((talk, wanted) => (talk.scrollTop = talk.scrollHeight - talk.clientHeight - wanted), left);
    await drawn(page);
    await drawn(page);
  };
  await moveTo(150);
  assert.equal(await button.count(), 0, "150 px is near");
  await moveTo(210);
  assert.equal(await button.count(), 1, "210 px is far");
  await moveTo(100);
  assert.equal(await button.count(), 1, "it stays until 60");
  await moveTo(50);
  assert.equal(await button.count(), 0, "50 px is there");
  turn.delta(paragraphs(5, 60));
  await shows(page, "Paragraph 65 ");
  assert.ok((await place(page)).left <= 2, "it follows again");
  await moveTo(600);
  await button.click();
  assert.ok((await place(page)).left <= 2, "the button goes to the end");
  turn.delta(paragraphs(5, 65));
  await shows(page, "Paragraph 70 ");
  assert.ok((await place(page)).left <= 2, "and it follows");
});

test("rule 3: on send the question stands near the top, and a short answer moves nothing", async ({ page, server, address }) => {
  for (let index = 0; index < 12; index++) server.store("s1", `Question ${index}`, paragraphs(4));
  await open(page, `${address}/c/s1`);
  const turn = await ask(page, server, "And now?");
  await drawn(page);
  const question = page.locator(".you").last();
  const at = async () => (await question.boundingBox()).y - (await page.locator(".talk").boundingBox()).y;
  const first = await at();
  assert.ok(first >= 0 && first < 60, `the question stands at ${first}`);
  for (let index = 0; index < 4; index++) {
    turn.delta(`Part ${index} of a short answer.\n\n`);
    await shows(page, `Part ${index} `);
    assert.ok(Math.abs((await at()) - first) <= 1, "nothing moves");
  }
  turn.done();
  await page.locator(".ans.open").waitFor({ state: "detached" });
  await drawn(page);
  assert.ok(Math.abs((await at()) - first) <= 1, "nothing moves at the end");
});

test("rule 4: opening lands at the end before it is first painted", async ({ page, server, address }) => {
  for (let index = 0; index < 20; index++) server.store("s1", `Question ${index}`, paragraphs(4));
  await page.addInitScript(() => {
    window.places = [];
    const look = () => {
      const talk = document.querySelector(".talk");
      if (talk?.querySelector(".turn")) window.places.push(talk.scrollHeight - talk.clientHeight - talk.scrollTop);
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await open(page, `${address}/c/s1`);
  await page.getByText("Question 19").first().waitFor();
  await until("some frames are drawn", () => page.evaluate(() => window.places.length > 5));
  assert.ok((await page.evaluate(() => window.places)).every((left) => left <= 2), "no frame shows another place");
});

test("rule 4: a stream in one conversation never scrolls another", async ({ page, server, address }) => {
  for (let index = 0; index < 20; index++) server.store("s1", `Old question ${index}`, paragraphs(4));
  const turn = await streaming(page, server, address);
  await page.locator(".list").getByText("Old question 0").click();
  await page.getByText("Old question 19").first().waitFor();
  await page.locator(".talk").evaluate((talk) => (talk.scrollTop = 2000));
  await drawn(page);
  const { top, height } = await place(page);
  turn.delta(paragraphs(40, 60));
  await drawn(page);
  await drawn(page);
  const now = await place(page);
  assert.deepEqual([now.top, now.height], [top, height]);
  assert.equal(await box(page).count(), 1);
});
