"""Rankers beside each other; by folds, each question is ranked by what learnt from the other folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.core.files import sha256_file
from skerry.core.models.store import ModelStore
from skerry.core.models.trained_files import CONFIG
from skerry.core.progress import Progress
from skerry.evaluation.rank.combined import learners, lists_of, orders_by_fold
from skerry.evaluation.rank.contenders import Contender
from skerry.evaluation.rank.kept import Kept
from skerry.evaluation.rank.learning import Lessons, examples_of, learn
from skerry.evaluation.rank.pools import Pool
from skerry.evaluation.rank.reading import Reading, read_pools
from skerry.evaluation.rank.sizes import parameter_count
from skerry.ranking import load_ranker, shipped_weights
from skerry.ranking.interpolation import rank_prior
from skerry.ranking.neural.registry import MODELS
from skerry.ranking.training.first_stage_weight import best_weight
from skerry.retrieval.corpus.store import PassageStore

Orders = list[NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Ordered:
    """A system's order of every pool's passages.

    Attributes:
        milliseconds: for 100 candidates; None for what is not a ranker.
        parameters: of the ranker; None as above.
    """

    orders: Orders
    milliseconds: float | None = None
    parameters: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What all rankers of a comparison share.

    Attributes:
        pools: at least one.
        folds: the fold of each pool; empty where nothing is learnt or fitted.
        lessons: how neural rankers learn by folds; None takes all rankers as they are.
        vectors: name of the word vectors to learn with.
    """

    pools: Sequence[Pool]
    passages: PassageStore
    models: ModelStore
    kept: Kept
    folds: Sequence[int]
    lessons: Lessons | None
    vectors: str
    progress: Progress

    def first_stage(self) -> dict[str, Ordered]:
        """Each leg's own order where there are several, and the fused one."""
        legs = list(self.pools[0].legs)
        rows = {leg: Ordered([pool.leg_order(leg) for pool in self.pools]) for leg in legs}
        if len(legs) > 1:
            rows["fused"] = Ordered([np.arange(len(pool.ordinals)) for pool in self.pools])
        return rows

    def rank(self, contender: Contender) -> tuple[Ordered, Sequence[NDArray[np.float32]]]:
        """One ranker's order, the first stage's weighed in, and its own scores.

        Raises:
            NotFound: a ranker that is taken as it is and has no weights.
            InvalidInput: too few questions to learn from; what loading and scoring raise.
        """
        learns = self.lessons is not None and contender.name in MODELS
        weights = contender.folder or shipped_weights(contender.name)
        facts: dict[str, Any] = {
            "depth": contender.depth,
            "weights": sha256_file(weights / CONFIG) if weights and (weights / CONFIG).is_file() else None,
        }
        if learns:
            assert self.lessons is not None
            facts["lessons"] = asdict(self.lessons) | {"vectors": self.vectors}
            if not self.lessons.start:
                facts["weights"] = None
        with closing(Kept(self.kept.folder / contender.name, facts, replace=True)) as kept:
            if learns:
                return self._learnt(contender, weights, kept)
            return self._as_it_is(contender, weights, kept)

    def combine(self, rankers: Mapping[str, Sequence[NDArray[np.float32]]], seed: int) -> dict[str, Ordered]:
        """By folds, all lists put together: the legs alone where there are several, then with the rankers."""
        legs = list(self.pools[0].legs)
        judged = bool(self.pools[0].question.judgements)
        rows = {}
        for title, some in (("legs", {}), ("legs + rankers", rankers)):
            names = [*legs, *some]
            if len(names) < 2 or (title != "legs" and not some):
                continue
            lists = lists_of(self.pools, some)
            for method, learner in learners(names, judged, seed).items():
                orders = orders_by_fold(self.pools, lists, self.folds, learner, self.progress)
                rows[f"{title}, {method}"] = Ordered(orders)
        return rows

    def _as_it_is(
        self, contender: Contender, weights: Path | None, kept: Kept
    ) -> tuple[Ordered, Sequence[NDArray[np.float32]]]:
        found = kept.load("all")
        if found is None:
            ranker = load_ranker(contender.name, self.models, contender.folder)
            reading = read_pools(ranker, self.pools, contender.depth, self.passages, self.progress)
            kept.save("all", reading.arrays())
        else:
            reading = Reading.of(found)
        if self.folds:
            reading = replace(reading, first_stage=self._fitted(reading.scores))
        count = None if weights is None else parameter_count(contender.name, weights, self.models)
        return self._ordered(reading, count), reading.scores

    def _fitted(self, scores: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """What the first stage adds to each pool's scores, its weight fitted on the other folds."""
        priors = [rank_prior(-np.arange(len(own))) for own in scores]
        truth = [pool.relevant[: len(own)] for pool, own in zip(self.pools, scores, strict=True)]
        parts = list(priors)
        for fold in sorted(set(self.folds)):
            others = [row for row, its in enumerate(self.folds) if its != fold]
            weight = best_weight([scores[row] for row in others], [truth[row] for row in others])
            for row in np.flatnonzero(np.array(self.folds) == fold).tolist():
                parts[row] = np.float32(weight) * priors[row]
        return parts

    def _learnt(
        self, contender: Contender, start: Path | None, kept: Kept
    ) -> tuple[Ordered, Sequence[NDArray[np.float32]]]:
        assert self.lessons is not None
        if not self.folds:
            raise InvalidInput("Nothing can be learnt without folds.", hint="Give a number of folds.")
        scores: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(self.pools)
        parts, seconds, count = list(scores), 0.0, None
        for fold in sorted(set(self.folds)):
            rows = [row for row, its in enumerate(self.folds) if its == fold]
            found = kept.load(f"fold-{fold}")
            out = kept.folder / f"fold-{fold}"
            if found is None:
                if not (out / CONFIG).is_file():
                    others = [pool for pool, its in zip(self.pools, self.folds, strict=True) if its != fold]
                    learn(
                        contender.name,
                        self.models.resolve(self.vectors),
                        examples_of(others, self.passages),
                        self.passages,
                        out,
                        self.lessons,
                        start if self.lessons.start else None,
                        self.progress,
                    )
                ranker = load_ranker(contender.name, self.models, out)
                pools = [self.pools[row] for row in rows]
                reading = read_pools(ranker, pools, contender.depth, self.passages, self.progress)
                kept.save(f"fold-{fold}", reading.arrays())
            else:
                reading = Reading.of(found)
            count = parameter_count(contender.name, out, self.models)
            for row, own, part in zip(rows, reading.scores, reading.first_stage, strict=True):
                scores[row], parts[row] = own, part
            seconds += reading.seconds
        return self._ordered(Reading(scores, parts, seconds), count), scores

    def _ordered(self, reading: Reading, parameters: int | None) -> Ordered:
        orders = [
            np.concatenate(
                [np.argsort(-(own + part), kind="stable"), np.arange(len(own), len(pool.ordinals))]
            )
            for pool, own, part in zip(self.pools, reading.scores, reading.first_stage, strict=True)
        ]
        return Ordered(orders, reading.milliseconds, parameters)
