"""Benchmarks of refresh on both databases, introspection, forward auth, and each signing algorithm."""

import base64
import json
import os
import subprocess
import time
from urllib.parse import urlencode

from harness import (
    CHEAP, CONNECTIONS, JWT_SECRET, PASSWORD, ROOT, ROUNDS, SECONDS, Bench, Series, commit, finish_load, machine,
    rate_row, request, say, token_body, token_request, write_report)

RESULTS = ROOT / "bench/TOKENS.md"
USERS = [f"bench-{number}" for number in range(CONNECTIONS)]
DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
ALGORITHMS = ["HS256", "ES256", "EdDSA", "RS256"]
SIGN_SECONDS = 1.0
# The baseline has its own databases, so the two share no file, cache or table.
BASELINE = "_bare"


def make_database(kind, folder, suffix=""):
    if kind == "sqlite":
        return f"sqlite://{folder}/bench{suffix}.db"
    url, name = os.environ["TEST_POSTGRES_URL"], f"bench{suffix}"
    statements = [f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"]
    subprocess.run(["psql", "-q", url, *(word for statement in statements for word in ["-c", statement])], check=True)
    return url.rsplit("/", 1)[0] + f"/{name}"


def prepare(bench, kind):
    folder = bench.folder / kind
    folder.mkdir()
    own = Bench(bench.executables, folder, make_database(kind, folder))
    with own.vestibule(CHEAP):
        pass
    own.seed(USERS, CHEAP)
    own.write_requests("families", [token_request(name) for name in USERS])
    own.write_requests("family", [token_request(USERS[0])])
    return own


def prepare_routes(bench):
    """Writes requests of a client that introspects a token, and of a signed-in browser."""
    client = bench.command("clients", "add", "bench", "--grant", "client_credentials")
    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    with bench.vestibule(CHEAP) as server:
        connection = server.connect()
        form = {"Content-Type": "application/x-www-form-urlencoded"}

        def post(path, body, headers):
            connection.request("POST", path, body, {**form, **headers})
            response = connection.getresponse()
            return response, response.read()

        _, body = post("/token", token_body(USERS[0]), {})
        body = urlencode({"token": json.loads(body)["access_token"]})
        headers = {"Authorization": f"Basic {basic}"}
        response, introspection = post("/token/introspect", body, headers)
        assert response.status == 200 and json.loads(introspection)["active"], introspection
        (bench.folder / "introspect.json").write_bytes(introspection)
        headers = {**form, **headers, "Content-Length": len(body)}
        bench.write_requests("introspect", [request("POST", "/token/introspect", headers, body)])

        page, _ = server.get("/login", {"Accept": "text/html"})
        cookie = page.getheader("Set-Cookie").split(";")[0]
        body = urlencode({"username": USERS[0], "password": PASSWORD})
        response, _ = post("/login", body, {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
        assert response.status == 303, response.status
        cookies = "; ".join(value.split(";")[0] for value in response.headers.get_all("Set-Cookie"))
        for path in ["/verify/forward-auth", "/verify/auth-request"]:
            server.get(path, {"Cookie": cookies})
        bench.write_requests("verify", [request("GET", "/verify/auth-request", {"Cookie": cookies})])
    (bench.folder / "empty").write_bytes(b"")
    (bench.folder / "me.json").write_text(json.dumps(
        {"id": 1, "username": "bench", "sub": "bench", "roles": [], "scope": "", "sid": "", "exp": 0}))


# ---- measurements

def measure_refresh(bench, kind, series):
    transactions = [
        bench.executables / "bench_transactions", "--database-url", make_database(kind, bench.folder, BASELINE),
        "--seconds", str(SECONDS), "--tasks", str(CONNECTIONS)]
    series.add(f"transactions {kind}", float(subprocess.run(transactions, check=True, stdout=subprocess.PIPE).stdout))
    for requests in ["families", "family"]:
        with bench.vestibule(CHEAP) as server:
            command = bench.load_command("refresh", server, requests, SECONDS)
            command += ["--connections", str(CONNECTIONS), "--warm-up", "2", "--pid", str(server.process.pid)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            series.add_load(f"{requests} {kind}", finish_load(process))


def measure_route(bench, name, path, file, series):
    with bench.bare({path: file}) as server:
        series.add_load(f"bare {name}", bench.run_load(server, name, "own"))
    with bench.vestibule(CHEAP) as server:
        series.add_load(name, bench.run_load(server, name, "own"))


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
        for requests, what in [
                ("families", f"{CONNECTIONS} families, one connection each"),
                ("family", f"one family, {CONNECTIONS} connections")]:
            yield rate_row(
                series, f"refreshes per second on {name}, {what}; baseline: the bare transaction", f"{requests} {kind}",
                f"transactions {kind}", 0.5)
    for name, what in [("introspect", "`/token/introspect`"), ("verify", "`/verify/auth-request`")]:
        yield rate_row(series, f"{what}, requests per second; baseline: the bare route", name, f"bare {name}", None)


def algorithm_rows(series):
    for algorithm in ALGORITHMS:
        cells = [series.median(f"{algorithm} {name}") for name in ["sign", "bare sign", "verify", "bare verify"]]
        yield f"| {algorithm} | " + " | ".join(f"{cell:,.0f}" for cell in cells) + " |"


def report(series):
    table, algorithms = "\n".join(rows(series)), "\n".join(algorithm_rows(series))
    costs = "\n".join(
        f"| {name} | {series.median(f'{arm} server_micros'):.0f} | {series.median(f'{arm} load_micros'):.0f} |"
        for name, arm in [
            *((f"refresh, {CONNECTIONS} families, {name}", f"families {kind}") for kind, name in DATABASES.items()),
            ("`/token/introspect`", "introspect"), ("`/verify/auth-request`", "verify")])
    return f"""# Refresh, introspection and verification

Measured by `bench/run tokens` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} interleaved
rounds, lowest and highest in brackets. A ratio is the median of the rounds' ratios. [Sign-in, `/me` and the login
page](RESULTS.md) are measured apart.

{machine()}

| What | Vestibule | Baseline | Ratio | Goal | Met |
|---|---|---|---|---|---|
{table}

All counted responses were 200. Processor time for a request in µs (on PostgreSQL, without that of PostgreSQL):

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
  tasks, through the server's own pool and settings, in a database of its own. A refresh is a whole request: HTTP, the
  token looked up, session, user, roles and scopes read, the rotation, a signed access token.
- With one family, concurrent connections share a successor: not each refresh rotates.
- `/token/introspect` reads the client from the database at each request, `/verify/auth-request` the session, user and
  roles. The bare route returns the same body (none for `/verify`).
- Verified tokens are all different: no cache helps (`bench/algorithms.rs`). With HS256 the session is read from the
  database once.
"""


def run(bench):
    series = Series()
    say("accounts, a client and a browser")
    benches = {kind: prepare(bench, kind) for kind in DATABASES}
    routes = benches["sqlite"]
    prepare_routes(routes)
    (bench.folder / "jwt-secret").write_text(JWT_SECRET)
    for number in range(1, ROUNDS + 1):
        say(f"round {number} of {ROUNDS}")
        for kind, own in benches.items():
            measure_refresh(own, kind, series)
        measure_route(routes, "introspect", "/token/introspect", "introspect.json", series)
        measure_route(routes, "verify", "/verify/auth-request", "empty", series)
        measure_algorithms(bench, series)
    write_report(RESULTS, report(series))
