// Colours of code, by highlight.js's own tree: its HTML is not used. Loaded when the first block is shown.
import core from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import type { Colored } from "./code";

const languages = { bash, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(languages)) core.registerLanguage(name, language);
core.registerAliases(["jql"], { languageName: "sql" });

export function highlight(text: string, language: string): Colored | null {
  if (!core.getLanguage(language)) return null;
  const result = core.highlight(text, { language, ignoreIllegals: true }) as unknown as { _emitter: { root: Colored } };
  return result._emitter.root;
}
