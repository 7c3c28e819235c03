"""The words of this room: a link from a text to a page, and a text paired with the pages it should name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Characters [start, end) of the text of passage `passage` (its ordinal) point to page number `page`."""

    passage: int
    start: int
    end: int
    page: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and the numbers of the pages whose titles it should call up, the most important first.

    Pages are numbered as `PassageStore.pages()` lists them.
    """

    source: str
    pages: tuple[int, ...]
