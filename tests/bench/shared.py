"""What the benchmarks share: a model that answers at once, a router on the local environment, load on a server, and what the server
took for it. Everything listens on the loopback address or is asked there, and what was started is ended.

Needs nginx (Debian: nginx-light), for the model; oha, which makes the load, is installed below the target folder on first use.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

# Nothing is left beside the source.
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from python_environment import TARGET  # noqa: E402

OHA = "1.16.0"
CALLERS = 64
SESSIONS = 2000
QUESTION = "What could we improve about our releases?"
ANSWER = "All is well in this sprint."
TICKS = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def installed(crate, version, program, *options):
    """A program of a crate, below the target folder."""
    root = TARGET / program
    # What cargo notes down, since a program may say another version than its crate's.
    noted = root / ".crates.toml"
    if not noted.exists() or f'"{crate} {version} ' not in noted.read_text():
        say(f"installing {crate} {version}")
        install = ["cargo", "install", "--quiet", "--locked", "--root", root, "--version", version, crate, *options]
        subprocess.run(install, check=True, stdout=sys.stderr, cwd=tempfile.gettempdir())
    return root / "bin" / program


def oha():
    """The load generator's program."""
    return installed("oha", OHA, "oha")


def machine():
    """Processor, number of cores, and what ran before."""
    name = next(line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return f"{now}, {os.cpu_count()} cores of {name.split(': ')[1]}, Linux {os.uname().release}, load average {os.getloadavg()[0]:.1f}"


class Server:
    """A process with all that it starts."""

    def __init__(self, command, environment, log, **more):
        self.log = pathlib.Path(log)
        with open(log, "w") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                env={"PATH": os.environ["PATH"], **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **more,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # What it started and left behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def until_answering(self, url, patience=180):
        """Waits until anything but an error of the server's own is answered there."""
        deadline = time.monotonic() + patience
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                return urllib.request.urlopen(url, timeout=5).close()
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    return None
            except OSError:
                pass
            time.sleep(0.02)
        self.__exit__()
        sys.exit(f"{self.process.args[0]} does not answer:\n{self.log.read_text()[-3000:]}")

    def processes(self):
        """The folders in /proc of what is in its session."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[3]) == self.process.pid:
                    found.append(folder)
        return found

    def processor(self):
        """Seconds of processor time so far."""
        ticks = 0
        for folder in self.processes():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def memory(self):
        """Megabytes; what processes share is counted once."""
        kilobytes = 0
        for folder in self.processes():
            with contextlib.suppress(OSError, StopIteration):
                lines = (folder / "smaps_rollup").read_text().splitlines()
                kilobytes += int(next(line for line in lines if line.startswith("Pss:")).split()[1])
        return kilobytes * 1024 / 1e6

    def open_files(self):
        return sum(len(os.listdir(folder / "fd")) for folder in self.processes())


def event(**fields):
    return f"data: {json.dumps({'id': 'x', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'scripted', **fields})}\n\n"


def model(folder):
    """An endpoint of OpenAI's API with one short answer: below /whole/v1 as JSON, below /streamed/v1 as events, a word each.
    The server and its address.
    """
    words = [f"{word} " for word in ANSWER.split()]
    usage = {"prompt_tokens": 10, "completion_tokens": len(words), "total_tokens": 10 + len(words)}
    message = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [message], "usage": usage}
    deltas = [({"role": "assistant", "content": words[0]}, None), *(({"content": word}, None) for word in words[1:]), ({}, "stop")]
    events = [event(choices=[{"index": 0, "delta": delta, "finish_reason": finish}]) for delta, finish in deltas]
    stream = "".join([*events, event(choices=[], usage=usage), "data: [DONE]\n\n"])
    quoted = stream.replace("\\", "\\\\").replace("\n", "\\n")
    port = free_port()
    configuration = pathlib.Path(folder, "nginx.conf")
    configuration.write_text(f"""
        daemon off;
        worker_processes 1;
        pid nginx.pid;
        error_log stderr error;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            keepalive_requests 1000000000;
            client_body_temp_path body;
            server {{
                listen 127.0.0.1:{port};
                location /whole/ {{ default_type application/json; return 200 '{json.dumps(whole)}'; }}
                location /streamed/ {{ default_type text/event-stream; return 200 '{quoted}'; }}
            }}
        }}
    """)
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or sys.exit("nginx is missing: apt-get install nginx-light")
    server = Server([program, "-p", folder, "-c", configuration], {}, pathlib.Path(folder, "nginx.log"))
    server.until_answering(f"http://127.0.0.1:{port}/whole/")
    return server, f"http://127.0.0.1:{port}"


# What an answer is held against: a budget for each of those who may have one. None is reached.
BUDGETS = ["messages_per_day=1000000000", "tokens_per_month=1000000000000", "user_tokens_per_day=1000000000000", "key_messages_per_day=1000000000"]


def prepare(t3nets, home):
    """A local environment with a tenant, an administrator and budgets. The administrator's key."""

    def run(*words):
        environment = {**os.environ, "T3NETS_HOME": str(home)}
        said = subprocess.run([t3nets, *words, "--env", "local", "--json"], env=environment, cwd=home, capture_output=True, text=True)
        if said.returncode:
            sys.exit(f"t3nets {' '.join(words)}: {said.stderr}")
        return json.loads(said.stdout)

    run("seed", "--admin-email", "ada@example.com")
    run("tenant", "set", *BUDGETS)
    return run("key", "create", "ada@example.com")["key"]


