"""Questions and hard negatives for rankers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput, NotFound
from skerry.core.progress import SilentProgress
from skerry.evaluation.gold import Output, Record
from skerry.evaluation.ranking_questions import ranking_questions
from skerry.ranking.training.examples import (
    Example,
    Question,
    digest,
    draw_mixed,
    draw_negatives,
    mine,
    split_by_page,
)
from skerry.retrieval.base import Hit, LegRequest, RetrievalRequest, RetrievalResult
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline

from .tiny import ANIMALS, FOODS


def question(page: str, number: int = 0) -> Question:
    return Question(f"question {number}", (), number, frozenset({number}), page)


@given(st.lists(st.sampled_from("abcdefghij"), max_size=40), st.floats(0, 0.5), st.integers(0, 5))
def test_split_shares_no_page_and_loses_nothing(pages: list[str], share: float, seed: int) -> None:
    questions = [question(page, number) for number, page in enumerate(pages)]
    training, held_out = split_by_page(questions, share, seed)
    assert not {q.page_id for q in training} & {q.page_id for q in held_out}
    assert sorted([*training, *held_out], key=lambda q: q.positive) == questions
    distinct = len(set(pages))
    assert len({q.page_id for q in held_out}) == min(distinct, max(1, round(share * distinct)))
    assert split_by_page(questions, share, seed) == (training, held_out)
    # The pages decide, not the order in which the questions come.
    assert {q.page_id for q in split_by_page(questions[::-1], share, seed)[1]} == {
        q.page_id for q in held_out
    }


def test_mined_candidates_are_what_the_leg_finds(index: Index, questions: list[Question]) -> None:
    with RetrievalPipeline(index) as pipeline:
        examples = list(mine(questions, pipeline, ["bm25"], 7, SilentProgress()))
        for example, asked in zip(examples, questions, strict=True):
            request = RetrievalRequest(asked.query, (LegRequest("bm25", limit=7),), limit=7)
            [result] = pipeline.retrieve([request], Deadline())
            assert example.question == asked
            assert example.candidates == tuple(hit.passage.ordinal for hit in result.hits)
            assert len(example.candidates) == 7


def test_negatives_hold_no_answer_and_are_not_relevant(index: Index, examples: list[Example]) -> None:
    assert len(examples) == 20
    for example in examples:
        kept = set(example.negatives)
        assert example.question.positive not in kept
        for ordinal in example.candidates:
            text = index.passages[ordinal].text.casefold()
            answers = [answer.casefold() for answer in example.question.answers]
            wrong = not example.question.relevant & {ordinal} and not any(a in text for a in answers)
            assert (ordinal in kept) == wrong
        assert list(example.negatives) == [o for o in example.candidates if o in kept]


class FixedChain:
    """Finds the same texts for every query."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.hits = tuple(
            Hit(Passage(number, f"p#{number}", "p", "P", "", text, Span(1, 0, 1, 1)), 1.0)
            for number, text in enumerate(texts)
        )

    def retrieve(self, requests: Sequence[RetrievalRequest], deadline: Deadline) -> list[RetrievalResult]:
        return [RetrievalResult(self.hits, {}) for _ in requests]


def test_an_answer_is_seen_in_any_case_and_within_words() -> None:
    texts = ["the GREAT WALL", "evidence", "greatwall", "a wallpaper", "nothing", "Stra\u00dfe"]
    asked = Question("q", ("Great Wall", "paper", "STRASSE"), 1, frozenset({1}), "p")
    [example] = mine([asked], FixedChain(texts), ["bm25"], 10, SilentProgress())
    assert example.negatives == (2, 4)


def test_more_questions_than_one_batch() -> None:
    many = [question("p", number) for number in range(150)]
    examples = list(mine(many, FixedChain(["x"]), ["bm25"], 10, SilentProgress()))
    assert [example.question for example in examples] == many


def test_an_unknown_leg(index: Index, questions: list[Question]) -> None:
    with RetrievalPipeline(index) as pipeline, pytest.raises(NotFound, match="bm52"):
        list(mine(questions, pipeline, ["bm52"], 5, SilentProgress()))


@given(st.integers(0, 40), st.integers(1, 30), st.integers(0, 3))
def test_draw_negatives(found: int, count: int, seed: int) -> None:
    example = Example(question("p"), tuple(range(100, 100 + found)), tuple(range(100, 100 + found)))
    drawn = draw_negatives(example, count, random.Random(seed))
    if found < count:
        assert drawn is None
        return
    assert drawn is not None
    assert len(drawn) == len(set(drawn)) == count
    assert set(drawn) <= set(example.negatives)
    assert sum(ordinal < 110 for ordinal in drawn) >= min(10, found, count * 2 // 3)
    assert drawn == draw_negatives(example, count, random.Random(seed))


def test_the_hardest_are_drawn_most_often() -> None:
    example = Example(question("p"), tuple(range(30)), tuple(range(30)))
    rng = random.Random(0)
    counts = Counter(ordinal for _ in range(2000) for ordinal in draw_negatives(example, 6, rng) or ())
    # Four of six from the ten hardest, the other two from the 26 that are left.
    hardest = sum(counts[ordinal] for ordinal in range(10)) / 2000
    assert hardest == pytest.approx(4 + 2 * 6 / 26, abs=0.05)
    assert min(counts.values()) > 0


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 5))
def test_draw_mixed(hard: int, anywhere: int, seed: int) -> None:
    found = tuple(range(30, 10, -1))
    example = Example(Question("q", (), 3, frozenset({3, 4}), "p"), found, found)
    drawn = draw_mixed(example, hard, anywhere, 40, random.Random(seed))
    assert drawn is not None
    assert len(drawn) == len(set(drawn)) == hard + anywhere
    assert not {3, 4} & set(drawn)
    assert set(drawn[:hard]) <= set(found)
    # The likelier first: ordinals fall along the list.
    assert drawn[:hard] == sorted(drawn[:hard], reverse=True)
    assert all(0 <= ordinal < 40 for ordinal in drawn)
    assert drawn == draw_mixed(example, hard, anywhere, 40, random.Random(seed))


