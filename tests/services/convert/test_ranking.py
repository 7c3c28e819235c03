"""Ranking's requests, and lists in order: what goes out comes back the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skerry.protos.v1 import ranking_pb2
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.plan import WHOLE_LIST, RankPlan
from skerry.ranking.ranked import Explanation, Ranked, RankerScore, Reading, StoppedBy
from skerry.services.convert.ranking import rank_plan_of, rank_request, rank_response, ranked_of

from .strategies import number, small, text

plans = st.builds(
    RankPlan,
    ranker=text,
    depth=st.none() | small,
    cheap=text,
    strong_depth=st.none() | small,
    margin=st.none() | number,
    block=small,
    reserve=st.none() | number,
    explain=st.booleans(),
)
candidates = st.builds(Candidate, text, text, number, st.none() | small)
explanations = st.builds(
    Explanation,
    small,
    small,
    number,
    st.lists(st.builds(RankerScore, text, number, number, st.none() | number), max_size=2).map(tuple),
)


@given(text, st.lists(candidates, max_size=4), plans)
def test_requests(query: str, items: list[Candidate], plan: RankPlan) -> None:
    message = rank_request(RankRequest(query, tuple(items)), plan)
    assert rank_plan_of(message) == plan
    assert message.query == query
    for item, found in zip(items, message.candidates, strict=True):
        rank = found.first_stage_rank if found.HasField("first_stage_rank") else None
        assert Candidate(found.title, found.text, found.first_stage_score, rank) == item
    assert rank_plan_of(ranking_pb2.RankRequest()) == WHOLE_LIST


@given(st.integers(0, 8), st.sampled_from(StoppedBy), st.booleans(), st.data())
def test_ranked_lists(count: int, stopped: StoppedBy, explained: bool, data: st.DataObject) -> None:
    scores = st.lists(st.floats(width=32, allow_nan=False), min_size=count, max_size=count)
    said = data.draw(st.lists(explanations, min_size=count, max_size=count)) if explained else []
    ranked = Ranked(
        np.array(data.draw(st.permutations(range(count))), np.int64),
        np.array(data.draw(scores), np.float32),
        np.array(data.draw(scores), np.float32),
        Reading("strong", "cheap", count, stopped),
        tuple(said),
    )
    request = ranking_pb2.RankRequest(candidates=[ranking_pb2.Candidate(id=str(n)) for n in range(count)])
    message = rank_response(request, ranked)
    assert [item.id for item in message.candidates] == [str(place) for place in ranked.order]
    assert message.ranker == "strong"
    back = ranked_of(message)
    assert np.array_equal(back.order, ranked.order)
    assert np.array_equal(back.raw, ranked.raw) and back.raw.dtype == np.float32
    assert np.array_equal(back.calibrated, ranked.calibrated)
    assert (back.reading, back.explanations) == (ranked.reading, ranked.explanations)
    request.limit = 3
    assert rank_response(request, ranked).candidates == message.candidates[:3]
