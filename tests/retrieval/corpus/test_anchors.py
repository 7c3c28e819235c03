"""Anchors of a page become links of its passages: the same characters, in the passage that holds them."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.retrieval.corpus.anchors import passage_links
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.markup import content_span
from skerry.retrieval.corpus.readers.pydoc import PydocReader
from skerry.retrieval.corpus.records import Anchor, Page, Passage, PassageLink

_PROSE = st.lists(
    st.sampled_from(["the ", "tide. ", "Skerry ", "lies\n", "  ", "東京。", "𝄞 ", "Rocks! "]), max_size=30
).map("".join)
_PARAGRAPHS = st.one_of(
    _PROSE,
    _PROSE.map(lambda text: f"BULLET::::- {text}\n"),
    _PROSE.map(lambda text: f"  {text}\n"),
    st.sampled_from(["Section::::Tide.\n", "", "BULLET::::- ", "\n"]),
)


@st.composite
def _pages(draw: st.DrawFn) -> Page:
    paragraphs = ("Skerry", *draw(st.lists(_PARAGRAPHS, max_size=8)))
    anchors = []
    for _ in range(draw(st.integers(0, 6))):
        paragraph = draw(st.integers(0, len(paragraphs)))
        size = len(paragraphs[paragraph]) if paragraph < len(paragraphs) else 3
        start, end = draw(st.integers(0, size)), draw(st.integers(0, size))
        anchors.append(Anchor("", draw(st.sampled_from(["Tide", "Rock", ""])), paragraph, start, end))
    return Page(id="p", title="Skerry", paragraphs=paragraphs, anchors=tuple(anchors))


def _slow(page: Page, passage: Passage) -> list[tuple[int, int, str]]:
    """The anchors found by following every character of the page to its place in the passage."""
    place: dict[tuple[int, int], int] = {}
    span, size = passage.span, 0
    for number in range(span.start_paragraph, span.end_paragraph + 1):
        low, high = content_span(page.paragraphs[number])
        low = span.start_character if number == span.start_paragraph else low
        high = span.end_character if number == span.end_paragraph else high
        for character in range(low, high):
            place[number, character] = size
            size += 1
        size += low < high
    found = []
    for anchor in page.anchors:
        characters = [(anchor.paragraph, n) for n in range(anchor.start, anchor.end)]
        if characters and anchor.target and all(character in place for character in characters):
            found.append((place[characters[0]], place[characters[-1]] + 1, anchor.target))
    return sorted(found)


@settings(max_examples=300, deadline=None)
@given(_pages(), st.sampled_from([Chunking(), Chunking(3), Chunking(8)]))
def test_links_are_the_anchors_that_a_passage_holds(page: Page, chunking: Chunking) -> None:
    passages = chunk_page(page, chunking)
    links = passage_links(page, passages)
    assert len(links) == len(passages)
    for passage, found in zip(passages, links, strict=True):
        assert sorted((link.start, link.end, link.target) for link in found) == _slow(page, passage)
        assert [link.start for link in found] == sorted(link.start for link in found)
        assert {link.passage for link in found} <= {passage.ordinal}
        for link in found:
            assert 0 <= link.start < link.end <= len(passage.text)


def test_a_packed_passage() -> None:
    page = Page(
        id="p",
        title="T",
        paragraphs=("T", "Seals and tides.\n", "\n", "BULLET::::- low tide\n", "Section::::Tide.\n", "Tide"),
        anchors=(
            Anchor("tide", "Tide", 3, 16, 20),
            Anchor("Seals", "Seal", 1, 0, 5),
            Anchor("T", "Title", 0, 0, 1),
            Anchor("Tide", "Heading", 4, 11, 15),
            Anchor("Tide", "Tide", 5, 0, 4),
            Anchor("tides.\n", "Beyond", 1, 10, 17),
        ),
    )
    passages = chunk_page(page, Chunking())
    assert [passage.text for passage in passages] == ["Seals and tides.\nlow tide", "Tide"]
    assert passage_links(page, passages) == [
        [PassageLink(0, 0, 5, "Seal"), PassageLink(0, 21, 25, "Tide")],
        [PassageLink(1, 0, 4, "Tide")],
    ]


def test_an_anchor_across_a_border_is_dropped() -> None:
    text = "One two three. Four five six."
    page = Page("p", "T", ("T", text), (Anchor("", "X", 1, 8, 19), Anchor("five", "Y", 1, 20, 24)))
    passages = chunk_page(page, Chunking(3, limit=1.0, whole=1.0, short=0.0))
    assert [passage.text for passage in passages] == ["One two three.", "Four five six."]
    assert passage_links(page, passages) == [[], [PassageLink(1, 5, 9, "Y")]]
    assert passage_links(dataclasses.replace(page, anchors=()), passages) == [[], []]


def test_the_python_reference_keeps_its_cross_references() -> None:
    anchors = links = 0
    for page in PydocReader():
        passages = chunk_page(page, Chunking())
        found = [link for each in passage_links(page, passages) for link in each]
        texts = sorted(anchor.text for anchor in page.anchors)
        for link in found:
            texts.remove(passages[link.passage].text[link.start : link.end])
        anchors += len(page.anchors)
        links += len(found)
    assert anchors > 300
    assert links > 0.95 * anchors
