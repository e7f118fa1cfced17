"""Benchmarks of `/token`, `/me`, `/login`, latency under load, start-up and memory."""

import http.client
import itertools
import json
import subprocess
import threading
import time

from harness import (
    CHEAP, CONNECTIONS, HS256, IMPLEMENTATIONS, ROOT, ROUNDS, SECONDS, Series, commit, finish_load, machine, rate_row,
    request, row, say, token_body, token_request, write_report)

RESULTS = ROOT / "bench/RESULTS.md"
OTHER_TOKENS = 10_000
# A user has at most 100 sessions, and each algorithm needs its own tokens.
TOKEN_USER_COUNT = 2 * (OTHER_TOKENS + 1) // 100 + 24
OPEN_SECONDS = 20
IDLE_SECONDS = 60
# Until the server's first cleanup has ended.
CLEANUP_SECONDS = 65
# Each takes two minutes; later rounds measure only rates.
LATENCY_ROUNDS = 3
STARTS = 10
SIGN_IN_THREADS = 8
TOKEN_USERS = [f"bench-token-{number}" for number in range(TOKEN_USER_COUNT)]
# One account per connection, because concurrent attempts for one account are limited.
SIGN_IN_USERS = [f"bench-{number}" for number in range(CONNECTIONS)]


def prepare(bench):
    # The first start creates the database.
    with bench.vestibule(CHEAP):
        pass
    bench.seed(SIGN_IN_USERS)
    bench.seed(TOKEN_USERS, CHEAP)
    for name, settings in [("es256", {}), ("hs256", HS256)]:
        say(f"{OTHER_TOKENS + 1:,} tokens with {name.upper()}")
        with bench.vestibule({**CHEAP, **settings}) as server:
            tokens = collect_tokens(server, OTHER_TOKENS + 1)
            _, me = server.get("/me", {"Authorization": f"Bearer {tokens[0]}"})
        me_request = lambda token: request("GET", "/me", {"Authorization": f"Bearer {token}"})
        bench.write_requests(f"me-{name}", map(me_request, tokens))
    (bench.folder / "me.json").write_bytes(me)
    bench.write_requests("token", [token_request(name) for name in SIGN_IN_USERS])
    accept = {"Accept": "text/html", "Accept-Language": "en-US,en;q=0.5"}
    with bench.vestibule() as server:
        response, _ = server.get("/login", accept)
        cookie = response.getheader("Set-Cookie").split(";")[0]
        headers = {**accept, "Cookie": cookie}
        response, page = server.get("/login", headers)
        assert response.getheader("Set-Cookie") is None, "the page set the cookie again"
    (bench.folder / "login.html").write_bytes(page)
    bench.write_requests("login", [request("GET", "/login", headers)])


