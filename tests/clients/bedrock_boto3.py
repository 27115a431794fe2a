"""AWS's own Python client against the model that stands in for Bedrock (BEDROCK_URL): what it sends is what the client's model of the
API says, whole and streamed. The router's tests rest on that.
"""

import os

import boto3
import botocore.config
import botocore.exceptions

# Nobody looks at the credentials, and a refusal is not to be repeated.
client = boto3.client(
    "bedrock-runtime",
    endpoint_url=os.environ["BEDROCK_URL"],
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=botocore.config.Config(retries={"total_max_attempts": 1}),
)
USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 35, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 0}


def asked(message):
    return {"modelId": "us.amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": message}]}]}


def streamed(message):
    """The events' names and contents, and the answer's blocks put together as a client does."""
    events = [event.popitem() for event in client.converse_stream(**asked(message))["stream"]]
    blocks = {}
    for name, event in events:
        if name == "contentBlockStart":
            blocks[event["contentBlockIndex"]] = {**event["start"]["toolUse"], "input": ""}
        if name == "contentBlockDelta":
            (kind, delta), block = *event["delta"].items(), blocks.setdefault(event["contentBlockIndex"], {})
            for field, text in delta.items() if isinstance(delta, dict) else [(kind, delta)]:
                block[field] = block.get(field, "") + text
    return events, [blocks[index] for index in sorted(blocks)]


def fields_of(events, wanted):
    """An event's fields; it comes once."""
    [found] = [event for name, event in events if name == wanted]
    return found


def main():
    whole = client.converse(**asked("look"))
    thought, text, tool = whole["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"] == {"text": "Where is it?", "signature": "signed"}, whole
    assert text == {"text": "Let me look."}, whole
    assert tool["toolUse"] == {"toolUseId": "t1", "name": "get_weather", "input": {"city": "Zürich"}}, whole
    assert (whole["output"]["message"]["role"], whole["stopReason"]) == ("assistant", "tool_use"), whole
    assert (whole["usage"], whole["metrics"]) == (USAGE, {"latencyMs": 275}), whole
    assert whole["trace"]["promptRouter"]["invokedModelId"] == "amazon.nova-micro-v1:0", whole

    events, blocks = streamed("look")
    assert events[0] == ("messageStart", {"role": "assistant"}), events
    # As many as AWS's, and none that the client does not know.
    assert {name for name, _ in events} == {
        "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"
    }, events
    assert blocks == [
        {"text": "Where is it?", "signature": "signed"},
        {"text": "Let me look."},
        {"toolUseId": "t1", "name": "get_weather", "input": '{"city":"Zürich"}'},
    ], blocks
    assert fields_of(events, "messageStop") == {"stopReason": "tool_use"}, events
    metadata = fields_of(events, "metadata")
    assert (metadata["usage"], metadata["metrics"]) == (USAGE, {"latencyMs": 275}), events
    assert metadata["trace"]["promptRouter"]["invokedModelId"] == "amazon.nova-micro-v1:0", events

    # What comes instead of an answer, and within one.
    for call in [client.converse, client.converse_stream]:
        try:
            call(**asked("too many"))
            raise AssertionError("not refused")
        except client.exceptions.ThrottlingException as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429, error.response
            assert error.response["Error"]["Message"] == "slow down", error.response
    try:
        streamed("break")
        raise AssertionError("the break was not told")
    except botocore.exceptions.EventStreamError as error:
        assert error.response["Error"] == {"Code": "modelStreamErrorException", "Message": "overloaded"}, error.response


main()
