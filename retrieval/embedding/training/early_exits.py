"""Exits learn to find what the whole model finds, which is kept as it is.

The teacher is the whole model itself, detached. Every early exit learns its vectors, and its distribution of
scores over a bank of passages, each of which counts by the best of its stretches as in an index
(`training.max_p`); where a question's evidence is in the bank, a share of the distribution is the evidence's.
One depth, half of the layers, counts most, and learns to search passages of its own depth too: those of the
batch, and the bank as that depth made it when it was last renewed. Passages learn their scores against
the batch's short texts.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
from numpy import int32
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from skerry.core.progress import Progress, Task
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.max_p import MaxP
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.settings import Settings
from skerry.retrieval.embedding.training.short_texts import ShortTextSource
from skerry.retrieval.embedding.training.texts import CutText

_BLOCK = 256
_DEEP_EVERY = 4
"""Depths behind the favoured one are trained in one step of so many: most of a step's time is theirs."""
_OTHER_DEPTHS = 0.2
_VECTOR, _PASSAGES = 4.0, 0.5
_LEAST = 1e-30
"""Of a passage's probability, which a GPU would else round to none."""


class EarlyExits:
    """See `Objective`.

    Args:
        encoder: in training; its whole depth is kept.
        pairs: (layers, dimensions), the whole model last.
        questions: their tokens, and those of sentences that are like them.
        evidence: of each question, which of `own` it is about, None for a sentence.
        own: passages that the bank is drawn of.
        others: of other corpora.
    """

    def __init__(
        self,
        encoder: TrainableEncoder,
        settings: Settings,
        pairs: Sequence[tuple[int, int]],
        questions: Sequence[NDArray[int32]],
        evidence: Sequence[int | None],
        own: Sequence[CutText],
        others: Sequence[CutText],
        progress: Progress,
    ) -> None:
        self._encoder, self._settings = encoder, settings
        self.steps = settings.steps if settings.steps is not None else settings.early_steps
        self._favoured = max(1, encoder.layers // 2)
        self._widths: dict[int, list[int]] = {}
        for layers, width in pairs:
            if layers < encoder.layers:
                self._widths.setdefault(layers, []).append(width)
        self._own, self._others = own, others or own
        drawn = random.Random(f"bank {settings.seed}").sample(range(len(own)), min(settings.bank, len(own)))
        self._tokens, self._cut = encoder.cut_tokens([own[one] for one in drawn], settings.passage_tokens)
        self._short = ShortTextSource(questions, self._tokens, settings.other_share, settings.question_tokens)
        self._bank = MaxP(1 + self._cut.counts)
        column = dict(zip(drawn, self._bank.columns.tolist(), strict=True))
        self._evidence = [None if one is None else column.get(one) for one in evidence]
        with progress.task("passages by the whole model", len(drawn), "passages") as task:
            self._whole = self._of_bank(None, task)
        self._renewed: Tensor | None = None

    def __call__(self, number: int) -> Tensor:
        """See `Objective`.

        The bank of the favoured depth is renewed with every checkpoint, so that a run that goes on from one
        has it as the run that was not stopped.
        """
        settings, encoder = self._settings, self._encoder
        if self._renewed is None or number % settings.checkpoint_every == 0:
            with torch.no_grad():
                self._renewed = self._of_bank(self._favoured, None)
        rng = random.Random(f"early {settings.seed} {number}")
        deepest = max(self._widths) if number % _DEEP_EVERY == 0 else min(self._favoured, max(self._widths))
        short = self._short.draw(settings.short, rng)
        asked = encoder.cut_vectors(short.tokens, None, deepest)
        told = normalize(encoder.whole(short.tokens), dim=1)
        wanted = self._wanted(told, short.questions)
        terms = [
            self._weight(layers) * self._of_questions(asked[layers - 1], told, wanted, layers)
            for layers in self._widths
            if layers <= deepest
        ]
        for texts in (self._own, self._others):
            drawn = rng.sample(texts, min(max(1, settings.long // 2), len(texts)))
            terms += self._of_passages(drawn, asked, told, deepest)
        return torch.stack(terms).sum()

    def _weight(self, layers: int) -> float:
        return 1.0 if layers == self._favoured else _OTHER_DEPTHS

    @torch.no_grad()
    def _wanted(self, told: Tensor, questions: Sequence[int]) -> Tensor:
        """The distributions over the bank that are learnt, as logarithms, (short texts, passages)."""
        share = self._settings.label_share
        wanted = self._scores(told, self._whole, told.shape[1]).softmax(1)
        columns = [self._evidence[question] for question in questions]
        known = [(row, column) for row, column in enumerate(columns) if column is not None]
        rows = [row for row, _ in known]
        wanted[rows] *= 1 - share
        wanted[rows, [column for _, column in known]] += share
        return wanted.clamp_min(_LEAST).log()

    def _scores(self, left: Tensor, bank: Tensor, width: int) -> Tensor:
        return self._bank.best(_cosines(left, bank, width) * self._settings.bank_scale)

    def _of_questions(self, asked: Tensor, told: Tensor, wanted: Tensor, layers: int) -> Tensor:
        loss = _VECTOR * (1 - cosine_similarity(asked, told, dim=1)).mean()
        banks = [self._whole]
        if layers == self._favoured:
            assert self._renewed is not None
            banks.append(self._renewed)
        for width in self._widths[layers]:
            for bank in banks:
                loss = loss + score_kl(self._scores(asked, bank, width), wanted)
        return loss

    def _of_passages(
        self, texts: Sequence[CutText], asked: Sequence[Tensor], told: Tensor, deepest: int
    ) -> list[Tensor]:
        tokens, cut = self._encoder.cut_tokens(texts, self._settings.passage_tokens)
        whole = normalize(self._encoder.whole(tokens, cut), dim=1)
        scale = self._settings.bank_scale
        wanted = _cosines(whole, told, told.shape[1]) * scale
        terms = []
        for layers, vectors in enumerate(self._encoder.cut_vectors(tokens, cut, deepest), start=1):
            if layers not in self._widths:
                continue
            loss = _VECTOR * (1 - cosine_similarity(vectors, whole, dim=1)).mean()
            questions = [told, asked[layers - 1]] if layers == self._favoured else [told]
            for width in self._widths[layers]:
                for each in questions:
                    loss = loss + score_kl(_cosines(vectors, each, width) * scale, wanted)
            terms.append(_PASSAGES * self._weight(layers) * loss)
        return terms

    @torch.no_grad()
    def _of_bank(self, layers: int | None, task: Task | None) -> Tensor:
        """The bank's unit vectors in the order of its columns, of a depth or of the whole model."""
        parts = []
        for first in range(0, len(self._tokens), _BLOCK):
            block = np.arange(first, min(first + _BLOCK, len(self._tokens)))
            tokens, cut = [self._tokens[one] for one in block], self._cut.take(block)
            made = (
                self._encoder.whole(tokens, cut)
                if layers is None
                else self._encoder.cut_vectors(tokens, cut, layers)[layers - 1]
            )
            parts.append(normalize(made, dim=1))
            if task is not None:
                task.advance(len(block))
        return torch.cat(parts)[torch.from_numpy(self._bank.rows).to(self._encoder.device)]


def _cosines(left: Tensor, right: Tensor, width: int) -> Tensor:
    return normalize(left[:, :width], dim=1) @ normalize(right[:, :width], dim=1).T
