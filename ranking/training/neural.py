"""Training of the neural rankers: small models over frozen word vectors, stopped when they learn no more.

Every few steps the model ranks the candidates of questions that it does not learn from; the best of these
weights are kept. The same questions fit the first stage's weight and the calibration at the end.
"""

from __future__ import annotations

import copy
import math
import random
from array import array
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
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
from skerry.ranking.features.corpus_idf import corpus_idf
from skerry.ranking.features.featuriser import Encoded, Featuriser
from skerry.ranking.features.idf import Idf
from skerry.ranking.features.vectors import load_vectors
from skerry.ranking.neural import files
from skerry.ranking.neural.registry import MODELS
from skerry.ranking.objectives import OBJECTIVES
from skerry.ranking.training.examples import Example, digest, draw_mixed
from skerry.ranking.training.held_out import (
    Fitted,
    Scores,
    check_held_out,
    fit,
    halves,
    relevance,
    scores_of,
)
from skerry.ranking.training.neural_settings import Look, Settings
from skerry.ranking.training.noted_progress import NotedProgress
from skerry.retrieval.corpus.store import PassageStore

_DOCUMENTS = 65_536
"""Passages whose words are kept between steps."""


class NeuralTrainer:
    """One training run, which writes its checkpoints and its result to one folder.

    Args:
        base: the word vectors.
        passages: where the examples' ordinals lead; they also say how rare words are.
        out: folder of the result; a checkpoint there of the same settings is gone on from.
        start: a trained ranker of the same model whose weights, with their sizes, training begins from.

    Attributes:
        curve: what was seen at each look.

    Raises:
        NotFound: no such model or objective, or no ranker in `start`.
        InvalidInput: a ranker of another model in `start`.
        IndexCorrupt: word vectors that cannot be read, damaged files in `start`, or ones of other vectors.
    """

    def __init__(
        self,
        base: Model,
        passages: PassageStore,
        out: Path,
        settings: Settings,
        progress: Progress,
        start: Path | None = None,
    ) -> None:
        self._objective = OBJECTIVES.load(settings.objective)
        MODELS.check(settings.model)
        vectors = load_vectors(base)
        torch.manual_seed(settings.seed)
        self._started = ""
        if start is None:
            self._model = MODELS.load(settings.model)(
                vectors.width, settings.query_terms, settings.document_terms, **settings.options
            )
        else:
            kept = files.load_config(start, settings.model)
            kept.check_base(
                base,
                made=f"The ranker in {start} was trained on",
                hint="Give those word vectors, or begin anew.",
            )
            self._model, _ = files.load(start, kept, vectors)
            self._started = kept.weights_sha256
            settings = replace(
                settings,
                options=kept.options,
                query_terms=kept.query_terms,
                document_terms=kept.document_terms,
            )
        self._base, self._passages, self._out, self._settings = base, passages, out, settings
        self._idf = corpus_idf(passages, vectors, progress) if self._model.fields.idf else Idf.none()
        self._featuriser = Featuriser(vectors, self._idf, self._model.fields)
        rate = settings.learning_rate
        self._peak = self._model.learning_rate if rate is None else rate
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=self._peak)
        self._best = copy.deepcopy(self._model.state_dict())
        self._document = lru_cache(_DOCUMENTS)(self._read_document)
        self._losses: list[float] = []
        self.curve: list[Look] = []

    def train(
        self, examples: Sequence[Example], watched: Sequence[Example], depth: int, progress: Progress
    ) -> None:
        """Learn from `examples`; those with too few negatives are passed over.

        Args:
            watched: the questions that say which weights are the best.
            depth: candidates of each of them.

        Raises:
            InvalidInput: fewer examples than one step needs, fewer than two to be watched, or a
                checkpoint of another run.
            IndexCorrupt: a damaged checkpoint.
            BackendUnavailable: the folder of the result cannot be written.
        """
        settings = self._settings
        check_held_out(watched)
        if settings.looked_at is not None:
            watched = watched[:: math.ceil(len(watched) / settings.looked_at)]
        drawn, steps = self._draw(examples)
        with naming_full_disk(self._out):
            self._out.mkdir(parents=True, exist_ok=True)
        run = asdict(settings) | {
            "base": self._base.weights_hash,
            "started": self._started,
            "examples": digest(drawn),
            "held_out": digest([(example, list(example.candidates[:depth])) for example in watched]),
        }
        done = self._resume(run)
        if self._has_learnt_all():
            return
        looked_at = [self._encode_held_out(example, depth) for example in watched]
        truth = [relevance(example, depth) for example in watched]
        if self._started and not self.curve:
            self._look(0, looked_at, truth)

        def step(number: int, share: float) -> float:
            return self._step(
                drawn[number * settings.queries : (number + 1) * settings.queries], number, share
            )

        def keep(taken: int) -> bool:
            self._look(taken, looked_at, truth)
            self._checkpoint(run, taken)
            return not self._has_learnt_all()

        taken = run_steps(
            step,
            keep,
            done=done,
            total=steps,
            keep_every=settings.check_every,
            progress=NotedProgress(progress, self._last_look),
        )
        if not self.curve or self.curve[-1].step < taken:
            keep(taken)

    def finish(self, held_out: Sequence[Example], depth: int, progress: Progress) -> Scores:
        """Write the best weights, with what the first half of `held_out` says; score the other half.

        Raises:
            InvalidInput: fewer than two questions, or none whose evidence was found in the first half.
        """
        watched, tested = halves(held_out)
        fitted = self.keep(watched, depth, progress)
        read = self._read_all(tested, depth, progress)
        return scores_of(read, [relevance(example, depth) for example in tested], fitted, depth)

    def keep(self, watched: Sequence[Example], depth: int, progress: Progress) -> Fitted:
        """Write the best weights; `watched` fits the first stage's weight and the calibration.

        Raises:
            InvalidInput: no question whose evidence was found.
        """
        self._model.load_state_dict(self._best)
        fitted = fit(
            self._read_all(watched, depth, progress), [relevance(example, depth) for example in watched]
        )
        config = files.NeuralConfig(
            base_model=self._base.lasting_name,
            base_weights_hash=self._base.weights_hash,
            base_tokenizer_hash=self._base.tokenizer_hash,
            model=self._settings.model,
            query_terms=self._settings.query_terms,
            document_terms=self._settings.document_terms,
            options=self._settings.options,
            rare_idf=self._idf.rare,
            first_stage_weight=fitted.first_stage_weight,
            calibration=fitted.calibration,
        )
        files.save(self._out, config, self._model, self._idf)
        remove_checkpoint(self._out)
        return fitted

    def _draw(self, examples: Sequence[Example]) -> tuple[list[tuple[Example, list[int]]], int]:
        """Examples with negatives, every epoch in an order of its own, and how many steps they are."""
        settings = self._settings
        rng = random.Random(settings.seed)
        drawn: list[tuple[Example, list[int]]] = []
        for _ in range(settings.epochs):
            order = list(examples)
            rng.shuffle(order)
            for example in order:
                negatives = draw_mixed(example, settings.hard, settings.anywhere, len(self._passages), rng)
                if negatives is not None:
                    drawn.append((example, negatives))
        usable = len(drawn) // settings.epochs
        if usable < settings.queries:
            raise InvalidInput(
                f"There are {usable} usable questions; one step needs {settings.queries}.",
                hint="Give more questions, or index more passages, so that hard negatives can be found.",
            )
        steps = len(drawn) // settings.queries
        return drawn, steps if settings.steps is None else min(steps, settings.steps)

    def _step(self, rows: Sequence[tuple[Example, list[int]]], number: int, share: float) -> float:
        # What is drawn in a step does not depend on the steps before: a run that goes on draws the same.
        torch.manual_seed(self._settings.seed * 1_000_003 + number)
        for group in self._optimizer.param_groups:
            group["lr"] = self._peak * share
        ordinals = [ordinal for example, drawn in rows for ordinal in (example.question.positive, *drawn)]
        encoded = self._encode([example.question.query for example, _ in rows], ordinals)
        self._model.train()
        loss = self._objective(self._learnt(encoded).view(len(rows), -1))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._losses.append(float(loss.detach()))
        return self._losses[-1]

    def _learnt(self, encoded: Encoded) -> Tensor:
        """Scores, (n,), that can be learnt from; padding is as short as in reading."""
        parts = [(rows, self._model(batch)) for rows, batch in self._featuriser.batches(encoded)]
        places = torch.from_numpy(np.argsort(np.concatenate([rows for rows, _ in parts])))
        return torch.cat([scores for _, scores in parts])[places]

    def _encode(self, queries: Sequence[str], ordinals: Sequence[int]) -> Encoded:
        """As many ordinals a query, in order."""
        return Encoded(
            [self._featuriser.query(query) for query in queries],
            [self._document(ordinal) for ordinal in ordinals],
            np.repeat(np.arange(len(queries)), len(ordinals) // max(1, len(queries))),
            np.zeros(len(ordinals), np.float32),
        )

    def _read_document(self, ordinal: int) -> Sequence[int]:
        passage = self._passages[ordinal]
        return array("q", self._featuriser.document(passage.title, passage.text))

    def _read_all(
        self, examples: Sequence[Example], depth: int, progress: Progress
    ) -> list[NDArray[np.float32]]:
        read = []
        with progress.task("held-out questions", total=len(examples)) as task:
            for example in examples:
                read.append(self._read(self._encode_held_out(example, depth)))
                task.advance()
        return read

    def _encode_held_out(self, example: Example, depth: int) -> Encoded:
        return self._encode([example.question.query], example.candidates[:depth])

    def _read(self, encoded: Encoded) -> NDArray[np.float32]:
        scores = np.empty(len(encoded.documents), np.float32)
        self._model.eval()
        with torch.inference_mode():
            for rows, batch in self._featuriser.batches(encoded):
                scores[rows] = self._model(batch).numpy()
        return scores

    def _look(self, taken: int, looked_at: Sequence[Encoded], truth: Sequence[NDArray[np.bool_]]) -> None:
        ranks = [
            relevant[np.argsort(-self._read(encoded), kind="stable")]
            for encoded, relevant in zip(looked_at, truth, strict=True)
        ]
        precision = float(np.mean([_average_precision(rank) for rank in ranks]))
        if not self.curve or precision > max(look.average_precision for look in self.curve):
            self._best = copy.deepcopy(self._model.state_dict())
        loss = float(np.mean(self._losses)) if self._losses else 0.0
        self.curve.append(Look(taken, loss, precision))
        self._losses = []

    def _has_learnt_all(self) -> bool:
        ranks = [look.average_precision for look in self.curve]
        return bool(ranks) and len(ranks) - 1 - int(np.argmax(ranks)) >= self._settings.patience

    def _last_look(self) -> str:
        return f"average precision {self.curve[-1].average_precision:.3f}" if self.curve else ""

    def _checkpoint(self, run: dict[str, Any], step: int) -> None:
        state: dict[str, Any] = {
            "step": step,
            "model": self._model.state_dict(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "curve": [asdict(look) for look in self.curve],
        }
        write_checkpoint(self._out, run, state)

    def _resume(self, run: dict[str, Any]) -> int:
        kept = read_checkpoint(self._out, run)
        if kept is None:
            return 0
        self._model.load_state_dict(kept["model"])
        self._best = kept["best"]
        self._optimizer.load_state_dict(kept["optimizer"])
        self.curve = [Look(**look) for look in kept["curve"]]
        return int(kept["step"])


def _average_precision(ranked: NDArray[np.bool_]) -> float:
    """Of the relevant candidates in a ranked list; 0 where there are none."""
    places = np.flatnonzero(ranked)
    return float(np.mean(np.arange(1, len(places) + 1) / (places + 1))) if len(places) else 0.0
