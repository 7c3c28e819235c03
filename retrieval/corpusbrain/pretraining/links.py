"""The links between a corpus's pages."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.pretraining.mentions import find_mentions
from skerry.retrieval.corpusbrain.pretraining.pairs import Link


def resolved_links(store: PassageStore) -> Iterator[Link]:
    """The corpus's links, ascending by passage."""
    return find_mentions(store)
