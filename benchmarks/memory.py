"""How much memory this process holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in memory.

    Attributes:
        resident: now, file pages (the mapped index) included.
        private: of them, those that are no file's.
        peak: the most that were resident at any moment since the process began.
    """

    resident: int
    private: int
    peak: int


def memory() -> Memory:
    """Of this process, as Linux tells it.

    (The peak of `getrusage` would be carried over from the process that started this one.)
    """
    fields = dict(line.split(":", 1) for line in _STATUS.read_text("ascii", "replace").splitlines())
    resident, private, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon", "VmHWM"))
    return Memory(resident, private, peak)