def test_draw_mixed_from_too_few() -> None:
    example = Example(Question("q", (), 3, frozenset({3, 4}), "p"), (0, 1, 2), (0, 1, 2))
    assert draw_mixed(example, 4, 0, 100, random.Random(0)) is None
    assert draw_mixed(example, 2, 3, 6, random.Random(0)) is None
    assert draw_mixed(example, 2, 3, 7, random.Random(0)) is not None


def test_digest_tells_examples_apart() -> None:
    example = Example(question("p"), (1, 2), (1, 2))
    other = Example(question("p", 1), (1, 2), (1, 2))
    digests = {digest(drawn) for drawn in ([], [(example, [1])], [(example, [2])], [(other, [1])])}
    assert len(digests) == 4


def record(provenance: Sequence[dict[str, object]], query: str = "What?", answer: str | None = "x") -> Record:
    return Record("1", "1", query, (Output(answer, tuple(provenance)),), "gold.jsonl:1")


def place(page: str, first: object, character: object = 0, last: object = None) -> dict[str, object]:
    return {
        "wikipedia_id": page,
        "start_paragraph_id": first,
        "start_character": character,
        "end_paragraph_id": last,
    }


def test_evidence_of_generated_questions(index: Index, questions: list[Question]) -> None:
    assert len(questions) == 20
    for number, asked in enumerate(questions):
        passage = index.passages[asked.positive]
        assert passage.page_id == asked.page_id == ANIMALS[number // 2]
        assert passage.span.start_paragraph == number % 2 + 1
        assert asked.relevant == {asked.positive}
    assert questions[1].answers == (FOODS[0],)


class Pages:
    """The part of a passage store that is needed, over passages at hand."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.passages = [
            Passage(number, f"p#{number}", "p", "P", "", "text", span) for number, span in enumerate(spans)
        ]

    def page_ordinals(self, pages: Sequence[str]) -> list[int]:
        return [passage.ordinal for passage in self.passages if passage.page_id in pages]

    def get_many(self, ordinals: Sequence[int]) -> list[Passage]:
        return [self.passages[ordinal] for ordinal in ordinals]


# Paragraph 1 alone; 2 in three passages; 3 and 4 packed into one; 6 alone.
SPANS = [
    Span(1, 0, 1, 80),
    Span(2, 0, 2, 50),
    Span(2, 51, 2, 100),
    Span(2, 101, 2, 150),
    Span(3, 0, 4, 30),
    Span(6, 0, 6, 90),
]


@pytest.mark.parametrize(
    ("evidence", "positive", "relevant"),
    [
        (place("p", 1, 10), 0, {0}),
        (place("p", 2, 0), 1, {1, 2, 3}),
        (place("p", 2, 49), 1, {1, 2, 3}),
        (place("p", 2, 50), 2, {1, 2, 3}),
        (place("p", 2, 60), 2, {1, 2, 3}),
        (place("p", 2, 149), 3, {1, 2, 3}),
        (place("p", 2, 999), 3, {1, 2, 3}),
        (place("p", 3, 500), 4, {4}),
        (place("p", 4, 5), 4, {4}),
        (place("p", 2, 120, 4), 3, {1, 2, 3, 4}),
        (place("p", "2", "120"), 3, {1, 2, 3}),
        (place("p", 6, None), 5, {5}),
    ],
)
def test_the_positive_is_where_the_evidence_starts(
    evidence: dict[str, object], positive: int, relevant: set[int]
) -> None:
    [asked] = ranking_questions([record([evidence])], Pages(SPANS))  # type: ignore[arg-type]
    assert (asked.positive, asked.relevant) == (positive, relevant)


def test_the_character_is_that_of_the_same_evidence() -> None:
    stray: dict[str, object] = {"title": "no page", "start_character": 0}
    [asked] = ranking_questions([record([stray, place("p", 2, 120)])], Pages(SPANS))  # type: ignore[arg-type]
    assert asked.positive == 3


def test_questions_that_are_left_out() -> None:
    records = [
        record([]),
        record([{"title": "no page"}]),
        record([{"wikipedia_id": "p"}]),
        record([place("elsewhere", 1)]),
        record([place("p", 5)]),
        record([place("p", 1)], query="  "),
        Record("1", "1", "What?", (Output("x", None),), "gold.jsonl:1"),
    ]
    assert ranking_questions(records, Pages(SPANS)) == []  # type: ignore[arg-type]
    [asked] = ranking_questions([record([place("p", 1)], answer=None)], Pages(SPANS))  # type: ignore[arg-type]
    assert asked.answers == ()


@pytest.mark.parametrize(
    "evidence", [place("p", "x"), place("p", 2, "x"), place("p", 2, [1]), place("p", 3, 0, 2)]
)
def test_numbers_that_are_none(evidence: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"gold\.jsonl:1"):
        ranking_questions([record([evidence])], Pages(SPANS))  # type: ignore[arg-type]
