#!/usr/bin/env python3
"""The service that Terraform starts and calls: plugin protocol 5 over gRPC. By hand it does nothing
useful.

    main.py SCHEMA.json

SCHEMA.json is what schema.of_types gives. Needs the packages grpcio and msgpack.
"""

import json
import os
import sys
import threading
import time
import traceback
from concurrent import futures

import grpc

import behaviour
import data_sources
import resources
import rules
import schema
from made_up import Maker
from wire import Unknown, decoded, diagnostic, encoded, message, number, parse, path


def type_name(request):
    return request[1][0].decode()


class Provider:
    """One method for each call. Each takes a request's fields and gives the encoded response."""

    def __init__(self, schemas):
        self.schemas, self._schema_response = schemas, schema.response(schemas)
        self.maker = Maker("us-east-1")
        self.default_tags = {}

    def get_schema(self, _):
        return self._schema_response

    def prepare_provider_config(self, request):
        return message(1, request[1][0])

    def configure(self, request):
        configuration = decoded(request[2][0]) or {}
        region = configuration.get("region")
        if isinstance(region, str):
            self.maker = Maker(region)
        for block in configuration.get("default_tags") or []:
            self.default_tags = block["tags"]
        return b""

    def tagged(self, kind, resource):
        """A resource with all its tags: the provider's, and its own over them."""
        if resource is None or "tags_all" not in self.schemas["resources"][kind]["a"]:
            return resource
        own = resource.get("tags")
        return {**resource, "tags_all": own if isinstance(own, Unknown) else {**self.default_tags, **(own or {})}}

    def validate_resource(self, request):
        if os.environ.get("CHECKS") == "0":
            return b""
        found = rules.check(type_name(request), decoded(request[2][0]))
        return b"".join(message(1, diagnostic(severity, text, path)) for severity, text, path in found)

    def upgrade_resource_state(self, request):
        return message(1, encoded(json.loads(parse(request[3][0])[1][0])))

    def read_resource(self, request):
        return message(1, request.get(2, [b""])[0])

    def plan_resource_change(self, request):
        prior, proposed = decoded(request[2][0]), decoded(request[3][0])
        kind = type_name(request)
        planned = self.tagged(kind, resources.planned(self.schemas["resources"][kind], proposed, prior))
        replaces = [message(2, path([name])) for name in behaviour.replacing(kind, prior, planned)]
        return message(1, encoded(planned)) + b"".join(replaces) + number(5, 1)

    def apply_resource_change(self, request):
        kind = type_name(request)
        prior, plan = decoded(request[2][0]), decoded(request[3][0])
        if plan is not None:
            configuration = decoded(request[4][0])
            if prior is None:
                plan = resources.applied(self.schemas["resources"][kind], kind, plan, configuration, self.maker)
            else:
                plan = resources.updated(kind, plan, configuration)
        return message(1, encoded(self.tagged(kind, plan))) + number(4, 1)

    def read_data_source(self, request):
        kind = type_name(request)
        read = data_sources.read(self.schemas["data"][kind], kind, decoded(request[2][0]), self.maker)
        return message(1, encoded(read))

    def shutdown(self, _):
        # Once the answer is out.
        threading.Timer(0.05, os._exit, [0]).start()
        return b""

    def methods(self):
        nothing = lambda _: b""
        calls = {
            "GetSchema": self.get_schema,
            "PrepareProviderConfig": self.prepare_provider_config,
            "ValidateResourceTypeConfig": self.validate_resource,
            "ValidateDataSourceConfig": nothing,
            "UpgradeResourceState": self.upgrade_resource_state,
            "Configure": self.configure,
            "ReadResource": self.read_resource,
            "PlanResourceChange": self.plan_resource_change,
            "ApplyResourceChange": self.apply_resource_change,
            "ReadDataSource": self.read_data_source,
            "GetFunctions": nothing,
            "Stop": nothing,
        }
        named = {f"/tfplugin5.Provider/{name}": call for name, call in calls.items()}
        return {**named, "/plugin.GRPCController/Shutdown": self.shutdown}


class Handler(grpc.GenericRpcHandler):
    """Hands each call to its method, bytes in and bytes out."""

    def __init__(self, methods):
        self.methods = methods

    def service(self, details):
        method = self.methods.get(details.method)
        if method is None:
            return None

        def call(request, context):
            try:
                return method(parse(request))
            except Exception as error:
                # Terraform shows the error; the whole of it goes to its log (TF_LOG=debug).
                sys.stderr.write(traceback.format_exc())
                context.abort(grpc.StatusCode.INTERNAL, f"stand-in provider: {type(error).__name__}: {error}")

        return grpc.unary_unary_rpc_method_handler(call)


def main():
    if len(sys.argv) != 2 or not os.environ.get("TF_PLUGIN_MAGIC_COOKIE"):
        sys.exit("This is a Terraform provider plugin; Terraform starts it.")
    with open(sys.argv[1], encoding="utf-8") as file:
        provider = Provider(json.load(file))
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Handler(provider.methods())], options=unlimited)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # Versions of the plugin system and of the protocol, and where it listens.
    print(f"1|5|tcp|127.0.0.1:{port}|grpc", flush=True)
    # Terraform may be killed.
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
