"""PostgreSQL clusters that the user `postgres` runs."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Cluster:
    def __init__(self, folder):
        folder.mkdir()
        shutil.chown(folder, "postgres")
        self.folder, self.data, self.port = folder, folder / "data", free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def create(self):
        self.run("initdb", "-D", self.data, "-U", "postgres", "--auth=trust")

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-s", "-w", "-l", self.folder / "log", "-o",
                 f"-p {self.port} -c unix_socket_directories={self.folder}", "start")

    def run(self, program, *arguments):
        binary = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1] / program
        # To a file: a pipe would stay open in the server that pg_ctl starts.
        with open(self.folder / "output", "w+") as output:
            subprocess.run(["runuser", "-u", "postgres", "--", binary, *arguments], check=True, cwd="/", stdout=output,
                           stderr=subprocess.DEVNULL)
            output.seek(0)
            return output.read()

    def signal_all(self, number):
        leader = int((self.data / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["pgrep", "-P", str(leader)], capture_output=True, text=True).stdout.split()
        for pid in [leader, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def sql(self, text):
        """Runs a statement. Returns the first column of the rows."""
        return self.run("psql", "-p", str(self.port), "-h", "127.0.0.1", "-U", "postgres", "-At", "-c", text).split()

    def kill(self):
        self.signal_all(signal.SIGKILL)
        (self.data / "postmaster.pid").unlink()

    def stop(self):
        if (self.data / "postmaster.pid").exists():
            self.signal_all(signal.SIGCONT)
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-s", "stop")


@contextlib.contextmanager
def cluster(folder):
    running = Cluster(folder / "postgres")
    running.create()
    try:
        running.start()
        yield running
    finally:
        running.stop()
