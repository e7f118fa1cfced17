"""Two instances behind nginx that are restarted one after the other under load."""

import collections
import contextlib
import http.client
import subprocess

from tests.faults.load import TokenClient, repeating
from tests.faults.postgres import cluster, free_port
from tests.faults.server import PASSWORD, Server, prepare, send, wait_until

USERS = [f"user{number}" for number in range(100)]
ROUNDS = 3


@contextlib.contextmanager
def nginx(folder, addresses):
    """nginx in front of these instances. Yields its address."""
    port = free_port()
    # max_fails=0: otherwise nginx remembers for ten seconds that an instance was away, and has none when the other one
    # restarts. By default, nginx repeats no POST that it has sent.
    servers = "".join(f"server {address} max_fails=0; " for address in addresses)
    paths = "".join(f"{name}_temp_path {name}; " for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid pid; events {{}}\nhttp {{ access_log off; {paths}\n"
        f"upstream vestibule {{ {servers} keepalive 8; }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://vestibule; proxy_http_version 1.1;\n"
        "proxy_set_header Connection ''; proxy_set_header Host $host; proxy_next_upstream error timeout;\n"
        "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto http; } } }\n")
    process = subprocess.Popen(
        ["/usr/sbin/nginx", "-p", folder, "-c", "nginx.conf", "-e", "error.log"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"127.0.0.1:{port}"

    def is_up():
        assert process.poll() is None, "nginx accepts its configuration"
        with contextlib.suppress(OSError):
            return send(address, "GET", "/readyz").status == 200

    try:
        wait_until(is_up, "nginx responds")
        yield address
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def instances(url):
    settings = {"TRUSTED_PROXIES": "127.0.0.1"}
    start = lambda bind: Server(url, BIND=bind, **settings)
    running = [start(f"127.0.0.1:{free_port()}") for _ in range(2)]

    def restart(number):
        assert running[number].stop() == 0, "it stops"
        running[number] = start(running[number].address)
        running[number].wait_for_ready(200)

    try:
        yield [instance.address for instance in running], restart
    finally:
        for instance in running:
            instance.kill()


def rolling_restart(folder):
    with cluster(folder) as postgres:
        prepare(postgres.url, folder, USERS)
        with instances(postgres.url) as (addresses, restart), nginx(folder, addresses) as address:
            posting = [TokenClient(address, USERS[number::4]) for number in range(4)]
            token = posting[0].obtain({"username": USERS[0], "password": PASSWORD})
            gets = collections.Counter()

            def get_me():
                try:
                    gets[send(address, "GET", "/me", token=token).status] += 1
                except (OSError, http.client.HTTPException) as error:
                    gets[repr(error)] += 1

            with repeating([client.step for client in posting] + [get_me, get_me]):
                for _ in range(ROUNDS):
                    for number in range(2):
                        posts = [len(client.acknowledged()) for client in posting]
                        has_run = lambda: all(len(client.acknowledged()) >= before + 10
                                              for client, before in zip(posting, posts))
                        wait_until(has_run, "the load runs", 60)
                        restart(number)
            posts = collections.Counter(exchange.status for client in posting for exchange in client.exchanges)
            sessions = set().union(*(client.refresh_tokens for client in posting))
            stored = set(postgres.sql("SELECT id FROM sessions WHERE ended_at IS NULL"))
            rejected = sum(len(client.rejected) for client in posting)
            result = (f"{2 * ROUNDS} restarts; GET {dict(gets)}; POST {dict(posts)}; sessions of failed POSTs: "
                      f"{len(stored - sessions)}")
            assert set(gets) == {200}, result
            assert set(posts) <= {200, 502, 503} and not rejected, result
            assert stored == sessions, result
            return result
