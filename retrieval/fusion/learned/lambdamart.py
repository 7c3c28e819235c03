"""LambdaMART (Burges 2010): gradient boosted trees over what the legs say, by LightGBM (Ke et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput
from skerry.retrieval.fusion.base import Fused, LegList, ranked
from skerry.retrieval.fusion.learned.base import Judged
from skerry.retrieval.fusion.learned.features import features

_ROUNDS = 120
_PARAMETERS = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 10,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


class LambdaMart:
    """See `LearnedFusion`. Safe to call from several threads.

    Args:
        legs: that it was learnt on.
        model: LightGBM's text of the trees.

    Raises:
        BackendUnavailable: LightGBM is not installed.
        IndexCorrupt: a text that is no model.
    """

    method = "lambdamart"

    def __init__(self, legs: Sequence[str], model: str) -> None:
        lightgbm = _lightgbm()
        self.legs, self.model = tuple(legs), model
        try:
            self._booster = lightgbm.Booster(model_str=model)
        except lightgbm.basic.LightGBMError as error:
            raise IndexCorrupt(
                f"The trees of the learnt fusion cannot be read: {error}.",
                hint="Train it again with `skerry train fusion`.",
            ) from error

    def __call__(self, lists: Mapping[str, LegList]) -> Fused:
        """See `LearnedFusion`."""
        ordinals, columns = features(lists, self.legs)
        if not len(ordinals):
            return ranked(ordinals, [])
        return ranked(ordinals, [np.asarray(self._booster.predict(columns, num_threads=1), np.float64)])


def learn_lambdamart(judged: Sequence[Judged], legs: Sequence[str], seed: int) -> LambdaMart:
    """Learn from the questions of which some but not all passages found are relevant.

    Raises:
        InvalidInput: there is no such question.
        BackendUnavailable: LightGBM is not installed.
    """
    lightgbm = _lightgbm()
    rows, labels, sizes = [], [], []
    for question in judged:
        ordinals, columns = features(question.lists, legs)
        gains = question.gains_of(ordinals)
        if gains.any() and not (gains > 0).all():
            rows.append(columns)
            labels.append(gains)
            sizes.append(len(ordinals))
    if not rows:
        raise InvalidInput(
            f"None of {len(judged)} questions has a relevant passage beside others in the legs' lists.",
            hint="Give questions about the corpus of this index.",
        )
    data = lightgbm.Dataset(np.concatenate(rows), np.concatenate(labels), group=sizes)
    booster = lightgbm.train({**_PARAMETERS, "seed": seed}, data, _ROUNDS)
    return LambdaMart(legs, booster.model_to_string())


def _lightgbm() -> Any:
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise BackendUnavailable(
            f"LambdaMART needs LightGBM, which cannot be loaded: {error}.",
            hint="Install it with `pip install 'skerry[fusion]'`, or use --method convex.",
        ) from error
    return lightgbm
