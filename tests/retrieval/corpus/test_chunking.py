"""Chunking: what every page's passages must hold, whatever the page."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.markup import content_span, is_heading, section_heading, section_path
from skerry.retrieval.corpus.records import Page, Passage, Span
from skerry.retrieval.corpus.words import count_words, word_starts

_WORDS = st.sampled_from(
    [
        *(
            "the",
            "Skerry",
            "lies",
            "off",
            "coast",
            "Dr.",
            "U.S.",
            "e.g.",
            "3.5",
            "1.",
            "No.",
            "tide!",
            "what?",
        ),
        *("(grey)", "東京は日本の首都です。", "人口が多い！", "…", "word-with-dashes", "naïve", "x" * 90),
        *("\u200b", "𝄞"),
    ]
)
_SPACES = st.sampled_from([" ", " ", ". ", "! ", '." ', ".[3] ", "\n", "\u00a0", "\n\n", "\t", "\x1c"])


@st.composite
def _prose(draw: st.DrawFn, most: int) -> str:
    parts = draw(st.lists(st.tuples(_WORDS, _SPACES), max_size=most))
    return "".join(word + space for word, space in parts)


_PARAGRAPHS = st.one_of(
    st.sampled_from(
        ["Section::::Geology.\n", "Section::::Geology.:Rocks.\n", "Section::::", " Section::::Life"]
    ),
    st.sampled_from(["", " ", "\n", "BULLET::::- ", "BULLET::::"]),
    _prose(8).map(lambda text: f"BULLET::::- {text}\n"),
    _prose(8),
    _prose(60),
    st.text(max_size=60),
    st.tuples(_WORDS, st.integers(1, 80)).map(lambda pair: pair[0] * pair[1]),
)
_PAGES = st.lists(_PARAGRAPHS, max_size=12).map(
    lambda paragraphs: Page(id="p1", title="Skerry", paragraphs=("Skerry", *paragraphs))
)
_CHUNKINGS = st.one_of(
    st.integers(1, 40).map(Chunking),
    st.just(Chunking(10, whole=1.0, short=1.0, limit=1.0)),
    st.just(Chunking()),
)


def _between(page: Page, span: Span, paragraph: int) -> tuple[int, int]:
    """The characters of `paragraph` that belong to the span."""
    start, end = content_span(page.paragraphs[paragraph])
    if paragraph == span.start_paragraph:
        start = span.start_character
    if paragraph == span.end_paragraph:
        end = span.end_character
    return start, end


@settings(max_examples=300, deadline=None)
@given(_PAGES, _CHUNKINGS)
def test_every_character_of_text_is_in_exactly_one_passage(page: Page, chunking: Chunking) -> None:
    passages = chunk_page(page, chunking)
    counts = [[0] * len(paragraph) for paragraph in page.paragraphs]
    for passage in passages:
        for number in range(passage.span.start_paragraph, passage.span.end_paragraph + 1):
            for place in range(*_between(page, passage.span, number)):
                counts[number][place] += 1
    assert not any(counts[0])
    for number, paragraph in enumerate(page.paragraphs[1:], start=1):
        assert max(counts[number], default=0) <= 1
        left = "".join(c for c, count in zip(paragraph, counts[number], strict=True) if count == 0)
        left = "".join(left.split())
        assert is_heading(paragraph) or re.fullmatch(r"(BULLET::::([-*•]|\d+\.)?)?", left)


@settings(max_examples=300, deadline=None)
@given(_PAGES, _CHUNKINGS)
def test_spans_reproduce_texts_and_stay_in_one_section(page: Page, chunking: Chunking) -> None:
    for number, passage in enumerate(chunk_page(page, chunking)):
        span = passage.span
        assert (passage.ordinal, passage.id) == (number, f"p1#{number}")
        assert (passage.page_id, passage.title) == ("p1", "Skerry")
        between = range(span.start_paragraph, span.end_paragraph + 1)
        parts = [page.paragraphs[n][slice(*_between(page, span, n))] for n in between]
        assert passage.text == "\n".join(part for part in parts if part)
        assert passage.text == passage.text.strip() != ""
        assert not any(is_heading(page.paragraphs[n]) for n in between)
        headings = [text for text in page.paragraphs[1 : span.start_paragraph] if is_heading(text)]
        assert passage.section == (section_path(headings[-1]) if headings else "")


@settings(max_examples=300, deadline=None)
@given(_PAGES, _CHUNKINGS)
def test_sizes(page: Page, chunking: Chunking) -> None:
    passages = chunk_page(page, chunking)
    for passage in passages:
        assert 1 <= count_words(passage.text) <= max(1, chunking.limit * chunking.words)
        if passage.span.start_paragraph != passage.span.end_paragraph:
            assert count_words(passage.text) <= chunking.words
    for first, second in pairwise(passages):
        _check_packed(page, first, second, chunking)


def _check_packed(page: Page, first: Passage, second: Passage, chunking: Chunking) -> None:
    """Two passages that stand side by side could not have been one."""
    between = page.paragraphs[first.span.end_paragraph : second.span.start_paragraph + 1]
    if any(is_heading(paragraph) for paragraph in between):
        return
    small = chunking.short * chunking.words
    sizes = [
        count_words(
            page.paragraphs[p.span.end_paragraph][slice(*content_span(page.paragraphs[p.span.end_paragraph]))]
        )
        for p in (first, second)
    ]
    if first.span.end_paragraph == second.span.start_paragraph:
        assert sizes[0] > chunking.whole * chunking.words
    elif all(size < small for size in sizes):
        following = page.paragraphs[second.span.start_paragraph]
        words = count_words(following[slice(*content_span(following))])
        assert count_words(first.text) + words > chunking.words


def _page(*paragraphs: str) -> Page:
    return Page(id="p", title="T", paragraphs=("T", *paragraphs))


def _words(count: int, sentence: int = 10) -> str:
    words = ["Wave" if n % sentence == 0 else "wave" for n in range(count)]
    return " ".join(word + "." if n % sentence == sentence - 1 else word for n, word in enumerate(words))


def test_a_paragraph_up_to_one_and_a_half_targets_stays_whole() -> None:
    passages = chunk_page(_page(_words(150), _words(50)), Chunking())
    assert [passage.span for passage in passages] == [
        Span(1, 0, 1, len(_words(150))),
        Span(2, 0, 2, len(_words(50))),
    ]


@pytest.mark.parametrize(
    ("words", "sizes"), [(160, [80, 80]), (200, [100, 100]), (250, [80, 80, 90]), (310, [100, 100, 110])]
)
def test_a_longer_one_is_cut_into_equal_runs_of_sentences(words: int, sizes: list[int]) -> None:
    passages = chunk_page(_page(_words(words)), Chunking())
    assert sorted(count_words(passage.text) for passage in passages) == sizes
    assert all(passage.text.endswith(".") for passage in passages)


def test_short_neighbours_are_packed_and_bullets_lose_their_markers() -> None:
    page = _page(
        "The list:\n", "BULLET::::- one\n", "\n", "BULLET::::1. two\n", "Section::::More.\n", "three\n"
    )
    first, second = chunk_page(page, Chunking())
    assert (first.text, first.section) == ("The list:\none\ntwo", "")
    assert first.span == Span(1, 0, 4, len("BULLET::::1. two"))
    assert (second.text, second.section, second.span) == ("three", "More", Span(6, 0, 6, 5))


def test_a_single_bullet_keeps_its_true_span() -> None:
    (passage,) = chunk_page(_page("BULLET::::- the reef\n"), Chunking())
    assert passage.span == Span(1, 12, 1, 20)


def test_packing_stops_at_the_target() -> None:
    passages = chunk_page(_page(*[_words(40)] * 5), Chunking())
    assert [count_words(passage.text) for passage in passages] == [80, 80, 40]


def test_a_sentence_over_the_limit_is_cut_between_words() -> None:
    text = " ".join(f"w{n}" for n in range(1000))
    passages = chunk_page(_page(text), Chunking())
    assert [count_words(passage.text) for passage in passages] == [100] * 10
    assert " ".join(passage.text for passage in passages) == text


def test_text_without_spaces_is_bounded_too() -> None:
    for text in ("x" * 100_000, "東" * 10_000):
        passages = chunk_page(_page(text), Chunking())
        assert "".join(passage.text for passage in passages) == text
        assert max(len(passage.text) for passage in passages) <= 8000


@pytest.mark.parametrize("paragraphs", [(), ("",), (" \n", "BULLET::::- \n"), ("Section::::Only.\n",)])
def test_a_page_without_text_has_no_passages(paragraphs: tuple[str, ...]) -> None:
    assert chunk_page(_page(*paragraphs), Chunking()) == []
    assert chunk_page(Page(id="p", title="T", paragraphs=()), Chunking()) == []


@pytest.mark.parametrize(
    ("heading", "path"),
    [
        ("Section::::Early life.\n", "Early life"),
        ("Section::::Early life.:Education.\n", "Early life > Education"),
        ("Section::::A:B.", "A > B"),
        ("Section::::Who is it?:Dr. No: the film.", "Who is it? > Dr. No: the film"),
        ("Section::::At 12:30.", "At 12:30"),
        ("Section::::", ""),
    ],
)
def test_section_paths(heading: str, path: str) -> None:
    assert section_path(heading) == path


def test_a_heading_made_from_levels_reads_back() -> None:
    for levels in (["A"], ["A", "B c"], ["What?", "It: this"], ["1.2", "x"]):
        assert section_path(section_heading(levels)) == " > ".join(levels)


@given(st.text(max_size=200))
def test_counting_words_has_one_meaning(text: str) -> None:
    assert count_words(text) == len(word_starts(text, 0, len(text)))
    assert count_words(text) == sum(count_words(part) for part in text.split())


@pytest.mark.parametrize(
    "change",
    [
        {"words": 0},
        {"words": -5},
        {"words": 10**9},
        {"whole": 0.5},
        {"short": 1.5},
        {"limit": 1.0},
        {"short": float("nan")},
    ],
)
def test_bad_chunking(change: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        dataclasses.replace(Chunking(), **change)  # type: ignore[arg-type]
