"""Shared code of the benchmarks: builds, server processes, databases with users, requests and measured values."""

import contextlib
import http.client
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import tempfile
import textwrap
import threading
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = float(os.environ.get("SECONDS", "8"))
IMPLEMENTATIONS = os.environ.get("ARGON2", "argon2 argon2-rust").split()

CONNECTIONS = 64
PASSWORD = "vestibule bench: correct horse battery staple"
SERVER_KEY = "be" * 32
JWT_SECRET = "a shared secret of the bench, of more than 32 bytes"
HS256 = {"JWT_SECRET": JWT_SECRET}
# Settings to sign in cheaply while preparing. The tokens stay valid when the server restarts with its own settings.
CHEAP = {"ARGON2_MEMORY_KIB": "8", "ARGON2_ITERATIONS": "1", "ACCESS_TOKEN_TTL": "24h"}


def say(text):
    print(f"== {text}", flush=True)


# ---- executables

def cargo(*arguments):
    subprocess.run(["cargo", "build", "--release", "--quiet", *arguments], cwd=ROOT, check=True)


def build(folder, parts):
    """Builds the executables that these parts need into `folder`. The server is built alone, as it ships: together with
    the examples, Cargo would also enable their features of shared dependencies."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT, check=True, capture_output=True)
    release = Path(json.loads(metadata.stdout)["target_directory"]) / "release"
    for_tokens = ["bench_algorithms", "bench_transactions"] if "tokens" in parts else []
    for name in ["bench_bare", "bench_load", *for_tokens]:
        cargo("--example", name)
        shutil.copy(release / "examples" / name, folder / name)
    for implementation in IMPLEMENTATIONS if "core" in parts else IMPLEMENTATIONS[:1]:
        features = ["--features", "argon2-rust"] if implementation == "argon2-rust" else []
        cargo("--example", "bench_hash_loop", *features)
        shutil.copy(release / "examples/bench_hash_loop", folder / f"hash-loop-{implementation}")
        cargo("--bin", "vestibule", *features)
        shutil.copy(release / "vestibule", folder / f"vestibule-{implementation}")


class Server:
    """A server process and its address. It is stopped at the end of its `with` block."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env or {},
            cwd=tempfile.gettempdir())
        for line in self.process.stdout:
            if line.strip().startswith("listening"):
                self.address = line.split()[1]
                break
        else:
            raise SystemExit(f"{command} did not start: exit code {self.process.wait()}")
        # Keeps reading, so the server never blocks on a full pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.process.kill()
        self.process.wait()

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=30)

    def get(self, path, headers=None):
        connection = self.connect()
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, f"{path}: {response.status} {body}"
        return response, body

    def rss_mib(self):
        return self.memory_mib("VmRSS")

    def peak_mib(self):
        return self.memory_mib("VmHWM")

    def memory_mib(self, name):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024


class Bench:
    """The executables, and a folder with a database and with the requests to send."""

    def __init__(self, executables, folder, database_url=None):
        self.executables = executables
        self.folder = folder
        self.shipped = executables / f"vestibule-{IMPLEMENTATIONS[0]}"
        self.env = {
            "DATABASE_URL": database_url or f"sqlite://{folder}/bench.db", "SERVER_KEY": SERVER_KEY,
            "BIND": "127.0.0.1:0",
            # The load signs in to one account all the time.
            "THROTTLE_SIGN_INS": "1000000"}

    def vestibule(self, settings=None, implementation=None):
        executable = self.executables / f"vestibule-{implementation}" if implementation else self.shipped
        return Server([executable, "serve"], {**self.env, **(settings or {})})

    def bare(self, files):
        """Starts the bare server; each path of `files` returns the file with that name."""
        routes = [word for path, file in files.items() for word in ["--bytes", path, self.folder / file]]
        return Server([self.executables / "bench_bare", "--me", self.folder / "me.json", *routes])

    def command(self, *arguments, settings=None):
        """Runs a command of the server and returns its JSON output."""
        command, env = [self.shipped, *arguments, "--json"], {**self.env, **(settings or {})}
        return json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE).stdout)

    def seed(self, users, settings=None):
        """Creates accounts with `vestibule seed`."""
        file = self.folder / "users.toml"
        file.write_text(seed_file(users))
        subprocess.run(
            [self.shipped, "seed", file], env={**self.env, **(settings or {})}, check=True, stdout=subprocess.DEVNULL)

    def write_requests(self, name, requests):
        (self.folder / f"{name}.requests").write_text("".join(json.dumps(text) + "\n" for text in requests))

    def load_command(self, mode, server, requests, seconds):
        file = self.folder / f"{requests}.requests"
        return [
            self.executables / "bench_load", mode, "--address", server.address, "--requests", file,
            "--seconds", str(seconds)]

    def start_load(self, server, requests, pick, warm_up, seconds, connections=CONNECTIONS):
        command = self.load_command("closed", server, requests, seconds)
        command += [
            "--connections", str(connections), "--warm-up", str(warm_up), "--pick", pick,
            "--pid", str(server.process.pid)]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def run_load(self, server, requests, pick):
        # The warm-up of `hot` sends each of its many requests once, also on a slow machine.
        return finish_load(self.start_load(server, requests, pick, 8 if pick == "hot" else 3, SECONDS))


