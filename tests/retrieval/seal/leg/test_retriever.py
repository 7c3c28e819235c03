"""The opened SEAL leg: what it finds, why, and under which limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, IndexNotReady, InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.base import Candidates
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.leg import BuiltLeg
from skerry.retrieval.seal.leg import SealLeg
from skerry.retrieval.seal.options import SealOptions
from skerry.retrieval.seal.retriever import SealRetriever, readable
from skerry.retrieval.seal.speaker import speaker
from skerry.retrieval.seal.vocabulary import Vocabulary

from .small import write_language_model

SCORINGS = ["balanced", "intersective", "lm_fm", "lm"]


@pytest.fixture(scope="module")
def folder(
    build: Callable[..., BuiltLeg],
    passages: PassageStore,
    model: Model,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("seal")
    build(SealLeg(dtype="fp32"), passages, folder, model)
    return folder / "leg"


@pytest.fixture(scope="module")
def retriever(folder: Path, passages: PassageStore, model: Model) -> Iterator[SealRetriever]:
    retriever = SealLeg(dtype="fp32").open(folder, passages, model)
    yield retriever
    retriever.close()


def ask(retriever: SealRetriever, *queries: str, limit: int = 20, **options: Any) -> list[Candidates]:
    return retriever.retrieve(queries, limit, options, Deadline())


def same(one: Candidates, other: Candidates) -> None:
    assert one.ordinals.tolist() == other.ordinals.tolist()
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-4)


def test_answers_stand_first(retriever: SealRetriever, questions: list[str]) -> None:
    found = ask(retriever, *questions)
    assert [int(one.ordinals[0]) for one in found] == [1, 3, 5, 10]


@pytest.mark.parametrize("scoring", SCORINGS)
def test_evidence_is_true(
    scoring: str, retriever: SealRetriever, questions: list[str], passages: PassageStore, model: Model
) -> None:
    vocabulary = Vocabulary.load(model)
    tokens = [vocabulary.passage(passage.title, passage.text) for passage in passages]
    seen = titles = hits = whole = 0
    for found in ask(retriever, *questions, scoring=scoring, evidence=1000):
        assert np.all(np.diff(found.scores) <= 0)
        assert len(found.ordinals) == len(found.evidence) > 0
        for ordinal, score, evidence in zip(found.ordinals, found.scores, found.evidence, strict=True):
            passage = passages[int(ordinal)]
            # What is only white space is not shown.
            whole += sum(item.score for item in evidence) == pytest.approx(float(score), rel=1e-4)
            hits += 1
            assert [item.score for item in evidence] == sorted((i.score for i in evidence), reverse=True)
            for item in evidence:
                seen += 1
                assert item.leg == "seal"
                assert item.count >= 1
                assert item.in_title or item.spans
                titles += item.in_title
                for start, end in item.spans:
                    shown = " ".join(passage.text[start:end].split())
                    if not item.in_title and "e\u0301" not in shown and "\ufffd" not in item.ngram:
                        assert shown == item.ngram
                        assert any(item.ngram in vocabulary.text(own) for own in tokens)
    assert seen > hits / 2
    assert whole > hits / 3
    assert titles or scoring not in ("balanced", "intersective")


def test_fewer_pieces_of_evidence(retriever: SealRetriever, questions: list[str]) -> None:
    [whole] = ask(retriever, questions[0], evidence=1000)
    [some] = ask(retriever, questions[0], evidence=2)
    [none] = ask(retriever, questions[0], evidence=0)
    assert [tuple(e) for e in some.evidence] == [tuple(e[:2]) for e in whole.evidence]
    assert some.evidence[1:3] == [some.evidence[1], some.evidence[2]]
    assert len(none.evidence) == 0
    with pytest.raises(IndexError):
        some.evidence[len(some.evidence)]
    same(whole, none)


def test_together_as_alone(retriever: SealRetriever, questions: list[str]) -> None:
    together = ask(retriever, *questions, *questions, beams=4)
    for found, query in zip(together, questions * 2, strict=True):
        same(found, ask(retriever, query, beams=4)[0])
    # More than one turn takes: 240 rows are 2 questions of 100 beams without titles.
    many = ask(retriever, *questions, beams=100, titles=False)
    for found, query in zip(many, questions, strict=True):
        same(found, ask(retriever, query, beams=100, titles=False)[0])


def test_at_the_same_time_as_alone(retriever: SealRetriever, questions: list[str]) -> None:
    alone = [ask(retriever, query)[0] for query in questions]
    with ThreadPoolExecutor(9) as threads:
        for number, [found] in enumerate(threads.map(lambda query: ask(retriever, query), questions * 3)):
            same(found, alone[number % len(alone)])


@pytest.mark.parametrize("scoring", SCORINGS)
def test_within_is_exact(scoring: str, retriever: SealRetriever, questions: list[str]) -> None:
    options = {"scoring": scoring}
    [whole] = ask(retriever, questions[0], **options)
    random = np.random.default_rng(5)
    for size in (0, 1, 3, 12):
        within = np.sort(random.choice(12, size, replace=False))
        inside = np.isin(whole.ordinals, within)
        [found] = retriever.retrieve([questions[0]], 2, options, Deadline(), within=within)
        assert found.ordinals.tolist() == whole.ordinals[inside][:2].tolist()
        np.testing.assert_allclose(found.scores, whole.scores[inside][:2], rtol=1e-5)


def test_a_small_filter_finds_what_only_frequent_keys_name(
    retriever: SealRetriever, questions: list[str]
) -> None:
    query, options = questions[3], {"max_count": 1}
    [whole] = ask(retriever, query, **options)
    assert not {10, 11} & set(whole.ordinals.tolist())
    [found] = retriever.retrieve([query], 5, options, Deadline(), within=np.array([10, 11]))
    assert found.ordinals.tolist() == [10, 11]
    assert found.scores[0] == found.scores[1] > 0
    [cut] = retriever.retrieve(
        [query], 5, {**options, "candidates": 1}, Deadline(), within=np.array([10, 11])
    )
    assert cut.ordinals.tolist() == []


def test_limit(retriever: SealRetriever, questions: list[str]) -> None:
    [whole] = ask(retriever, questions[1])
    [first] = ask(retriever, questions[1], limit=1)
    assert first.ordinals.tolist() == whole.ordinals[:1].tolist()
    assert len(first.evidence) == 1


def test_knobs_reach_their_parts(retriever: SealRetriever, questions: list[str]) -> None:
    query = questions[0]

    def scores(**options: Any) -> list[list[float]]:
        return [found.scores.tolist() for found in ask(retriever, *questions, "keeper of a ferry", **options)]

    plain = scores()
    for options in (
        {"ngram_tokens": 1},
        {"beams": 1},
        {"titles": False},
        {"beams": 6, "groups": 3, "diversity": 5.0},
        {"power": 1.0},
        {"repetition": 0.0},
        {"smoothing": 3},
        {"token_weight": 0.0},
        {"title_weight": 3.0},
        {"max_count": 1},
    ):
        assert scores(**options) != plain, options
    assert len(ask(retriever, query, candidates=2)[0].ordinals) == 2
    titled = ask(retriever, query, title_weight=50.0, query_weight=0.0, token_weight=0.0, evidence=1)[0]
    assert titled.evidence[0][0].in_title
    chosen = SealOptions.of({"beams": 5, "titles": False, "query_keys": False, "title_tokens": 9}, 1)
    assert (chosen.decoding.beams, chosen.decoding.titles, chosen.decoding.query_keys) == (5, False, 0)
    assert chosen.decoding.title_length == 9


def test_timings(retriever: SealRetriever, questions: list[str]) -> None:
    [found] = ask(retriever, questions[0])
    assert set(found.timings) == {"lm", "index", "other"}
    assert min(found.timings.values()) >= 0
    assert found.timings["lm"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 5}, "no option 'beam'.*beams"),
        ({"beams": 0}, "seal.beams must be a whole number from 1 to 100; got 0"),
        ({"beams": 5.5}, "seal.beams"),
        ({"beams": True}, "seal.beams"),
        ({"scoring": "best"}, "seal.scoring must be one of balanced, intersective, lm_fm, lm; got 'best'"),
        ({"scoring": 77}, "seal.scoring"),
        ({"ngram_tokens": 65}, "seal.ngram_tokens"),
        ({"titles": 1}, "seal.titles must be true or false"),
        ({"groups": 2}, "seal.groups must divide seal.beams; got 2 groups of 15 beams"),
        ({"groups": 16}, "seal.groups must be a whole number from 1 to 15"),
        ({"diversity": -0.1}, "seal.diversity must be a number from 0 to 100"),
        ({"diversity": "much"}, "seal.diversity"),
        ({"title_tokens": 1}, "seal.title_tokens"),
        ({"max_count": 0}, "seal.max_count"),
        ({"candidates": 0}, "seal.candidates"),
        ({"evidence": -1}, "seal.evidence"),
        ({"power": 0}, "seal.power"),
        ({"smoothing": 0}, "seal.smoothing"),
        ({"repetition": 1.5}, "seal.repetition"),
        ({"title_weight": float("inf")}, "seal.title_weight"),
    ],
)
def test_bad_options(
    options: dict[str, Any], message: str, retriever: SealRetriever, questions: list[str]
) -> None:
    with pytest.raises(InvalidInput, match=message):
        ask(retriever, "lamp", **options)


@pytest.mark.parametrize(
    "query", ["\U0001f9ff\U0001f9ff", "Ω ≈ 3", "?!", "zzz qqq", "<|im_end|>", "a\x00b", "the", "x " * 3000]
)
def test_odd_queries_are_no_errors(query: str, retriever: SealRetriever, questions: list[str]) -> None:
    [found] = ask(retriever, query)
    assert len(found.ordinals) <= 12


def test_a_query_none_of_whose_tokens_occur(
    retriever: SealRetriever, passages: PassageStore, model: Model
) -> None:
    """What is found then is the language model's own doing: no evidence says anything of the query."""
    vocabulary = Vocabulary.load(model)
    held = {token for p in passages for token in vocabulary.passage(p.title, p.text)}
    query = "ZQZQ #%&*"
    assert not held & set(vocabulary.encode(query) + vocabulary.words(query))
    for scoring in SCORINGS:
        for body_and_titles in (True, False):
            [found] = ask(retriever, query, scoring=scoring, titles=body_and_titles, evidence=1000)
            assert np.isfinite(found.scores).all()
            assert np.all(np.diff(found.scores) <= 0)
            assert len(set(found.ordinals.tolist())) == len(found.ordinals) <= len(passages)
            for evidence in found.evidence:
                for item in evidence:
                    assert item.count >= 1
                    assert not set("ZQ#%&*") & set(item.ngram)


