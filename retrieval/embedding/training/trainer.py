"""Training of elastic embeddings: a low-rank adapter and exits on a frozen sentence encoder.

The exits start in a closed form (`start`). What is then minimised is `early_exits`, which leaves the whole
depth as it is, or `supervised`, which trains all of it.
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
from skerry.retrieval.embedding.training.early_exits import EarlyExits
from skerry.retrieval.embedding.training.examples import Batches, Example
from skerry.retrieval.embedding.training.held_out import PairScores, pair_scores
from skerry.retrieval.embedding.training.losses import LOSSES
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.objective import Objective
from skerry.retrieval.embedding.training.settings import Settings
from skerry.retrieval.embedding.training.similarity import SimilarPair
from skerry.retrieval.embedding.training.supervised import Supervised
from skerry.retrieval.embedding.training.texts import CutText, cut_text

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
        below: folder of an adapter of the whole size, made on the same base, which is kept and copied there.

    Raises:
        NotFound: no such loss.
        InvalidInput: no BERT-like encoder; pairs or ranks that it does not have; an adapter that nothing can
            stand over.
        IndexCorrupt: an adapter below that is damaged or of another base.
    """

    def __init__(
        self, base: Model, passages: PassageStore, out: Path, settings: Settings, below: Path | None = None
    ) -> None:
        self._base, self._passages, self._out, self._settings = base, passages, out, settings
        self._below = below
        self._encoder = TrainableEncoder(
            base,
            settings.ranks,
            settings.seed,
            settings.keep_whole,
            _load_below(below, base, settings) if below is not None else None,
            settings.early_layers,
        )
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
        texts: Sequence[CutText] = (),
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
        with naming_full_disk(self._out):
            self._out.mkdir(parents=True, exist_ok=True)
        run = asdict(settings) | {
            "base": self._base.weights_hash,
            "below": adapter.load_config(self._below).weights_sha256 if self._below is not None else "",
            "data": _digest(examples, texts, similar),
        }
        done = self._resume(run)
        questions = self._encoder.tokens([example.query for example in examples], settings.question_tokens)
        own = self._passage_texts(batches.passages)
        passages = self._encoder.tokens([text.text for text in own], settings.passage_tokens)
        sentences = [text for pair in similar for text in (pair.first, pair.second)]
        if not done:
            self._start(questions, passages, [[text.text for text in texts], sentences], progress)
        objective: Objective
        if settings.keep_whole:
            number = {ordinal: place for place, ordinal in enumerate(batches.passages)}
            objective = EarlyExits(
                self._encoder,
                settings,
                self.pairs,
                [*questions, *self._encoder.tokens(sentences, settings.question_tokens)],
                [*(number[example.positive] for example in examples), *[None] * len(sentences)],
                own,
                texts,
                progress,
            )
        else:
            tokens = dict(zip(batches.passages, passages, strict=True))
            teacher = TrainableEncoder(self._base, (), 0)
            objective = Supervised(
                self._encoder, teacher, settings, self.pairs, self._loss, batches, questions, tokens,
                [text.text for text in texts], similar,
            )  # fmt: skip

        def step(number: int, share: float) -> float:
            with self._encoder.step():
                return self._step(objective(number), share)

        run_steps(
            step,
            lambda taken: self._checkpoint(run, taken),
            done=done,
            total=objective.steps,
            keep_every=settings.checkpoint_every,
            progress=progress,
        )
        if not settings.keep_whole:
            self._encoder.weaken(settings.strength)

    def _start(
        self,
        questions: Sequence[NDArray[np.int32]],
        passages: Sequence[NDArray[np.int32]],
        other: Sequence[Sequence[str]],
        progress: Progress,
    ) -> None:
        """Set the exits to their closed form by a sample of questions, passages and each kind of others."""
        rng = random.Random(f"start {self._settings.seed}")
        sample = [one for all_ in (questions, passages) for one in rng.sample(all_, min(_START, len(all_)))]
        for texts in other:
            drawn = rng.sample(texts, min(_START_OTHERS, len(texts)))
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
        adapter.save(
            self._out, adapter.AdapterConfig.of(self._base, factors, self.pairs), factors, self._below
        )
        remove_checkpoint(self._out)

    def _passage_tokens(self, ordinals: Sequence[int]) -> list[NDArray[np.int32]]:
        texts = [text.text for text in self._passage_texts(ordinals)]
        return self._encoder.tokens(texts, self._settings.passage_tokens)

    def _passage_texts(self, ordinals: Sequence[int]) -> list[CutText]:
        return [cut_text(found.title, found.text) for found in self._passages.get_many(ordinals)]

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


def _load_below(below: Path, base: Model, settings: Settings) -> dict[str, Tensor]:
    config, tensors = adapter.load(below)
    adapter.check_base(below, config, base)
    keeps_its_own = adapter.keeps_whole(tensors, len(tensors[adapter.EXITS + "bias"]))
    if not settings.keep_whole or config.whole_sha256 or keeps_its_own:
        raise InvalidInput(
            f"The adapter in {below} cannot be stood over: it must have trained the whole size, and what is "
            "trained now must keep it.",
            hint="Make it with --whole trained, and give it as --over with --whole kept.",
            details={"path": str(below)},
        )
    return tensors


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


def _digest(examples: Sequence[Example], texts: Sequence[CutText], similar: Sequence[SimilarPair]) -> str:
    digest = hashlib.sha256()
    for example in examples:
        digest.update(f"{example.positive} {sorted(example.relevant)} {example.negatives} ".encode())
        digest.update(f"{example.query}\n".encode())
    for text in texts:
        digest.update(f"text {text.begin} {text.text}\n".encode())
    for pair in similar:
        digest.update(f"{pair.score} {pair.first}\n{pair.second}\n".encode())
    return digest.hexdigest()
