"""A memory of all pages, made of their passages' vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.memory.page_memory import PageMemory
from skerry.retrieval.corpusbrain.memory.shards import ShardVectors
from skerry.retrieval.corpusbrain.memory.slots import page_slots, slots_a_page, unit
from skerry.retrieval.index.leg import Workshop


def build_memory(
    passages: PassageStore, shards: Sequence[Path], most: int, seed: int, workshop: Workshop
) -> PageMemory:
    """As many slots a page as leave room for every page; the same for the same vectors and seed.

    Args:
        shards: folders that `encode_shard` wrote.
        most: slots of all pages together, no fewer than there are pages.

    Raises:
        Cancelled, DeadlineExceeded: between pages.
    """
    vectors = ShardVectors(shards)
    pages = passages.columns().pages
    sizes = pages["passages"].astype(np.int64)
    most_of_page = slots_a_page(sizes, most)
    keys = []
    with workshop.progress.task("page memory", len(sizes), "pages") as task:
        for page, (first, size) in enumerate(
            zip(pages["first_passage"].tolist(), sizes.tolist(), strict=True)
        ):
            workshop.deadline.check("remembering pages")
            rows = unit(vectors.rows(first, first + size))
            keys.append(page_slots(rows, most_of_page, np.random.default_rng([seed, page])))
            task.advance()
    starts = np.cumsum([0, *map(len, keys[:-1])])
    return PageMemory.of(np.concatenate(keys), starts.astype(np.int64))
