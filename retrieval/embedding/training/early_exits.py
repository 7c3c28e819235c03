"""Exits learn to say what the whole model says, which is kept as it is: distillation, and labels if wanted.

The teacher is the whole model itself, detached; a student is a size below it. What a text's scores against a
bank of passages are by the whole model, its early exits learn to give with the passages' whole vectors, and
among the batch's texts with vectors of their own depth. Questions may also be told which passage of the bank
holds their evidence. Most texts are short: questions are what an exit saves time on, and are a tenth as long
as passages.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from numpy import int32
from numpy.typing import NDArray
from torch import Tensor

from skerry.core.progress import Progress
from skerry.retrieval.embedding.training.distil import distil, stretch
from skerry.retrieval.embedding.training.examples import Example
from skerry.retrieval.embedding.training.losses.info_nce import info_nce
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.scores import Scores
from skerry.retrieval.embedding.training.settings import Settings

_BLOCK = 256


class EarlyExits:
    """See `Objective`.

    Args:
        encoder: in training; its whole depth is kept.
        pairs: (layers, dimensions), the whole model last.
        examples: questions and the ordinals of their passages.
        questions: their tokens, in the same order.
        own: passages by ordinal: all that `examples` are of.
        short: tokens of other short texts.
        texts: passages of other corpora.
    """

    def __init__(
        self,
        encoder: TrainableEncoder,
        settings: Settings,
        pairs: Sequence[tuple[int, int]],
        examples: Sequence[Example],
        questions: Sequence[NDArray[int32]],
        own: dict[int, str],
        short: Sequence[NDArray[int32]],
        texts: Sequence[str],
        progress: Progress,
    ) -> None:
        self._encoder, self._settings = encoder, settings
        self._early = [pair for pair in pairs if pair[0] < encoder.layers]
        self._examples, self._questions, self._short = examples, questions, short
        self._texts = [*own.values(), *texts]
        self.steps = settings.steps if settings.steps is not None else settings.early_steps
        labelled = own if settings.label_weight else {}
        rest = texts if labelled else self._texts
        drawn = random.Random(f"bank {settings.seed}").sample(rest, min(settings.bank, len(rest)))
        self._places = {ordinal: place for place, ordinal in enumerate(labelled)}
        bank = encoder.tokens([*labelled.values(), *drawn], settings.passage_tokens)
        self._bank = self._whole(bank, progress)

    def __call__(self, number: int) -> Tensor:
        """See `Objective`."""
        settings = self._settings
        rng = random.Random(f"early {settings.seed} {number}")
        long = rng.sample(self._texts, min(settings.long, len(self._texts)))
        known = len(self._questions) + len(self._short)
        asked = rng.sample(range(known), min(settings.short // 2, known))
        examples = [self._examples[row] for row in asked if row < len(self._questions)]
        told = [self._questions[row] for row in asked if row < len(self._questions)]
        untold = [self._short[row - len(self._questions)] for row in asked if row >= len(self._questions)]
        others = rng.sample(self._texts, min(settings.short - len(asked), len(self._texts)))
        cut = self._encoder.tokens([stretch(text, rng) for text in others], settings.question_tokens)
        whole = self._encoder.tokens(long, settings.passage_tokens)
        rows = self._encoder.vectors([*told, *untold, *cut, *whole])
        return self._across(rows, examples, rng) + self._among(rows)

    def _across(self, rows: Sequence[Tensor], examples: Sequence[Example], rng: random.Random) -> Tensor:
        places = self._columns(examples, rng)
        columns = self._bank[torch.tensor(places, device=self._encoder.device)]
        nothing = torch.zeros(len(rows[0]), len(columns), dtype=torch.bool, device=self._encoder.device)
        scores = Scores(rows, [columns], self._settings.bank_scale, nothing)
        wanted = scores.whole()
        each = [scores.across(*pair) for pair in self._early]
        loss = torch.stack([score_kl(one, wanted) for one in each]).mean()
        if not (self._settings.label_weight and examples):
            return loss
        targets, masked = self._labels(examples, places)
        share = self._settings.label_scale / self._settings.bank_scale
        told = [info_nce((one[: len(examples)] * share).masked_fill(masked, -1e4), targets) for one in each]
        return loss + self._settings.label_weight * torch.stack(told).mean()

    def _columns(self, examples: Sequence[Example], rng: random.Random) -> list[int]:
        """Places in the bank: of the questions' passages and of others drawn, `settings.bank` at least."""
        needed = dict.fromkeys(self._places[one.positive] for one in examples if self._places)
        drawn = rng.sample(range(len(self._bank)), min(self._settings.bank, len(self._bank)))
        return list(needed | dict.fromkeys(drawn))

    def _labels(self, examples: Sequence[Example], places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The positives' columns, and which columns are evidence beside them."""
        column = {place: number for number, place in enumerate(places)}
        masked = torch.zeros(len(examples), len(places), dtype=torch.bool)
        for row, example in enumerate(examples):
            for ordinal in example.relevant - {example.positive}:
                place = self._places.get(ordinal)
                if place in column:
                    masked[row, column[place]] = True
        targets = torch.tensor([column[self._places[example.positive]] for example in examples])
        return targets.to(self._encoder.device), masked.to(self._encoder.device)

    def _among(self, rows: Sequence[Tensor]) -> Tensor:
        itself = torch.eye(len(rows[0]), dtype=torch.bool, device=self._encoder.device)
        scores = Scores(rows, rows, self._settings.scale, itself)
        return distil(scores, scores.whole(), self._early)

    def _whole(self, tokens: Sequence[NDArray[int32]], progress: Progress) -> Tensor:
        parts = []
        with progress.task("passages by the whole model", len(tokens), "passages") as task:
            for start in range(0, len(tokens), _BLOCK):
                block = tokens[start : start + _BLOCK]
                parts.append(self._encoder.whole(block))
                task.advance(len(block))
        return torch.cat(parts)
