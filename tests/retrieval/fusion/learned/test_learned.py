"""Learnt fusions: features by hand, what is learnt, what is kept on disk, and how requests meet it."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput
from skerry.retrieval.fusion import FUSIONS, LegList
from skerry.retrieval.fusion.learned import LearnedFusion, load_learned, save_learned
from skerry.retrieval.fusion.learned.base import Judged
from skerry.retrieval.fusion.learned.convex import LearnedConvex, Measure, learn_convex
from skerry.retrieval.fusion.learned.features import features
from skerry.retrieval.fusion.learned.folds import fold_numbers, fold_ranks
from skerry.retrieval.fusion.learned.lambdamart import LambdaMart, learn_lambdamart

LEGS = ("good", "bad")


def leg(found: dict[int, float]) -> LegList:
    return LegList(np.array(list(found), np.int64), np.array(list(found.values()), np.float32))


def judged(count: int, seed: int = 0) -> list[Judged]:
    """The good leg has the relevant passage first most of the time, the bad one anywhere."""
    rng = random.Random(seed)
    questions = []
    for number in range(count):
        ordinals = rng.sample(range(100), 20)
        relevant = ordinals[0] if rng.random() < 0.8 else rng.choice(ordinals[1:5])
        shuffled = rng.sample(ordinals, 20)
        lists = {
            "good": leg({ordinal: 20.0 - row for row, ordinal in enumerate(ordinals)}),
            "bad": leg({ordinal: 1.0 - row / 20 for row, ordinal in enumerate(shuffled)}),
        }
        questions.append(Judged(lists, frozenset({relevant}), f"page {number % 10}"))
    return questions


def test_features_by_hand() -> None:
    ordinals, columns = features(
        {"a": leg({7: 10.0, 3: 6.0, 9: 2.0}), "b": leg({3: 0.5}), "c": leg({})}, ("a", "b", "c")
    )
    assert ordinals.tolist() == [3, 7, 9]
    # Of each leg: stretched, reciprocal rank, score, lead; at the end how many legs found it.
    assert columns.tolist() == [
        [0.5, 0.5, 6.0, 4.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0],
        [1.0, 1.0, 10.0, 4.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, pytest.approx(1 / 3), 2.0, 4.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ]
    nothing = features({"a": leg({}), "b": leg({})}, ("a", "b"))
    assert nothing[0].shape == (0,) and nothing[1].shape == (0, 9)


def test_convex_weights_go_to_the_leg_that_is_right() -> None:
    learnt = learn_convex(judged(200), LEGS)
    assert learnt.legs == LEGS and sum(learnt.weights) == pytest.approx(1)
    assert learnt.weights[0] > 0.6
    question = judged(1)[0]
    by_hand = FUSIONS.load("convex")(
        [
            LegList(one.ordinals, one.scores, w)
            for one, w in zip(question.lists.values(), learnt.weights, strict=True)
        ]
    )
    assert learnt(question.lists).ordinals.tolist() == by_hand.ordinals.tolist()


def slow_measure(question: Judged, weights: tuple[float, float], measure: str) -> float:
    """Passage by passage; of equal scores the less relevant stands first."""
    scores: dict[int, float] = {}
    for weight, one in zip(weights, question.lists.values(), strict=True):
        low, high = float(one.scores.min()), float(one.scores.max())
        for ordinal, score in zip(one.ordinals.tolist(), one.scores.tolist(), strict=True):
            scores[ordinal] = scores.get(ordinal, 0.0) + weight * (score - low) / (high - low)
    gain = {ordinal: question.gains.get(ordinal, int(ordinal in question.relevant)) for ordinal in scores}
    gains = [gain[ordinal] for ordinal in sorted(scores, key=lambda o: (-round(scores[o], 12), gain[o]))]
    if measure == "reciprocal rank":
        return 1 / (1 + next(place for place, value in enumerate(gains) if value))
    ideal = sorted((question.gains.get(o, 1) for o in question.relevant), reverse=True)

    def discounted(values: list[int]) -> float:
        return sum(value / math.log2(2 + place) for place, value in enumerate(values[:10]))

    return discounted(gains) / discounted(ideal)


@pytest.mark.parametrize("measure", ["reciprocal rank", "nDCG@10"])
def test_no_weights_of_the_grid_are_better(measure: Measure) -> None:
    rng = random.Random(7)
    questions = []
    for question in judged(40, 3):
        every = question.lists["good"].ordinals.tolist()
        gains = {ordinal: rng.randint(1, 4) for ordinal in [*question.relevant, *rng.sample(every, 3)]}
        # Somewhat right, both; a relevant passage that nobody found counts against everyone.
        lists = {
            name: leg({o: gains.get(o, 0) * share + rng.random() * 5 for o in every})
            for name, share in (("good", 1.0), ("bad", 0.6))
        }
        lists = {
            name: leg(
                dict(
                    sorted(zip(one.ordinals.tolist(), one.scores.tolist(), strict=True), key=lambda e: -e[1])
                )
            )
            for name, one in lists.items()
        }
        questions.append(Judged(lists, frozenset({*gains, 999}), question.group, gains))

    def mean(weights: tuple[float, float]) -> float:
        return float(np.mean([slow_measure(question, weights, measure) for question in questions]))

    learnt = learn_convex(questions, LEGS, measure)
    best = max(mean((share / 20, 1 - share / 20)) for share in range(21))
    assert mean((learnt.weights[0], learnt.weights[1])) >= best - 0.01


def test_gains() -> None:
    question = Judged({}, frozenset({3, 5}), "page", {5: 4})
    assert question.gains_of(np.array([5, 7, 3])).tolist() == [4, 0, 1]
    # Trees learn to put what is more relevant above what is less.
    rng = random.Random(1)
    graded = []
    for number in range(120):
        grade = {ordinal: rng.choice([0, 0, 0, 1, 3]) for ordinal in range(20)}
        scores = {o: value + rng.random() for o, value in grade.items()}
        found = leg(dict(sorted(scores.items(), key=lambda entry: -entry[1])))
        relevant = frozenset(o for o, value in grade.items() if value)
        graded.append(Judged({"a": found}, relevant, f"{number}", {o: grade[o] for o in relevant}))
    fused = learn_lambdamart(graded[:100], ["a"], 0)
    for question in graded[100:]:
        first = fused(question.lists).ordinals[: sum(value == 3 for value in question.gains.values())]
        assert (question.gains_of(first) == 3).mean() > 0.8 or not len(first)


def test_folds_never_part_a_group() -> None:
    groups = [f"g{number % 7}" for number in range(50)]
    numbers = fold_numbers(groups, 3, 0)
    assert set(numbers) == {0, 1, 2}
    assert all(
        len({n for n, its in zip(numbers, groups, strict=True) if its == group}) == 1 for group in groups
    )
    assert fold_numbers(groups, 3, 0) == numbers
    for folds in (0, 1, 8):
        with pytest.raises(InvalidInput, match=f"{folds} folds of 7 pages"):
            fold_numbers(groups, folds, 0)


@pytest.mark.parametrize("name", ["convex", "lambdamart"])
def test_what_is_learnt_is_better_on_pages_not_learnt_from(name: str) -> None:
    def learn(some: list[Judged]) -> LearnedFusion:
        return learn_convex(some, LEGS) if name == "convex" else learn_lambdamart(some, LEGS, 0)

    seen: list[set[str]] = []

    def noted(some: list[Judged]) -> LearnedFusion:
        seen.append({question.group for question in some})
        return learn(some)

    questions = judged(300)
    ranks = fold_ranks(questions, {"rrf": FUSIONS.load("rrf")}, {name: noted}, 5, 0)  # type: ignore[dict-item]
    assert (ranks[name] == 1).mean() > (ranks["rrf"] == 1).mean() + 0.1
    assert len(seen) == 5 and all(len(groups) == 8 for groups in seen)
    assert set.intersection(*seen) == set()


def test_the_same_seed_gives_the_same_trees() -> None:
    first, again = (learn_lambdamart(judged(100), LEGS, 3) for _ in range(2))
    assert first.model == again.model
    lists = judged(1, seed=5)[0].lists
    swapped = dict(reversed(lists.items()))
    assert first(lists).ordinals.tolist() == again(swapped).ordinals.tolist()
    empty = first({"good": leg({}), "bad": leg({})})
    assert len(empty.ordinals) == 0


@pytest.mark.parametrize("name", ["convex", "lambdamart"])
def test_what_is_saved_is_loaded(name: str, tmp_path: Path) -> None:
    learnt = learn_convex(judged(60), LEGS) if name == "convex" else learn_lambdamart(judged(60), LEGS, 0)
    save_learned(tmp_path, learnt, {"questions": 60})
    loaded = load_learned(tmp_path)
    assert (loaded.method, loaded.legs) == (name, LEGS)
    for question in judged(20, seed=1):
        wanted, found = learnt(question.lists), loaded(question.lists)
        assert found.ordinals.tolist() == wanted.ordinals.tolist()
        assert found.scores == pytest.approx(wanted.scores)


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexNotReady, match="skerry train fusion --corpus"):
        load_learned(tmp_path)
    folder = save_learned(tmp_path, learn_lambdamart(judged(60), LEGS, 0), {})
    config = json.loads((folder / "config.json").read_text())
    (folder / "trees.txt").write_text("no trees")
    with pytest.raises(IndexCorrupt, match="checksum"):
        load_learned(tmp_path)
    for changes, why in (
        ({"format": 9}, "another format"),
        ({"method": "convex", "weights": [1.0]}, "weights"),
        ({"method": "convex", "weights": [0.0, 0.0]}, "weights"),
        ({"legs": None}, "NoneType"),
    ):
        (folder / "config.json").write_text(json.dumps(config | changes))
        with pytest.raises(IndexCorrupt, match=why):
            load_learned(tmp_path)
    with pytest.raises(IndexCorrupt, match="trees"):
        LambdaMart(LEGS, "no trees")


def test_nothing_to_learn_from() -> None:
    lost = [Judged(question.lists, frozenset({1000}), question.group) for question in judged(5)]
    for nothing in ([], lost):
        with pytest.raises(InvalidInput, match=f"None of {len(nothing)} questions"):
            learn_convex(nothing, LEGS)
        with pytest.raises(InvalidInput, match=f"None of {len(nothing)} questions"):
            learn_lambdamart(nothing, LEGS, 0)
    for folds in (1, 11):
        with pytest.raises(InvalidInput, match=f"{folds} folds of 10 pages"):
            fold_ranks(judged(20), {}, {}, folds, 0)


def test_weights_of_zero_leave_a_leg_out() -> None:
    question = judged(1)[0]
    only = LearnedConvex(LEGS, (1.0, 0.0))(question.lists)
    assert only.ordinals[0] == question.lists["good"].ordinals[0]
