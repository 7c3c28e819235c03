"""All services in a child process on a free loopback port, for as long as a block lasts."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skerry.core.errors import BackendUnavailable

_GRACE = 20.0


@contextmanager
def running_services(index: Path, log: Path) -> Iterator[str]:
    """Serve `index`; yields the address once every model is loaded. The server's log goes to the file `log`.

    However the block is left, by SIGTERM too, the server is told to end and waited for.

    Raises:
        BackendUnavailable: the server ended before it was ready; shows the end of its log.
    """
    command = [
        sys.executable,
        "-m",
        "skerry",
        "serve",
        "all",
        "--index",
        str(index),
        "--listen",
        "127.0.0.1:0",
    ]
    with log.open("wb") as file, _termination_unwinds():
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            if not address:
                raise BackendUnavailable(
                    f"The services ended with status {server.wait()} before they were ready: {_end_of(log)}",
                    hint=f"Their log is {log}.",
                )
            yield address
        finally:
            _stop(server)


@contextmanager
def _termination_unwinds() -> Iterator[None]:
    """Let SIGTERM raise `SystemExit`, so that `finally` blocks run; only the main thread can ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(server: subprocess.Popen[str]) -> None:
    """Ask the server to end what it is doing; kill it if it does not."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(_GRACE + 5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stdout is not None:
        server.stdout.close()


def _end_of(log: Path, lines: int = 5) -> str:
    return " / ".join(log.read_text("utf-8", errors="replace").strip().splitlines()[-lines:])
