"""Benchmarks with many users in the database: `/token`, and the pages of administrators."""

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import (
    PASSWORD, ROOT, ROUNDS, SERVER_KEY, Browser, Server, Series, commit, machine, row, say, token_body, write_report)
from tokens import DATABASES, make_database

RESULTS = ROOT / "bench/MANY.md"
FEW = 1_000
# For the pages, and for `/token`.
MANY = {"pages": int(os.environ.get("PAGE_USERS", "100000")), "token": int(os.environ.get("TOKEN_USERS", "1000000"))}
REQUESTS = 200
HASH = "$vestibule$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
PAGES = {
    "first page": "/admin/users",
    "search that many match": "/admin/users?q=person9",
    "search that one matches": "/admin/users?q=person{last}",
    "search that none matches": "/admin/users?q=no+such+person",
    "page 1,000": "/admin/users?page=1000",
    "one user": "/admin/users/1",
    "events": "/admin/events",
}


def write_file(path, count):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["username", "password_hash", "display_name", "email", "roles"])
        for number in range(count):
            name = f"person{number}"
            rows.writerow([name, HASH, f"Person {number}", f"{name}@example.com", "staff"])


def prepare(executable, folder, kind, count):
    """A database with an administrator and `count` users."""
    name = f"_{count}"
    url = make_database(kind, folder, name)
    env = {"DATABASE_URL": url, "SERVER_KEY": SERVER_KEY, "BIND": "127.0.0.1:0", "THROTTLE_SIGN_INS": "1000000"}
    run = lambda *words: subprocess.run(
        [executable, *words], env=env, input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    run("migrate", "run")
    run("users", "add", "root", "--role", "admin", "--password-stdin")
    if count:
        file = folder / f"{count}.csv"
        if not file.exists():
            write_file(file, count)
        run("import", file)
    return env


def median_ms(action, count=REQUESTS):
    for _ in range(10):
        action()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def page_times(server, count, paths):
    browser = Browser(server)
    browser.send("GET", "/login")
    assert browser.sign_in("root") == 303
    found = {}
    for name, path in paths.items():
        path = path.format(last=max(count - 1, 0))

        def get():
            response, body = browser.send("GET", path)
            assert response.status == 200, (path, response.status, body)

        found[name] = median_ms(get)
    return found


def token_time(server):
    connection = server.connect()

    def post():
        connection.request("POST", "/token", token_body("root"), {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        response.read()

    return median_ms(post)


def run_rounds(executable, folder):
    series = Series()
    for kind in DATABASES:
        say(f"{kind}: preparing")
        counts = {0, FEW, *MANY.values()}
        envs = {count: prepare(executable, folder, kind, count) for count in counts}
        for number in range(ROUNDS):
            say(f"{kind}: round {number + 1} of {ROUNDS}")
            for count in [0, MANY["pages"]]:
                with Server([executable, "serve"], envs[count]) as server:
                    for name, value in page_times(server, count, PAGES).items():
                        series.add(f"{kind} {name} {count}", value)
            for count in [FEW, MANY["token"]]:
                with Server([executable, "serve"], envs[count]) as server:
                    series.add(f"{kind} token {count}", token_time(server))
        for path in folder.glob("bench_*.db*"):
            path.unlink()
    return series


def report(series):
    cell = lambda name: f"{series.median(name):.1f}"
    token_rows = []
    for kind, name in DATABASES.items():
        few, many = f"{kind} token {FEW}", f"{kind} token {MANY['token']}"
        ratio = series.ratio(many, few)
        token_rows.append(row(f"`/token`, {name}", cell(many), cell(few), f"{ratio:.2f}", "≤ 1.1", ratio <= 1.1))
    page_rows = [
        f"| {name}, {DATABASES[kind]} | {cell(f'{kind} {name} ' + str(MANY['pages']))} | {cell(f'{kind} {name} 0')} |"
        for kind in DATABASES for name in PAGES]
    return f"""# Many users

Measured by `bench/run many` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {REQUESTS} requests, one
after the other, and of {ROUNDS} rounds.

{machine()}

| What | {MANY['token']:,} users, ms | {FEW:,} users, ms | Ratio | Goal | Met |
|---|---|---|---|---|---|
{chr(10).join(token_rows)}

| Page for administrators | {MANY['pages']:,} users, ms | one user, ms |
|---|---|---|
{chr(10).join(page_rows)}

Method:

- The users were imported; each has an Argon2id hash, a name, an address and a role. `/token` hashes at the default cost
- PostgreSQL: fsync is on. Database, server and client share the processors of one machine
"""


def run(bench):
    write_report(RESULTS, report(run_rounds(bench.shipped, bench.folder)))


if __name__ == "__main__":
    # `bench/many.py EXECUTABLE`, within bin/with-postgres, prints the figures of an executable that is built already.
    with tempfile.TemporaryDirectory(prefix="vestibule-bench.") as name:
        print(report(run_rounds(Path(sys.argv[1]).resolve(), Path(name))))
