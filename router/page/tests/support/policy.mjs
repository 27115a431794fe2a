// The policy that the router sends with its pages, from where it is written.
import { readFileSync } from "node:fs";

const source = readFileSync(new URL("../../../src/http/page.rs", import.meta.url), "utf8");
const found = /const POLICY: &str = "([^"]+)"/.exec(source);
if (!found) throw new Error("router/src/http/page.rs has no POLICY");
export const policy = found[1].replace(/\\\n\s*/g, "");
