"""Pools, the metrics of an order, what a ranker says of them, and what is put together of it, by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.progress import SilentProgress
from skerry.evaluation.rank.combined import learners, lists_of, orders_by_fold
from skerry.evaluation.rank.compare import Ordered
from skerry.evaluation.rank.measures import main_measure, measures
from skerry.evaluation.rank.pools import Pool
from skerry.evaluation.rank.questions import RankQuestion
from skerry.evaluation.rank.reading import Reading, read_pools
from skerry.evaluation.rank.report import rank_table
from skerry.ranking.base import RankRequest, RankScores
from skerry.retrieval.corpus.records import Passage, Span

NAN = float("nan")


def pool(gains: dict[int, int], judgements: dict[str, int] | None = None, number: int = 0) -> Pool:
    """Passages 10 to 14, of which the first four are candidates; two legs found three each."""
    question = RankQuestion(f"{number}", f"question {number}", gains, f"g{number}", (), judgements or {})
    ordinals = np.arange(10, 15)
    legs = {
        "a": np.array([3.0, NAN, 5.0, NAN, 1.0], np.float32),
        "b": np.array([NAN, 9.0, 9.0, 2.0, NAN], np.float32),
    }
    return Pool(question, 4, ordinals, legs, np.array([gains.get(o, 0) for o in ordinals.tolist()]))


def test_pools() -> None:
    one = pool({12: 1, 14: 1})
    assert one.candidates.tolist() == [10, 11, 12, 13]
    assert one.relevant.tolist() == [False, False, True, False]
    assert one.leg_order("a").tolist() == [2, 0, 4]
    assert one.leg_order("b").tolist() == [1, 2, 3]
    found = one.list_of(np.array([1.0, NAN, 2.0, 2.0, 7.0], np.float32))
    assert found.ordinals.tolist() == [12, 13, 10]
    assert found.scores.tolist() == [2.0, 2.0, 1.0]


def test_measures() -> None:
    one = pool({12: 1, 14: 1})
    assert measures(one, (), np.array([2, 0, 1, 3, 4])) == {"hit@1": 1, "hit@5": 1, "MRR": 1}
    assert measures(one, (), np.array([0, 1, 3, 4, 2])) == {"hit@1": 0, "hit@5": 1, "MRR": 1 / 4}
    assert measures(pool({}), (), np.arange(5)) == {"hit@1": 0, "hit@5": 0, "MRR": 0}
    # Pages x, x, y, z, z: a page stands where its first passage does.
    judged = pool({12: 2, 13: 1, 14: 1}, {"y": 2, "z": 1, "x": 0})
    values = measures(judged, ("x", "x", "y", "z", "z"), np.array([0, 1, 2, 3, 4]))
    ideal = 2 + 1 / np.log2(3)
    assert values == {
        "nDCG@10": pytest.approx((2 / np.log2(3) + 1 / 2) / ideal),
        "MAP": pytest.approx((1 / 2 + 2 / 3) / 2),
        "P@10": pytest.approx(0.2),
    }
    assert (main_measure(True), main_measure(False)) == ("nDCG@10", "hit@1")


class Store:
    """Passages whose text is their ordinal."""

    def get_many(self, ordinals: Sequence[int]) -> list[Passage]:
        return [Passage(int(o), f"p#{o}", "p", "", "", str(o), Span(1, 0, 1, 2)) for o in ordinals]


class Backwards:
    """The later in the corpus, the better; the first stage counts ten times its rank."""

    name = "backwards"

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        found = []
        for request in requests:
            part = np.array([-10.0 * (c.first_stage_rank or 0) for c in request.candidates], np.float32)
            raw = np.array([float(c.text) for c in request.candidates], np.float32) + part
            found.append(RankScores(raw, raw, part))
        return found


def test_readings() -> None:
    pools = [pool({12: 1}), pool({13: 1})]
    reading = read_pools(Backwards(), pools, 3, Store(), SilentProgress())  # type: ignore[arg-type]
    assert [scores.tolist() for scores in reading.scores] == [[10.0, 11.0, 12.0]] * 2
    assert [part.tolist() for part in reading.first_stage] == [[0.0, -10.0, -20.0]] * 2
    assert reading.milliseconds == pytest.approx(1e5 * reading.seconds / 6)
    again = Reading.of(reading.arrays())
    assert [scores.tolist() for scores in again.scores] == [scores.tolist() for scores in reading.scores]
    assert again.seconds == reading.seconds
    none = Reading.of(Reading([], [], 0.0).arrays())
    assert none.milliseconds == 0


def test_put_together_by_folds() -> None:
    # The ranker is right, the legs are not; each fold's order is learnt from the other.
    pools = [pool({10 + number % 4: 1}, number=number) for number in range(12)]
    scores = [np.where(one.relevant, 5.0, 1.0 / (1 + np.arange(4))).astype(np.float32) for one in pools]
    lists = lists_of(pools, {"right": scores})
    assert set(lists[0].lists) == {"a", "b", "right"}
    assert lists[0].lists["a"].ordinals.tolist() == [12, 10]
    learn = learners(["a", "b", "right"], False, 0)["convex"]
    folds = [number % 2 for number in range(12)]
    orders = orders_by_fold(pools, lists, folds, learn, SilentProgress())
    for one, order in zip(pools, orders, strict=True):
        assert sorted(order.tolist()) == [0, 1, 2, 3, 4] and order[-1] == 4
        assert one.gains[order[0]] == 1


def test_table() -> None:
    pools = [pool({10: 1}, number=number) for number in range(40)]
    good, bad = [np.arange(5)] * 40, [np.array([1, 0, 2, 3, 4])] * 40
    table = rank_table(
        "set", pools, [()] * 40, {"first": Ordered(bad), "good": Ordered(good, 12.345, 1234)}, "first"
    )
    assert table.title == "set: 40 questions"
    printed = table.markdown()
    assert "| first | 0.000 | 1.000 | 0.500 | - | - | - |" in printed
    assert "| good | 1.000 | 1.000 | 1.000 | 12.3 | 1,234 | 0.0001 |" in printed
