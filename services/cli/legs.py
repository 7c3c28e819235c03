"""Legs as words of a command: `--legs bm25,seal --set seal.beams=5`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.retrieval.base import LegRequest, Option

CANDIDATES = 100
"""Passages of a leg that take part in the fusion, where nothing else is said."""
_FIELDS = ("limit", "weight")


def leg_names(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def leg_requests(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Option]], limit: int
) -> tuple[LegRequest, ...]:
    """One request a leg, with its knobs; `limit` where they do not say another.

    Raises:
        InvalidInput: knobs of a leg that is not asked for.
    """
    for leg in settings:
        if leg not in names:
            raise InvalidInput(
                f"--set is given for the leg {leg!r}, which is not among --legs {','.join(names)}.",
                hint=f"Name the legs: --legs {','.join([*names, leg])}.",
            )
    requests = []
    for name in names:
        fields: dict[str, Any] = {"limit": limit, "options": {}}
        for option, value in settings.get(name, {}).items():
            (fields if option in _FIELDS else fields["options"])[option] = value
        requests.append(LegRequest(name, **fields))
    return tuple(requests)
