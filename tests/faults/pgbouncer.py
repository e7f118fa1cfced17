"""PgBouncer in transaction mode between the server and PostgreSQL."""

import concurrent.futures
import contextlib
import json
import socket
import subprocess
import time

from tests.faults.load import TokenClient, repeating
from tests.faults.postgres import cluster, free_port
from tests.faults.server import PASSWORD, command, server, wait_until

CLIENTS = 8
ROUNDS = 10


class PgBouncer:
    def __init__(self, postgres, folder):
        self.port, self.file = free_port(), folder / "pgbouncer.ini"
        # Debian's version is older than 1.21. Fewer connections to PostgreSQL than the server opens: each transaction
        # may run on another one.
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres?prepared_statements=off"
        self.file.write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={postgres.port} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = transaction\ndefault_pool_size = 4\n")

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/pgbouncer", self.file], user="postgres", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/")
        wait_until(self.is_listening, "PgBouncer listens")

    def is_listening(self):
        assert self.process.poll() is None, "PgBouncer accepts its configuration"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self):
        """Breaks all connections."""
        self.process.terminate()
        self.process.wait(10)


@contextlib.contextmanager
def pgbouncer(folder):
    with cluster(folder) as postgres:
        pooler = PgBouncer(postgres, folder)
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.stop()


def use_session(running, user):
    """Signs in, refreshes, reads `/me` and revokes. Returns the number of requests."""
    tokens = running.sign_in(user)
    assert tokens.status == 200, f"{user} signs in: {tokens.status}"
    form = {"grant_type": "refresh_token", "refresh_token": tokens.json()["refresh_token"]}
    refreshed = running.request("POST", "/token", form)
    assert refreshed.status == 200, f"{user} refreshes: {refreshed.status}"
    tokens = refreshed.json()
    me = running.request("GET", "/me", token=tokens["access_token"])
    assert me.status == 200 and me.json()["username"] == user, f"{user} reads /me: {me.status}"
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    revoked = running.request("POST", "/token/revoke", {"token": tokens["refresh_token"]})
    assert revoked.status == 200, f"{user} revokes: {revoked.status}"
    assert running.request("POST", "/token", form).status == 400, "a revoked token is rejected"
    assert running.request("GET", "/me", token=tokens["access_token"]).status == 401, "its access token too"
    return 6


def use_commands(url, running):
    """Runs the commands on a user. Returns their number."""
    users = lambda *arguments, **options: command(url, "users", *arguments, "--json", **options)
    users("add", "bob", "--password-stdin", stdin=PASSWORD + "\n")
    assert running.sign_in("bob").status == 200, "an added user signs in"
    users("grant", "bob", "editor")
    shown = json.loads(users("show", "bob"))
    assert shown["roles"] == ["editor"], shown
    users("set-password", "bob", "--password-stdin", stdin="another " + PASSWORD + "\n")
    assert running.sign_in("bob").status == 400, "the old password is rejected"
    users("disable", "bob")
    assert running.sign_in("bob", "another " + PASSWORD).status == 400, "a disabled user is rejected"
    users("enable", "bob")
    assert running.sign_in("bob", "another " + PASSWORD).status == 200, "an enabled user signs in"
    users("sign-out", "bob")
    users("delete", "bob")
    assert "bob" not in users("list"), "a deleted user is not listed"
    assert "pending" not in command(url, "migrate", "status"), "all migrations have run"
    return 10


def pgbouncer_transaction_mode(folder):
    users = [f"user{number}" for number in range(CLIENTS)]
    with pgbouncer(folder) as pooler, server(pooler.url, folder, users) as running:
        with concurrent.futures.ThreadPoolExecutor(CLIENTS + 1) as threads:
            commands = threads.submit(use_commands, pooler.url, running)
            requests = sum(threads.map(lambda user: use_session(running, user), users * ROUNDS))
            return f"{requests} requests, {CLIENTS} in parallel, and {commands.result()} commands, without an error"


def pgbouncer_restarted(folder):
    users = [f"user{number}" for number in range(20)]
    with pgbouncer(folder) as pooler, server(pooler.url, folder, users) as running:
        clients = [TokenClient(running.address, users) for _ in range(4)]
        with repeating([client.step for client in clients]):
            wait_until(lambda: all(len(client.acknowledged()) >= 20 for client in clients), "the load begins")
            pooler.stop()
            wait_until(lambda: all(client.exchanges[-1].status != 200 for client in clients), "requests fail")
            pooler.start()
            restarted = time.monotonic()
            wait_until(lambda: all(client.acknowledged()[-1] > restarted + 2 for client in clients), "it recovers")
        exchanges = [exchange for client in clients for exchange in client.exchanges]
        failed = [exchange for exchange in exchanges if exchange.status != 200]
        statuses = {exchange.status for exchange in failed}
        assert statuses == {503}, f"statuses {statuses}"
        assert not any(client.rejected for client in clients), "no acknowledged refresh token is rejected"
        recovered = max(0, max(exchange.ended_at for exchange in failed) - restarted)
        first = min(moment for client in clients for moment in client.acknowledged() if moment > restarted)
        assert recovered < 10, f"the last failure {recovered:.1f} s after the restart"
        return (f"first success {first - restarted:.2f} s and last failure {recovered:.2f} s after the restart; "
                f"{len(failed)} of {len(exchanges)} requests failed, all with 503")
