"""From a page's anchors to the links of its passages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from skerry.retrieval.corpus.markup import content_span
from skerry.retrieval.corpus.records import Anchor, Page, Passage, PassageLink


def passage_links(page: Page, passages: Sequence[Passage]) -> list[list[PassageLink]]:
    """The links of each of `passages`, which `chunk_page` cut from `page`, ascending by character.

    An anchor that no passage holds whole (in a title, a heading, or across a border) is left out, and so is
    one without characters or without a target. Ordinals count from 0 within the page.
    """
    if not page.anchors:
        return [[] for _ in passages]
    anchors: defaultdict[int, list[Anchor]] = defaultdict(list)
    for anchor in sorted(page.anchors, key=lambda anchor: (anchor.start, anchor.end)):
        if anchor.target and anchor.start < anchor.end:
            anchors[anchor.paragraph].append(anchor)
    return [
        [
            PassageLink(passage.ordinal, anchor.start + shift, anchor.end + shift, anchor.target)
            for paragraph, start, end, shift in _parts(page, passage)
            for anchor in anchors.get(paragraph, ())
            if start <= anchor.start and anchor.end <= end
        ]
        for passage in passages
    ]


def _parts(page: Page, passage: Passage) -> Iterator[tuple[int, int, int, int]]:
    """(paragraph, start, end, shift) of what a passage takes from each paragraph: characters [start, end),
    which stand `shift` further on in the passage's text."""
    span = passage.span
    size = 0
    for paragraph in range(span.start_paragraph, span.end_paragraph + 1):
        start, end = content_span(page.paragraphs[paragraph])
        if paragraph == span.start_paragraph:
            start = span.start_character
        if paragraph == span.end_paragraph:
            end = span.end_character
        if start < end:
            yield paragraph, start, end, size - start
            size += end - start + len("\n")
