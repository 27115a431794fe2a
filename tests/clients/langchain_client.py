"""LangChain's client for OpenAI against a router: T3NETS_URL, T3NETS_KEY."""

import os

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"21 degrees in {city}"


class Weather(BaseModel):
    """What the weather is like."""

    city: str


def main():
    model = ChatOpenAI(
        base_url=os.environ["T3NETS_URL"] + "/v1",
        api_key=os.environ["T3NETS_KEY"],
        model="t3nets",
        temperature=0.2,
        # It asks only OpenAI itself for the usage of a stream unless told to.
        stream_usage=True,
    )
    with_tools = model.bind_tools([get_weather])
    messages = [SystemMessage("Be brief."), HumanMessage("is it warm in Zürich?")]
    asked = None
    for chunk in with_tools.stream(messages):
        asked = chunk if asked is None else asked + chunk
    assert [call["args"]["city"] for call in asked.tool_calls] == ["Zürich", "Bern"], asked
    assert asked.usage_metadata["total_tokens"] == 15, asked
    messages.append(asked)
    messages += [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in asked.tool_calls]
    words = "".join(chunk.content for chunk in with_tools.stream(messages))
    assert words == "It is warm: 21 degrees.", words

    # It names the tool that has to be called.
    structured = model.with_structured_output(Weather, method="function_calling")
    assert structured.invoke("think of a city") == Weather(city="Zürich")
    # By default it asks for the form of the answer.
    structured = model.with_structured_output(Weather)
    assert structured.invoke("think of a city") == Weather(city="Zürich")


main()
