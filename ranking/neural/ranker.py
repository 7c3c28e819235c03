"""A trained neural ranker at work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from skerry.core.deadline import Deadline
from skerry.core.errors import NotFound
from skerry.core.models.store import ModelStore
from skerry.ranking import shipped_weights
from skerry.ranking.base import RankRequest, RankScores
from skerry.ranking.features.featuriser import Featuriser
from skerry.ranking.features.vectors import load_vectors
from skerry.ranking.neural import files


class NeuralRanker:
    """Scores every candidate with one of the models of `registry.py`. Safe to call from several threads.

    Args:
        models: where the word vectors are.
        folder: a trained ranker (`skerry train ranker NAME`); the shipped one of this name by default.

    Raises:
        NotFound: the word vectors have not been pulled, or there is no ranker in `folder`.
        IndexCorrupt: damaged files, or other word vectors than those that the ranker was trained on.
        InvalidInput: a folder with a ranker of another name.
    """

    name = ""

    def __init__(self, models: ModelStore, folder: Path | None = None) -> None:
        folder = _shipped(self.name) if folder is None else folder
        config = files.load_config(folder, self.name)
        base = models.resolve(config.base_model)
        config.check_base(
            base,
            made=f"The ranker in {folder} was trained on",
            hint=f"Pull the word vectors again with `skerry models pull {config.base_model} --force`.",
        )
        vectors = load_vectors(base)
        self._model, idf = files.load(folder, config, vectors)
        self._featuriser = Featuriser(vectors, idf, self._model.fields)
        self._first_stage_weight = config.first_stage_weight
        self._calibration = config.calibration

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        """One `RankScores` a request. Candidates of all requests share batches of like lengths.

        A raw score is the model's plus the weighted order of the candidates' first-stage scores, as that of
        `CrossEncoder` is.

        Raises:
            InvalidInput: a text that is no valid Unicode.
            DeadlineExceeded, Cancelled: between batches.
        """
        encoded = self._featuriser.encode(requests, deadline)
        raw = np.empty(len(encoded.documents), np.float32)
        with torch.inference_mode():
            for rows, batch in self._featuriser.batches(encoded):
                deadline.check("ranking passages")
                raw[rows] = (self._model(batch) + self._first_stage_weight * batch.prior).numpy()
        calibrated = self._calibration.probabilities(raw)
        order = np.float32(self._first_stage_weight) * encoded.prior
        scores, start = [], 0
        for request in requests:
            own = slice(start, start + len(request.candidates))
            scores.append(RankScores(raw[own], calibrated[own], order[own]))
            start = own.stop
        return scores


def _shipped(name: str) -> Path:
    folder = shipped_weights(name)
    if folder is None:
        raise NotFound(
            f"No weights of the ranker {name!r} are shipped.",
            hint=f"Train it with `skerry train ranker {name}`, and give its folder.",
            details={"kind": "ranker", "name": name},
        )
    return folder
