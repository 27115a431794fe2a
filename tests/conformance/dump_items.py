#!/usr/bin/env python3
"""Prints the items of some partitions of a DynamoDB table, each with its attributes and their types, as JSON.

    dump_items.py TABLE PARTITION...
"""

import json
import os
import sys

import boto3

table, *partitions = sys.argv[1:]
# boto3 knows only AWS_DEFAULT_REGION by itself.
client = boto3.client("dynamodb", region_name=os.environ.get("AWS_REGION"))
items = {}
for partition in partitions:
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition}},
        ConsistentRead=True,
    )
    for item in (item for page in pages for item in page["Items"]):
        types = sorted(f"{name}:{kind}" for name, value in item.items() for kind in value)
        items[f"{item['pk']['S']} {item['sk']['S']}"] = " ".join(types)
json.dump(items, sys.stdout)
