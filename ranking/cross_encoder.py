"""The cross-encoder: query and passage read together (Nogueira and Cho 2019), on a small sentence encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from skerry.core.deadline import Deadline
from skerry.core.models import low_rank
from skerry.core.models.store import Model, ModelStore
from skerry.ranking import adapter
from skerry.ranking.base import RankRequest, RankScores
from skerry.ranking.interpolation import candidates_prior
from skerry.ranking.pair_network import PairNetwork, PairTokenizer, load_network, passage_text
from skerry.ranking.pair_reader import Pair, pair_reader

SHIPPED = Path(__file__).parent / "weights" / "cross-encoder"
_BLOCK = 512
"""Texts tokenised between two looks at the deadline."""


class CrossEncoder:
    """Scores every candidate by reading it with the query. Safe to call from several threads.

    Args:
        models: where the base model is.
        folder: a trained ranker (`skerry train ranker cross-encoder`); the shipped one by default.
        dtype: "fp32", "bf16", "int8" or "auto", the fastest here: see `pair_reader`.

    Raises:
        NotFound: the base model has not been pulled, or there is no ranker in `folder`.
        InvalidInput: another dtype, or one that cannot be here.
        IndexCorrupt: damaged files, or a base model other than the one that the ranker was trained on.
    """

    name = "cross-encoder"

    def __init__(self, models: ModelStore, folder: Path | None = None, dtype: str = "auto") -> None:
        network, base, config = trained_network(models, SHIPPED if folder is None else folder)
        self._reader = pair_reader(network, dtype)
        self._tokenizer = PairTokenizer(base, config.max_tokens)
        self._first_stage_weight = config.first_stage_weight
        self._calibration = config.calibration

    @property
    def dtype(self) -> str:
        """What it computes in: "fp32", "bf16" or "int8"."""
        return self._reader.dtype

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        """One `RankScores` a request. Pairs of all requests share batches.

        A raw score is the network's logit plus the weighted order of the candidates' first-stage scores: a
        candidate's score depends on the others through their first-stage scores only, and not at all where
        those are all equal.

        Raises:
            InvalidInput: a text that is no valid Unicode.
            DeadlineExceeded, Cancelled: between batches, of pairs or of texts that are tokenised.
        """
        logits = self._reader.logits(self._pairs(requests, deadline), deadline)
        scores, start = [], 0
        for request in requests:
            order = np.float32(self._first_stage_weight) * candidates_prior(request.candidates)
            part = logits[start : start + len(order)] + order
            scores.append(RankScores(part, self._calibration.probabilities(part), order))
            start += len(part)
        return scores

    def _pairs(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[Pair]:
        queries = self._tokenizer.tokens([request.query for request in requests])
        texts = [passage_text(c.title, c.text) for request in requests for c in request.candidates]
        passages = self._passages(texts, deadline)
        return [
            self._tokenizer.pair(query, next(passages))
            for query, request in zip(queries, requests, strict=True)
            for _ in request.candidates
        ]

    def _passages(self, texts: Sequence[str], deadline: Deadline) -> Iterator[list[int]]:
        for start in range(0, len(texts), _BLOCK):
            deadline.check("reading passages")
            yield from self._tokenizer.tokens(texts[start : start + _BLOCK])


def trained_network(models: ModelStore, folder: Path) -> tuple[PairNetwork, Model, adapter.AdapterConfig]:
    """A trained ranker's network, float32 and merged with its adapter; its base model; its configuration.

    Raises:
        NotFound, IndexCorrupt: as for `CrossEncoder`.
    """
    config, factors, head = adapter.load(folder)
    base = models.resolve(config.base_model)
    config.check_base(
        base,
        made=f"The ranker in {folder} was trained on",
        hint=f"Pull the model again with `skerry models pull {config.base_model} --force`.",
    )
    network = load_network(base, torch.float32, "sdpa", config.max_tokens)
    low_rank.merge(network.encoder, factors)
    network.head.load_state_dict(head)
    return network.eval(), base, config
