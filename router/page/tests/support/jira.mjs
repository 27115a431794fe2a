// A Jira Cloud that a test drives: one account, some boards, and what goes wrong.
import { createServer } from "node:http";

export const EMAIL = "bot@acme.example";
export const TOKEN = "ATATT3xFfGF0-sample-token";

export class Jira {
  constructor() {
    this.requests = [];
    this.boards = [
      { id: 7, name: "Web shop", type: "scrum" },
      { id: 12, name: "Platform", type: "scrum" },
      { id: 31, name: "Support", type: "kanban" },
    ];
    /** The boards that the account may not see. */
    this.forbidden = new Set();
  }

  static async start() {
    const jira = new Jira();
    jira.http = createServer((request, response) => {
      const url = new URL(request.url, "http://jira");
      jira.requests.push(url.pathname);
      const [status, body] = jira.answer(request, url.pathname);
      response.writeHead(status, { "content-type": "application/json;charset=UTF-8" });
      response.end(JSON.stringify(body));
    });
    await new Promise((done) => jira.http.listen(0, "127.0.0.1", done));
    jira.address = `http://127.0.0.1:${jira.http.address().port}`;
    return jira;
  }

  answer(request, path) {
    const basic = `Basic ${Buffer.from(`${EMAIL}:${TOKEN}`).toString("base64")}`;
    if (request.headers.authorization !== basic) return [401, { errorMessages: ["Client must be authenticated to access this resource."] }];
    if (path === "/rest/api/3/myself") return [200, { accountId: "bot-0", displayName: "T3nets Bot", emailAddress: EMAIL }];
    if (path === "/rest/agile/1.0/board") return [200, { startAt: 0, maxResults: 50, isLast: true, values: this.boards }];
    if (path === "/rest/api/3/field") return [200, []];
    const [, id, what] = /^\/rest\/agile\/1\.0\/board\/(\d+)(?:\/(\w+))?$/.exec(path) ?? [];
    const board = this.boards.find((board) => String(board.id) === id);
    if (id && this.forbidden.has(Number(id))) return [403, { errorMessages: ["The user does not have permission to view the board."] }];
    if (id && !board) return [404, { errorMessages: ["Requested board cannot be viewed because it either does not exist or you do not have permission to view it."] }];
    if (board && what === undefined) return [200, board];
    if (board && what === "configuration") return [200, { ...board, estimation: {} }];
    if (board && what === "sprint") {
      if (board.type !== "scrum") return [400, { errorMessages: ["The board does not support sprints"] }];
      return [200, { startAt: 0, maxResults: 50, isLast: true, values: [{ id: 24, state: "active", name: "Sprint 24", startDate: "2026-11-16T09:00:00Z", endDate: "2026-11-30T09:00:00Z" }] }];
    }
    if (path === "/rest/agile/1.0/sprint/24/issue") {
      const issue = (key, summary, category) => ({ id: key, key, fields: { summary, status: { name: category, statusCategory: { key: category } }, issuetype: { name: "Story", subtask: false }, labels: [] } });
      return [200, { startAt: 0, maxResults: 100, total: 2, issues: [issue("SHOP-1", "Pay by invoice", "done"), issue("SHOP-2", "Cancel an invoice", "new")] }];
    }
    return [404, { errorMessages: ["no such resource"] }];
  }

  async end() {
    this.http.closeAllConnections();
    await new Promise((done) => this.http.close(done));
  }
}
