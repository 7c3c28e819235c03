"""The opened leg, with a model and a neighbour whose answers are known."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, IndexNotReady, InvalidInput
from skerry.retrieval.base import Candidates, Evidence
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.naming import name_pages
from skerry.retrieval.corpusbrain.retriever import CorpusBrainRetriever
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree
from skerry.retrieval.shared_model import SharedModels

from .stub import END, WordLeg, WordModel, encode, write_store

PAGES = [
    ("Owl", ["owls hunt at night", "an owl has fixed eyes"]),
    ("Otter", ["otters swim", "an otter eats eels at night"]),
    ("Oat", ["oats are grain"]),
    ("Mercury", ["a planet near the sun"]),
    ("Mercury", ["a metal that is liquid", "it was in thermometers"]),
    ("", ["a page without a title"]),
    ("Ox", ["an ox pulls carts", "oxen are slow", "night falls"]),
]


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    return write_store(tmp_path_factory.mktemp("store"), PAGES)


@pytest.fixture(scope="module")
def tree(passages: PassageStore, tmp_path_factory: pytest.TempPathFactory) -> TitleTree:
    path = tmp_path_factory.mktemp("tree") / "titles.tree"
    titles = [page.title or page.id for page in passages.pages()]
    build_tree(name_pages(titles, encode), END, path)
    return TitleTree.open(path)


@pytest.fixture
def model() -> WordModel:
    return WordModel()


@pytest.fixture
def leg(passages: PassageStore) -> WordLeg:
    return WordLeg(passages)


@pytest.fixture
def retriever(
    passages: PassageStore, tree: TitleTree, model: WordModel, leg: WordLeg
) -> CorpusBrainRetriever:
    models: SharedModels[str, Any] = SharedModels("stub")
    opened = CorpusBrainRetriever(tree, passages, lambda: models.get("one", lambda: model), "digest")
    opened.rest_on({"seal": lambda: pytest.fail("SEAL is not asked"), "bm25": lambda: leg})
    return opened


def ask(
    retriever: CorpusBrainRetriever,
    query: str,
    limit: int = 100,
    within: list[int] | None = None,
    deadline: Deadline | None = None,
    **options: Any,
) -> Candidates:
    allowed = None if within is None else np.array(within, np.int64)
    [found] = retriever.retrieve([query], limit, options, deadline or Deadline(), allowed)
    assert found.scores.dtype == np.float32 and (np.diff(found.scores) <= 0).all()
    assert len(found.evidence) == len(found.ordinals) == len(found.scores)
    return found


def titles(found: Candidates) -> list[str]:
    """Of the evidence, each once, in order."""
    return list(dict.fromkeys(found.evidence[rank][0].ngram for rank in range(len(found.evidence))))


def test_the_title_says_where_and_the_leg_says_what(retriever: CorpusBrainRetriever, leg: WordLeg) -> None:
    found = ask(retriever, "otter at night", beams=2)
    assert titles(found)[0] == "Otter"
    assert found.ordinals[:2].tolist() == [3, 2]
    [asked] = leg.asked
    assert asked == sorted(found.ordinals.tolist())
    assert set(found.timings) == {"titles", "passages"}
    heavy = ask(retriever, "otter at night", beams=10, passage_weight=50.0)
    assert set(heavy.ordinals[:2].tolist()) == {0, 3}


def test_evidence_is_the_title_and_its_log_probability(retriever: CorpusBrainRetriever) -> None:
    found = ask(retriever, "owl", passage_weight=0)
    first = found.evidence[0][0]
    assert first == Evidence("Owl", 0, first.score, (), "corpusbrain", True)
    assert first.score == pytest.approx(float(found.scores[0]))
    assert [piece for [piece] in found.evidence[:2]] == [first, first]
    assert found.evidence[-1] == found.evidence[len(found.evidence) - 1]
    normalised = ask(retriever, "owl", passage_weight=0, scoring="length_normalised")
    rank = [piece.ngram for [piece] in normalised.evidence[:]].index("Owl")
    assert normalised.evidence[rank][0] == first
    assert normalised.scores[rank] == pytest.approx(first.score / len("owl."))


def test_every_page_is_found_by_its_own_name(retriever: CorpusBrainRetriever) -> None:
    found = ask(retriever, "mercury")
    assert sorted(found.ordinals.tolist()) == list(range(sum(len(texts) for _, texts in PAGES)))
    told = dict(zip(found.ordinals.tolist(), (piece.ngram for [piece] in found.evidence[:]), strict=True))
    assert [told[ordinal] for ordinal in (5, 6, 7, 8)] == ["Mercury", "Mercury", "Mercury", "5"]


def test_pages_and_limit(retriever: CorpusBrainRetriever) -> None:
    assert titles(ask(retriever, "ox", pages=1)) == ["Ox"]
    assert ask(retriever, "ox", pages=1).ordinals.tolist()[:2] != []
    assert len(ask(retriever, "ox", limit=2).ordinals) == 2
    assert len(titles(ask(retriever, "ox", beams=3, pages=3))) == 3
    whole = ask(retriever, "ox")
    cut = ask(retriever, "ox", limit=4)
    assert cut.ordinals.tolist() == whole.ordinals[:4].tolist()


def test_within_finds_the_best_allowed_however_improbable(retriever: CorpusBrainRetriever) -> None:
    whole = ask(retriever, "otter", passage_weight=0)
    found = ask(retriever, "otter", within=[6], beams=1, passage_weight=0)
    assert found.ordinals.tolist() == [6]
    rank = whole.ordinals.tolist().index(6)
    assert found.scores[0] == whole.scores[rank]
    some = ask(retriever, "otter", within=[1, 3, 4, 8], passage_weight=0)
    assert some.ordinals.tolist() == [o for o in whole.ordinals.tolist() if o in (1, 3, 4, 8)]
    assert len(ask(retriever, "otter", within=[]).ordinals) == 0
    several = ask(retriever, "otter owl", within=[6, 7], titles=3)
    assert sorted(several.ordinals.tolist()) == [6, 7]


def test_without_neighbours_pages_stand_in_their_order(
    passages: PassageStore, tree: TitleTree, model: WordModel
) -> None:
    models: SharedModels[str, Any] = SharedModels("stub")
    alone = CorpusBrainRetriever(tree, passages, lambda: models.get("one", lambda: model), "digest")
    assert ask(alone, "ox at night", pages=1).ordinals.tolist() == [9, 10, 11]


def test_a_batch_is_its_queries_one_by_one(retriever: CorpusBrainRetriever, model: WordModel) -> None:
    queries = ["owl at night", "mercury", "otter", "x"] * 20
    batch = retriever.retrieve(queries, 5, {"beams": 40}, Deadline())
    assert max(map(len, model.read_together)) == 8
    for query, found in zip(queries, batch, strict=True):
        alone = ask(retriever, query, 5, beams=40)
        assert found.ordinals.tolist() == alone.ordinals.tolist()
        assert found.scores.tolist() == alone.scores.tolist()
    assert retriever.retrieve([], 5, {}, Deadline()) == []


def test_calls_that_gather_share_a_turn_in_one_thread(
    retriever: CorpusBrainRetriever, model: WordModel
) -> None:
    model.go_on = threading.Event()
    with ThreadPoolExecutor(7) as threads:
        first = threads.submit(ask, retriever, "owl")
        assert model.reading.wait(10)
        rest = [threads.submit(ask, retriever, query) for query in ("otter", "oat", "ox", "owl")]
        odd = threads.submit(ask, retriever, "owl", beams=3)
        waiting = retriever._load().turns._waiting
        while len(waiting) < 6:
            assert not first.done()
        model.go_on.set()
        assert titles(first.result(10))[0] == "Owl"
        assert [titles(call.result(10))[0] for call in rest] == ["Otter", "Oat", "Ox", "Owl"]
        assert titles(odd.result(10))[0] == "Owl"
    assert sorted(map(len, model.read_together)) == [1, 1, 4]
    assert len(model.threads) == 1


def test_deadlines_and_closing(retriever: CorpusBrainRetriever, model: WordModel) -> None:
    with pytest.raises(DeadlineExceeded):
        ask(retriever, "owl", deadline=Deadline(0))
    gone = Deadline()
    gone.cancel()
    with pytest.raises(Cancelled):
        ask(retriever, "owl", deadline=gone)
    assert len(ask(retriever, "owl").ordinals)
    with pytest.raises(InvalidInput, match="beams"):
        ask(retriever, "owl", beams=0)
    retriever.close()
    with pytest.raises(IndexNotReady, match="closed"):
        ask(retriever, "owl")


def test_a_corpus_of_one_page(tmp_path: Path) -> None:
    passages = write_store(tmp_path / "store", [("Owl", ["one", "two"])])
    build_tree(name_pages(["Owl"], encode), END, tmp_path / "tree")
    models: SharedModels[str, Any] = SharedModels("stub")
    one = CorpusBrainRetriever(
        TitleTree.open(tmp_path / "tree"), passages, lambda: models.get("one", WordModel), "digest"
    )
    assert ask(one, "anything").ordinals.tolist() == [0, 1]
    assert ask(one, "anything", within=[1]).ordinals.tolist() == [1]
    assert ask(one, "anything").scores.tolist() == [0.0, 0.0]
