// What a page looks like to those who see little of it: contrasts that axe does not judge, forced colours, and a
// zoom of 400 %. Each is asked of a state that shows; `states` are reached by the tests.
import assert from "node:assert/strict";
import { contrast } from "./axe.mjs";

/** What is pressed, typed into or chosen, as far as it shows and is not off. */
const CONTROLS = "button:not(:disabled, [aria-disabled=true]), input, select, textarea, a.btn, a.new";

/** In the page: what `shown` and colours need. */
const within = () => {
  window.t3nets = {
    shown: (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && element.getBoundingClientRect().width > 2 && !element.closest("[inert]") && (!document.querySelector("dialog[open]") || element.closest("dialog")),
    ground: (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = getComputedStyle(at).backgroundColor;
        if (!/rgba\(.*, 0\)/.test(color)) return color;
      }
      return "rgb(255, 255, 255)";
    },
    told: (element) => `${element.tagName.toLowerCase()}.${element.className} "${(element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent).trim().slice(0, 30)}"`,
  };
};

/** Placeholders at least 4.5:1; borders of fields, boxes and buttons, or their grounds, at least 3:1 against what is around them. */
export async function contrasts(page, state) {
  await page.evaluate(within);
  const found = await page.evaluate((controls) => {
    const { shown, ground, told } = window.t3nets;
    // A box's border is its field's; those of a group are its buttons'.
    const boxed = [...document.querySelectorAll(`${controls}, .box, .seg`)].filter((element) => shown(element) && !["checkbox", "radio"].includes(element.type));
    return boxed.map((element) => {
      const style = getComputedStyle(element);
      const sides = ["Top", "Right", "Bottom", "Left"].filter((side) => style[`border${side}Style`] !== "none" && parseFloat(style[`border${side}Width`]) > 0 && !/rgba\(.*, 0\)/.test(style[`border${side}Color`]));
      return {
        what: told(element),
        placeholder: element.placeholder ? getComputedStyle(element, "::placeholder").color : null,
        own: ground(element),
        around: ground(element.parentElement),
        // A line below alone is no border.
        border: sides.length === 4 ? style.borderTopColor : null,
      };
    });
  }, CONTROLS);
  const wrong = [];
  for (const { what, placeholder, own, around, border } of found) {
    if (placeholder && contrast(placeholder, own) < 4.5) wrong.push(`${what}: its placeholder ${contrast(placeholder, own).toFixed(2)}`);
    const edge = border && Math.max(contrast(border, around), contrast(own, around));
    if (edge && edge < 3) wrong.push(`${what}: its border ${edge.toFixed(2)}`);
  }
  assert.deepEqual(wrong, [], `contrasts of ${state}`);
  return found.length;
}

/** All that the Tab key reaches has a ring of two pixels that is at least 3:1 against what it lies on. */
export async function rings(page, state, { most = 80 } = {}) {
  await page.evaluate(within);
  await page.evaluate(() => {
    for (const element of document.querySelectorAll("[data-seen]")) delete element.dataset.seen;
    // From the beginning, wherever the focus was.
    (document.querySelector("dialog[open] button") ?? document.querySelector(".skip, .side a"))?.focus();
  });
  const wrong = [];
  let count = 0;
  for (; count < most; count++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body || element.dataset.seen) return null;
      element.dataset.seen = "yes";
      // What has none of its own shows it by the box around it.
      const ringed = element.matches(".box textarea") ? element.closest(".box") : element;
      const style = getComputedStyle(ringed);
      const { ground, told } = window.t3nets;
      const isBox = ringed !== element;
      return {
        what: told(element),
        style: isBox ? style.borderTopStyle : style.outlineStyle,
        width: isBox ? 2 : parseFloat(style.outlineWidth),
        color: isBox ? style.borderTopColor : style.outlineColor,
        // Inside of its edge it lies on its own ground.
        around: ground(parseFloat(style.outlineOffset) < 0 ? ringed : ringed.parentElement),
      };
    });
    if (!at) break;
    if (at.style !== "solid" || at.width < 2) wrong.push(`${at.what}: no ring (${at.style} ${at.width})`);
    else if (contrast(at.color, at.around) < 3) wrong.push(`${at.what}: its ring ${contrast(at.color, at.around).toFixed(2)}`);
  }
  assert.deepEqual(wrong, [], `focus on ${state}`);
  return count;
}

