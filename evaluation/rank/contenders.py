"""Rankers that are compared: what is asked for, and the words it is asked for in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.core.errors import InvalidInput
from skerry.ranking.base import RANKERS


@dataclass(frozen=True, slots=True)
class Contender:
    """A ranker in a comparison.

    Attributes:
        name: in the registry.
        folder: trained weights; None for the shipped ones.
        depth: of the candidates it reads at most, those that the first stage has first; None reads all.
    """

    name: str
    folder: Path | None = None
    depth: int | None = None


def parse_contenders(text: str) -> list[Contender]:
    """`all`, or `NAME[@DEPTH][=FOLDER]` with commas; `all,cross-encoder@20` is all with one said otherwise.

    `none` compares the first stage's legs and what fuses them.

    Raises:
        NotFound: no ranker of that name (lists those there are).
        InvalidInput: nothing named, one named twice, or a depth that is no whole number above 0.
    """
    if text.strip() == "none":
        return []
    chosen: dict[str, Contender] = {}
    every = False
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        if part == "all":
            every = True
            continue
        words, _, folder = part.partition("=")
        name, at, depth = words.partition("@")
        RANKERS.check(name)
        if name in chosen:
            raise InvalidInput(f"The ranker {name} is named twice.", hint="Name each ranker once.")
        if at and (not depth.isdecimal() or int(depth) < 1):
            raise InvalidInput(
                f"{name} cannot read {depth!r} candidates.", hint=f"Give a whole number: {name}@20."
            )
        chosen[name] = Contender(name, Path(folder) if folder else None, int(depth) if at else None)
    names: Sequence[str] = [*RANKERS] if every else [*chosen]
    if not names:
        raise InvalidInput(
            "No ranker is named.", hint=f"Give `all`, `none`, or some of {', '.join(RANKERS)}."
        )
    return [chosen.get(name, Contender(name)) for name in names]
