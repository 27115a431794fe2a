// axe-core on what shows, and contrasts that it does not judge: placeholder, border, focus ring.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails on every finding, and on what axe could not decide. */
export async function axe(page, state) {
  await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const results = await window.axe.run(document, { resultTypes: ["violations", "incomplete"] });
    const told = (entry) => `${entry.id}: ${entry.nodes.map((node) => `${node.target.join(" ")} (${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""})`).join("; ")}`;
    return [...results.violations, ...results.incomplete].map(told);
  });
  assert.deepEqual(found, [], `axe on ${state}`);
}

/** The contrast of two CSS colours; the second may be seen through the first. */
export function contrast(front, back) {
  const parse = (color) => {
    // What is mixed is told as color(srgb …), in parts of one.
    const [, kind, parts] = /(rgba?|color)\((?:srgb )?([^)]+)\)/.exec(color);
    const [r, g, b, a = 1] = parts.split(/[\s,/]+/).map(Number);
    const of = kind === "color" ? 255 : 1;
    return { r: r * of, g: g * of, b: b * of, a };
  };
  const under = parse(back);
  const over = parse(front);
  const mixed = ["r", "g", "b"].map((part) => over[part] * over.a + under[part] * (1 - over.a));
  const light = (parts) => {
    const [r, g, b] = parts.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [light(mixed), light([under.r, under.g, under.b])].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}