def collect_tokens(server, count):
    tokens = []

    def sign_in(usernames):
        connection = server.connect()
        for username in itertools.cycle(usernames):
            if len(tokens) >= count:
                return
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/token", token_body(username), headers)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, f"/token: {response.status} {body}"
            tokens.append(json.loads(body)["access_token"])

    threads = [
        threading.Thread(target=sign_in, args=[TOKEN_USERS[number::SIGN_IN_THREADS]])
        for number in range(SIGN_IN_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) >= count, "a thread failed"
    return tokens[:count]


def open_loop(bench, server):
    command = bench.load_command("open", server, "me-es256", OPEN_SECONDS)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def hash_loop(bench, implementation):
    command = [bench.executables / f"hash-loop-{implementation}", "--seconds", str(SECONDS)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


# ---- measurements

def measure_token(bench, implementation, series):
    series.add(f"loop {implementation}", hash_loop(bench, implementation))
    with bench.vestibule(implementation=implementation) as server:
        series.add_load(f"token {implementation}", bench.run_load(server, "token", "own"))


def measure_route(bench, name, requests, settings, series):
    pick = "hot" if requests.startswith("me") else "own"
    with bench.bare({"/login": "login.html"}) as server:
        series.add_load(f"bare {name}", bench.run_load(server, requests, pick))
    with bench.vestibule(settings) as server:
        series.add_load(name, bench.run_load(server, requests, pick))


def measure_latency_and_memory(bench, series):
    """Measures on one server: memory before any hash, at once and after the first cleanup, `/me` when idle and during
    sign-ins, memory afterwards."""
    token_line = json.loads((bench.folder / "me-es256.requests").open().readline())
    bearer = {"Authorization": token_line.split("Authorization: ")[1].split("\r\n")[0]}

    def use(server):
        for _ in range(5):
            for path in ["/readyz", "/login"]:
                server.get(path)
            server.get("/me", bearer)

    with bench.vestibule() as server:
        use(server)
        series.add("rss before", server.rss_mib())
        time.sleep(CLEANUP_SECONDS)
        use(server)
        series.add("rss cleaned", server.rss_mib())
        add_latency("idle", open_loop(bench, server), series)
        # The load starts before the open loop and ends after it.
        load = bench.start_load(server, "token", "own", 2, OPEN_SECONDS + 3)
        time.sleep(2)
        add_latency("loaded", open_loop(bench, server), series)
        series.add_load("token in load", finish_load(load))
        series.add("rss in load", server.rss_mib())
        time.sleep(IDLE_SECONDS)
        series.add("rss after", server.rss_mib())


def add_latency(name, result, series):
    for key in ["p50_micros", "p99_micros", "max_micros"]:
        series.add(f"{name} {key}", result[key] / 1000)


def measure_start(bench, series):
    port = free_port()
    env = {**bench.env, "BIND": f"127.0.0.1:{port}"}
    for _ in range(STARTS):
        start = time.monotonic()
        process = subprocess.Popen(
            [bench.shipped, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not is_ready(port):
            assert process.poll() is None and time.monotonic() - start < 10, "the server did not start"
            time.sleep(0.0005)
        series.add("start", 1000 * (time.monotonic() - start))
        process.terminate()
        process.wait()


def is_ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def free_port():
    import socket
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# ---- report

def rows(series):
    for implementation in IMPLEMENTATIONS:
        yield rate_row(
            series, f"`/token`, sign-ins per second, `{implementation}`; baseline: the loop",
            f"token {implementation}", f"loop {implementation}", 0.95)
    for name, what in [
            ("me ES256", "`/me`, requests per second, ES256"), ("me HS256", "`/me`, requests per second, HS256"),
            ("login", "`/login`, requests per second, with a cookie")]:
        yield rate_row(series, f"{what}; baseline: the bare route", name, f"bare {name}", 0.8)
    idle, loaded = series.median("idle p99_micros"), series.median("loaded p99_micros")
    ratio = series.ratio("loaded p99_micros", "idle p99_micros")
    yield row(
        f"`/me`, p99 in ms of 50 requests per second, while {CONNECTIONS} connections sign in; baseline: idle",
        f"{loaded:.2f}", f"{idle:.2f}", f"{ratio:.1f}", "≤ 5", ratio <= 5)
    start = series.median("start")
    yield row(
        f"start to ready on an existing database, ms (median of {STARTS})", f"{start:.0f}", "", "", "≤ 50", start <= 50)
    before, cleaned, after = (series.median(f"rss {name}") for name in ["before", "cleaned", "after"])
    yield row("memory before any hash, right after the start, MiB", f"{before:.1f}", "", "", "≤ 15", before <= 15)
    yield row(
        f"memory before any hash, {CLEANUP_SECONDS} s after the start, MiB", f"{cleaned:.1f}", "", "", "≤ 15", cleaned <= 15)
    yield row(
        f"memory {IDLE_SECONDS} s after the load, MiB; baseline: right after the start", f"{after:.1f}", f"{before:.1f}",
        f"{after - before:+.1f}", "≤ +5", after <= before + 5)


def cost_lines(series):
    for name in ["me ES256", "me HS256", "login"]:
        server, bare = series.median(f"{name} server_micros"), series.median(f"bare {name} server_micros")
        load = series.median(f"{name} load_micros")
        yield f"| `/{name}` | {server:.1f} | {bare:.1f} | {load:.1f} |"


def report(series):
    table = "\n".join(rows(series))
    costs = "\n".join(cost_lines(series))
    sign_ins = ", ".join(
        f"{sum(series.values[f'token {name} count']):,} with `{name}`" for name in IMPLEMENTATIONS)
    sign_ins_in_load = f"{series.median('token in load'):,.0f}"
    latency = lambda name: " / ".join(f"{series.median(f'{name} {key}_micros'):.2f}" for key in ["p50", "p99", "max"])
    return f"""# Sign-in, `/me` and the login page

Measured by `bench/run` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} interleaved rounds,
lowest and highest in brackets. A ratio is the median of the rounds' ratios.

{machine()}

| What | Vestibule | Baseline | Ratio | Goal | Met |
|---|---|---|---|---|---|
{table}

All counted responses were 200; `/token` gave {sign_ins}. Under the load of the p99 row, {sign_ins_in_load} sign-ins
per second succeeded, and memory reached {series.median("rss in load"):.0f} MiB; p50 / p99 / highest in ms were
{latency("idle")} when idle and {latency("loaded")} under load.

Processor time for a request in µs, without the load generator's share:

| Route | Vestibule | Bare route | Load generator |
|---|---|---|---|
{costs}

Method:

- Release builds as shipped. In every arm, server and load (or loop) share the processors of one machine, over
  loopback. Each arm starts its own server, on one SQLite database, and nothing else runs. {CONNECTIONS} persistent
  connections, {SECONDS:.0f} s for each arm after 3 s of warm-up (8 s for `/me`).
- `/token`: as many accounts as connections, password hashes at the default cost. The loop (`bench/hash_loop.rs`) is a
  process that runs alone and calls `users::argon2id`, the server's own code, on as many threads, in reused memory.
- `/me`: {OTHER_TOKENS + 1:,} tokens are presented once; then 9 of 10 requests carry one frequent token, and each
  tenth the next of the {OTHER_TOKENS:,} others. The bare route (`bench/bare.rs`) gets the same requests and
  serializes the same JSON each time; it is an Actix application with as many workers and without any middleware.
- `/login`: with the CSRF cookie that the page set: the page is rendered each time, and no cookie is set. The bare
  route returns the same bytes.
- p99: an open loop. Latency counts from the time at which a request was due; a late response does not hide the wait
  of the next one.
- Start: from the spawn to the first 200 of `/readyz`. Memory: `VmRSS`, the first ones after a few pages and `/me`.
"""


def run(bench):
    series = Series()
    say("accounts and tokens")
    prepare(bench)
    say("start to ready")
    measure_start(bench, series)
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        for implementation in IMPLEMENTATIONS:
            measure_token(bench, implementation, series)
        measure_route(bench, "me ES256", "me-es256", {}, series)
        measure_route(bench, "me HS256", "me-hs256", HS256, series)
        measure_route(bench, "login", "login", {}, series)
        if number <= LATENCY_ROUNDS:
            measure_latency_and_memory(bench, series)
    write_report(RESULTS, report(series))
