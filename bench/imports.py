"""Benchmarks of `vestibule import` beside the same rows written without any check."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, ROUNDS, Series, commit, machine, rate_row, say, write_report
from tokens import DATABASES, make_database

RESULTS = ROOT / "bench/IMPORTS.md"
ROWS = int(os.environ.get("ROWS", "1000000"))
# As many as the import writes in one transaction.
BATCH = 1_000
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
TABLES = ["users", "username_skeletons", "user_roles"]


def write_file(path):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["username", "password_hash", "display_name", "email", "roles", "created_at"])
        for number in range(ROWS):
            name = f"person{number}"
            rows.writerow([name, HASH, f"Person {number}", f"{name}@example.com", "staff", "2024-05-31T08:30:00Z"])


def vestibule(executable, url, *arguments):
    """Runs a command; returns its seconds and its peak memory in MiB."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [executable, *arguments], env={"DATABASE_URL": url}, stdout=output, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_kib(process.pid))
            time.sleep(0.02)
        seconds = time.monotonic() - start
        output.seek(0)
        text = output.read()
    assert process.returncode == 0, text
    if "--json" in arguments:
        report = json.loads(text)
        assert report["rows"] == ROWS, report
    return seconds, peak / 1024


def peak_kib(pid):
    """The peak since the program was loaded. That of `wait4` includes the memory of this script at the fork."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


# ---- the same rows, without any check

def bare_sqlite(url, folder):
    """Batched inserts by prepared statements, in transactions of as many rows, as durable as those of the server."""
    source = sqlite3.connect(url.removeprefix("sqlite://"))
    target = sqlite3.connect(url.removeprefix("sqlite://").replace(".db", "_bare.db"), isolation_level=None)
    target.execute("PRAGMA synchronous = FULL")
    target.execute("PRAGMA foreign_keys = ON")
    batches = []
    for table in TABLES:
        cursor = source.execute(f"SELECT * FROM {table}")
        statement = f"INSERT INTO {table} VALUES ({', '.join('?' * len(cursor.description))})"
        while batch := cursor.fetchmany(BATCH):
            batches.append((statement, batch))
    start = time.monotonic()
    for statement, batch in batches:
        target.execute("BEGIN IMMEDIATE")
        target.executemany(statement, batch)
        target.execute("COMMIT")
    seconds = time.monotonic() - start
    for table in TABLES:
        count = f"SELECT COUNT(*) FROM {table}"
        assert target.execute(count).fetchone() == source.execute(count).fetchone(), table
    return seconds


def bare_postgres(url, folder):
    """`COPY` of whole tables."""
    psql = lambda statement: subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", statement], check=True)
    for table in TABLES:
        psql(f"\\copy {table} TO '{folder}/{table}.copy'")
    psql(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    start = time.monotonic()
    for table in TABLES:
        psql(f"\\copy {table} FROM '{folder}/{table}.copy'")
    return time.monotonic() - start


def measure(executable, folder, kind, file, series):
    url = make_database(kind, folder)
    urls = [url, url.replace(".db", "_bare.db")] if kind == "sqlite" else [url]
    for one in urls:
        vestibule(executable, one, "migrate", "run")
    seconds, _ = vestibule(executable, url, "import", file, "--check", "--json")
    series.add(f"{kind} check", ROWS / seconds)
    seconds, peak = vestibule(executable, url, "import", file, "--json")
    series.add(f"{kind} import", ROWS / seconds)
    series.add(f"{kind} peak", peak)
    seconds, _ = vestibule(executable, url, "import", file, "--without-roles", "--json")
    series.add(f"{kind} again", ROWS / seconds)
    bare = bare_sqlite if kind == "sqlite" else bare_postgres
    series.add(f"{kind} bare", ROWS / bare(url, folder))
    for path in folder.glob("bench*.db*"):
        path.unlink()


def report(series):
    baselines = {"sqlite": "batched inserts", "postgres": "`COPY`"}
    rows = [rate_row(series, f"users per second into {name}; baseline: the same rows by {baselines[kind]}",
                     f"{kind} import", f"{kind} bare", 0.5) for kind, name in DATABASES.items()]
    median = lambda name: f"{series.median(name):,.0f}"
    others = [f"| {name} | {median(f'{kind} check')} | {median(f'{kind} again')} | {median(f'{kind} peak')} |"
              for kind, name in DATABASES.items()]
    return f"""# Importing {ROWS:,} users

Measured by `bench/run imports` at commit {commit()} on {time.strftime("%Y-%m-%d")}: medians of {ROUNDS} rounds, lowest
and highest in brackets.

{machine()}

| What | Vestibule | Baseline | Ratio | Goal | Met |
|---|---|---|---|---|---|
{chr(10).join(rows)}

| Database | `--check`, rows per second | a second import, rows per second | peak memory in MiB |
|---|---|---|---|
{chr(10).join(others)}

Method:

- A CSV file with an Argon2id hash, a name, an address and a role for each user. The baseline writes the rows that the
  import left in `users`, `username_skeletons` and `user_roles`, with all indexes and foreign keys, and checks nothing
- SQLite: transactions of {BATCH:,} rows, `synchronous = FULL`. PostgreSQL: fsync is on. Database and command share the
  processors of one machine
"""


def run_rounds(executable, folder):
    file = folder / "people.csv"
    write_file(file)
    series = Series()
    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS}")
        for kind in DATABASES:
            measure(executable, folder, kind, file, series)
    return series


def run(bench):
    write_report(RESULTS, report(run_rounds(bench.shipped, bench.folder)))


if __name__ == "__main__":
    # `bench/imports.py EXECUTABLE`, within bin/with-postgres, prints the figures of an executable that is built already.
    with tempfile.TemporaryDirectory(prefix="vestibule-bench.") as name:
        print(report(run_rounds(Path(sys.argv[1]).resolve(), Path(name))))
