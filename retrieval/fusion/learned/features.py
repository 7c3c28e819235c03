"""What a learnt fusion knows of a passage: what each leg said of it, beside what it said of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.fusion.base import LegList, union
from skerry.retrieval.fusion.convex import stretched

OF_A_LEG = ("stretched", "reciprocal_rank", "score", "lead")


def stretched_columns(
    lists: Mapping[str, LegList], legs: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The passages of all lists, ascending, and each leg's scores of them stretched to [0, 1].

    A passage that a leg did not find has that leg's minimum, 0; where a leg's scores are all equal, what it
    found has 1.

    Returns:
        Ordinals int64 (n,), and float64 (n, legs).
    """
    every, places = union([lists[leg] for leg in legs])
    columns = np.zeros((len(every), len(legs)))
    for column, (leg, place) in enumerate(zip(legs, places, strict=True)):
        if len(place):
            columns[place, column] = stretched(lists[leg].scores)
    return every, columns


def features(
    lists: Mapping[str, LegList], legs: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The passages of all lists, ascending, and `OF_A_LEG` of every leg, then how many legs found it.

    `stretched` is as in `stretched_columns`. `score` is the leg's own, its least one where it did not
    find the passage. `lead` is by how much the leg's first score is above its second, the same for all
    passages. Legs without a list have zeros.

    Returns:
        Ordinals int64 (n,), and float64 (n, 4 legs + 1).
    """
    every, places = union([lists[leg] for leg in legs])
    columns = np.zeros((len(every), len(OF_A_LEG) * len(legs) + 1))
    for number, (leg, place) in enumerate(zip(legs, places, strict=True)):
        if not len(place):
            continue
        scores = lists[leg].scores.astype(np.float64)
        low = len(OF_A_LEG) * number
        columns[place, low] = stretched(lists[leg].scores)
        columns[place, low + 1] = 1.0 / np.arange(1, len(place) + 1)
        columns[:, low + 2] = scores.min()
        columns[place, low + 2] = scores
        columns[:, low + 3] = scores[0] - scores[1] if len(scores) > 1 else 0.0
        columns[place, -1] += 1.0
    return every, columns
