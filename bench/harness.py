"""What the benches stand on: the programs, a server process, a database with users, requests as text, and series of figures.

What may not live here: what is measured (doors.py, tokens.py).
"""

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
# Only to get tokens cheaply: they are what they are at any cost, and stay valid when the server comes back with its own settings.
CHEAP = {"ARGON2_MEMORY_KIB": "8", "ARGON2_ITERATIONS": "1", "ACCESS_TOKEN_TTL": "24h"}


def say(text):
    print(f"== {text}", flush=True)


# ---- programs

def cargo(*arguments):
    subprocess.run(["cargo", "build", "--release", "--quiet", *arguments], cwd=ROOT, check=True)


def build(folder, parts):
    """Builds the programs that these parts need into `folder`. The server is built by itself, as it ships: built together with the examples it would get
    their features of its dependencies too."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT, check=True, capture_output=True)
    release = Path(json.loads(metadata.stdout)["target_directory"]) / "release"
    for name in ["bench_bare", "bench_load", *(["bench_algorithms", "bench_transactions"] if "tokens" in parts else [])]:
        cargo("--example", name)
        shutil.copy(release / "examples" / name, folder / name)
    for implementation in IMPLEMENTATIONS if "doors" in parts else IMPLEMENTATIONS[:1]:
        features = ["--features", "argon2-rust"] if implementation == "argon2-rust" else []
        cargo("--example", "bench_hash_loop", *features)
        shutil.copy(release / "examples/bench_hash_loop", folder / f"hash-loop-{implementation}")
        cargo("--bin", "vestibule", *features)
        shutil.copy(release / "vestibule", folder / f"vestibule-{implementation}")


class Server:
    """A server process, and where it listens. Stopped when its `with` ends."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env or {}, cwd=tempfile.gettempdir())
        for line in self.process.stdout:
            if line.strip().startswith("listening"):
                self.address = line.split()[1]
                break
        else:
            raise SystemExit(f"{command} did not start: exit code {self.process.wait()}")
        # Read on, so that the server never waits for a reader of its output.
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
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{path}: {answer.status} {body}"
        return answer, body

    def rss_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


class Bench:
    """The programs, a folder of their own with a database with users, and what is sent."""

    def __init__(self, programs, folder, database_url=None):
        self.programs = programs
        self.folder = folder
        self.shipped = programs / f"vestibule-{IMPLEMENTATIONS[0]}"
        self.env = {
            "DATABASE_URL": database_url or f"sqlite://{folder}/bench.db", "SERVER_KEY": SERVER_KEY, "BIND": "127.0.0.1:0"}

    def vestibule(self, settings=None, implementation=None):
        program = self.programs / f"vestibule-{implementation}" if implementation else self.shipped
        return Server([program, "serve"], {**self.env, **(settings or {})})

    def bare(self, files):
        """The bare server, whose path answers with that file of ours."""
        routes = [word for path, file in files.items() for word in ["--bytes", path, self.folder / file]]
        return Server([self.programs / "bench_bare", "--me", self.folder / "me.json", *routes])

    def command(self, *arguments, settings=None):
        """What a command of ours prints as JSON."""
        command = [self.shipped, *arguments, "--json"]
        output = subprocess.run(command, env={**self.env, **(settings or {})}, check=True, stdout=subprocess.PIPE).stdout
        return json.loads(output)

    def seed(self, users, settings=None):
        """Accounts by `vestibule seed`, their passwords hashed at these settings. The first is an admin: a server without one makes
        a new set-up link at each start."""
        file = self.folder / "users.toml"
        roles = lambda name: 'roles = ["admin"]\n' if name == users[0] else ""
        file.write_text("".join(f'[[users]]\nusername = "{name}"\npassword = "{PASSWORD}"\n{roles(name)}' for name in users))
        subprocess.run(
            [self.shipped, "seed", file], env={**self.env, **(settings or {})}, check=True, stdout=subprocess.DEVNULL)

    def write_requests(self, name, requests):
        (self.folder / f"{name}.requests").write_text("".join(json.dumps(text) + "\n" for text in requests))

    def load_command(self, mode, server, requests, seconds):
        file = self.folder / f"{requests}.requests"
        return [self.programs / "bench_load", mode, "--address", server.address, "--requests", file, "--seconds", str(seconds)]

    def start_flood(self, server, requests, pick, warm_up, seconds):
        command = self.load_command("closed", server, requests, seconds)
        command += ["--connections", str(CONNECTIONS), "--warm-up", str(warm_up), "--pick", pick, "--pid", str(server.process.pid)]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def flood(self, server, requests, pick):
        # Long enough for each of the many different requests of `hot` to be sent once, on a slow machine too.
        return end_flood(self.start_flood(server, requests, pick, 8 if pick == "hot" else 3, SECONDS))


def end_flood(process):
    output, _ = process.communicate()
    assert process.returncode == 0, "the load ends well"
    result = json.loads(output)
    assert set(result["answers"]) == {"200"}, f"all answers are 200: {result['answers']}"
    count = result["answers"]["200"]
    return {
        "rate": count / result["seconds"],
        "count": count,
        "server_micros": 1e6 * result["server_cpu_seconds"] / count,
        "load_micros": 1e6 * result["load_cpu_seconds"] / count,
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


class Series:
    """What was measured, by name, a value a round."""

    def __init__(self):
        self.values = {}

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)
        print(f"   {name}: {value:,.2f}", flush=True)

    def add_flood(self, name, result):
        self.add(name, result["rate"])
        for key in ["count", "server_micros", "load_micros"]:
            self.values.setdefault(f"{name} {key}", []).append(result[key])
        print(f"      {result['server_micros']:.1f} µs of server and {result['load_micros']:.1f} µs of load a request", flush=True)

    def median(self, name):
        return statistics.median(self.values[name])

    def ratio(self, ours, theirs):
        """The median of the rounds' ratios: the two arms of a round ran one after the other, while a machine that others share
        may be another one in the next round."""
        return statistics.median(one / other for one, other in zip(self.values[ours], self.values[theirs], strict=True))

    def spread(self, name):
        values = self.values[name]
        return f"{min(values):,.0f}–{max(values):,.0f}"


# ---- the table

def row(what, ours, theirs, ratio, goal, is_met):
    return f"| {what} | {ours} | {theirs} | {ratio} | {goal} | {'yes' if is_met else '**no**'} |"


def rate_row(series, what, ours, theirs, goal):
    ratio = series.ratio(ours, theirs)
    cell = lambda name: f"{series.median(name):,.0f} ({series.spread(name)})"
    if goal is None:
        return f"| {what} | {cell(ours)} | {cell(theirs)} | {ratio:.2f} | | |"
    return row(what, cell(ours), cell(theirs), f"{ratio:.2f}", f"≥ {goal}", ratio >= goal)


def commit():
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    changed = subprocess.run(["git", "status", "--porcelain", "--", "src", "Cargo.lock"], cwd=ROOT, capture_output=True, text=True).stdout
    return f"{head} with changes" if changed.strip() else head


def machine():
    model = next(line.split(":")[1].strip() for line in Path("/proc/cpuinfo").open() if line.startswith("model name"))
    flags = next(line for line in Path("/proc/cpuinfo").open() if line.startswith("flags"))
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return f"{model}, {os.cpu_count()} cores, {vectors}; Linux {platform.release()}; rustc {rustc}."