def test_white_space_of_a_query_is_not_read(
    retriever: SealRetriever, questions: list[str], model: Model
) -> None:
    language_model = speaker(model, None, "fp32").model
    options = SealOptions.of({}, 1000).decoding
    wide = "\n \t" * 3000 + questions[0].replace(" ", " \n" * 500) + " " * 3000
    assert readable(wide, language_model, options) == questions[0]
    same(ask(retriever, wide)[0], ask(retriever, questions[0])[0])


def test_a_query_longer_than_is_read(retriever: SealRetriever, questions: list[str], model: Model) -> None:
    language_model = speaker(model, None, "fp32").model
    options = SealOptions.of({}, 1000).decoding
    long = " ".join(f"{questions[0]} {number}" for number in range(2000))
    read = readable(long, language_model, options)
    assert long.startswith(read)
    assert 100 < len(language_model.vocabulary.encode(read)) < language_model.context
    same(ask(retriever, long)[0], ask(retriever, read)[0])
    assert readable(questions[0], language_model, options) == questions[0]
    assert "\ufffd" not in readable("é" * 2000 + "\U0001f9ff" * 2000, language_model, options)


def test_a_model_without_room(
    build: Callable[..., BuiltLeg], passages: PassageStore, small_models: ModelStore, tmp_path: Path
) -> None:
    narrow = small_models.resolve(str(write_language_model(tmp_path / "narrow", ["lamp"], positions=24)))
    build(SealLeg(dtype="fp32"), passages, tmp_path, narrow)
    retriever = SealLeg(dtype="fp32").open(tmp_path / "leg", passages, narrow)
    with pytest.raises(InvalidInput, match="the language model reads 24"):
        ask(retriever, "a question")


def test_deadlines(retriever: SealRetriever, questions: list[str]) -> None:
    with pytest.raises(DeadlineExceeded):
        retriever.retrieve(questions, 5, {}, Deadline(0))
    gone = Deadline()
    threading.Timer(0.05, gone.cancel).start()
    with pytest.raises(Cancelled):
        retriever.retrieve(questions * 2000, 5, {}, gone)
    assert len(ask(retriever, questions[0])[0].ordinals)


def test_closed(folder: Path, passages: PassageStore, model: Model) -> None:
    retriever = SealLeg(dtype="fp32").open(folder, passages, model)
    assert len(ask(retriever, "lamp")[0].ordinals)
    retriever.close()
    retriever.close()
    with pytest.raises(IndexNotReady, match="closed"):
        ask(retriever, "lamp")
