// Modules of the page without a browser: built as the page is, in memory.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

/** What a source file exports, by its path under `src/`. */
export async function load(path) {
  const entry = fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
  const built = await build({ entryPoints: [entry], bundle: true, write: false, format: "esm", jsx: "automatic", jsxImportSource: "preact", logLevel: "warning" });
  return import(`data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString("base64")}`);
}
