"""A neural ranker that learns from the questions of some folds: what it learns from, and what it watches."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.evaluation.rank.pools import Pool
from skerry.ranking.training.examples import Example
from skerry.ranking.training.neural import NeuralTrainer
from skerry.ranking.training.neural_settings import Settings
from skerry.retrieval.corpus.store import PassageStore

_LOOKS_AN_EPOCH = 2
_LOOKS = 4
"""At least, where the number of steps is bounded."""
_LOOKED_AT = 32
"""A question that is watched costs as much as a step: a hundred candidates are read."""
_STEPS_AN_EPOCH = 4
"""At least: few questions make smaller batches."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """How rankers learn in a comparison.

    Attributes:
        settings: those of the training; the model's name, how often to look and how many questions a look
            ranks are filled in, and there are fewer questions a step where there are few.
        watched: share of the groups of questions that choose the weights, the first stage's among them.
        start: whether those that have trained weights begin from them.
    """

    settings: Settings
    watched: float = 0.2
    start: bool = False


def examples_of(pools: Sequence[Pool], passages: PassageStore) -> list[Example]:
    """One a question: its candidates, and those of them that neither are relevant nor contain an answer."""
    examples = []
    for pool in pools:
        answers = [answer.casefold() for answer in pool.question.answers]
        negatives = [
            passage.ordinal
            for passage in passages.get_many(pool.candidates)
            if passage.ordinal not in pool.question.gains
            and not any(answer in passage.text.casefold() for answer in answers)
        ]
        examples.append(
            Example(pool.question.of(-1), tuple(int(o) for o in pool.candidates), tuple(negatives))
        )
    return examples


def learn(
    name: str,
    vectors: Model,
    examples: Sequence[Example],
    passages: PassageStore,
    out: Path,
    lessons: Lessons,
    start: Path | None,
    progress: Progress,
) -> None:
    """Train the ranker `name` on questions, some groups of which it watches, and write it to `out`.

    Raises:
        InvalidInput: too few questions to learn from, or to watch.
    """
    learnt, watched = _parted(examples, lessons.watched, lessons.settings.seed)
    lines = [
        replace(example, question=replace(example.question, positive=positive))
        for example in learnt
        for positive in sorted(example.question.relevant)
    ]
    batch = max(1, min(lessons.settings.queries, len(lines) // _STEPS_AN_EPOCH))
    every = max(1, len(lines) // batch // _LOOKS_AN_EPOCH)
    if lessons.settings.steps is not None:
        every = min(every, max(1, lessons.settings.steps // _LOOKS))
    settings = replace(lessons.settings, model=name, queries=batch, check_every=every, looked_at=_LOOKED_AT)
    trainer = NeuralTrainer(vectors, passages, out, settings, progress, start)
    depth = max(len(example.candidates) for example in watched)
    trainer.train(lines, watched, depth, progress)
    trainer.keep(watched, depth, progress)


def _parted(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Those that are learnt from, and at least two that are watched; no group is in both."""
    groups = sorted({example.question.page_id for example in examples})
    random.Random(seed).shuffle(groups)
    chosen = set(groups[: max(2, round(share * len(groups)))])
    return (
        [example for example in examples if example.question.page_id not in chosen],
        [example for example in examples if example.question.page_id in chosen],
    )
