"""The two doors: `/token`, `/me`, `/login`, latency, start and memory, each beside what it cannot beat.

What may not live here: refresh tokens and what else comes around a token (tokens.py).
"""

import http.client
import itertools
import json
import subprocess
import threading
import time

from harness import (
    CHEAP, CONNECTIONS, HS256, IMPLEMENTATIONS, ROOT, ROUNDS, SECONDS, Series, commit, end_flood, machine, rate_row, request, row, say,
    token_body, token_request)

RESULTS = ROOT / "bench/RESULTS.md"
OTHER_TOKENS = 10_000
# A user keeps 100 sessions, and these hold two lots of tokens, one for each algorithm.
TOKEN_HOLDERS = 2 * (OTHER_TOKENS + 1) // 100 + 24
OPEN_SECONDS = 20
IDLE_SECONDS = 60
# Each takes two minutes; further rounds measure rates only.
FLOOD_ROUNDS = 3
STARTS = 10
COLLECTORS = 8
HOLDERS = [f"bench-holder-{number}" for number in range(TOKEN_HOLDERS)]
# One account a connection: tries in flight for one account are bounded, and would be measured instead of hashing.
FLOODERS = [f"bench-{number}" for number in range(CONNECTIONS)]


def prepare(bench):
    # The first start makes the database.
    with bench.vestibule(CHEAP):
        pass
    bench.seed(FLOODERS)
    bench.seed(HOLDERS, CHEAP)
    for name, settings in [("es256", {}), ("hs256", HS256)]:
        say(f"{OTHER_TOKENS + 1:,} tokens with {name.upper()}")
        with bench.vestibule({**CHEAP, **settings}) as server:
            tokens = collect_tokens(server, OTHER_TOKENS + 1)
            _, me = server.get("/me", {"Authorization": f"Bearer {tokens[0]}"})
        bench.write_requests(f"me-{name}", [request("GET", "/me", {"Authorization": f"Bearer {token}"}) for token in tokens])
    (bench.folder / "me.json").write_bytes(me)
    bench.write_requests("token", [token_request(name) for name in FLOODERS])
    accept = {"Accept": "text/html", "Accept-Language": "en-US,en;q=0.5"}
    with bench.vestibule() as server:
        answer, _ = server.get("/login", accept)
        cookie = answer.getheader("Set-Cookie").split(";")[0]
        headers = {**accept, "Cookie": cookie}
        answer, page = server.get("/login", headers)
        assert answer.getheader("Set-Cookie") is None, "the cookie is held"
    (bench.folder / "login.html").write_bytes(page)
    bench.write_requests("login", [request("GET", "/login", headers)])


