"""How soon each page is there while the server is busy, beside a bare route that gives the same bytes under the same load.

What may not live here: how many requests a second (doors.py).
"""

import json
import subprocess
import time
from urllib.parse import urlencode, urlsplit

from harness import CHEAP, CONNECTIONS, PASSWORD, ROOT, ROUNDS, Series, commit, end_flood, machine, request, say

RESULTS = ROOT / "bench/PAGES.md"
SECONDS_A_PAGE = 3
# As a browser asks, so that the answer is compressed as for a browser.
BROWSER = {"Accept": "text/html", "Accept-Language": "en-US,en;q=0.5", "Accept-Encoding": "gzip, deflate, br, zstd"}
# Everything is there, and no mail is ever sent.
SETTINGS = {
    **CHEAP, "SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "login@example.com", "REGISTRATION": "open", "ACCOUNT_DELETION": "on"}
PAGES = {
    "sign-in": "/login", "sign-out": "/logout", "forgotten password": "/password/forgot", "registration": "/register",
    "new password": "/password/reset", "invitation": "/invite",
    "account": "/", "profile": "/account/profile", "email address": "/account/email", "sessions": "/account/sessions",
    "change of password": "/account/password", "deletion": "/account/delete", "stylesheet": None}


class Visitor:
    """A browser's cookies."""

    def __init__(self, server):
        self.connection, self.cookies = server.connect(), {}

    def ask(self, method, path, body=None):
        headers = {**BROWSER, "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer, answer.read()


def prepare(bench):
    with bench.vestibule(SETTINGS):
        pass
    bench.seed(["bench"], CHEAP)
    links = [bench.command(*words, settings=SETTINGS)["url"] for words in [("users", "reset-link", "bench"), ("invites", "add")]]
    with bench.vestibule(SETTINGS) as server:
        visitor = Visitor(server)
        visitor.ask("GET", "/login")
        answer, _ = visitor.ask("POST", "/login", urlencode({"username": "bench", "password": PASSWORD}))
        assert answer.status == 303, answer.status
        answerers = {urlsplit(link).path: Visitor(server) for link in links}
        for link in links:
            parts = urlsplit(link)
            answerers[parts.path].ask("GET", f"{parts.path}?{parts.query}")
        strangers = {path: Visitor(server) for path in ["/login", "/password/forgot", "/register"]}
        sizes = {}
        for name, path in PAGES.items():
            path = path or stylesheet(server)
            who = strangers.get(path) or answerers.get(path) or visitor
            # The first time sets the cookie for the form.
            who.ask("GET", path)
            answer, body = who.ask("GET", path)
            assert answer.status == 200 and answer.headers["Set-Cookie"] is None, f"{path}: {answer.status}"
            sizes[name] = (len(body), answer.headers.get("Content-Encoding", "as it is"))
            (bench.folder / name).write_bytes(body)
            headers = {**BROWSER, "Cookie": "; ".join(f"{key}={value}" for key, value in who.cookies.items())}
            bench.write_requests(name, [request("GET", path, headers)])
            bench.write_requests(f"{name} bare", [request("GET", "/" + name.replace(" ", "-"), headers)])
    (bench.folder / "me.json").write_text(json.dumps(
        {"id": 1, "username": "bench", "sub": "bench", "roles": [], "scope": "", "sid": "", "exp": 0}))
    return sizes


def stylesheet(server):
    _, page = server.get("/login")
    return page.decode().split('rel="stylesheet" href="')[1].split('"')[0]


# ---- what is measured

def measure(bench, series):
    """Each page by an open loop, while other connections fetch the sign-in page as fast as answers come."""
    bare = {"/" + name.replace(" ", "-"): name for name in PAGES}
    for start, suffix in [(lambda: bench.bare(bare), " bare"), (lambda: bench.vestibule(SETTINGS), "")]:
        with start() as server:
            flood = bench.start_flood(server, f"sign-in{suffix}", "own", 1, len(PAGES) * (SECONDS_A_PAGE + 1.5))
            time.sleep(1)
            for name in PAGES:
                command = bench.load_command("open", server, f"{name}{suffix}", SECONDS_A_PAGE)
                result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                for key in ["p50_micros", "p99_micros"]:
                    series.add(f"{name}{suffix} {key}", result[key] / 1000)
            assert flood.poll() is None, "the load outlasts the pages"
            series.add(f"load{suffix}", end_flood(flood)["rate"])


def report(series, sizes):
    cell = lambda name: " / ".join(f"{series.median(f'{name} {key}_micros'):.2f}" for key in ["p50", "p99"])
    table = "\n".join(
        f"| {name} | {sizes[name][0]:,} | {sizes[name][1]} | {cell(name)} | {cell(f'{name} bare')} |" for name in PAGES)
    return f"""# How soon each page is there

Made by `bench/run pages` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} interleaved rounds.

{machine()}

| page | bytes | encoding | p50 / p99 in ms | bare route, p50 / p99 in ms |
|---|---|---|---|---|
{table}

- Time to the last byte, which no page has in another packet than its first by much: 50 requests a second for {SECONDS_A_PAGE} s, latency counted from the time at which each
  was due, while {CONNECTIONS} other connections fetch the sign-in page as fast as answers come ({series.median("load"):,.0f} a second; of the bare route {series.median("load bare"):,.0f}).
- Server and load share the processors of one machine, over loopback; SQLite. The account's pages read session, user and roles from the database at each request. The
  bare route (`bench/bare.rs`) gives the same bytes, compressed already.
"""


def run(bench):
    series = Series()
    say("an account, links and pages")
    sizes = prepare(bench)
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        measure(bench, series)
    text = report(series, sizes)
    RESULTS.write_text(text)
    print(text)
