"""Benchmarks of the latency of each page under load."""

import json
import subprocess
import time
from urllib.parse import urlsplit

from harness import (
    CHEAP, CONNECTIONS, ROOT, ROUNDS, Browser, Series, commit, finish_load, machine, request, say, write_report)

RESULTS = ROOT / "bench/PAGES.md"
SECONDS_PER_PAGE = 3
# Enables every page; no email is sent.
SETTINGS = {
    **CHEAP, "SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "login@example.com", "REGISTRATION": "open",
    "ACCOUNT_DELETION": "on"}
PAGES = {
    "sign-in": "/login", "sign-out": "/logout", "forgotten password": "/password/forgot", "registration": "/register",
    "new password": "/password/reset", "invitation": "/invite",
    "account": "/", "profile": "/account/profile", "email address": "/account/email", "sessions": "/account/sessions",
    "change of password": "/account/password", "deletion": "/account/delete", "stylesheet": None}


def prepare(bench):
    with bench.vestibule(SETTINGS):
        pass
    bench.seed(["bench"], CHEAP)
    commands = [("users", "reset-link", "bench"), ("invites", "add")]
    links = [bench.command(*command, settings=SETTINGS)["url"] for command in commands]
    with bench.vestibule(SETTINGS) as server:
        signed_in = Browser(server)
        signed_in.send("GET", "/login")
        assert signed_in.sign_in("bench") == 303
        browsers = {path: Browser(server) for path in ["/login", "/password/forgot", "/register"]}
        for link in map(urlsplit, links):
            browsers[link.path] = Browser(server)
            browsers[link.path].send("GET", f"{link.path}?{link.query}")
        sizes = {}
        for name, path in PAGES.items():
            path = path or stylesheet(server)
            browser = browsers.get(path, signed_in)
            # The first response sets the cookie of the form.
            browser.send("GET", path)
            response, body = browser.send("GET", path)
            assert response.status == 200 and response.headers["Set-Cookie"] is None, f"{path}: {response.status}"
            sizes[name] = (len(body), response.headers.get("Content-Encoding", "none"))
            (bench.folder / name).write_bytes(body)
            headers = {**Browser.HEADERS, "Cookie": "; ".join(f"{key}={value}" for key, value in browser.cookies.items())}
            bench.write_requests(name, [request("GET", path, headers)])
            bench.write_requests(f"{name} bare", [request("GET", "/" + name.replace(" ", "-"), headers)])
    (bench.folder / "me.json").write_text(json.dumps(
        {"id": 1, "username": "bench", "sub": "bench", "roles": [], "scope": "", "sid": "", "exp": 0}))
    return sizes


def stylesheet(server):
    _, page = server.get("/login")
    return page.decode().split('rel="stylesheet" href="')[1].split('"')[0]


# ---- measurements

def measure(bench, series):
    """Measures each page with an open loop, while other connections fetch the sign-in page in a closed loop."""
    bare = {"/" + name.replace(" ", "-"): name for name in PAGES}
    for start, suffix in [(lambda: bench.bare(bare), " bare"), (lambda: bench.vestibule(SETTINGS), "")]:
        with start() as server:
            load = bench.start_load(server, f"sign-in{suffix}", "own", 1, len(PAGES) * (SECONDS_PER_PAGE + 1.5))
            time.sleep(1)
            for name in PAGES:
                command = bench.load_command("open", server, f"{name}{suffix}", SECONDS_PER_PAGE)
                result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                for key in ["p50_micros", "p99_micros"]:
                    series.add(f"{name}{suffix} {key}", result[key] / 1000)
            assert load.poll() is None, "the load ended before the last page"
            series.add(f"load{suffix}", finish_load(load)["rate"])


def report(series, sizes):
    cell = lambda name: " / ".join(f"{series.median(f'{name} {key}_micros'):.2f}" for key in ["p50", "p99"])
    table = "\n".join(
        f"| {name} | {sizes[name][0]:,} | {sizes[name][1]} | {cell(name)} | {cell(f'{name} bare')} |" for name in PAGES)
    return f"""# Page latency

Measured by `bench/run pages` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} interleaved
rounds.

{machine()}

| Page | Bytes | Encoding | p50 / p99 in ms | Bare route, p50 / p99 in ms |
|---|---|---|---|---|
{table}

Method:

- Time to the last byte. 50 requests per second for {SECONDS_PER_PAGE} s, latency counted from the time at which each
  was due, while {CONNECTIONS} other connections fetch the sign-in page as fast as responses arrive
  ({series.median("load"):,.0f} per second; of the bare route {series.median("load bare"):,.0f}).
- Server and load share the processors of one machine, over loopback; SQLite. The account pages read session, user and
  roles from the database at each request. The bare route (`bench/bare.rs`) returns the same bytes, compressed
  already.
"""


def run(bench):
    series = Series()
    say("an account, links and pages")
    sizes = prepare(bench)
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        measure(bench, series)
    write_report(RESULTS, report(series, sizes))
