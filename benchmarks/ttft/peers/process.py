"""A peer's process: started, asked for first tokens, ended; no wait is without end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from skerry.benchmarks.ttft.first import First
from skerry.core.errors import BackendUnavailable

_LOOP = Path(__file__).with_name("answer.py")
_GRACE = 10.0
_SHOWN = 5


class PeerProcess:
    """One engine, loaded.

    Args:
        name: for tables and errors.
        python: runs it.
        file: has its `load`; see `answer.py`.
        settings: what `load` is given.
        environment: variables that are set for it.
        loading, answering: seconds that it may take to load, and to answer.

    Raises:
        BackendUnavailable: it does not start, ends, says what it should not, or takes too long; with the end
            of its log.
    """

    def __init__(
        self,
        name: str,
        python: str,
        file: Path,
        settings: Mapping[str, Any],
        environment: Mapping[str, str],
        loading: float = 900.0,
        answering: float = 900.0,
    ) -> None:
        self.name = name
        self._answering = answering
        self._read_ahead = b""
        self._grace = _GRACE
        # Standard error of a process that may write much: a file, which nobody has to read, not a pipe.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                # In a session of its own, so that what the engine starts ends with it. With the safe path,
                # no import of the engine's finds the files that stand beside the loop.
                self._process = subprocess.Popen(
                    [python, str(_LOOP), str(file), json.dumps(dict(settings))],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._log,
                    env={**os.environ, "PYTHONSAFEPATH": "1", **environment},
                    start_new_session=True,
                )
            except OSError as error:
                self._socket.close()
                self._log.close()
                raise BackendUnavailable(f"The peer {name} cannot be started: {error}.") from error
        try:
            self.version: str = self._hear(loading, version=str)["version"]
        except BaseException:
            self.close()
            raise

    def first_token(self, prompt: Sequence[int]) -> First:
        """See `Peer`; the seconds are measured in the peer's process. Raises as the constructor."""
        self._socket.settimeout(self._answering)
        try:
            self._socket.sendall(json.dumps({"tokens": list(prompt)}).encode() + b"\n")
        except TimeoutError:
            raise self._failure(f"took no prompt for {self._answering:g} s") from None
        except OSError:
            raise self._ended() from None
        answer = self._hear(self._answering, seconds=float, token=int)
        return First(answer["seconds"], answer["token"])

    def close(self) -> None:
        """End it and what it started: by the end of its input, or by force if it failed or takes long."""
        self._socket.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self._grace)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hear(self, patience: float, **wanted: type) -> dict[str, Any]:
        """One line, which must have these members."""
        until = time.monotonic() + patience
        while b"\n" not in self._read_ahead:
            self._socket.settimeout(max(until - time.monotonic(), 0.001))
            try:
                got = self._socket.recv(1 << 16)
            except TimeoutError:
                raise self._failure(f"said nothing for {patience:g} s") from None
            except ConnectionResetError:
                got = b""
            if not got:
                raise self._ended()
            self._read_ahead += got
        line, _, self._read_ahead = self._read_ahead.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or any(
            not isinstance(answer.get(name), kind) for name, kind in wanted.items()
        ):
            raise self._failure(f"answered {line[:80]!r}, which is not what was asked")
        return answer

    def _ended(self) -> BackendUnavailable:
        with suppress(subprocess.TimeoutExpired):
            return self._failure(f"ended with status {self._process.wait(_GRACE)}")
        return self._failure("closed its output")

    def _failure(self, what: str) -> BackendUnavailable:
        self._grace = 0.0
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", errors="replace").strip().splitlines()
        said = " / ".join(lines[-_SHOWN:])
        return BackendUnavailable(
            f"The peer {self.name} {what}{': ' + said if said else ''}.",
            hint="Try its Python by hand, or leave --peer out.",
            details={"peer": self.name},
        )
