"""Benchmark of a flood of sign-ins with many names from many networks, at the default cost of a hash."""

import json
import sqlite3
import subprocess
import threading
import time
from urllib.parse import urlencode

from harness import PASSWORD, ROOT, ROUNDS, Browser, Series, commit, machine, request, row, say, write_report

RESULTS = ROOT / "bench/FLOOD.md"
TRIES = 20
SECONDS = 30
# More than both lanes of the hash queue hold on two threads.
CONNECTIONS = 512
NAMES = 50_000
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1"}


def prepare(bench):
    with bench.vestibule(SETTINGS):
        pass
    bench.seed(["bench"])
    requests = []
    for number in range(NAMES):
        body = urlencode({"username": f"name-{number}", "password": "wrong password"})
        address = f"2001:{number >> 8:x}:{number & 0xff:x}::1"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded", "Content-Length": len(body),
            "X-Forwarded-For": address}
        requests.append(request("POST", "/token", headers, body))
    bench.write_requests("flood", requests)


def count_rows(bench):
    with sqlite3.connect(f"file:{bench.folder}/bench.db?mode=ro", uri=True) as database:
        return database.execute("SELECT COUNT(*) FROM login_attempts").fetchone()[0]


def me_p99(bench, server, seconds):
    command = bench.load_command("open", server, "me", seconds)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["p99_micros"] / 1000


def sign_in_times(server, browser, username):
    """The seconds of each try; a rejected one counts as infinite."""
    times = []
    for _ in range(TRIES):
        # The server may have closed the idle one.
        browser.connection = server.connect()
        start = time.monotonic()
        status = browser.sign_in(username)
        times.append(time.monotonic() - start if status == 303 else float("inf"))
        time.sleep(0.3)
    return times


def measure(bench, series):
    with bench.vestibule(SETTINGS) as server:
        # A sign-in ends the session that its browser had, so the tokens for /me are those of another one.
        browser, other = Browser(server), Browser(server)
        for each in [browser, other]:
            each.send("GET", "/login")
            assert each.sign_in("bench") == 303
        token = other.cookies["vestibule_token"]
        bench.write_requests("me", [request("GET", "/me", {"Cookie": f"vestibule_token={token}"})])
        series.add("idle /me p99", me_p99(bench, server, 5))
        series.add("idle memory", server.peak_mib())
        rows_before = count_rows(bench)
        load = bench.start_load(server, "flood", "each", 2, SECONDS, CONNECTIONS)
        time.sleep(2)
        times = []
        signing_in = threading.Thread(target=lambda: times.extend(sign_in_times(server, browser, "bench")))
        signing_in.start()
        series.add("/me p99", me_p99(bench, server, 10))
        signing_in.join()
        output, _ = load.communicate()
        assert load.returncode == 0, "the load generator failed"
        result = json.loads(output)
        responses = result["responses"]
        total = sum(responses.values())
        print(f"   {result}", flush=True)
        series.add("requests a second", total / result["seconds"])
        series.add("hashes a second", responses.get("400", 0) / result["seconds"])
        series.add("rejected", 100 * responses.get("503", 0) / total)
        series.add("signed in within 5 s", sum(seconds <= 5 for seconds in times))
        series.add("slowest sign-in", max(times))
        series.add("memory peak", server.peak_mib())
        series.add("rows a second", (count_rows(bench) - rows_before) / (result["seconds"] + 2))


def report(series):
    median = series.median
    idle, flooded = median("idle /me p99"), median("/me p99")
    peak, limit = median("memory peak"), median("idle memory") + 64 + 2 * 19
    signed_in = min(series.values["signed in within 5 s"])
    rows = [
        row("sign-ins of a known user at a known browser within 5 s", f"{signed_in:.0f} of {TRIES}",
            "", "", f"{TRIES}", signed_in == TRIES),
        row("`/me` p99 in ms", f"{flooded:.1f}", f"{idle:.1f}", f"{flooded / idle:.1f}", "≤ 5 × idle or 10",
            flooded <= max(5 * idle, 10)),
        row("peak memory in MiB", f"{peak:.0f}", f"{median('idle memory'):.0f}", "", f"≤ {limit:.0f}", peak <= limit)]
    return f"""# A flood of sign-ins

Measured by `bench/run flood` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} rounds, of the
sign-ins the worst.

{machine()}

| | Flood | Idle | Ratio | Goal | Met |
|---|---|---|---|---|---|
{chr(10).join(rows)}

Method:

- {CONNECTIONS} connections send wrong passwords for {NAMES:,} names, each from a /48 of its own, as fast as responses
  arrive: {median("requests a second"):,.0f} a second, of which {median("rejected"):.1f} % are rejected with 503 and
  {median("hashes a second"):.0f} a second are hashed, at the default cost.
- The slowest sign-in took {max(series.values["slowest sign-in"]):.2f} s. Counters of failed attempts grew by
  {median("rows a second"):.0f} rows a second; they are deleted an hour later.
- Server and load share the processors of one machine, over loopback; SQLite. `/me` is requested 50 times a second.
  The idle memory includes one hash.
"""


def run(bench):
    series = Series()
    say("an account and requests")
    prepare(bench)
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        measure(bench, series)
    write_report(RESULTS, report(series))
