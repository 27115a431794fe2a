// Builds the pages into dist/, which is checked in: the router builds from source with cargo alone.
//
//     npm ci && npm run build
//     npm run check      # types, and that dist/ is what the sources give
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const pages = { chat: "Chat", dashboard: "Dashboard", setup: "Set up" };

// highlight.js has its core in CommonJS alone, for which each page would load a file more: esbuild's helpers.
const asModule = {
  name: "highlight.js as a module",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^highlight\.js\/lib\/core$/ }, () => ({ path: join(here, "node_modules/highlight.js/lib/core.js") }));
    onLoad({ filter: /highlight\.js\/lib\/core\.js$/ }, async ({ path }) => {
      const [source, ...rest] = (await readFile(path, "utf8")).split("module.exports = highlight;");
      if (rest.length !== 1) throw new Error("highlight.js exports its core otherwise now");
      return { contents: `${source}export default highlight;${rest[0]}` };
    });
  },
};

async function make(dist) {
  const common = { bundle: true, minify: true, legalComments: "none", target: ["es2022", "chrome115", "firefox121", "safari17"], write: false, outdir: join(dist, "assets"), logLevel: "warning", absWorkingDir: here };
  const hashed = "[name]-[hash]";
  const scripts = await build({
    ...common,
    entryPoints: Object.keys(pages).map((page) => `src/${page}/main.tsx`),
    entryNames: "[dir]-[hash]",
    chunkNames: hashed,
    format: "esm",
    splitting: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    outbase: "src",
    metafile: true,
    plugins: [asModule],
  });
  // Runs before the first paint, so it is a script of its own that blocks. Its name is the same in every version:
  // it is there when a page of one version comes from a router and its other files from another.
  const early = await build({ ...common, entryPoints: ["src/early.ts"], entryNames: "[name]", format: "iife" });
  const styles = await build({ ...common, entryPoints: Object.keys(pages).map((page) => `src/styles/pages/${page}.css`), entryNames: hashed });
  const icon = await readFile(join(here, "src/icon.svg"));
  const iconName = `assets/icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;

  const files = new Map([[iconName, icon]]);
  for (const file of [...scripts.outputFiles, ...early.outputFiles, ...styles.outputFiles]) {
    files.set(relative(dist, file.path), Buffer.from(file.contents));
  }
  const named = (start, end) => [...files.keys()].find((name) => name.startsWith(start) && name.endsWith(end));
  const integrity = (name) => `sha384-${createHash("sha384").update(files.get(name)).digest("base64")}`;
  const html = (title, style, viewport, rest) =>
    Buffer.from(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1${viewport}">
<meta name="color-scheme" content="light dark">
<title>${title} · T3nets</title>
<link rel="icon" href="/${iconName}" type="image/svg+xml">
<script src="/assets/early.js"></script>
<link rel="stylesheet" href="/${style}" integrity="${integrity(style)}">
${rest}
</html>
`);
  for (const [page, title] of Object.entries(pages)) {
    const script = named(`assets/${page}-`, ".js");
    const output = scripts.metafile.outputs[relative(here, join(dist, script))];
    const parts = (output?.imports ?? []).filter((part) => part.kind === "import-statement").map((part) => relative(dist, join(here, part.path)));
    const rest = `${parts.map((part) => `<link rel="modulepreload" href="/${part}">\n`).join("")}<script type="module" src="/${script}" integrity="${integrity(script)}"></script>
<body><div id="page"></div><noscript>This page needs JavaScript.</noscript></body>`;
    files.set(`${page}.html`, html(title, named(`assets/${page}-`, ".css"), ", interactive-widget=resizes-content", rest));
  }
  // What an unknown address shows: the router's own 404, which runs nothing but the theme.
  files.set("missing.html", html("Page not found", named("assets/chat-", ".css"), "", `<body><main class="missing">
<h1>There is no page here</h1>
<p>Check the address, or begin from the chat.</p>
<a class="btn p" href="/">To the chat</a>
</main></body>`));
  return files;
}

const compressed = (content) => brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });

async function write(dist) {
  await rm(dist, { recursive: true, force: true });
  let whole = 0;
  for (const [name, content] of await make(dist)) {
    const path = join(dist, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    const small = compressed(content);
    await writeFile(`${path}.br`, small);
    whole += small.length;
    console.log(`${String(content.length).padStart(8)} ${String(small.length).padStart(7)} br  ${name}`);
  }
  console.log(`${String(whole).padStart(16)} br  together`);
}

async function listed(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name))).sort();
}

/** Fails unless dist/ holds what the sources give. The compressed files are judged by what they hold: another brotli may pack otherwise. */
async function check(dist) {
  const made = await make(dist);
  const wanted = [...made.keys()].flatMap((name) => [name, `${name}.br`]).sort();
  const found = await listed(dist);
  const wrong = [...new Set([...wanted, ...found])].filter((name) => !wanted.includes(name) || !found.includes(name));
  for (const name of found.filter((name) => wanted.includes(name))) {
    const content = await readFile(join(dist, name));
    const plain = name.endsWith(".br") ? brotliDecompressSync(content, { maxOutputLength: 8 << 20 }) : content;
    if (!plain.equals(made.get(name.replace(/\.br$/, "")))) wrong.push(name);
  }
  if (wrong.length > 0) {
    console.error(`dist/ is not what the sources give; run \`npm run build\`. It differs in:\n  ${wrong.join("\n  ")}`);
    process.exit(1);
  }
}

const dist = join(here, "dist");
await (process.argv.includes("--check") ? check(dist) : write(dist));
