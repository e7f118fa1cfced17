"""kill -9 of the server during registrations and password changes."""

import collections
import concurrent.futures
import http.client
import random
import re
import secrets
import threading
import time
import urllib.parse

from bench.harness import Browser as CompressingBrowser
from tests.faults.load import repeating
from tests.faults.postgres import cluster
from tests.faults.server import PASSWORD, Server, command, prepare, wait_until

KILLS = 20
LINKS = 5
USERS = ["alice", "bob"]


class Browser(CompressingBrowser):
    HEADERS = {**CompressingBrowser.HEADERS, "Accept-Encoding": "identity"}


def submit(browser, path, **typed):
    """Opens a form and submits it. Returns whether it was accepted: False if its link has been used."""
    _, page = browser.send("GET", path)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page.decode()))
    response, body = browser.send("POST", path, urllib.parse.urlencode({**hidden, **typed}))
    alert = re.search(r'role="alert".*?</div>', body.decode(), re.DOTALL)
    assert response.status in [303, 410], f"{path}: {response.status} {alert and alert[0]}"
    return response.status == 303


class Registration:
    """An account by invitation."""

    def __init__(self, link, name):
        self.link, self.name, self.password = link, name, secrets.token_hex(12)
        self.is_sent = self.is_acknowledged = self.was_created = False

    def send(self, running):
        browser = Browser(running)
        response, _ = browser.send("GET", self.link)
        assert response.status == 303, f"the link is moved to a cookie: {response.status}"
        self.is_sent = True
        self.is_acknowledged = submit(
            browser, "/invite", username=self.name, display_name="", password=self.password)

    def check(self, running):
        if running.sign_in(self.name, self.password).status != 200:
            assert not self.is_acknowledged, f"{self.name} was registered and cannot sign in"
            self.send(running)
            assert self.is_acknowledged, f"the link of {self.name} created no account and is used up"
        elif not self.is_acknowledged:
            self.was_created = True


class Person:
    """A user who changes the password again and again."""

    def __init__(self, name):
        self.name, self.password = name, PASSWORD
        # The password before the last acknowledged change, and the one of a change without a response.
        self.old = self.pending = self.browser = None
        self.changes = self.changes_without_response = 0

    def open_browser(self, running):
        self.browser = Browser(running)
        assert submit(self.browser, "/login", username=self.name, password=self.password), f"{self.name} signs in"

    def change(self):
        self.pending = secrets.token_hex(12)
        assert submit(self.browser, "/account/password", current=self.password, password=self.pending)
        self.old, self.password, self.pending = self.password, self.pending, None
        self.changes += 1

    def check(self, running):
        is_valid = lambda password: running.sign_in(self.name, password).status == 200
        if self.old:
            assert not is_valid(self.old), f"an old password of {self.name} is valid again"
        if self.pending and is_valid(self.pending):
            assert not is_valid(self.password), f"{self.name} has two passwords"
            self.old, self.password = self.password, self.pending
            self.changes_without_response += 1
        else:
            assert is_valid(self.password), f"the password of {self.name} is lost"
        self.pending = None


def invite(url, count):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        links = list(threads.map(lambda _: command(url, "invites", "add", REGISTRATION="invite"), range(count)))
    return [urllib.parse.urlsplit(link.strip()) for link in links]


class UntilKilled:
    """Runs a step, and does nothing more once the server was killed during it."""

    def __init__(self, step, killed):
        self.step, self.killed, self.has_ended = step, killed, False

    def __call__(self):
        if self.has_ended:
            self.killed.wait(0.05)
            return
        try:
            self.has_ended = self.step() == "ended"
        except (OSError, http.client.HTTPException):
            # Nothing else breaks a connection.
            assert self.killed.wait(5), "a connection broke before the kill"
            self.has_ended = True


def kill_during(running, registrations, people):
    """Kills the server at a random time while both are sent."""
    killed, waiting = threading.Event(), collections.deque(registrations)

    def register():
        if not waiting:
            return "ended"
        return waiting.popleft().send(running)

    for person in people:
        person.open_browser(running)
    steps = [register, register, *(person.change for person in people)]
    count = lambda: sum(person.changes for person in people)
    begun = count()
    with repeating([UntilKilled(step, killed) for step in steps]):
        wait_until(lambda: count() > begun and any(one.is_acknowledged for one in registrations), "the load begins")
        time.sleep(random.uniform(0, 0.1))
        running.kill()
        killed.set()


def kill_repeatedly(url, folder):
    prepare(url, folder, USERS)
    people, done = [Person(name) for name in USERS], []
    running = Server(url, REGISTRATION="invite")
    registered = interrupted = changes_interrupted = 0
    try:
        for number in range(KILLS):
            links = [f"{link.path}?{link.query}" for link in invite(url, LINKS)]
            registrations = [Registration(link, f"person-{number}-{at}") for at, link in enumerate(links)]
            kill_during(running, registrations, people)
            running = Server(url, REGISTRATION="invite")
            sent = [registration for registration in registrations if registration.is_sent]
            registered += sum(registration.is_acknowledged for registration in sent)
            interrupted += sum(not registration.is_acknowledged for registration in sent)
            changes_interrupted += sum(person.pending is not None for person in people)
            done += sent
            for one in [*sent, *people]:
                one.check(running)
        for registration in done:
            registration.check(running)
    finally:
        running.kill()
    changed = sum(person.changes for person in people)
    created_without_response = sum(one.was_created for one in done)
    changed_without_response = sum(person.changes_without_response for person in people)
    result = (f"{KILLS} kills; {registered} registrations and {changed} password changes acknowledged, none lost; "
              f"of {interrupted} and {changes_interrupted} without a response, {created_without_response} and "
              f"{changed_without_response} were carried out")
    assert interrupted and changes_interrupted, f"no request was interrupted: {result}"
    return result


def killed_server_sqlite(folder):
    return kill_repeatedly(f"sqlite://{folder}/vestibule.db", folder)


def killed_server_postgres(folder):
    with cluster(folder) as postgres:
        return kill_repeatedly(postgres.url, folder)