/** With forced colours: fields and buttons that have an edge keep it, what is chosen is told from what is not, notes are set off. */
export async function forced(page, state) {
  await page.evaluate(within);
  const wrong = await page.evaluate((controls) => {
    const { shown, told } = window.t3nets;
    const wrong = [];
    const edge = (style) => style.borderTopStyle === "solid" && parseFloat(style.borderTopWidth) >= 1 && style.borderTopColor !== style.backgroundColor;
    const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
    for (const element of all(`input:not([type=checkbox]), select, .in, textarea:not(.box textarea), .btn, .send, .new, .box, .note, .card, .dialog, .toast, .chip`)) {
      if (!edge(getComputedStyle(element))) wrong.push(`${told(element)}: no edge`);
    }
    // Of each group one is chosen; what says so has to be left when all colours are the same.
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.backgroundColor = "Canvas";
    const canvas = getComputedStyle(probe).backgroundColor;
    probe.remove();
    const mark = (element) => {
      const { borderBottomColor, borderBottomStyle, borderBottomWidth, outlineStyle, outlineWidth, outlineColor, backgroundColor } = getComputedStyle(element);
      return JSON.stringify([borderBottomStyle, borderBottomWidth, borderBottomColor, outlineStyle, outlineStyle === "none" ? "" : outlineWidth + outlineColor, /rgba\(.*, 0\)/.test(backgroundColor) ? canvas : backgroundColor]);
    };
    for (const chosen of all("[aria-current], [aria-pressed=true]")) {
      const box = chosen.closest("nav, .seg, ol, ul") ?? chosen.parentElement;
      const of = chosen.tagName === "LI" ? (item) => item.querySelector("button") ?? item : (item) => item;
      const others = [...box.querySelectorAll(chosen.tagName.toLowerCase())].filter((other) => other !== chosen && shown(other) && !other.matches("[aria-current], [aria-pressed=true]"));
      if (others.some((other) => mark(of(other)) === mark(of(chosen)))) wrong.push(`${told(chosen)}: looks as those that are not chosen`);
    }
    return wrong;
  }, CONTROLS);
  assert.deepEqual(wrong, [], `forced colours on ${state}`);
  return rings(page, `${state}, with forced colours`);
}

/** Nothing is wider than the page, and each control can be brought into sight, whole, with nothing over it. */
export async function reachable(page, state) {
  await page.evaluate(within);
  const wrong = await page.evaluate((controls) => {
    const { shown, told } = window.t3nets;
    const wrong = [];
    for (const box of [document.documentElement, ...document.querySelectorAll(".sheet, .talk, dialog[open]")]) {
      if (box.scrollWidth > box.clientWidth + 1) wrong.push(`${told(box).slice(0, 40)}: ${box.scrollWidth} wide in ${box.clientWidth}`);
    }
    const { innerWidth: width, innerHeight: height } = window;
    for (const element of [...document.querySelectorAll(`${controls}, a[href], summary, [role=slider]`)].filter(shown)) {
      // Comes into sight with the focus alone.
      if (element.matches(".skip, .veil")) continue;
      const name = told(element);
      // What is cut off at the edge of a box that nobody can scroll is not whole, though a script could scroll it.
      for (let at = element.parentElement; at; at = at.parentElement) {
        if (!/hidden|clip/.test(getComputedStyle(at).overflowX)) continue;
        at.scrollLeft = 0;
        const [edge, rect] = [at, element].map((of) => of.getBoundingClientRect());
        if (edge.width > 2 && (rect.right > edge.right + 2 || rect.left < edge.left - 2)) wrong.push(`${name}: cut off by ${told(at).slice(0, 40)}`);
      }
      element.scrollIntoView({ block: "center", inline: "center" });
      const rect = element.getBoundingClientRect();
      const isTall = rect.height > height / 2;
      if (rect.left < -1 || rect.right > width + 1) wrong.push(`${name}: from ${Math.round(rect.left)} to ${Math.round(rect.right)} of ${width}`);
      else if (!isTall && (rect.top < -1 || rect.bottom > height + 1)) wrong.push(`${name}: from ${Math.round(rect.top)} to ${Math.round(rect.bottom)} of ${height} in height`);
      // A link may be broken over lines: its first.
      const line = element.getClientRects()[0];
      const x = (line.left + line.right) / 2;
      const y = isTall ? Math.max(line.top, 0) + 5 : (line.top + line.bottom) / 2;
      const top = document.elementFromPoint(x, y);
      if (!top || !(element.contains(top) || top.contains(element) || [...(element.labels ?? [])].some((label) => label.contains(top)))) wrong.push(`${name}: under ${top ? told(top) : "nothing"}`);
    }
    return wrong;
  }, CONTROLS);
  assert.deepEqual(wrong, [], `${state} at 400 %`);
}
