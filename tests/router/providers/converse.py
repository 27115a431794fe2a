"""Calls Converse and ConverseStream with AWS's own client, and prints what it understood as JSON."""

import json
import sys

import boto3
from botocore.config import Config

url, model = sys.argv[1:]
client = boto3.client(
    "bedrock-runtime",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(retries={"total_max_attempts": 1}),
)
question = {"modelId": model, "messages": [{"role": "user", "content": [{"text": "How is the sprint?"}]}]}


def error(call):
    try:
        call()
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


whole = client.converse(**question)
del whole["ResponseMetadata"]
events = list(client.converse_stream(**question)["stream"])
broken = client.converse_stream(**question)["stream"]
print(
    json.dumps(
        {
            "whole": whole,
            "events": events,
            "broken": error(lambda: list(broken)),
            "refused": error(lambda: client.converse(**question)),
        }
    )
)