def seed_file(users):
    """A seed file of these users. The first is an admin; otherwise, each start writes a set-up link."""
    roles = lambda name: 'roles = ["admin"]\n' if name == users[0] else ""
    entry = lambda name: f'[[users]]\nusername = "{name}"\npassword = "{PASSWORD}"\n{roles(name)}'
    return "".join(map(entry, users))


def finish_load(process):
    output, _ = process.communicate()
    assert process.returncode == 0, "the load generator failed"
    result = json.loads(output)
    assert set(result["responses"]) == {"200"}, f"not all responses are 200: {result['responses']}"
    count = result["responses"]["200"]
    return {
        "rate": count / result["seconds"],
        "count": count,
        "server_micros": 1e6 * result["server_cpu_seconds"] / count,
        "load_micros": 1e6 * result["load_cpu_seconds"] / count,
        **({"p50_micros": result["p50_micros"]} if result.get("p50_micros") else {}),
    }


def request(method, path, headers, body=""):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def token_request(username):
    body = token_body(username)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": len(body)}
    return request("POST", "/token", headers, body)


def token_body(username):
    return urlencode({"grant_type": "password", "username": username, "password": PASSWORD})


class Browser:
    """A connection with the cookies of a browser, which asks for compressed responses."""

    HEADERS = {"Accept": "text/html", "Accept-Language": "en-US,en;q=0.5", "Accept-Encoding": "gzip, deflate, br, zstd"}

    def __init__(self, server):
        self.connection, self.cookies = server.connect(), {}

    def send(self, method, path, body=None):
        headers = {**self.HEADERS, "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        for line in response.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return response, response.read()

    def sign_in(self, username):
        """The status of the response."""
        response, _ = self.send("POST", "/login", urlencode({"username": username, "password": PASSWORD}))
        return response.status


class Series:
    """The measured values by name, one per round."""

    def __init__(self):
        self.values = {}

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)
        print(f"   {name}: {value:,.2f}", flush=True)

    def add_load(self, name, result):
        self.add(name, result["rate"])
        for key in set(result) - {"rate"}:
            self.values.setdefault(f"{name} {key}", []).append(result[key])
        server, load = result["server_micros"], result["load_micros"]
        print(f"      {server:.1f} µs of server and {load:.1f} µs of load generator per request", flush=True)

    def median(self, name):
        return statistics.median(self.values[name])

    def ratio(self, name, baseline):
        """The median of the rounds' ratios: a round measures both right after each other, and the speed of a shared
        machine changes between rounds."""
        pairs = zip(self.values[name], self.values[baseline], strict=True)
        return statistics.median(value / other for value, other in pairs)

    def spread(self, name):
        values = self.values[name]
        return f"{min(values):,.0f}–{max(values):,.0f}"


# ---- reports

def row(what, value, baseline, ratio, goal, is_met):
    return f"| {what} | {value} | {baseline} | {ratio} | {goal} | {'yes' if is_met else '**no**'} |"


def rate_row(series, what, name, baseline, goal):
    ratio = series.ratio(name, baseline)
    cell = lambda name: f"{series.median(name):,.0f} ({series.spread(name)})"
    if goal is None:
        return f"| {what} | {cell(name)} | {cell(baseline)} | {ratio:.2f} | | |"
    return row(what, cell(name), cell(baseline), f"{ratio:.2f}", f"≥ {goal}", ratio >= goal)


def write_report(path, text):
    """Wraps paragraphs and list items at 120 columns; writes and prints the report."""
    text = "\n\n".join(wrap(block) for block in text.strip().split("\n\n")) + "\n"
    path.write_text(text)
    print(text)


def wrap(block):
    if block.startswith("|"):
        return block
    items = block.replace("\n  ", " ").split("\n") if block.startswith("- ") else [block.replace("\n", " ")]
    indent = "  " if block.startswith("- ") else ""
    wrapper = textwrap.TextWrapper(120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(map(wrapper.fill, items))


def commit():
    git = lambda *words: subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    head = git("rev-parse", "--short", "HEAD")
    return f"{head} with changes" if git("status", "--porcelain", "--", "src", "Cargo.lock") else head


def machine():
    model = next(line.split(":")[1].strip() for line in Path("/proc/cpuinfo").open() if line.startswith("model name"))
    flags = next(line for line in Path("/proc/cpuinfo").open() if line.startswith("flags"))
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return f"{model}, {os.cpu_count()} cores, {vectors}; Linux {platform.release()}; rustc {rustc}."
