"""Questions and passages train every size, the whole one anchored to what it was.

Questions' steps minimise a loss of `losses`; steps on other texts hold the encoder to the untrained one
(`distil`), and steps on graded sentence pairs to their order
(`similarity`), where there are any.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import torch
from numpy import int32
from numpy.typing import NDArray
from torch import Tensor

from skerry.retrieval.embedding.training.distil import distil, stretch
from skerry.retrieval.embedding.training.examples import Batch, Batches
from skerry.retrieval.embedding.training.losses.base import Loss
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.plan import plan
from skerry.retrieval.embedding.training.scores import Scores
from skerry.retrieval.embedding.training.settings import Settings
from skerry.retrieval.embedding.training.similarity import SimilarPair, elastic_cosent


class Supervised:
    """See `Objective`.

    Args:
        encoder: in training.
        teacher: what it was.
        pairs: (layers, dimensions), the whole model last.
        loss: of a batch of questions.
        batches: of the questions.
        questions: their tokens.
        passages: tokens by ordinal.
        texts, similar: of other steps, if any.
    """

    def __init__(
        self,
        encoder: TrainableEncoder,
        teacher: TrainableEncoder,
        settings: Settings,
        pairs: Sequence[tuple[int, int]],
        loss: Loss,
        batches: Batches,
        questions: Sequence[NDArray[int32]],
        passages: Mapping[int, NDArray[int32]],
        texts: Sequence[str],
        similar: Sequence[SimilarPair],
    ) -> None:
        self._encoder, self._teacher = encoder, teacher
        self._settings, self._pairs, self._loss = settings, pairs, loss
        self._batches, self._questions, self._passages = batches, questions, passages
        self._texts, self._similar = texts, similar
        self._plan = plan(
            batches.count(settings.epochs),
            settings.steps,
            settings.distil_every if texts else 0,
            settings.similarity_every if similar else 0,
        )
        self.steps = len(self._plan)

    def __call__(self, number: int) -> Tensor:
        """See `Objective`."""
        settings = self._settings
        kind, number = self._plan[number]
        if kind == "questions":
            return self._questions_loss(self._batches[number], number)
        rng = random.Random(f"{kind} {settings.seed} {number}")
        rows = rng.sample(self._similar, min(settings.similar, len(self._similar)))
        if kind == "similarity":
            return self._similarity_loss(rows)
        texts = rng.sample(self._texts, min(settings.texts, len(self._texts)))
        return self._distillation_loss(texts, rows, rng)

    def _questions_loss(self, batch: Batch, number: int) -> Tensor:
        rows = [self._questions[row] for row in batch.examples.tolist()]
        columns = [self._passages[ordinal] for ordinal in batch.passages.tolist()]

        def scores(encoder: TrainableEncoder) -> Scores:
            return Scores(
                encoder.vectors(rows),
                encoder.vectors(columns),
                self._settings.scale,
                torch.from_numpy(batch.masked).to(self._encoder.device),
            )

        trained = scores(self._encoder)
        rng = random.Random(f"loss {self._settings.seed} {number}")
        told = self._loss(trained, torch.from_numpy(batch.targets).to(self._encoder.device), rng)
        with torch.no_grad():
            untrained = scores(self._teacher).whole()
        return told + self._settings.anchor * score_kl(trained.whole(), untrained)

    def _distillation_loss(
        self, texts: Sequence[str], similar: Sequence[SimilarPair], rng: random.Random
    ) -> Tensor:
        """Rows are stretches of the texts, and sentences; columns are the texts and all rows."""
        settings = self._settings
        stretches = [stretch(text, rng) for text in texts]
        sentences = [sentence for pair in similar for sentence in (pair.first, pair.second)]
        long = self._encoder.tokens(texts, settings.passage_tokens)
        short = self._encoder.tokens([*stretches, *sentences], settings.question_tokens)
        itself = torch.cat([torch.zeros(len(short), len(long)), torch.eye(len(short))], 1).bool()
        itself = itself.to(self._encoder.device)

        def scores(encoder: TrainableEncoder) -> Scores:
            rows = encoder.vectors(short)
            columns = [torch.cat(both) for both in zip(encoder.vectors(long), rows, strict=True)]
            return Scores(rows, columns, settings.scale, itself)

        trained = scores(self._encoder)
        with torch.no_grad():
            wanted = scores(self._teacher).whole()
        return distil(trained, wanted, self._pairs)

    def _similarity_loss(self, rows: Sequence[SimilarPair]) -> Tensor:
        longest = self._settings.passage_tokens
        sides = [
            self._encoder.vectors(self._encoder.tokens(texts, longest))
            for texts in ([row.first for row in rows], [row.second for row in rows])
        ]
        graded = torch.tensor([row.score for row in rows], device=self._encoder.device)
        loss = elastic_cosent(sides[0], sides[1], graded, self._pairs, self._settings.scale)
        return self._settings.similarity_weight * loss