def router(program, home, model_url, log):
    """The router on a local environment, and its address."""
    port = free_port()
    variables = {
        "T3NETS_ENV": "local",
        "T3NETS_HOME": str(home),
        "PORT": str(port),
        "OPENAI_API_KEY": "unused",
        # It asks for streams alone.
        "OPENAI_BASE_URL": f"{model_url}/streamed/v1",
        "T3NETS_MODEL": "scripted",
        "RUST_LOG": "warn",
    }
    server = Server([program, "serve"], variables, log)
    server.until_answering(f"http://127.0.0.1:{port}/ready")
    return server, f"http://127.0.0.1:{port}"


@dataclasses.dataclass
class Requests:
    """What is asked: one of the bodies each time."""

    url: str
    bodies: list
    headers: dict = dataclasses.field(default_factory=dict)

    def once(self):
        """The answer to the first, as text."""
        headers = {"content-type": "application/json", **self.headers}
        request = urllib.request.Request(self.url, self.bodies[0].encode(), headers)
        try:
            return urllib.request.urlopen(request, timeout=60).read().decode()
        except urllib.error.HTTPError as error:
            sys.exit(f"{self.url} refuses with {error.code}: {error.read().decode()[:500]}")


def turns_of(router_url, key, is_streamed=False):
    """Turns of a router, in many conversations."""
    bodies = [json.dumps({"message": QUESTION, "session_id": f"s{session}"}) for session in range(SESSIONS)]
    accept = "text/event-stream" if is_streamed else "application/json"
    return Requests(f"{router_url}/api/chat", bodies, {"authorization": f"Bearer {key}", "accept": accept})


@dataclasses.dataclass
class Load:
    """What came of a load, and what the server took for it: milliseconds, megabytes. `others` is how many processors all took that is
    neither the server, the load generator nor the model."""

    answered: int
    failed: int
    a_second: float
    p50: float
    p99: float
    memory: float
    processor: float
    others: float


def busy():
    """Seconds that the machine's processors were busy so far."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load(requests, server, helpers=(), seconds=None, count=None, rate=None):
    """Asks for so many seconds, or so many times: so often a second, evenly spaced, or as often as all callers together can. At a rate,
    latency is counted from when a request was due, not from when a caller was free for it."""
    ours = [server, *helpers]
    with tempfile.TemporaryDirectory() as folder:
        bodies = pathlib.Path(folder, "bodies")
        bodies.write_text("\n".join(requests.bodies))
        command = [oha(), "--no-tui", "--output-format", "json", "-m", "POST", "-c", str(CALLERS), "-Z", bodies, "-T", "application/json"]
        command += ["-z", f"{seconds}s"] if seconds else ["-n", str(count)]
        command += ["-q", str(rate), "--latency-correction"] if rate else []
        for name, value in requests.headers.items():
            command += ["-H", f"{name}: {value}"]
        most = [server.memory()]
        is_over = threading.Event()

        def watch():
            while not is_over.wait(1):
                most.append(server.memory())

        watching = threading.Thread(target=watch)
        before = [busy(), children(), *(one.processor() for one in ours)]
        began = time.monotonic()
        watching.start()
        try:
            said = json.loads(subprocess.run([*command, requests.url], capture_output=True, check=True).stdout)
        finally:
            is_over.set()
            watching.join()
        took = time.monotonic() - began
        after = [busy(), children(), *(one.processor() for one in ours)]
    used = [end - start for start, end in zip(before, after, strict=True)]
    statuses = {int(status): number for status, number in said["statusCodeDistribution"].items()}
    answered = statuses.get(200, 0)
    # What was under way at the end of the time is neither.
    errors = sum(number for what, number in said["errorDistribution"].items() if "deadline" not in what)
    latency = said["latencyPercentiles"]
    return Load(
        answered=answered,
        failed=sum(statuses.values()) - answered + errors,
        a_second=answered / said["summary"]["total"],
        p50=(latency["p50"] or 0) * 1000,
        p99=(latency["p99"] or 0) * 1000,
        memory=max(most),
        processor=used[2] / max(answered, 1) * 1000,
        others=(used[0] - sum(used[1:])) / took,
    )
