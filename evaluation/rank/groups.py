"""Which questions belong together: those that must not be learnt from and tested on."""

from __future__ import annotations

from collections.abc import Sequence


def connected(keys: Sequence[Sequence[str]]) -> list[str]:
    """The group of each entry: entries that share a key, directly or through others, have the same group.

    A group is named after the least of its keys; an entry has at least one.
    """
    leads: dict[str, str] = {}

    def root(key: str) -> str:
        while leads.setdefault(key, key) != key:
            leads[key] = leads[leads[key]]
            key = leads[key]
        return key

    for entry in keys:
        for key in entry:
            low, high = sorted((root(entry[0]), root(key)))
            leads[high] = low
    return [root(entry[0]) for entry in keys]
