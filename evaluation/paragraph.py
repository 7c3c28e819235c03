"""Paragraph-level hits: a passage hits when its span covers a paragraph that a gold provenance names.

A passage that packs several paragraphs hits each of them; the passages of a split paragraph all hit it, as
KILT goes by the paragraph's number too. Where the gold names pages only, a passage hits when it is of such a
page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record


@dataclass(frozen=True, slots=True)
class Place:
    """Paragraphs `first` to `last`, inclusive, of a page; both None for the whole page."""

    page: str
    first: int | None
    last: int | None

    def covers(self, paragraph: int | None) -> bool:
        """Whether the paragraph, or with None the page, is hit by a passage here, of whose page it is.

        A passage without paragraphs covers nothing but a whole page.
        """
        if paragraph is None:
            return True
        return self.first is not None and self.last is not None and self.first <= paragraph <= self.last


@dataclass(frozen=True, slots=True)
class ParagraphHits:
    """For each gold paragraph (or page) the rank, from 1, of the first passage that covers it, or None."""

    ranks: tuple[int | None, ...]

    def hit_at(self, k: int) -> float:
        """1 if any gold paragraph is covered by the first `k` passages, else 0."""
        return float(any(rank is not None and rank <= k for rank in self.ranks))

    def recall_at(self, k: int) -> float:
        """Share of the gold paragraphs covered by the first `k` passages; 0 where there are none."""
        covered = sum(rank is not None and rank <= k for rank in self.ranks)
        return covered / len(self.ranks) if self.ranks else 0.0

    def reciprocal_rank(self) -> float:
        """1 / the rank of the first passage that covers a gold paragraph, 0 without one."""
        return max((1 / rank for rank in self.ranks if rank is not None), default=0.0)


def place_of(provenance: Mapping[str, Any], where: str) -> Place | None:
    """Where a provenance entry stands; None without a `wikipedia_id`.

    Raises:
        InvalidInput: a paragraph number that is no number, or an end before the start.
    """
    if "wikipedia_id" not in provenance:
        return None
    page = str(provenance["wikipedia_id"]).strip()
    start = provenance.get("start_paragraph_id")
    if start is None:
        return Place(page, None, None)
    end = provenance.get("end_paragraph_id")
    try:
        first = int(start)
        last = first if end is None else int(end)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{where}: the paragraphs {start!r} to {end!r} are not whole numbers.") from error
    if last < first:
        raise InvalidInput(f"{where}: the paragraphs go from {first} to {last}, backwards.")
    return Place(page, first, last)


def gold_places(gold: Record) -> tuple[list[tuple[str, int | None]], str]:
    """The distinct gold (page, paragraph) pairs, and "paragraph"; or (page, None) pairs, and "page".

    It is pages where any gold entry names no paragraph.
    """
    entries = [place_of(item, gold.where) for output in gold.outputs for item in output.provenance or ()]
    places = [place for place in entries if place is not None]
    if any(place.first is None for place in places) or not places:
        return list(dict.fromkeys((place.page, None) for place in places)), "page"
    pairs: dict[tuple[str, int | None], None] = {}
    for place in places:
        assert place.first is not None and place.last is not None
        pairs |= dict.fromkeys((place.page, number) for number in range(place.first, place.last + 1))
    return list(pairs), "paragraph"


def paragraph_hits(passages: Iterable[Place], golds: Sequence[tuple[str, int | None]]) -> ParagraphHits:
    """Rank the gold places by the passages, best first."""
    ranks: dict[tuple[str, int | None], int | None] = dict.fromkeys(golds)
    by_page: dict[str, list[int | None]] = {}
    for page, number in golds:
        by_page.setdefault(page, []).append(number)
    for rank, place in enumerate(passages, start=1):
        for number in by_page.get(place.page, ()):
            if place.covers(number) and ranks[place.page, number] is None:
                ranks[place.page, number] = rank
    return ParagraphHits(tuple(ranks.values()))
