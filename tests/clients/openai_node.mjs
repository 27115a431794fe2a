// OpenAI's own client for JavaScript against a router: T3NETS_URL, T3NETS_KEY, T3NETS_SPENT_KEY.

import assert from "node:assert/strict";

import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const baseURL = `${process.env.T3NETS_URL}/v1`;
const client = (apiKey) => new OpenAI({ baseURL, apiKey });
const api = client(process.env.T3NETS_KEY);
const user = (content) => [{ role: "user", content }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } } },
    parse: JSON.parse,
    function: ({ city }) => `21 degrees in ${city}`,
  },
};

const models = [];
for await (const model of api.models.list()) models.push(model.id);
assert.deepEqual(models, ["t3nets", "some-model"]);

const whole = await api.chat.completions.create({ model: "t3nets", messages: user("think it over") });
assert.equal(whole.choices[0].message.content, "So.");

// A whole conversation: the client streams, calls the tool, sends the results, and streams the answer.
const runner = api.chat.completions.runTools({
  model: "t3nets",
  messages: user("is it warm in Zürich?"),
  tools: [weather],
  stream: true,
});
const calls = [];
runner.on("functionToolCall", (call) => calls.push(JSON.parse(call.arguments).city));
assert.equal(await runner.finalContent(), "It is warm: 21 degrees.");
assert.deepEqual(calls, ["Zürich", "Bern"]);

const parsed = await api.chat.completions.parse({
  model: "t3nets",
  messages: user("think of a city"),
  response_format: zodResponseFormat(z.object({ city: z.string() }), "place"),
});
assert.deepEqual(parsed.choices[0].message.parsed, { city: "Zürich" });

// A stop.
const held = await api.chat.completions.create({ model: "t3nets", messages: user("hold"), stream: true });
let heard = "";
for await (const chunk of held) {
  heard += chunk.choices[0]?.delta.content ?? "";
  if (heard) break;
}
assert.equal(held.controller.signal.aborted, true);

// A stream that breaks off.
heard = "";
await assert.rejects(
  async () => {
    const broken = await api.chat.completions.create({ model: "t3nets", messages: user("break"), stream: true });
    for await (const chunk of broken) heard += chunk.choices[0]?.delta.content ?? "";
  },
  (error) => error instanceof OpenAI.APIError && error.code.startsWith("model_"),
);
assert.equal(heard, "Half of");

for (const [key, kind, code] of [
  ["t3n_wrong", OpenAI.AuthenticationError, "invalid_api_key"],
  [process.env.T3NETS_SPENT_KEY, OpenAI.RateLimitError, "daily_limit_reached"],
]) {
  await assert.rejects(
    client(key).chat.completions.create({ model: "t3nets", messages: user("think it over") }),
    (error) => error instanceof kind && error.code === code && Boolean(error.requestID),
  );
}
