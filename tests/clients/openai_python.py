"""OpenAI's own Python client against a router: T3NETS_URL, T3NETS_KEY, T3NETS_SPENT_KEY (of a tenant whose day is used up)."""

import json
import os

import openai
import pydantic

URL = os.environ["T3NETS_URL"] + "/v1"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def client(key):
    return openai.OpenAI(base_url=URL, api_key=key)


def refused(kind, key, **more):
    """The error that a request is refused with."""
    asked = {"model": "t3nets", "messages": [{"role": "user", "content": "think it over"}]} | more
    try:
        client(key).chat.completions.create(**asked)
    except kind as error:
        assert error.request_id, error
        return error
    raise AssertionError(f"not refused: {more}")


def streamed_conversation_with_a_tool(api):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "is it warm in Zürich?"}]
    asked = {"model": "t3nets", "tools": [WEATHER], "stream": True, "stream_options": {"include_usage": True}}
    calls, words, finish, usage = {}, "", None, None
    for chunk in api.chat.completions.create(messages=messages, **asked):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            words += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                kept = calls.setdefault(call.index, {"id": "", "name": "", "arguments": ""})
                kept["id"] = call.id or kept["id"]
                kept["name"] = call.function.name or kept["name"]
                kept["arguments"] += call.function.arguments or ""
    assert (finish, words) == ("tool_calls", "Let me look."), (finish, words)
    assert usage.total_tokens == 15, usage
    assert [call["name"] for call in calls.values()] == ["get_weather", "get_weather"], calls
    assert [json.loads(call["arguments"])["city"] for call in calls.values()] == ["Zürich", "Bern"], calls

    called = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in calls.values()
    ]
    messages.append({"role": "assistant", "content": words, "tool_calls": called})
    messages += [{"role": "tool", "tool_call_id": call["id"], "content": "21 degrees"} for call in calls.values()]
    words = ""
    for chunk in api.chat.completions.create(messages=messages, **asked):
        words += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert words == "It is warm: 21 degrees.", words


def the_helper_that_gathers_a_stream(api):
    messages = [{"role": "user", "content": "is it warm in Zürich?"}]
    with api.chat.completions.stream(model="t3nets", messages=messages, tools=[WEATHER]) as stream:
        whole = stream.get_final_completion()
    assert whole.choices[0].message.tool_calls[0].function.name == "get_weather", whole


class Place(pydantic.BaseModel):
    city: str


def main():
    api = client(os.environ["T3NETS_KEY"])
    models = [model.id for model in api.models.list()]
    assert models == ["t3nets", "some-model"], models
    assert api.models.retrieve("some-model").object == "model"
    whole = api.chat.completions.create(model="some-model", messages=[{"role": "user", "content": "think it over"}])
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == ("So.", "stop"), whole
    streamed_conversation_with_a_tool(api)
    the_helper_that_gathers_a_stream(api)
    messages = [{"role": "user", "content": "think of a city"}]
    parsed = api.chat.completions.parse(model="t3nets", messages=messages, response_format=Place)
    assert parsed.choices[0].message.parsed == Place(city="Zürich"), parsed

    # A stop: the client closes the stream, and the connection serves the next request.
    stream = api.chat.completions.create(model="t3nets", messages=[{"role": "user", "content": "hold"}], stream=True)
    assert any(choice.delta.content for chunk in [next(stream), next(stream)] for choice in chunk.choices)
    stream.close()
    # A stream that breaks off is an error, whatever came before.
    words = ""
    try:
        for chunk in api.chat.completions.create(
            model="t3nets", messages=[{"role": "user", "content": "break"}], stream=True
        ):
            words += "".join(choice.delta.content or "" for choice in chunk.choices)
        raise AssertionError("the break was not told")
    except openai.APIError as error:
        assert words == "Half of" and error.code.startswith("model_"), (words, error)

    key = os.environ["T3NETS_KEY"]
    assert refused(openai.AuthenticationError, "t3n_wrong").code == "invalid_api_key"
    assert refused(openai.NotFoundError, key, model="gpt-4o").code == "model_not_found"
    assert refused(openai.BadRequestError, key, n=2).param == "n"
    assert refused(openai.RateLimitError, os.environ["T3NETS_SPENT_KEY"]).code == "daily_limit_reached"
    try:
        api.embeddings.create(model="t3nets", input="x")
        raise AssertionError("embedded")
    except openai.NotFoundError as error:
        assert error.code == "not_served", error

    # The same key is the same answer, by its id.
    asked = {"model": "t3nets", "messages": [{"role": "user", "content": "think it over"}]}
    ids = {
        api.chat.completions.create(**asked, extra_headers={"Idempotency-Key": "openai-python"}).id for _ in range(2)
    }
    assert len(ids) == 1, ids


main()
