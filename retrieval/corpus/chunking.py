"""From a page to its passages: about 100 words each, whole sentences, never across a section."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.markup import content_span, is_heading, section_path
from skerry.retrieval.corpus.records import Page, Passage, Span
from skerry.retrieval.corpus.sentences import split_sentences
from skerry.retrieval.corpus.words import count_words, word_starts


@dataclass(frozen=True, slots=True)
class Chunking:
    """How pages are cut.

    Attributes:
        words: the size to aim at, in words.
        whole: a paragraph of up to `whole * words` stays in one passage.
        short: neighbouring paragraphs of less than `short * words` are packed together, up to `words`.
        limit: no passage is longer than `limit * words`; a longer sentence is cut between words.
    """

    words: int = 100
    whole: float = 1.5
    short: float = 0.5
    limit: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.words <= 100_000:
            raise InvalidInput(
                f"A passage cannot be {self.words} words long.", hint="Choose from 1 to 100000 words."
            )
        if not (0 <= self.short <= 1 <= self.whole <= self.limit):
            raise InvalidInput(
                f"Chunking needs short <= 1 <= whole <= limit, not short={self.short}, whole={self.whole}, "
                f"limit={self.limit}.",
                hint="Leave them at their defaults 0.5, 1.5 and 2.",
            )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters [start, end) of paragraph `paragraph`, `words` long."""

    paragraph: int
    start: int
    end: int
    words: int


def chunk_page(page: Page, chunking: Chunking) -> list[Passage]:
    """The page's passages in reading order; ordinals and ids count from 0 within the page.

    Element 0 of `page.paragraphs` is the title and no passage of its own. A passage within one paragraph
    has `text == paragraph[start_character:end_character]`; one packed from several paragraphs joins their
    texts by a line break. A page without text gives an empty list.
    """
    passages: list[Passage] = []
    for section, pieces in _sections(page):
        for group in _groups(page, pieces, chunking):
            number = len(passages)
            texts = [page.paragraphs[piece.paragraph][piece.start : piece.end] for piece in group]
            first, last = group[0], group[-1]
            passages.append(
                Passage(
                    ordinal=number,
                    id=f"{page.id}#{number}",
                    page_id=page.id,
                    title=page.title,
                    section=section,
                    text="\n".join(texts),
                    span=Span(first.paragraph, first.start, last.paragraph, last.end),
                )
            )
    return passages


def _sections(page: Page) -> Iterator[tuple[str, list[_Piece]]]:
    """(path, paragraphs that are not blank) of every section, in order."""
    section = ""
    pieces: list[_Piece] = []
    for number, paragraph in enumerate(page.paragraphs[1:], start=1):
        if is_heading(paragraph):
            yield section, pieces
            section, pieces = section_path(paragraph), []
            continue
        start, end = content_span(paragraph)
        if start < end:
            pieces.append(_Piece(number, start, end, count_words(paragraph[start:end])))
    yield section, pieces


def _groups(page: Page, pieces: list[_Piece], chunking: Chunking) -> Iterator[list[_Piece]]:
    """The pieces of one section as passages: short ones packed, long ones split."""
    packed: list[_Piece] = []
    size = 0
    for piece in pieces:
        short = piece.words < chunking.short * chunking.words
        if packed and (not short or size + piece.words > chunking.words):
            yield packed
            packed, size = [], 0
        if short:
            packed.append(piece)
            size += piece.words
        elif piece.words <= chunking.whole * chunking.words:
            yield [piece]
        else:
            for run in _runs(page.paragraphs[piece.paragraph], piece, chunking):
                yield [run]
    if packed:
        yield packed


def _runs(text: str, piece: _Piece, chunking: Chunking) -> list[_Piece]:
    """A long paragraph cut between sentences so that the runs' sizes are nearest to the target.

    Minimises the sum of squared distances from the target by dynamic programming; the limit bounds how far it
    looks back, so the time is linear in the paragraph's length.
    """
    atoms = _atoms(text, piece, chunking)
    target, limit = chunking.words, _limit(chunking)
    best = [0.0] + [float("inf")] * len(atoms)
    cut = [0] * (len(atoms) + 1)
    for stop in range(1, len(atoms) + 1):
        size = 0
        for start in range(stop - 1, -1, -1):
            size += atoms[start].words
            if size > limit:
                break
            cost = best[start] + (size - target) ** 2
            if cost < best[stop]:
                best[stop], cut[stop] = cost, start
    bounds = [len(atoms)]
    while bounds[-1] > 0:
        bounds.append(cut[bounds[-1]])
    bounds.reverse()
    return [
        _Piece(
            piece.paragraph,
            atoms[start].start,
            atoms[stop - 1].end,
            sum(atom.words for atom in atoms[start:stop]),
        )
        for start, stop in pairwise(bounds)
    ]


def _atoms(text: str, piece: _Piece, chunking: Chunking) -> list[_Piece]:
    """The sentences of a piece; a sentence over the limit becomes equal parts near the target."""
    atoms: list[_Piece] = []
    for start, end in split_sentences(text[piece.start : piece.end]):
        start, end = piece.start + start, piece.start + end
        words = count_words(text[start:end])
        if words <= _limit(chunking):
            atoms.append(_Piece(piece.paragraph, start, end, words))
            continue
        starts = word_starts(text, start, end)
        parts = max(round(words / chunking.words), math.ceil(words / _limit(chunking)))
        edges = [words * part // parts for part in range(parts + 1)]
        for low, high in pairwise(edges):
            stop = end if high == words else starts[high]
            stop = starts[low] + len(text[starts[low] : stop].rstrip())
            atoms.append(_Piece(piece.paragraph, starts[low], stop, high - low))
    return atoms


def _limit(chunking: Chunking) -> int:
    return int(chunking.limit * chunking.words)
