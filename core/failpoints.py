"""Named points at which a test can kill the process, to prove that a crash there loses nothing."""

from __future__ import annotations

import os
import signal

_VARIABLE = "SKERRY_FAILPOINT"
_seen: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die by SIGKILL here when `SKERRY_FAILPOINT` is `name`, or `name=N` at the N-th passing (from 1)."""
    wanted = os.environ.get(_VARIABLE)
    if not wanted:
        return
    point, _, nth = wanted.partition("=")
    if point not in (name, "*"):
        return
    _seen[point] = _seen.get(point, 0) + 1
    if _seen[point] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
