"""What rankers read, counted."""

from __future__ import annotations

import pytest

from skerry.core.deadline import Deadline
from skerry.evaluation.reading_tally import ReadingTally
from skerry.ranking.base import RankRequest
from skerry.ranking.cascade import Cascade
from skerry.ranking.plan import RankPlan

from ..ranking.readers import NumberRanker, number_candidates  # noqa: TID252 -- another room's ranker


def test_counts() -> None:
    tally = ReadingTally(Cascade.of(NumberRanker(seconds=0.001)))
    assert tally.summary() == {"lists": 0, "read": 0.0, "milliseconds": 0.0, "stopped": {}}
    requests = [RankRequest("q", number_candidates(numbers)) for numbers in ([90, 1, 1, 1], [5, 6, 7, 8])]
    plan = RankPlan(margin=0.5, block=2)
    lists = tally.rank(requests[:1], plan, Deadline()) + tally.rank(requests, plan, Deadline())
    assert [ranked.reading.read for ranked in lists] == [2, 2, 4]
    summary = tally.summary()
    assert summary["lists"] == 3 and summary["read"] == pytest.approx(8 / 3)
    assert summary["stopped"] == {"margin": 2, "depth": 1}
    assert summary["milliseconds"] >= 8 / 3
