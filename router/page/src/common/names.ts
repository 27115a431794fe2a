// What the API's names are called on the page.

/** Fields of forms, as they are labelled. */
export const LABELS: Record<string, string> = {
  ai_provider: "Who answers",
  ai_model: "Model",
  tier1_formatting_model: "Model for wording",
  fallback_model: "Fallback model",
  profile_model: "Model of inference profiles",
  system_prompt_override: "Instructions",
  max_tokens_per_message: "Longest answer, in tokens",
  enabled_channels: "Where people may ask",
  enabled_skills: "Skills",
  skill_triggers: "Phrases of the team’s own",
  retention_days: "Days that conversations are kept",
  max_conversation_history: "Turns of history for the model",
  max_concurrent_calls: "Questions at once",
  guardrail_identifier: "Guardrail",
  guardrail_version: "Version of the guardrail",
  url: "Address",
  email: "E-mail of the account",
  api_token: "API token",
  board_id: "Board",
  project_key: "Project key",
  api_key: "API key",
  base_url: "Address of the endpoint",
};

/** What budgets count. */
export const UNITS = { messages: "Messages", tokens: "Tokens", usd: "Dollars" } as const;
export type Unit = keyof typeof UNITS;
export const PERIODS = ["day", "month"] as const;
export type Period = (typeof PERIODS)[number];

for (const [payer, whose] of [["", ""], ["user_", " for each person"], ["key_", " for each API key"]]) {
  for (const unit of Object.keys(UNITS) as Unit[]) for (const period of PERIODS) LABELS[`${payer}${unit}_per_${period}`] = `${UNITS[unit]} a ${period}${whose}`;
}

/** How much a budget is: `1,000 messages`, `$50`, `$2.50`. */
export function amount(unit: Unit, value: number): string {
  if (unit === "usd") return `$${value.toLocaleString("en-US", { minimumFractionDigits: Number.isInteger(value) ? 0 : 2, maximumFractionDigits: 9 })}`;
  return `${value.toLocaleString("en-US")} ${value === 1 ? unit.slice(0, -1) : unit}`;
}

const OTHERS: Record<string, string> = { jira: "Jira", anthropic: "Anthropic", openai: "OpenAI", bedrock: "Amazon Bedrock", slack: "Slack", teams: "Microsoft Teams", telegram: "Telegram", dashboard: "the web page", api: "the API" };

const moment = (at: string) => new Date(at).toLocaleString(undefined, { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });

/** A text of the API as the page says it: by its labels, without marks of code, with times as the reader has them, and without what only the command line can do. */
export const plain = (text: string): string => text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, moment).replace(/,? or use `?(--)?force`?/g, "").replace(/`([^`]+)`/g, (_, name: string) => LABELS[name] ?? OTHERS[name] ?? name);
