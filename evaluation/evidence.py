"""What KILT's retrieval metrics share: keys of provenance, ranked lists of keys, and evidence sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Output, Record


def key_of(provenance: Mapping[str, Any], rank_keys: Sequence[str]) -> str | None:
    """The fields `rank_keys` as stripped strings joined by "+"; None if one of them is missing."""
    if any(name not in provenance for name in rank_keys):
        return None
    return "+".join(str(provenance[name]).strip() for name in rank_keys)


def ranked_keys(output: Output, rank_keys: Sequence[str]) -> list[str]:
    """The keys of an output's provenance in order, each once, entries that lack a field left out.

    With `rank_keys` = ["wikipedia_id"] this collapses ranked passages to ranked pages.
    """
    keys = (key_of(item, rank_keys) for item in output.provenance or ())
    return list(dict.fromkeys(key for key in keys if key is not None))


def evidence_sets(gold: Record, rank_keys: Sequence[str]) -> list[frozenset[str]]:
    """The distinct sets of keys of the gold outputs that have provenance, in order.

    Raises:
        InvalidInput: a gold provenance without one of the `rank_keys`.
    """
    sets: dict[frozenset[str], None] = {}
    for output in gold.outputs:
        if output.provenance is None:
            continue
        keys = {key_of(item, rank_keys): item for item in output.provenance}
        if None in keys:
            raise InvalidInput(
                f"{gold.where}: a gold provenance lacks one of the rank keys {', '.join(rank_keys)}.",
                hint=f"It has {', '.join(keys[None]) or 'no fields'}; choose rank keys that all have.",
            )
        sets[frozenset(key for key in keys if key is not None)] = None
    return list(sets)


class Rank:
    """Where the evidence sets of a question end up in a ranked list of keys.

    A list entry that is in no evidence set is a miss and takes a place. The members of a set share one place:
    it moves to the last member found, and is a hit once all are. A key in several sets takes one for each.

    Attributes:
        places: True for a hit, False for a miss or a set that is still incomplete, best first.
        sets: how many distinct evidence sets there are.
    """

    __slots__ = ("places", "sets")

    def __init__(self, ranked: Sequence[str], sets: Sequence[frozenset[str]]) -> None:
        self.sets = len(sets)
        missing = [set(members) for members in sets]
        miss, hit = -1, -2
        places: list[int] = []
        for key in ranked:
            found = False
            for number, members in enumerate(missing):
                if key not in members:
                    continue
                found = True
                if number in places:
                    places.remove(number)
                members.remove(key)
                places.append(number if members else hit)
            if not found:
                places.append(miss)
        self.places = [place == hit for place in places]

    def hits(self, k: int) -> int:
        """How many evidence sets are complete within the first `k` places."""
        return sum(self.places[:k])
