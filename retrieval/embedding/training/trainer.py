"""Training of elastic embeddings: a low-rank adapter and exits on a frozen sentence encoder.

The exits start in a closed form (`start`). Questions and passages train (`losses`), anchored to the untrained
encoder's scores of the same texts; steps on other texts hold to that encoder too (`distil`), and steps on
graded sentence pairs to their order (`similarity`), where there are any.
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
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.plan import Kind, plan
from skerry.retrieval.embedding.training.scores import Scores
from skerry.retrieval.embedding.training.settings import Settings
from skerry.retrieval.embedding.training.similarity import SimilarPair, elastic_cosent

_BLOCK = 1024
_LEAST_WIDTH = 8
_START, _START_OTHERS = 4000, 1500
"""Texts from which the exits start: of the questions and of the passages, of other texts and of sentences."""


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
        exits = self._encoder.exits
        assert exits is not None
        maps = [exits.state_map, exits.word_map, exits.bias]
        importances = [exits.lexical, exits.by_word, exits.by_state]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": self._encoder.factors, "share": 1.0},
                {"params": maps, "share": settings.map_share},
                {"params": importances, "share": settings.importance_share},
            ],
            lr=settings.learning_rate,
            weight_decay=0.0,
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
        if not done:
            self._start(questions, list(tokens.values()), texts, similar, progress)
        teacher = TrainableEncoder(self._base, (), 0)

        def loss(kind: Kind, number: int) -> Tensor:
            if kind == "questions":
                return self._questions_loss(teacher, batches[number], questions, tokens, number)
            rng = random.Random(f"{kind} {settings.seed} {number}")
            rows = rng.sample(similar, min(settings.similar, len(similar)))
            if kind == "similarity":
                return self._similarity_loss(rows)
            return self._distillation_loss(
                teacher, rng.sample(texts, min(settings.texts, len(texts))), rows, rng
            )

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
        self._encoder.weaken(settings.strength)

    def _start(
        self,
        questions: Sequence[NDArray[np.int32]],
        passages: Sequence[NDArray[np.int32]],
        texts: Sequence[str],
        similar: Sequence[SimilarPair],
        progress: Progress,
    ) -> None:
        """Set the exits to their closed form by a sample of questions, passages and other texts."""
        rng = random.Random(f"start {self._settings.seed}")
        sentences = [text for pair in similar for text in (pair.first, pair.second)]
        sample = [one for all_ in (questions, passages) for one in rng.sample(all_, min(_START, len(all_)))]
        for others in (texts, sentences):
            drawn = rng.sample(others, min(_START_OTHERS, len(others)))
            sample += self._encoder.tokens(drawn, self._settings.passage_tokens)
        with progress.task("exits' start", len(sample), "texts") as task:
            self._encoder.start(sample, passages)
            task.advance(len(sample))

    @torch.inference_mode()
    def scores(
        self, held_out: Sequence[Example], ordinals: NDArray[np.int64], progress: Progress
    ) -> list[PairScores]:
        """How well every pair finds the held-out questions' evidence among the passages `ordinals`."""
        with self._encoder.step(), progress.task("held-out passages", len(ordinals), "passages") as task:
            parts = []
            for start in range(0, len(ordinals), _BLOCK):
                block = ordinals[start : start + _BLOCK].tolist()
                parts.append(self._encoder.vectors(self._passage_tokens(block)))
                task.advance(len(block))
            passages = [torch.cat(states) for states in zip(*parts, strict=True)]
            queries = [example.query for example in held_out]
            questions = self._encoder.vectors(self._encoder.tokens(queries, self._settings.question_tokens))
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
        teacher: TrainableEncoder,
        batch: Batch,
        questions: Sequence[NDArray[np.int32]],
        passages: dict[int, NDArray[np.int32]],
        number: int,
    ) -> Tensor:
        rows = [questions[row] for row in batch.examples.tolist()]
        columns = [passages[ordinal] for ordinal in batch.passages.tolist()]

        def scores(encoder: TrainableEncoder) -> Scores:
            return Scores(
                encoder.vectors(rows),
                encoder.vectors(columns),
                self._settings.scale,
                torch.from_numpy(batch.masked),
            )

        with torch.no_grad():
            untrained = scores(teacher).whole()
        trained = scores(self._encoder)
        rng = random.Random(f"loss {self._settings.seed} {number}")
        told = self._loss(trained, torch.from_numpy(batch.targets), rng)
        return told + self._settings.anchor * score_kl(trained.whole(), untrained)

    def _distillation_loss(
        self,
        teacher: TrainableEncoder,
        texts: Sequence[str],
        similar: Sequence[SimilarPair],
        rng: random.Random,
    ) -> Tensor:
        """Rows are stretches of the texts, and sentences; columns are the texts and all rows."""
        settings = self._settings
        stretches = [stretch(text, rng) for text in texts]
        sentences = [sentence for pair in similar for sentence in (pair.first, pair.second)]
        long = self._encoder.tokens(texts, settings.passage_tokens)
        short = self._encoder.tokens([*stretches, *sentences], settings.question_tokens)
        itself = torch.cat([torch.zeros(len(short), len(long)), torch.eye(len(short))], 1).bool()

        def scores(encoder: TrainableEncoder) -> Scores:
            rows = encoder.vectors(short)
            columns = [torch.cat(both) for both in zip(encoder.vectors(long), rows, strict=True)]
            return Scores(rows, columns, settings.scale, itself)

        with torch.no_grad():
            wanted = scores(teacher).whole()
        return distil(scores(self._encoder), wanted, self.pairs)

    def _similarity_loss(self, rows: Sequence[SimilarPair]) -> Tensor:
        longest = self._settings.passage_tokens
        sides = [
            self._encoder.vectors(self._encoder.tokens(texts, longest))
            for texts in ([row.first for row in rows], [row.second for row in rows])
        ]
        graded = torch.tensor([row.score for row in rows])
        loss = elastic_cosent(sides[0], sides[1], graded, self.pairs, self._settings.scale)
        return self._settings.similarity_weight * loss

    def _step(self, loss: Tensor, share: float) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * share * group["share"]
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        # Apart: exits have far larger gradients, and would leave the factors next to nothing.
        for group in self._optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        self._optimizer.step()
        return float(loss.detach())

    def _checkpoint(self, run: dict[str, Any], step: int) -> None:
        trained = [parameter.detach() for parameter in self._trained()]
        state = {"step": step, "trained": trained, "optimizer": self._optimizer.state_dict()}
        write_checkpoint(self._out, run, state)

    def _resume(self, run: dict[str, Any]) -> int:
        kept = read_checkpoint(self._out, run)
        if kept is None:
            return 0
        with torch.no_grad():
            for parameter, value in zip(self._trained(), kept["trained"], strict=True):
                parameter.copy_(value)
        self._optimizer.load_state_dict(kept["optimizer"])
        return int(kept["step"])

    def _trained(self) -> list[Tensor]:
        return [parameter for group in self._optimizer.param_groups for parameter in group["params"]]


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
