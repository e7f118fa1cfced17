"""Benchmarks of the paths that the database decides, of what is kept in memory, and of each signing algorithm."""

import base64
import json
import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path
from urllib.parse import urlencode

from harness import (
    CHEAP, CONNECTIONS, HS256, JWT_SECRET, ROOT, ROUNDS, SECONDS, Bench, Browser, Series, commit, finish_load, machine,
    rate_row, request, row, say, token_body, token_request, write_report)

RESULTS = ROOT / "bench/TOKENS.md"
USERS = [f"bench-{number}" for number in range(CONNECTIONS)]
# Each signs in rarely, as people do: a hundred sessions of one account are the most.
SIGN_IN_USERS = [f"person-{number}" for number in range(6_400)]
DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
ALGORITHMS = ["HS256", "ES256", "EdDSA", "RS256"]
SIGN_SECONDS = 1.0
# The baseline has its own databases, so the two share no file, cache or table.
BASELINE = "_bare"
MANY_SESSIONS, FEW_SESSIONS = 1_000_000, 1_000
# The route, the file with its body, and the goal of its ratio to the bare route.
ROUTES = {
    "auth-request": ("`/verify/auth-request`", "/verify/auth-request", "empty", 0.6),
    "forward-auth": ("`/verify/forward-auth`", "/verify/forward-auth", "empty", 0.6),
    "introspect": ("`/token/introspect`", "/token/introspect", "introspect.json", 0.5),
    "login": ("sign-in page, session cookie held", "/login", "login.html", 0.8),
    "account": ("account page", "/", "account.html", 0.4),
    "me": ("`/me`, ES256, one token", "/me", None, 0.9),
    "me-hs256": ("`/me`, HS256, one token", "/me", None, 0.9),
}


