"""Benchmarks of `/healthz` while resource servers poll a long list of revoked sessions."""

import contextlib
import http.client
import json
import multiprocessing
import sqlite3
import subprocess
import time

from harness import CHEAP, ROOT, ROUNDS, SECONDS, Series, commit, machine, request, say, write_report

RESULTS = ROOT / "bench/REVOKED.md"
ENDED_SESSIONS = 100_000
POLLERS = 8
INSERT = """
    INSERT INTO sessions (
        id, kind, amr, created_at, authenticated_at, last_used_at, access_until, ended_at, end_reason, is_remembered)
    VALUES (?, 'program', 'pwd', ?, ?, ?, ?, ?, 'signed_out', FALSE)"""


def prepare(bench):
    # The first start creates the database.
    with bench.vestibule(CHEAP):
        pass
    bench.seed(["bench"], CHEAP)
    bench.write_requests("healthz", [request("GET", "/healthz", {})])


def end_sessions(bench):
    """Ends sessions of as many owners, whose tokens are valid for the whole benchmark."""
    at = lambda seconds: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + seconds))
    now, until = at(0), at(86_400)
    rows = ((f"{number:022}", now, now, now, until, now) for number in range(ENDED_SESSIONS))
    with contextlib.closing(sqlite3.connect(bench.folder / "bench.db")) as database, database:
        database.executemany(INSERT, rows)


def poll(address, knows_tag, requests):
    """Requests the list again as soon as it has arrived, with or without the tag of the last one."""
    connection, headers = http.client.HTTPConnection(address, timeout=60), {}
    while True:
        connection.request("GET", "/revoked", headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status in (200, 304), response.status
        if knows_tag:
            headers = {"If-None-Match": response.getheader("ETag")}
        with requests.get_lock():
            requests.value += 1


@contextlib.contextmanager
def pollers(server, knows_tag):
    """Runs the pollers, each in a process of its own. Yields the number of their requests so far."""
    requests = multiprocessing.Value("q", 0)
    processes = [
        multiprocessing.Process(target=poll, args=(server.address, knows_tag, requests), daemon=True)
        for _ in range(POLLERS)]
    for process in processes:
        process.start()
    try:
        while requests.value < POLLERS:
            time.sleep(0.1)
        yield requests
        assert all(process.is_alive() for process in processes), "a poller failed"
    finally:
        for process in processes:
            process.kill()
            process.join()


def add_latency(bench, server, name, series):
    command = bench.load_command("open", server, "healthz", SECONDS)
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    for key in ["p50_micros", "p99_micros", "max_micros"]:
        series.add(f"{name} {key}", result[key] / 1000)


def measure(bench, series):
    with bench.vestibule(CHEAP) as server:
        _, body = server.get("/revoked")
        assert len(json.loads(body)["sessions"]) == ENDED_SESSIONS
        series.add("bytes", len(body))
        add_latency(bench, server, "idle", series)
        for name, knows_tag in [("whole", False), ("unchanged", True)]:
            with pollers(server, knows_tag) as requests:
                before, start = requests.value, time.monotonic()
                add_latency(bench, server, name, series)
                series.add(f"{name} polls", (requests.value - before) / (time.monotonic() - start))
        series.add("rss", server.rss_mib())


def report(series):
    latency = lambda name: " / ".join(f"{series.median(f'{name} {key}_micros'):.2f}" for key in ["p50", "p99", "max"])
    return f"""# Latency beside pollers of the revoked sessions

Measured by `bench/run revoked` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} rounds.

{machine()}

| `/healthz` | p50 / p99 / max in ms | Polls per second |
|---|---|---|
| {ENDED_SESSIONS:,} revoked sessions, no poller | {latency("idle")} | |
| {POLLERS} pollers that fetch the list of {series.median("bytes"):,.0f} bytes | {latency("whole")} | {series.median("whole polls"):,.0f} |
| {POLLERS} pollers that send its `ETag` | {latency("unchanged")} | {series.median("unchanged polls"):,.0f} |

Method:

- 50 requests per second for {SECONDS:g} s, latency counted from the time at which each was due. Each poller is a
  process and sends its next request as soon as the response has arrived; real ones wait for seconds in between
- Server, pollers and load share the processors of one machine, over loopback; SQLite. Memory of the server afterwards:
  {series.median("rss"):.0f} MiB
"""


def run(bench):
    prepare(bench)
    say(f"{ENDED_SESSIONS:,} ended sessions")
    end_sessions(bench)
    series = Series()
    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS}")
        measure(bench, series)
    write_report(RESULTS, report(series))
