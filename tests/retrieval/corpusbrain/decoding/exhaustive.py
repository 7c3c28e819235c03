"""Every sequence of titles, scored one by one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ..tiny import Case  # noqa: TID252 -- the room's models


def score_all(
    case: Case, query: str, names: Sequence[Sequence[int]], titles: int = 1
) -> dict[int, tuple[float, int, int]]:
    """page -> the best (log-probability, tokens, place) of all sequences of up to `titles` titles."""
    best: dict[int, tuple[float, int, int]] = {}
    for pages in product(range(len(names)), repeat=titles):
        scores = _scores(case, query, names, pages)
        for place, (page, (score, tokens)) in enumerate(zip(pages, scores, strict=True)):
            if page not in best or score > best[page][0] + 1e-9:
                best[page] = (score, tokens, place)
    return best


def following(names: Sequence[Sequence[int]], begun: Sequence[int], end: int) -> list[int]:
    """What may follow the beginning of a title, by looking at every title."""
    wholes = [[*name, end] for name in names]
    size = len(begun)
    return sorted({whole[size] for whole in wholes if len(whole) > size and whole[:size] == list(begun)})


def _scores(
    case: Case, query: str, names: Sequence[Sequence[int]], pages: Sequence[int]
) -> list[tuple[float, int]]:
    """For each title of the sequence the log-probability up to its end, and the tokens up to there."""
    model = case.model
    sequence = [token for page in pages for token in (*names[page], model.end)]
    values = case.full(query, sequence)
    scores: list[tuple[float, int]] = []
    total = 0.0
    begun: list[int] = []
    for number, token in enumerate(sequence):
        allowed = following(names, begun, model.end)
        if scores and not begun:
            allowed.append(model.stop)
        if model.normalises:
            total -= float(np.log(np.exp(values[number, allowed] - values[number, token]).sum()))
        else:
            total += float(values[number, token])
        begun = [*begun, token]
        if token == model.end:
            scores.append((total, number + 1))
            begun = []
    return scores
