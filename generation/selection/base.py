"""What a key-value selector is, where the selectors are found, and how one is made for a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from skerry.core.errors import InvalidInput
from skerry.core.registry import Registry
from skerry.generation.attention.state import RowSelector
from skerry.generation.limits import check_whole

MOST_BUDGET = 2**20


class KeyValueSelector(RowSelector, Protocol):
    """Says of each decoded token which rows its layers read; made anew for every run, so it keeps state.

    The order of a run: `begin`, the prompt's passes (`observe` for each layer), and for each answer token
    `advance` and its pass (`select` for each layer). All rows stay in the cache: another selector on the same
    cache chooses among all of them again.

    Args:
        budget: most rows that a token reads in a layer, 1 to 2**20, the first and the last ones that are
            always read with them; where the cache holds no more, every row is read, to the bit as by "full".
            The rows that are always read are read under a smaller budget too.
    """

    def __init__(self, budget: int) -> None: ...

    def begin(self, sentence_ends: Sequence[Sequence[int]]) -> None:
        """Before the prompt is read.

        Args:
            sentence_ends: of each sequence of the batch: the rows behind which a sentence ends, ascending,
                for all that the cache will hold when the prompt has been read.
        """
        ...

    def advance(self, opens: Sequence[bool]) -> None:
        """Before the pass of an answer token: whether it is the first of a sentence, in each sequence."""
        ...


SELECTORS: Registry[type[KeyValueSelector]] = Registry(
    "key-value selector",
    {
        "full": "skerry.generation.selection.full:Full",
        "sentence": "skerry.generation.selection.sentence:Sentence",
        "sentencekv": "skerry.generation.selection.sentencekv:SentenceKV",
        "quest": "skerry.generation.selection.quest:Quest",
        "actqkv": "skerry.generation.selection.actqkv:ActQKV",
        "recycled": "skerry.generation.selection.recycled:Recycled",
        "routing": "skerry.generation.selection.routing:Routing",
    },
)


def check_selection(name: str, budget: int) -> None:
    """Raise `InvalidInput`, naming the field: an unknown selector, or a budget out of its range."""
    if name not in SELECTORS:
        raise InvalidInput(
            f"There is no key-value selector named {name!r}; known: {', '.join(SELECTORS)}.",
            details={"field": "selector"},
        )
    check_whole("budget", budget, 1, MOST_BUDGET)


def make_selector(name: str, budget: int) -> KeyValueSelector:
    """A selector for one run. Errors as `check_selection`."""
    check_selection(name, budget)
    return SELECTORS.load(name)(budget)
