// A router as people run it: `t3nets dev`, in a home of its own.
import { spawn, execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..");

/** The program to test: a debug build reads dist/ at each request. */
export function program() {
  const named = process.env.T3NETS_PROGRAM;
  const found = named ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/t3nets");
  if (!existsSync(found)) throw new Error(`no ${found}: cargo build -p t3nets, or set T3NETS_PROGRAM`);
  return found;
}

export class Router {
  constructor(home, child, address) {
    Object.assign(this, { home, child, address });
  }

  /** Starts `t3nets dev`; `--demo` alone where nothing else is said. */
  static async start(args = ["--demo"]) {
    const home = await mkdtemp(join(tmpdir(), "t3nets-page-"));
    const child = spawn(program(), ["dev", "--port", "0", ...args], { env: environment(home), stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const address = await new Promise((done, failed) => {
      const read = (chunk) => {
        said += chunk;
        const found = /http:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(said);
        if (found) done(found[0]);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.on("exit", (code) => failed(new Error(`t3nets dev ended with ${code}: ${said}`)));
    });
    return new Router(home, child, address);
  }

  /** What `t3nets ARGS` writes to stdout, on this router's environment. */
  run(...args) {
    return new Promise((done, failed) => {
      execFile(program(), args, { env: environment(this.home) }, (error, stdout, stderr) => {
        if (error) failed(new Error(`t3nets ${args.join(" ")}: ${stderr}`));
        else done(stdout);
      });
    });
  }

  async end() {
    if (this.child.exitCode === null) {
      const ended = new Promise((done) => this.child.once("exit", done));
      this.child.kill("SIGKILL");
      await ended;
    }
    await rm(this.home, { recursive: true, force: true });
  }
}

function environment(home) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(T3NETS_|AWS_|ANTHROPIC_|OPENAI_|JIRA_)/.test(name));
  return { ...Object.fromEntries(kept), T3NETS_HOME: home, NO_COLOR: "1" };
}
