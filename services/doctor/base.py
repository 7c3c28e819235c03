"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        group: "python", "machine", "packages", "kernels", "models", "legs" or "extras".
        name: what was looked at.
        state: "ok"; "absent" for something optional that is not there; "wrong" for what must be mended.
        found: what there is, or why it cannot be used.
        fix: what to do about it, "" when there is nothing to do.
    """

    group: str
    name: str
    state: State
    found: str
    fix: str = ""
