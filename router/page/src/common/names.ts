// What the API's names are called on the page.

/** Fields of forms, as they are labelled. */
export const LABELS: Record<string, string> = {
  ai_provider: "Who answers",
  ai_model: "Model",
  system_prompt_override: "Instructions",
  max_tokens_per_message: "Longest answer, in tokens",
  enabled_channels: "Where people may ask",
  enabled_skills: "Skills",
  messages_per_day: "Messages a day",
  max_conversation_history: "Turns of history for the model",
  url: "Address",
  email: "E-mail of the account",
  api_token: "API token",
  board_id: "Board",
  project_key: "Project key",
  api_key: "API key",
  base_url: "Address of the endpoint",
};

const OTHERS: Record<string, string> = { jira: "Jira", anthropic: "Anthropic", openai: "OpenAI", bedrock: "Amazon Bedrock", slack: "Slack", teams: "Microsoft Teams", telegram: "Telegram", dashboard: "the web page", api: "the API" };

/** A text of the API as the page says it: by its labels, without marks of code, and without what only the command line can do. */
export const plain = (text: string): string => text.replace(/,? or use `?(--)?force`?/g, "").replace(/`([^`]+)`/g, (_, name: string) => LABELS[name] ?? OTHERS[name] ?? name);
