"""From questions with hard negatives to batches in which passages that are easily confused meet."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Example:
    """A question and passages, by their ordinals.

    Attributes:
        positive: the passage that holds the evidence.
        relevant: all passages that count as evidence: never a negative.
        negatives: hard ones, the hardest first.
    """

    query: str
    positive: int
    relevant: frozenset[int]
    negatives: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's questions (rows) and passages (columns).

    Attributes:
        examples: their numbers, int64 of shape (rows,).
        passages: ordinals, int64 of shape (columns,), each once.
        targets: the column of each row's positive, int64 of shape (rows,).
        masked: passages that are evidence of the row's question beside its positive: neither positive nor
            negative; bool of shape (rows, columns).
    """

    examples: NDArray[np.int64]
    passages: NDArray[np.int64]
    targets: NDArray[np.int64]
    masked: NDArray[np.bool_]


class Batches:
    """Batches by number, of as many passes over the passages as are asked for. Pure: the seed says it all.

    A batch is `passages` passages, each with up to `each` of its own questions. Passages that are each
    other's hard negatives come in groups of up to `group`: every question meets hard negatives of its own
    among the batch's passages, and no passage is encoded for one question alone.

    Raises:
        InvalidInput: fewer than two passages have questions: nothing can be told from anything.
    """

    def __init__(
        self, examples: Sequence[Example], *, passages: int, each: int, group: int, seed: int
    ) -> None:
        self._examples = examples
        self._each, self._group, self._seed = each, group, seed
        self._questions: dict[int, list[int]] = {}
        for number, example in enumerate(examples):
            self._questions.setdefault(example.positive, []).append(number)
        if len(self._questions) < 2:
            raise InvalidInput(
                f"There is no usable pair in {len(examples)} questions: they are of "
                f"{len(self._questions)} passages, and training needs at least two to tell apart.",
                hint="Give questions whose evidence stands in several passages of the index.",
            )
        self._neighbours = {
            passage: list(
                dict.fromkeys(
                    negative
                    for number in numbers
                    for negative in examples[number].negatives
                    if negative in self._questions
                )
            )
            for passage, numbers in self._questions.items()
        }
        self._passages = min(passages, len(self._questions))
        self._passes: dict[int, list[int]] = {}

    @property
    def passages(self) -> list[int]:
        """Ordinals of all passages that come into batches."""
        return list(self._questions)

    def count(self, epochs: int) -> int:
        """How many batches `epochs` passes over the passages fill; a part counts as one."""
        return -(-epochs * len(self._questions) // self._passages)

    def __getitem__(self, number: int) -> Batch:
        """Batch `number`, from 0 without an end."""
        places = range(number * self._passages, (number + 1) * self._passages)
        size = len(self._questions)
        # The end of one pass and the beginning of the next may share a passage.
        passages = list(dict.fromkeys(self._order(place // size)[place % size] for place in places))
        rng = random.Random(f"questions {self._seed} {number}")
        chosen = [
            question
            for passage in passages
            for question in rng.sample(
                self._questions[passage], min(self._each, len(self._questions[passage]))
            )
        ]
        column = {passage: place for place, passage in enumerate(passages)}
        masked = np.zeros((len(chosen), len(passages)), np.bool_)
        for row, question in enumerate(chosen):
            example = self._examples[question]
            others = [
                column[passage]
                for passage in example.relevant
                if passage in column and passage != example.positive
            ]
            masked[row, others] = True
        return Batch(
            np.array(chosen, np.int64),
            np.array(passages, np.int64),
            np.array([column[self._examples[question].positive] for question in chosen], np.int64),
            masked,
        )

    def _order(self, epoch: int) -> list[int]:
        """All passages in the order of one pass, groups together."""
        if epoch not in self._passes:
            rng = random.Random(f"order {self._seed} {epoch}")
            left = list(self._questions)
            rng.shuffle(left)
            used: set[int] = set()
            groups = []
            for passage in left:
                if passage in used:
                    continue
                used.add(passage)
                near = [other for other in self._neighbours[passage] if other not in used]
                rng.shuffle(near)
                groups.append([passage, *near[: self._group - 1]])
                used.update(groups[-1])
            rng.shuffle(groups)
            self._passes = {kept: self._passes[kept] for kept in self._passes if kept == epoch - 1}
            self._passes[epoch] = [passage for group in groups for passage in group]
        return self._passes[epoch]