def collect_tokens(server, count):
    tokens = []

    def sign_in(usernames):
        connection = server.connect()
        for username in itertools.cycle(usernames):
            if len(tokens) >= count:
                return
            connection.request("POST", "/token", token_body(username), {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, f"/token: {answer.status} {body}"
            tokens.append(json.loads(body)["access_token"])

    threads = [threading.Thread(target=sign_in, args=[HOLDERS[number::COLLECTORS]]) for number in range(COLLECTORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) >= count, "every thread went through"
    return tokens[:count]


def open_loop(bench, server):
    command = bench.load_command("open", server, "me-es256", OPEN_SECONDS)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def hash_loop(bench, implementation):
    command = [bench.programs / f"hash-loop-{implementation}", "--seconds", str(SECONDS)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


# ---- what is measured, a function an arm

def measure_token(bench, implementation, series):
    series.add(f"loop {implementation}", hash_loop(bench, implementation))
    with bench.vestibule(implementation=implementation) as server:
        series.add_flood(f"token {implementation}", bench.flood(server, "token", "own"))


def measure_route(bench, name, requests, settings, series):
    pick = "hot" if requests.startswith("me") else "own"
    with bench.bare({"/login": "login.html"}) as server:
        series.add_flood(f"bare {name}", bench.flood(server, requests, pick))
    with bench.vestibule(settings) as server:
        series.add_flood(name, bench.flood(server, requests, pick))


def measure_flood(bench, series):
    """On one server: memory before any hash, `/me` when idle, `/me` while 64 connections sign in, memory a minute later."""
    token_line = json.loads((bench.folder / "me-es256.requests").open().readline())
    bearer = {"Authorization": token_line.split("Authorization: ")[1].split("\r\n")[0]}
    with bench.vestibule() as server:
        for _ in range(5):
            for path in ["/readyz", "/login"]:
                server.get(path)
            server.get("/me", bearer)
        series.add("rss before", server.rss_mib())
        add_open("idle", open_loop(bench, server), series)
        # The flood begins before the open loop and outlasts it.
        flood = bench.start_flood(server, "token", "own", 2, OPEN_SECONDS + 3)
        time.sleep(2)
        add_open("flooded", open_loop(bench, server), series)
        series.add_flood("token in flood", end_flood(flood))
        series.add("rss in flood", server.rss_mib())
        time.sleep(IDLE_SECONDS)
        series.add("rss after", server.rss_mib())


def add_open(name, result, series):
    for key in ["p50_micros", "p99_micros", "max_micros"]:
        series.add(f"{name} {key}", result[key] / 1000)


def measure_start(bench, series):
    port = free_port()
    env = {**bench.env, "BIND": f"127.0.0.1:{port}"}
    for _ in range(STARTS):
        begun = time.monotonic()
        process = subprocess.Popen([bench.shipped, "serve"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not is_ready(port):
            assert process.poll() is None and time.monotonic() - begun < 10, "the server starts"
            time.sleep(0.0005)
        series.add("start", 1000 * (time.monotonic() - begun))
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


# ---- the table

def rows(series):
    for implementation in IMPLEMENTATIONS:
        yield rate_row(
            series, f"`/token`, sign-ins a second, `{implementation}`; beside it the loop",
            f"token {implementation}", f"loop {implementation}", 0.95)
    for name, what in [("me ES256", "`/me`, requests a second, ES256"), ("me HS256", "`/me`, requests a second, HS256"),
                       ("login", "`/login`, requests a second, cookie held")]:
        yield rate_row(series, f"{what}; beside it the bare route", name, f"bare {name}", 0.8)
    idle, flooded = series.median("idle p99_micros"), series.median("flooded p99_micros")
    times = series.ratio("flooded p99_micros", "idle p99_micros")
    yield row(
        f"`/me`, p99 in ms of 50 requests a second, while {CONNECTIONS} connections sign in; beside it when idle",
        f"{flooded:.2f}", f"{idle:.2f}", f"{times:.1f}", "≤ 5", times <= 5)
    start = series.median("start")
    yield row(f"start to ready on an existing database, ms (median of {STARTS})", f"{start:.0f}", "", "", "≤ 50", start <= 50)
    before, after = series.median("rss before"), series.median("rss after")
    yield row("memory before any hash, MiB", f"{before:.1f}", "", "", "≤ 15", before <= 15)
    yield row(
        f"memory {IDLE_SECONDS} s after the flood, MiB; beside it before any hash", f"{after:.1f}", f"{before:.1f}",
        f"{after - before:+.1f}", "≤ +5", after <= before + 5)


def cost_lines(series):
    for name in ["me ES256", "me HS256", "login"]:
        ours, bare = series.median(f"{name} server_micros"), series.median(f"bare {name} server_micros")
        load = series.median(f"{name} load_micros")
        yield f"| `/{name}` | {ours:.1f} | {bare:.1f} | {load:.1f} |"


def report(series):
    table = "\n".join(rows(series))
    costs = "\n".join(cost_lines(series))
    signed_in = ", ".join(
        f"{sum(series.values[f'token {name} count']):,} with `{name}`" for name in IMPLEMENTATIONS)
    in_flood = f"{series.median('token in flood'):,.0f}"
    latency = lambda name: " / ".join(f"{series.median(f'{name} {key}_micros'):.2f}" for key in ["p50", "p99", "max"])
    return f"""# How fast

Made by `bench/run` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} interleaved rounds, lowest and highest in brackets. A ratio is
the median of the rounds' ratios.

{machine()}

| what | Vestibule | beside it | ratio | goal | met |
|---|---|---|---|---|---|
{table}

Every answer counted was a 200; `/token` gave {signed_in}. In the flood of the p99 row {in_flood} sign-ins a second went on, and
memory reached {series.median("rss in flood"):.0f} MiB; p50 / p99 / highest in ms were {latency("idle")} when idle and {latency("flooded")} flooded.

Processor time for a request in µs, which the load generator's share does not flatter:

| route | Vestibule | bare route | load generator |
|---|---|---|---|
{costs}

How:

- Release builds as shipped. Server and load (or loop) share the processors of one machine, over loopback, in every arm; each arm starts its own server,
  on one SQLite database, and nothing else runs beside it. {CONNECTIONS} kept connections, {SECONDS:.0f} s an arm after 3 s of warming up (8 s for `/me`).
- `/token`: as many accounts as connections, password hashes at the default cost. The loop (`bench/hash_loop.rs`) is a process of its own that runs alone and calls
  `users::argon2id`, the server's own code, on as many threads, in kept memory.
- `/me`: {OTHER_TOKENS + 1:,} tokens are presented once; then 9 of 10 requests carry one hot token and each tenth the next of the {OTHER_TOKENS:,} others. The bare route
  (`bench/bare.rs`) gets the same requests and serialises the same JSON each time; it is an Actix application of as many workers without any middleware.
- `/login`: with the CSRF cookie that the page set, so that the page is rendered anew each time and no cookie is set; the bare route gives the same bytes.
- p99: an open loop; latency counts from the time at which a request was due, so that a late answer does not hide the wait of the next.
- Start: from the spawn to the first 200 of `/readyz`. Memory: `VmRSS`, the first after a few pages and `/me`.
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
        if number <= FLOOD_ROUNDS:
            measure_flood(bench, series)
    text = report(series)
    RESULTS.write_text(text)
    print(text)
