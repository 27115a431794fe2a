"""Stands before a registry and counts what is pushed through it: the bodies of requests that put something into it."""

import http.client
import http.server
import threading

# What ends at each hop.
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"}


class Counter:
    """A proxy on a free port of the loopback address, and what was pushed through it so far."""

    def __init__(self, host, port):
        self.behind = (host, port)
        self.pushed = 0
        # Whether nobody may push.
        self.refuses = False
        self.lock = threading.Lock()
        counter = self

        class Passing(Pass):
            counter_of = counter

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Passing)
        server.daemon_threads = True
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def add(self, count):
        with self.lock:
            self.pushed += count


class Pass(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is written in two parts: without it the second waits for the first one's acknowledgement.
    disable_nagle_algorithm = True

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def handle_any(self):
        body = self.body()
        if self.counter_of.refuses and self.path.startswith("/v2/"):
            self.send_response_only(403)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        if self.path.startswith("/v2/") and self.command in ("PATCH", "POST", "PUT"):
            self.counter_of.add(len(body))
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in OF_THE_CONNECTION | {"content-length"}
        }
        if body or self.command in ("PATCH", "POST", "PUT"):
            headers["content-length"] = str(len(body))
        behind = http.client.HTTPConnection(*self.counter_of.behind, timeout=120)
        try:
            behind.request(self.command, self.path, body, headers)
            answer = behind.getresponse()
            content = answer.read()
        except OSError as error:
            # What is behind has ended, with its containers; whoever still asks is told.
            self.send_error(502, explain=str(error))
            return
        finally:
            behind.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in OF_THE_CONNECTION | {"content-length"}:
                self.send_header(name, value)
        # Of a HEAD it says how long the body would be.
        length = answer.getheader("content-length") if self.command == "HEAD" else str(len(content))
        if length is not None:
            self.send_header("content-length", length)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def log_message(self, *_):
        pass
