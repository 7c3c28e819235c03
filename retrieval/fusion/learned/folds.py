"""Fusions beside each other on questions that none of them has learnt from."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.fusion.base import Fused, Fusion
from skerry.retrieval.fusion.learned.base import Judged, LearnedFusion

Learn = Callable[[Sequence[Judged]], LearnedFusion]


def fold_ranks(
    judged: Sequence[Judged],
    fixed: Mapping[str, Fusion],
    learnt: Mapping[str, Learn],
    folds: int,
    seed: int,
) -> dict[str, NDArray[np.int64]]:
    """By fusion, the rank of each question's first relevant passage, from 1; 0 where none was found.

    Args:
        fixed: fusions that learn nothing.
        learnt: how each of the others learns; for every fold from the questions of the others' groups.
        folds: at least 2, and no more than there are groups.

    Raises:
        InvalidInput: another number of folds.
    """
    fold_of = fold_numbers([question.group for question in judged], folds, seed)
    ranks = {name: np.zeros(len(judged), np.int64) for name in (*fixed, *learnt)}
    for name, fusion in fixed.items():
        for row, question in enumerate(judged):
            ranks[name][row] = _rank(fusion(list(question.lists.values())), question)
    for fold in range(folds):
        others = [question for question, its in zip(judged, fold_of, strict=True) if its != fold]
        for name, learn in learnt.items():
            learned = learn(others)
            for row, question in enumerate(judged):
                if fold_of[row] == fold:
                    ranks[name][row] = _rank(learned(question.lists), question)
    return ranks


def fold_numbers(groups: Sequence[str], folds: int, seed: int) -> list[int]:
    """The fold, from 0, of each entry; entries of one group share it. Groups are dealt out in a drawn order.

    Raises:
        InvalidInput: fewer than 2 folds, or more than there are groups.
    """
    names = sorted(set(groups))
    if not 2 <= folds <= len(names):
        raise InvalidInput(
            f"There cannot be {folds} folds of {len(names)} pages.",
            hint="Give from 2 folds to as many as there are pages (or judged questions).",
        )
    random.Random(seed).shuffle(names)
    fold_of = {name: number % folds for number, name in enumerate(names)}
    return [fold_of[group] for group in groups]


def _rank(fused: Fused, question: Judged) -> int:
    hits = np.flatnonzero(np.isin(fused.ordinals, list(question.relevant)))
    return int(hits[0]) + 1 if len(hits) else 0
