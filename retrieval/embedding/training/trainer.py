"""Training of elastic embeddings: a low-rank adapter on a frozen sentence encoder.

Questions and passages train it (`losses`); steps on other texts hold it to the untrained encoder (`distil`),
and steps on graded sentence pairs to their order (`similarity`), where there are any.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk
from skerry.core.models.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from skerry.core.models.steps import run_steps
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.embedding import adapter
from skerry.retrieval.embedding.passage_text import passage_text
from skerry.retrieval.embedding.training.distil import distil, stretch
from skerry.retrieval.embedding.training.examples import Batch, Batches, Example
from skerry.retrieval.embedding.training.held_out import PairScores, pair_scores
from skerry.retrieval.embedding.training.losses import LOSSES
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.plan import Kind, plan
from skerry.retrieval.embedding.training.scores import Scores
from skerry.retrieval.embedding.training.settings import Settings
from skerry.retrieval.embedding.training.similarity import SimilarPair, elastic_cosent

_BLOCK = 1024
_LEAST_WIDTH = 8


class EmbeddingTrainer:
    """One training run, which writes its checkpoints and its result to one folder.

    Args:
        base: the sentence encoder to adapt.
        passages: where the examples' ordinals lead.
        out: folder of the result; a checkpoint there of the same run is gone on from.

    Raises:
        NotFound: no such loss.
        InvalidInput: no BERT-like encoder; pairs or ranks that it does not have.
    """

    def __init__(self, base: Model, passages: PassageStore, out: Path, settings: Settings) -> None:
        self._base, self._passages, self._out, self._settings = base, passages, out, settings
        self._encoder = TrainableEncoder(base, settings.ranks, settings.seed)
        self.pairs = _pairs(settings.pairs, self._encoder)
        self._loss = LOSSES.load(settings.loss)(self.pairs, settings.kl_weight)
        self._optimizer = torch.optim.AdamW(
            self._encoder.factors, lr=settings.learning_rate, weight_decay=0.0
        )

    def train(
        self,
        examples: Sequence[Example],
        progress: Progress,
        *,
        texts: Sequence[str] = (),
        similar: Sequence[SimilarPair] = (),
    ) -> None:
        """Train on questions and, where they are given, unlabelled texts and graded sentence pairs.

        Raises:
            InvalidInput: no usable pair of a question and a passage, or a checkpoint of another run.
            IndexCorrupt: a damaged checkpoint.
            BackendUnavailable: the folder of the result cannot be written.
        """
        settings = self._settings
        batches = Batches(
            examples,
            passages=settings.passages,
            each=settings.each,
            group=settings.group,
            seed=settings.seed,
        )
        steps = plan(
            batches.count(settings.epochs),
            settings.steps,
            settings.distil_every if texts else 0,
            settings.similarity_every if similar else 0,
        )
        with naming_full_disk(self._out):
            self._out.mkdir(parents=True, exist_ok=True)
        run = asdict(settings) | {
            "base": self._base.weights_hash,
            "data": _digest(examples, texts, similar),
        }
        done = self._resume(run)
        questions = self._encoder.tokens([example.query for example in examples], settings.question_tokens)
        tokens = dict(zip(batches.passages, self._passage_tokens(batches.passages), strict=True))
        teacher = TrainableEncoder(self._base, (), 0) if texts else None

        def loss(kind: Kind, number: int) -> Tensor:
            if kind == "questions":
                batch = batches[number]
                return self._questions_loss(batch, questions, tokens, number)
            rng = random.Random(f"{kind} {settings.seed} {number}")
            if kind == "similarity":
                return self._similarity_loss(rng.sample(similar, min(settings.similar, len(similar))))
            assert teacher is not None
            return self._distillation_loss(teacher, rng.sample(texts, min(settings.texts, len(texts))), rng)

        def step(number: int, share: float) -> float:
            with self._encoder.step():
                return self._step(loss(*steps[number]), share)

        run_steps(
            step,
            lambda taken: self._checkpoint(run, taken),
            done=done,
            total=len(steps),
            keep_every=settings.checkpoint_every,
            progress=progress,
        )

    @torch.inference_mode()
    def scores(
        self, held_out: Sequence[Example], ordinals: NDArray[np.int64], progress: Progress
    ) -> list[PairScores]:
        """How well every pair finds the held-out questions' evidence among the passages `ordinals`."""
        with self._encoder.step(), progress.task("held-out passages", len(ordinals), "passages") as task:
            parts = []
            for start in range(0, len(ordinals), _BLOCK):
                block = ordinals[start : start + _BLOCK].tolist()
                parts.append(self._encoder.pooled(self._passage_tokens(block)))
                task.advance(len(block))
            passages = [torch.cat(states) for states in zip(*parts, strict=True)]
            queries = [example.query for example in held_out]
            questions = self._encoder.pooled(self._encoder.tokens(queries, self._settings.question_tokens))
        return pair_scores(held_out, ordinals, questions, passages, self.pairs)

    def save(self) -> None:
        """Write the adapter and remove the checkpoint."""
        factors = self._encoder.state()
        adapter.save(self._out, adapter.AdapterConfig.of(self._base, factors, self.pairs), factors)
        remove_checkpoint(self._out)

    def _passage_tokens(self, ordinals: Sequence[int]) -> list[NDArray[np.int32]]:
        tokens: list[NDArray[np.int32]] = []
        for start in range(0, len(ordinals), _BLOCK):
            found = self._passages.get_many(ordinals[start : start + _BLOCK])
            texts = [passage_text(passage.title, passage.text) for passage in found]
            tokens += self._encoder.tokens(texts, self._settings.passage_tokens)
        return tokens

    def _questions_loss(
        self,
        batch: Batch,
        questions: Sequence[NDArray[np.int32]],
        passages: dict[int, NDArray[np.int32]],
        number: int,
    ) -> Tensor:
        scores = Scores(
            self._encoder.pooled([questions[row] for row in batch.examples.tolist()]),
            self._encoder.pooled([passages[ordinal] for ordinal in batch.passages.tolist()]),
            self._settings.scale,
            torch.from_numpy(batch.masked),
        )
        rng = random.Random(f"loss {self._settings.seed} {number}")
        return self._loss(scores, torch.from_numpy(batch.targets), rng)

    def _distillation_loss(
        self, teacher: TrainableEncoder, texts: Sequence[str], rng: random.Random
    ) -> Tensor:
        """Rows are a stretch of each text and the texts themselves, columns the texts."""
        settings = self._settings
        long = self._encoder.tokens(texts, settings.passage_tokens)
        short = self._encoder.tokens([stretch(text, rng) for text in texts], settings.question_tokens)
        itself = torch.cat([torch.zeros(len(texts), len(texts)), torch.eye(len(texts))]).bool()

        def scores(encoder: TrainableEncoder) -> Scores:
            columns = encoder.pooled(long)
            rows = [torch.cat(both) for both in zip(encoder.pooled(short), columns, strict=True)]
            return Scores(rows, columns, settings.scale, itself)

        with torch.no_grad():
            wanted = scores(teacher).whole()
        return distil(scores(self._encoder), wanted, self.pairs)

    def _similarity_loss(self, rows: Sequence[SimilarPair]) -> Tensor:
        longest = self._settings.passage_tokens
        sides = [
            self._encoder.pooled(self._encoder.tokens(texts, longest))
            for texts in ([row.first for row in rows], [row.second for row in rows])
        ]
        graded = torch.tensor([row.score for row in rows])
        return elastic_cosent(sides[0], sides[1], graded, self.pairs, self._settings.scale)

    def _step(self, loss: Tensor, share: float) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * share
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._encoder.factors, 1.0)
        self._optimizer.step()
        return float(loss.detach())

    def _checkpoint(self, run: dict[str, Any], step: int) -> None:
        factors = [factor.detach() for factor in self._encoder.factors]
        state = {"step": step, "factors": factors, "optimizer": self._optimizer.state_dict()}
        write_checkpoint(self._out, run, state)

    def _resume(self, run: dict[str, Any]) -> int:
        kept = read_checkpoint(self._out, run)
        if kept is None:
            return 0
        with torch.no_grad():
            for factor, value in zip(self._encoder.factors, kept["factors"], strict=True):
                factor.copy_(value)
        self._optimizer.load_state_dict(kept["optimizer"])
        return int(kept["step"])


def _pairs(pairs: Sequence[tuple[int, int]], encoder: TrainableEncoder) -> tuple[tuple[int, int], ...]:
    """The pairs in order, each once, the whole model last."""
    for layers, dimensions in pairs:
        if not (1 <= layers <= encoder.layers and _LEAST_WIDTH <= dimensions <= encoder.width):
            raise InvalidInput(
                f"The pair {layers}x{dimensions} is no size of a model of {encoder.layers} layers and "
                f"{encoder.width} dimensions.",
                hint=f"Choose 1 to {encoder.layers} layers and {_LEAST_WIDTH} to {encoder.width} dimensions.",
            )
    return tuple(sorted({*pairs, (encoder.layers, encoder.width)}))


def _digest(examples: Sequence[Example], texts: Sequence[str], similar: Sequence[SimilarPair]) -> str:
    digest = hashlib.sha256()
    for example in examples:
        digest.update(f"{example.positive} {sorted(example.relevant)} {example.negatives} ".encode())
        digest.update(f"{example.query}\n".encode())
    for text in texts:
        digest.update(f"text {text}\n".encode())
    for pair in similar:
        digest.update(f"{pair.score} {pair.first}\n{pair.second}\n".encode())
    return digest.hexdigest()
