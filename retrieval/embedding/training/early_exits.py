"""Exits learn to say what the whole model says, which is kept as it is: distillation, and no labels.

The teacher is the whole model itself, detached; a student is a size below it. What a text's scores against a
bank of passages are by the whole model, its early exits learn to give with the passages' whole vectors, and
among the batch's texts with vectors of their own depth. Most texts are short: questions are what an exit
saves time on, and are a tenth as long as passages.
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
        questions: their tokens, and those of sentences that are like them.
        texts: passages, of this corpus and of others; the bank is drawn of them.
    """

    def __init__(
        self,
        encoder: TrainableEncoder,
        settings: Settings,
        pairs: Sequence[tuple[int, int]],
        questions: Sequence[NDArray[int32]],
        texts: Sequence[str],
        progress: Progress,
    ) -> None:
        self._encoder, self._settings = encoder, settings
        self._early = [pair for pair in pairs if pair[0] < encoder.layers]
        self._questions, self._texts = questions, texts
        self.steps = settings.steps if settings.steps is not None else settings.early_steps
        drawn = random.Random(f"bank {settings.seed}").sample(texts, min(settings.bank, len(texts)))
        self._bank = self._whole(encoder.tokens(drawn, settings.passage_tokens), progress)

    def __call__(self, number: int) -> Tensor:
        """See `Objective`."""
        settings = self._settings
        rng = random.Random(f"early {settings.seed} {number}")
        long = rng.sample(self._texts, min(settings.long, len(self._texts)))
        asked = rng.sample(self._questions, min(settings.short // 2, len(self._questions)))
        others = rng.sample(self._texts, min(settings.short - len(asked), len(self._texts)))
        cut = self._encoder.tokens([stretch(text, rng) for text in others], settings.question_tokens)
        rows = self._encoder.vectors([*asked, *cut, *self._encoder.tokens(long, settings.passage_tokens)])
        return self._across(rows) + self._among(rows)

    def _across(self, rows: Sequence[Tensor]) -> Tensor:
        nothing = torch.zeros(len(rows[0]), len(self._bank), dtype=torch.bool, device=self._encoder.device)
        scores = Scores(rows, [self._bank], self._settings.bank_scale, nothing)
        wanted = scores.whole()
        return torch.stack([score_kl(scores.across(*pair), wanted) for pair in self._early]).mean()

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