def make_database(kind, folder, suffix=""):
    if kind == "sqlite":
        return f"sqlite://{folder}/bench{suffix}.db"
    url, name = os.environ["TEST_POSTGRES_URL"], f"bench{suffix}"
    statements = [f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"]
    subprocess.run(["psql", "-q", url, *(word for statement in statements for word in ["-c", statement])], check=True)
    return url.rsplit("/", 1)[0] + f"/{name}"


def versions(bench):
    """This build and, if `BEFORE` is the path of an earlier one, that: each has databases of its own."""
    found = {"": bench.shipped}
    if before := os.environ.get("BEFORE"):
        found["before "] = bench.executables / "vestibule-before"
        shutil.copy(Path(before), found["before "])
    return found


def prepare(bench, kind, version, executable):
    folder = bench.folder / f"{version.strip()}{kind}"
    folder.mkdir()
    own = Bench(bench.executables, folder, make_database(kind, folder, f"_{version.strip()}"))
    own.shipped = executable
    with own.vestibule(CHEAP):
        pass
    own.seed([*USERS, *SIGN_IN_USERS], CHEAP)
    own.write_requests("families", [token_request(name) for name in USERS])
    own.write_requests("family", [token_request(USERS[0])])
    own.write_requests("sign-in", [token_request(name) for name in SIGN_IN_USERS])
    return own


def prepare_routes(bench):
    """Writes requests of a client that introspects a token, and of a signed-in browser."""
    client = bench.command("clients", "add", "bench", "--grant", "client_credentials")
    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    accept = {"Accept": "text/html", "Accept-Language": "en-US,en;q=0.5"}
    for name, settings in [("me-hs256", HS256), ("me", {})]:
        with bench.vestibule({**CHEAP, **settings}) as server:
            token = json.loads(post(server, "/token", token_body(USERS[0]), {}))["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            _, me = server.get("/me", bearer)
            bench.write_requests(name, [request("GET", "/me", bearer)])
    (bench.folder / "me.json").write_bytes(me)
    with bench.vestibule(CHEAP) as server:
        body = urlencode({"token": token})
        headers = {"Authorization": f"Basic {basic}"}
        introspection = post(server, "/token/introspect", body, headers)
        assert json.loads(introspection)["active"], introspection
        (bench.folder / "introspect.json").write_bytes(introspection)
        headers = {**FORM, **headers, "Content-Length": len(body)}
        bench.write_requests("introspect", [request("POST", "/token/introspect", headers, body)])

        browser = Browser(server)
        browser.send("GET", "/login")
        save_page(bench, server, browser, "login", "/login", accept)
        assert browser.sign_in(USERS[0]) == 303
        browser.send("GET", "/")
        save_page(bench, server, browser, "account", "/", accept)
        cookies = cookie_header(browser)
        for name in ["forward-auth", "auth-request"]:
            server.get(f"/verify/{name}", cookies)
            bench.write_requests(name, [request("GET", f"/verify/{name}", cookies)])
    (bench.folder / "empty").write_bytes(b"")


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def post(server, path, body, headers):
    connection = server.connect()
    connection.request("POST", path, body, {**FORM, **headers})
    response = connection.getresponse()
    text = response.read()
    assert response.status == 200, f"{path}: {response.status} {text}"
    return text


def cookie_header(browser):
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


def save_page(bench, server, browser, name, path, accept):
    headers = {**accept, **cookie_header(browser)}
    response, page = server.get(path, headers)
    assert response.getheader("Set-Cookie") is None, f"{path} set a cookie again"
    (bench.folder / f"{name}.html").write_bytes(page)
    bench.write_requests(name, [request("GET", path, headers)])


def add_sessions(bench, count):
    """Fills the table with sessions of clients that act for themselves, as far as there are fewer."""
    values = """lower(hex(randomblob(8))) || printf('%06d', n), 'client', '', datetime('now'), datetime('now'),
        datetime('now'), datetime('now', '+20 days'), 0, 1"""
    columns = "id, kind, amr, created_at, authenticated_at, last_used_at, access_until, is_remembered, has_holders"
    with sqlite3.connect(bench.env["DATABASE_URL"].removeprefix("sqlite://")) as database:
        database.execute(
            f"WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count - 1}) "
            f"INSERT INTO sessions ({columns}) SELECT {values} FROM numbers")


# ---- measurements

def measure_transactions(bench, kind, series):
    transactions = [
        bench.executables / "bench_transactions", "--database-url", make_database(kind, bench.folder, BASELINE),
        "--seconds", str(SECONDS), "--tasks", str(CONNECTIONS)]
    series.add(f"transactions {kind}", float(subprocess.run(transactions, check=True, stdout=subprocess.PIPE).stdout))


def measure_refresh(bench, kind, version, series, arms=("families", "family", "lone")):
    for arm in arms:
        with bench.vestibule(CHEAP) as server:
            command = bench.load_command("refresh", server, "families" if arm == "families" else "family", SECONDS)
            count = 1 if arm == "lone" else CONNECTIONS
            command += ["--connections", str(count), "--warm-up", "2", "--pid", str(server.process.pid)]
            series.add_load(f"{version}{arm} {kind}", finish_load(subprocess.Popen(command, stdout=subprocess.PIPE)))


def measure_sign_in(bench, kind, version, series):
    with bench.vestibule(CHEAP) as server:
        series.add_load(f"{version}sign-in {kind}", bench.run_load(server, "sign-in", "each"))


def measure_route(bench, name, version, series):
    with bench.vestibule({**CHEAP, **(HS256 if name == "me-hs256" else {})}) as server:
        series.add_load(f"{version}{name}", bench.run_load(server, name, "own"))


def measure_bare(bench, name, series):
    _, path, file, _ = ROUTES[name]
    with bench.bare({path: file} if file else {}) as server:
        series.add_load(f"bare {name}", bench.run_load(server, name, "own"))


def measure_algorithms(bench, series):
    for algorithm in ALGORITHMS:
        database = bench.folder / f"algorithms-{algorithm}-{time.monotonic_ns()}.db"
        command = [
            bench.executables / "bench_algorithms", "--algorithm", algorithm, "--seconds", str(SIGN_SECONDS),
            "--database-file", database, "--jwt-secret-file", bench.folder / "jwt-secret"]
        for name, rate in json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout).items():
            series.add(f"{algorithm} {name}", rate)


# ---- report

def rows(series):
    for kind, name in DATABASES.items():
        for arm, what, goal in [
                ("families", f"refreshes per second on {name}, {CONNECTIONS} families", 2.0 if kind == "sqlite" else 0.8),
                ("family", f"refreshes per second on {name}, one family, {CONNECTIONS} connections", None),
                ("sign-in", f"sign-ins per second on {name}, cheap hash", 1.0 if kind == "sqlite" else None)]:
            yield rate_row(
                series, f"{what}; baseline: the bare single transaction", f"{arm} {kind}", f"transactions {kind}", goal)
    for kind, name in DATABASES.items():
        yield lone_row(series, kind, name)
    for name, (what, _, _, goal) in ROUTES.items():
        yield rate_row(series, f"{what}, requests per second; baseline: the bare route", name, f"bare {name}", goal)


def lone_row(series, kind, name):
    what, lone = f"one client that refreshes alone on {name}, p50 in µs", f"lone {kind} p50_micros"
    value = f"{series.median(lone):,.0f} ({series.spread(lone)})"
    before = f"before {lone}"
    if before not in series.values:
        return f"| {what} | {value} | | | | |"
    ratio = series.ratio(lone, before)
    baseline = f"{series.median(before):,.0f} ({series.spread(before)})"
    return row(f"{what}; baseline: the build before", value, baseline, f"{ratio:.2f}", "≤ 1.1", ratio <= 1.1)


def before_rows(series):
    """The same paths of the earlier build, measured in the same rounds."""
    for kind, name in DATABASES.items():
        for arm in ["families", "family", "lone", "sign-in"]:
            yield before_row(series, f"{arm}, {name}", f"{arm} {kind}", f"transactions {kind}")
    for name, (what, *_) in ROUTES.items():
        yield before_row(series, what, name, f"bare {name}")


def before_row(series, what, name, baseline):
    before = f"before {name}"
    return (
        f"| {what} | {series.median(before):,.0f} ({series.spread(before)}) | {series.ratio(before, baseline):.2f} | "
        f"{series.ratio(name, before):.2f} |")


def many_rows(series):
    for name in MANY_ARMS:
        ratio = series.ratio(f"many {name}", f"few {name}")
        cell = lambda size: f"{series.median(f'{size} {name}'):,.0f} ({series.spread(f'{size} {name}')})"
        yield row(name, cell("many"), cell("few"), f"{ratio:.2f}", "≥ 0.9", ratio >= 0.9)


def algorithm_rows(series):
    for algorithm in ALGORITHMS:
        cells = [series.median(f"{algorithm} {name}") for name in ["sign", "bare sign", "verify", "bare verify"]]
        yield f"| {algorithm} | " + " | ".join(f"{cell:,.0f}" for cell in cells) + " |"


def report(series):
    table, algorithms = "\n".join(rows(series)), "\n".join(algorithm_rows(series))
    before = ""
    if "before families sqlite" in series.values:
        before = f"""
The build before the change, measured in the same rounds:

| Path | Per second | Ratio to the baseline | This build, as a ratio |
|---|---|---|---|
{chr(10).join(before_rows(series))}
"""
    costs = "\n".join(
        f"| {name} | {series.median(f'{arm} server_micros'):.0f} | {series.median(f'{arm} load_micros'):.0f} |"
        for name, arm in [
            *((f"refresh, {CONNECTIONS} families, {name}", f"families {kind}") for kind, name in DATABASES.items()),
            *((f"sign-in, {name}", f"sign-in {kind}") for kind, name in DATABASES.items()),
            *((what, name) for name, (what, *_) in ROUTES.items())])
    return f"""# Refresh, sign-in, introspection and verification

Measured by `bench/run tokens` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} interleaved
rounds, lowest and highest in brackets. A ratio is the median of the rounds' ratios. [Sign-in at the default cost, `/me`
with many tokens and memory](RESULTS.md) are measured apart.

{machine()}

| What | Vestibule | Baseline | Ratio | Goal | Met |
|---|---|---|---|---|---|
{table}

All counted responses were 200.
{before}
With {MANY_SESSIONS:,} sessions in the table, and with {FEW_SESSIONS:,}, on SQLite:

| Path | {MANY_SESSIONS:,} | {FEW_SESSIONS:,} | Ratio | Goal | Met |
|---|---|---|---|---|---|
{chr(10).join(many_rows(series))}

Processor time for a request in µs (on PostgreSQL, without that of PostgreSQL):

| Route | Vestibule | Load generator |
|---|---|---|
{costs}

Tokens per second on one thread, by the server's own code and by `jsonwebtoken` alone, with the same claims and kind
of key:

| Algorithm | Signed | Alone | Verified | Alone |
|---|---|---|---|---|
{algorithms}

Method:

- Release builds as shipped. Server, load and database share the processors of one machine, over loopback. Each arm
  starts its own server; {CONNECTIONS} persistent connections, {SECONDS:.0f} s for each arm after 2 or 3 s of warm-up.
  Both databases write through to the disk as they ship (`synchronous=FULL`; `fsync=on`).
- The bare transaction (`bench/transactions.rs`) selects a row, updates it and inserts the next, with {CONNECTIONS}
  tasks, through the server's own pool and settings, in a database of its own, each with a commit of its own. A refresh
  is a whole request: HTTP, the token looked up, session, user, roles and scopes read, the rotation, a signed access
  token. On SQLite, refreshes that wait at the same time share a commit.
- With one family, concurrent connections share a successor: not each refresh rotates.
- A sign-in at `/token` reserves the attempt in one transaction and is completed in another; the password hash takes 8 KiB
  and one pass, and {len(SIGN_IN_USERS):,} accounts sign in in turn.
- The bare route returns the same body (none for `/verify`).
- Verified tokens are all different: no cache helps (`bench/algorithms.rs`). With HS256 the session is read from the
  database once.
"""


MANY_ARMS = ["families sqlite", "sign-in sqlite", "auth-request", "introspect", "login", "account", "me"]


def run(bench):
    series = Series()
    builds = versions(bench)
    say("accounts, a client and a browser")
    benches = {
        (version, kind): prepare(bench, kind, version, executable)
        for version, executable in builds.items() for kind in DATABASES}
    for version in builds:
        prepare_routes(benches[version, "sqlite"])
    sizes = {"few ": FEW_SESSIONS, "many ": MANY_SESSIONS}
    for size, count in sizes.items():
        say(f"{count:,} sessions")
        benches[size] = prepare(bench, "sqlite", size, bench.shipped)
        prepare_routes(benches[size])
        add_sessions(benches[size], count)
    (bench.folder / "jwt-secret").write_text(JWT_SECRET)
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        for kind in DATABASES:
            measure_transactions(bench, kind, series)
            for version in builds:
                measure_refresh(benches[version, kind], kind, version, series)
                measure_sign_in(benches[version, kind], kind, version, series)
        for name in ROUTES:
            measure_bare(benches["", "sqlite"], name, series)
            for version in builds:
                measure_route(benches[version, "sqlite"], name, version, series)
        # In turn: the machine's speed changes during a round.
        for size in sorted(sizes, reverse=number % 2 == 0):
            measure_refresh(benches[size], "sqlite", size, series, ["families"])
            measure_sign_in(benches[size], "sqlite", size, series)
            for name in MANY_ARMS[2:]:
                measure_route(benches[size], name, size, series)
        measure_algorithms(bench, series)
    write_report(RESULTS, report(series))
