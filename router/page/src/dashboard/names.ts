// What the API's names are called on this page.

export const LABELS: Record<string, string> = {
  ai_provider: "Who answers",
  ai_model: "Model",
  system_prompt_override: "Instructions",
  max_tokens_per_message: "Longest answer, in tokens",
  enabled_channels: "Where people may ask",
  enabled_skills: "Skills",
  messages_per_day: "Messages a day",
  max_conversation_history: "Turns of history for the model",
};
