"""Failover of PostgreSQL to a synchronous standby under load."""

import contextlib
import time

from tests.faults.load import TokenClient, repeating
from tests.faults.postgres import Cluster, cluster
from tests.faults.server import send, server, wait_until

USERS = [f"user{number}" for number in range(100)]
# The server skips the lost primary and the standby that is not promoted yet; its requests end within seconds.
LIMIT = 15


@contextlib.contextmanager
def synchronous_standby(primary, folder):
    """A copy of the cluster, for which each commit then waits."""
    standby = Cluster(folder / "standby")
    source = f"host=127.0.0.1 port={primary.port} user=postgres application_name=standby"
    standby.run("pg_basebackup", "-D", standby.data, "-d", source, "-R", "-c", "fast")
    try:
        standby.start()
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.sql("SELECT pg_reload_conf()")
        state = lambda: primary.sql("SELECT sync_state FROM pg_stat_replication")
        wait_until(lambda: state() == ["sync"], "the standby is synchronous")
        yield standby
    finally:
        standby.stop()


def is_accepted(address, refresh_token):
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return send(address, "POST", "/token", form).status == 200


def failover(folder):
    with cluster(folder) as primary, synchronous_standby(primary, folder) as standby:
        url = f"postgres://postgres@127.0.0.1,127.0.0.1/postgres?port={primary.port},{standby.port}"
        with server(url, folder, USERS) as running:
            clients = [TokenClient(running.address, USERS[number::4]) for number in range(4)]
            with repeating([client.step for client in clients]):
                wait_until(lambda: all(len(client.acknowledged()) >= 50 for client in clients), "the load begins")
                killed = time.monotonic()
                primary.kill()
                before = sum(len(client.acknowledged()) for client in clients)
                standby.run("pg_ctl", "-D", standby.data, "-s", "-w", "promote")
                promoted = time.monotonic() - killed
                recovered = lambda client: client.acknowledged()[-1] > killed + promoted + 2
                wait_until(lambda: all(map(recovered, clients)), "it recovers")
            writes = sorted(moment for client in clients for moment in client.acknowledged())
            unavailable = max(later - earlier for earlier, later in zip(writes, writes[1:]) if later > killed)
            statuses = {exchange.status for client in clients for exchange in client.exchanges} - {200}
            assert statuses <= {503}, f"statuses {statuses}"
            sessions = set().union(*(client.refresh_tokens for client in clients))
            lost = sessions - set(standby.sql("SELECT id FROM sessions WHERE ended_at IS NULL"))
            tokens = [token for client in clients for token in client.refresh_tokens.values()]
            rejected = sum(len(client.rejected) for client in clients)
            rejected += sum(not is_accepted(running.address, token) for token in tokens)
            result = (f"unavailable for {unavailable:.1f} s, of which {promoted:.1f} s until the standby was promoted; "
                      f"{before} writes acknowledged before and {len(writes) - before} after; {len(lost)} of "
                      f"{len(sessions)} sessions and {rejected} refreshes lost")
            assert not lost and not rejected and unavailable < LIMIT, result
            return result
