"""The server under test: its commands, its process and requests to it."""

import base64
import contextlib
import http.client
import json
import pathlib
import signal
import subprocess
import sys
import time
import typing
import urllib.parse

from bench import harness
from bench.harness import PASSWORD, SERVER_KEY

BINARY = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug/vestibule").resolve()
# A request waits for its turn and a connection, then runs: two and a half and two seconds, and a busy machine's delay.
REQUEST_LIMIT = 7
# The load signs in to few accounts from one address, and interrupted attempts count as failures.
SETTINGS = {
    "SERVER_KEY": SERVER_KEY, "BIND": "127.0.0.1:0", "ARGON2_MEMORY_KIB": "64", "ARGON2_ITERATIONS": "1",
    "THROTTLE_ACCOUNT": "100000", "THROTTLE_ACCOUNT_NETWORK": "100000", "THROTTLE_NETWORK": "100000",
    "THROTTLE_SIGN_INS": "100000"}


def environment(url, settings):
    return {**SETTINGS, "DATABASE_URL": url, **settings}


def command(url, *arguments, stdin=None, **settings):
    """Runs a command, which must succeed. Returns its output."""
    return subprocess.run(
        [BINARY, *arguments], env=environment(url, settings), cwd="/", check=True, input=stdin, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


class Response(typing.NamedTuple):
    status: int
    retry_after: str | None
    seconds: float
    body: bytes

    def json(self):
        return json.loads(self.body)


def send(address, method, path, form=None, token=None):
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = urllib.parse.urlencode(form) if form else None
    connection = http.client.HTTPConnection(address, timeout=30)
    begun = time.monotonic()
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        body = response.read()
    return Response(response.status, response.getheader("Retry-After"), time.monotonic() - begun, body)


def session_id(access_token):
    payload = access_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"]


def wait_until(condition, what, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Server(harness.Server):
    def __init__(self, url, **settings):
        super().__init__([BINARY, "serve"], environment(url, settings))

    def request(self, method, path, form=None, token=None):
        return send(self.address, method, path, form, token)

    def sign_in(self, username="alice", password=PASSWORD):
        return self.request("POST", "/token", {"username": username, "password": password})

    def wait_for_ready(self, status):
        wait_until(lambda: self.request("GET", "/readyz").status == status, f"/readyz becomes {status}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def kill(self):
        self.process.kill()
        self.process.wait()


def prepare(url, folder, users=("alice",)):
    """Creates the tables and accounts with PASSWORD."""
    command(url, "migrate", "run")
    file = folder / "users.toml"
    file.write_text(harness.seed_file(users))
    command(url, "seed", file)


@contextlib.contextmanager
def server(url, folder, users=("alice",), **settings):
    """A server with these accounts, in which the first one signs in."""
    prepare(url, folder, users)
    running = Server(url, **settings)
    try:
        assert running.sign_in(users[0]).status == 200, f"{users[0]} signs in"
        yield running
    finally:
        running.kill()


def assert_unavailable(response):
    assert response.status == 503 and response.retry_after, f"{response.status}, Retry-After {response.retry_after}"
    assert response.seconds < REQUEST_LIMIT, f"{response.seconds:.1f} s"
    return response.seconds
