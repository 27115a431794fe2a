// The Vercel AI SDK against a router, by its provider for compatible endpoints: T3NETS_URL, T3NETS_KEY, T3NETS_SPENT_KEY.

import assert from "node:assert/strict";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const provider = (apiKey) =>
  createOpenAICompatible({
    name: "t3nets",
    baseURL: `${process.env.T3NETS_URL}/v1`,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
const model = provider(process.env.T3NETS_KEY)("t3nets");
const cities = [];
const tools = {
  get_weather: tool({
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      cities.push(city);
      return { degrees: 21 };
    },
  }),
};

const answer = streamText({ model, system: "Be brief.", prompt: "is it warm in Zürich?", tools, stopWhen: stepCountIs(3) });
let words = "";
for await (const delta of answer.textStream) words += delta;
assert.equal(words, "Let me look.It is warm: 21 degrees.");
assert.deepEqual(cities.sort(), ["Bern", "Zürich"]);
assert.equal((await answer.totalUsage).totalTokens, 30);

const { object } = await generateObject({ model, schema: z.object({ city: z.string() }), prompt: "think of a city" });
assert.deepEqual(object, { city: "Zürich" });

// A stream that breaks off.
const errors = [];
const broken = streamText({ model, prompt: "break", maxRetries: 0, onError: ({ error }) => errors.push(error) });
for await (const part of broken.fullStream) if (part.type === "error") errors.push(part.error);
assert.ok(errors.length > 0);

// A stop.
const stop = new AbortController();
const held = streamText({ model, prompt: "hold", abortSignal: stop.signal, onError: () => {} });
for await (const part of held.fullStream) if (part.type === "text-delta") stop.abort();

for (const [key, status, message] of [
  ["t3n_wrong", 401, /not valid/],
  [process.env.T3NETS_SPENT_KEY, 429, /daily limit/],
]) {
  await assert.rejects(
    generateText({ model: provider(key)("t3nets"), prompt: "think it over", maxRetries: 0 }),
    (error) => APICallError.isInstance(error) && error.statusCode === status && message.test(error.message),
  );
}
