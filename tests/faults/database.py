"""Faults of the database that end by themselves: a frozen cluster, a lost standby and a full disk."""

import contextlib
import signal
import subprocess
import time

from tests.faults.postgres import cluster
from tests.faults.server import assert_unavailable, server


def frozen_cluster(folder):
    with cluster(folder) as postgres, server(postgres.url, folder) as running:
        postgres.signal_all(signal.SIGSTOP)
        slowest = max(assert_unavailable(running.sign_in()) for _ in range(20))
        running.wait_for_ready(503)
        postgres.signal_all(signal.SIGCONT)
        running.wait_for_ready(200)
        assert running.sign_in().status == 200, "it recovers"
        postgres.signal_all(signal.SIGSTOP)
        running.sign_in()
        begun = time.monotonic()
        assert running.stop() == 0, "it stops"
        return f"slowest response {slowest:.1f} s; stopped after {time.monotonic() - begun:.1f} s"


def lost_standby(folder):
    with cluster(folder) as postgres, server(postgres.url, folder) as running:
        postgres.sql("ALTER SYSTEM SET synchronous_standby_names = 'lost'")
        postgres.sql("SELECT pg_reload_conf()")
        running.wait_for_ready(503)
        slowest = max(assert_unavailable(running.sign_in()) for _ in range(20))
        postgres.sql("ALTER SYSTEM RESET synchronous_standby_names")
        postgres.sql("SELECT pg_reload_conf()")
        running.wait_for_ready(200)
        assert running.sign_in().status == 200, "it recovers"
        return f"slowest response {slowest:.1f} s"


@contextlib.contextmanager
def small_disk(folder):
    """A file system of 8 MiB."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def full_disk_sqlite(folder):
    with small_disk(folder) as disk, server(f"sqlite://{disk}/vestibule.db", folder) as running:
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))
        for _ in range(2000):
            response = running.sign_in()
            if response.status != 200:
                break
        assert_unavailable(response)
        running.wait_for_ready(503)
        filler.unlink()
        running.wait_for_ready(200)
        assert running.sign_in().status == 200, "it recovers"
        return "503, not ready, and back when there is room"
