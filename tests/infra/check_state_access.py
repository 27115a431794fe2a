#!/usr/bin/env python3
"""That the policy for plans allows what Terraform itself calls to plan with a state in a bucket, locked there, and that of
what it allows on the bucket nothing is without use.

    check_state_access.py

Needs terraform 1.10, as a bucket's own locks do. A real plan, of a resource that is no provider's, with a backend whose bucket is served here and refuses what the policy
does not allow. Prints what is wrong; exit 0 or 1.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CALLS = Path(__file__).resolve().parents[2] / "infra/aws/modules/access/calls.json"
BUCKET, KEY = "bucket", "t3nets/terraform.tfstate"
STATE_KEY, LOCK_KEY = f"{BUCKET}/*{KEY}", f"{BUCKET}/*{KEY}.tflock"
ON = {"state_bucket": [BUCKET], "state": [STATE_KEY], "state_and_lock": [STATE_KEY, LOCK_KEY], "state_lock": [LOCK_KEY]}
CONFIGURATION = f"""terraform {{
  backend "s3" {{
    bucket                      = "{BUCKET}"
    key                         = "{KEY}"
    region                      = "us-east-1"
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
  }}
}}

resource "terraform_data" "something" {{}}
"""
STATE = {"version": 4, "terraform_version": "1.5.0", "serial": 1, "lineage": "a", "outputs": {}, "resources": []}


def allowed(policy):
    """(action, pattern of what it is allowed on) of those on the bucket."""
    calls = json.loads(CALLS.read_text(encoding="utf-8"))
    return {(action, key) for action, on in calls[policy].items() for key in ON.get(on, [])}


class Bucket(ThreadingHTTPServer):
    """Objects in memory, served to those who are allowed."""

    def __init__(self, pairs):
        super().__init__(("127.0.0.1", 0), Request)
        self.pairs, self.used, self.denied = pairs, set(), set()
        self.objects = {f"env:/prod/{KEY}": json.dumps(STATE).encode()}

    def admits(self, action, on):
        pairs = {pair for pair in self.pairs if pair[0] == action and fnmatch.fnmatchcase(on, pair[1])}
        self.used |= pairs
        if not pairs:
            self.denied.add(f"{action} on {on}")
        return bool(pairs)


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        bucket, key = self.target()
        if not key:
            return self.list(bucket) if self.admitted("s3:ListBucket", bucket) else None
        if self.admitted("s3:GetObject", f"{bucket}/{key}"):
            found = self.server.objects.get(key)
            self.answer(404 if found is None else 200, found if found is not None else error("NoSuchKey"))

    do_HEAD = do_GET

    def list(self, bucket):
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        keys = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in self.server.objects if key.startswith(prefix))
        self.answer(200, f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>".encode())

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bucket, key = self.target()
        if self.admitted("s3:PutObject", f"{bucket}/{key}"):
            self.server.objects[key] = body
            self.answer(200, b"")

    def do_DELETE(self):
        bucket, key = self.target()
        if self.admitted("s3:DeleteObject", f"{bucket}/{key}"):
            self.server.objects.pop(key, None)
            self.answer(204, b"")

    def target(self):
        """The bucket, and the object's key, empty where it is about the bucket itself."""
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        return bucket, key

    def admitted(self, action, on):
        admits = self.server.admits(action, on)
        if not admits:
            self.answer(403, error("AccessDenied"))
        return admits

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def error(code):
    return f"<Error><Code>{code}</Code></Error>".encode()


def problems():
    with tempfile.TemporaryDirectory() as folder, Bucket(allowed("plan")) as bucket:
        threading.Thread(target=bucket.serve_forever, daemon=True).start()
        (Path(folder) / "main.tf").write_text(CONFIGURATION)
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))},
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "a",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{bucket.server_port}",
            "TF_WORKSPACE": "prod",
            "CHECKPOINT_DISABLE": "1",
        }
        for command in ("init", "plan"):
            run = subprocess.run(
                ["terraform", command, "-no-color", "-input=false"],
                cwd=folder, env=variables, capture_output=True, text=True, timeout=60,
            )
            if run.returncode:
                yield f"terraform {command}: {re.sub('[│╷╵]', '', run.stderr).strip()}"
                break
        bucket.shutdown()
        if bucket.denied:
            yield f"the policy for plans denies {', '.join(sorted(bucket.denied))}"
        for action, on in sorted(bucket.pairs - bucket.used):
            yield f"the policy for plans allows {action} on {on}, which no plan calls"
        if left := [key for key in bucket.objects if key.endswith(".tflock")]:
            yield f"{', '.join(left)} is left"


def main():
    wrong = list(problems())
    for problem in wrong:
        print(f"FAIL state: {problem}")
    print("ok: a plan calls what the policy allows, and all of it" if not wrong else f"FAIL {len(wrong)}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
