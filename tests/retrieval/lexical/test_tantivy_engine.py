"""tantivy beside BM25's formula, written out."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.leg import Workshop
from skerry.retrieval.lexical.leg import Bm25Leg
from skerry.retrieval.lexical.ties import best


def reference(passages: PassageStore, query: list[str], b: float) -> dict[int, float]:
    """BM25 with k1 = 1.2 over lower-case words, as the literature has it."""
    documents = [f"{p.title} {p.section} {p.text}".lower().split() for p in passages]
    mean = sum(map(len, documents)) / len(documents)
    scores: dict[int, float] = {}
    for term in dict.fromkeys(query):
        holders = [n for n, words in enumerate(documents) if term in words]
        idf = math.log(1 + (len(documents) - len(holders) + 0.5) / (len(holders) + 0.5))
        for n in holders:
            tf = Counter(documents[n])[term]
            length = 1 - b + b * len(documents[n]) / mean
            scores[n] = scores.get(n, 0.0) + idf * tf * 2.2 / (tf + 1.2 * length)
    return scores


@pytest.mark.parametrize("b", [0.75, 0.4, 0.2])
def test_scores_are_those_of_the_formula(b: float, passages: PassageStore, tmp_path: Path) -> None:
    leg = Bm25Leg(b=b, stem=False)
    leg.build_shard(passages, 0, len(passages), tmp_path / "0", None, 1)
    leg.assemble(passages, [tmp_path / "0"], tmp_path / "leg", None, Workshop(tmp_path, tmp_path / "work"))
    retriever = leg.open(tmp_path / "leg", passages, None)
    for query in ("storm lantern", "fog", "reef captain vessel rescue"):
        wanted = reference(passages, query.split(), b)
        found = retriever.retrieve([query], 400, {}, Deadline())[0]
        assert set(found.ordinals.tolist()) == set(wanted)
        # The engine stores a passage's length in one byte: within some per cent.
        expected = [wanted[ordinal] for ordinal in found.ordinals.tolist()]
        assert found.scores.tolist() == pytest.approx(expected, rel=0.05)


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(1, 70))
@settings(max_examples=200)
def test_best_is_a_stable_sort_cut_off(values: list[int], limit: int) -> None:
    """Whatever the engine's order among equals, and although it is asked for little at first."""
    scores = np.array(values, np.float64)
    shuffled = np.random.default_rng(len(values)).permutation(len(values))
    order = shuffled[np.argsort(-scores[shuffled], kind="stable")]

    def fetch(count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        noise = np.linspace(0, 1e-6, len(order[:count]))
        return order[:count].astype(np.int64), scores[order[:count]] - noise

    if not values:
        return
    found = best(fetch, limit, len(values))
    wanted = sorted(range(len(values)), key=lambda n: (-values[n], n))[:limit]
    assert found.ordinals.tolist() == wanted
