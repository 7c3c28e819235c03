"""What the commands that train rankers share: their questions, and the words for people at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from skerry.ranking.training.examples import Question
    from skerry.ranking.training.held_out import Scores
    from skerry.retrieval.index.reader import Index

_MOST_HELD_OUT = 300
MINED, HELD_OUT_DEPTH = 30, 50
"""Candidates of a training question, and of a held-out one."""


def split_questions(
    gold: Path, index: Index, questions: int, held_out: float, seed: int
) -> tuple[list[Question], list[Question]]:
    """At most `questions` for training, and at most 300 of other pages to hold out.

    Raises:
        InvalidInput: a gold file that cannot be read, or fewer than two to hold out.
    """
    import random

    from skerry.core.errors import InvalidInput
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.ranking_questions import ranking_questions
    from skerry.ranking.training.examples import split_by_page

    known = ranking_questions(read_gold(gold), index.passages)
    training, testing = split_by_page(known, held_out, seed)
    rng = random.Random(seed)
    training = rng.sample(training, min(questions, len(training)))
    testing = rng.sample(testing, min(_MOST_HELD_OUT, len(testing)))
    if len(testing) < 2:
        raise InvalidInput(
            f"{gold} has {len(known)} questions whose evidence is in the index, of which {len(testing)} "
            "would be held out; the calibration needs at least two.",
            hint="Give more questions, or hold out more pages with --held-out.",
        )
    return training, testing


def show(scores: Scores) -> None:
    """Print how good the ranker is."""
    click.echo(
        f"held out    {scores.questions} questions of unseen pages, {scores.depth} candidates each\n"
        f"hit@1       {scores.first_hit_at_1:.3f} fused, {scores.reading_hit_at_1:.3f} by reading alone, "
        f"{scores.hit_at_1:.3f} ranked\n"
        f"hit@5       {scores.first_hit_at_5:.3f} fused, {scores.reading_hit_at_5:.3f} by reading alone, "
        f"{scores.hit_at_5:.3f} ranked\n"
        f"calibration {scores.calibration_error:.3f} expected error"
    )
