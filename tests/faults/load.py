"""Clients that write without pause, and record what was acknowledged."""

import contextlib
import http.client
import itertools
import threading
import time
import typing

from tests.faults.server import PASSWORD, send, session_id


@contextlib.contextmanager
def repeating(steps):
    """Repeats each function in a thread of its own until the block ends."""
    ended, errors = threading.Event(), []

    def repeat(step):
        try:
            while not ended.is_set():
                step()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]


class Exchange(typing.NamedTuple):
    """A request, and the status of its response: None if the connection broke."""
    ended_at: float
    status: int | None


class TokenClient:
    """Signs in users by turns, and refreshes each session twice."""

    def __init__(self, address, users):
        self.address, self.users = address, itertools.cycle(users)
        self.exchanges = []
        # The newest acknowledged refresh token of each session.
        self.refresh_tokens = {}
        # The refresh tokens that were rejected although they had been acknowledged.
        self.rejected = []

    def step(self):
        if access_token := self.obtain({"username": next(self.users), "password": PASSWORD}):
            session = session_id(access_token)
            for _ in range(2):
                # As documented, a client presents the same token again when it has no response.
                self.refresh(session)

    def refresh(self, session):
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_tokens[session]}
        return self.obtain(form)

    def obtain(self, form):
        """The access token; None if the server has not granted one."""
        try:
            response = send(self.address, "POST", "/token", form)
        except (OSError, http.client.HTTPException):
            response = None
        self.exchanges.append(Exchange(time.monotonic(), response and response.status))
        if response and response.status == 200:
            tokens = response.json()
            self.refresh_tokens[session_id(tokens["access_token"])] = tokens["refresh_token"]
            return tokens["access_token"]
        if response and response.status == 400:
            self.rejected.append(form)
        # Does not compete with the recovery for the processor.
        time.sleep(0.05)
        return None

    def acknowledged(self):
        """The times of the writes that were acknowledged."""
        return [exchange.ended_at for exchange in self.exchanges if exchange.status == 200]
