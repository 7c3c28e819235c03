"""Ranking's requests, and scores in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skerry.ranking.base import Candidate, RankRequest, RankScores
from skerry.services.convert.ranking import rank_request, rank_request_of, ranked


@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20), st.data())
def test_ranking(raw: list[float], data: st.DataObject) -> None:
    scores = RankScores(np.array(raw, np.float32), np.linspace(0, 1, len(raw), dtype=np.float32))
    message = rank_request(RankRequest("q", tuple(Candidate("t", str(v), v) for v in raw)))
    assert [c.text for c in rank_request_of(message).candidates] == [str(v) for v in raw]
    ordered = ranked(message, scores, None)
    assert [item.score for item in ordered] == sorted((float(s) for s in scores.raw), reverse=True)
    limit = data.draw(st.integers(1, len(raw)))
    assert ranked(message, scores, limit) == ordered[:limit]
