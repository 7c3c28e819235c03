"""Requests to retrieve and to answer: what goes out comes back the same."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.answer import AnswerRequest
from skerry.generation.beams import BeamPlan
from skerry.generation.plan import ContextPlan
from skerry.protos.v1 import answer_pb2
from skerry.ranking.plan import WHOLE_LIST, RankPlan
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.services.convert.answer import answer_options, answer_request_of
from skerry.services.convert.retrieval import retrieve_request, retrieve_request_of

from .strategies import beam_plans, contexts, number, small, text

legs = st.one_of(
    st.builds(LegRequest, st.just("bm25"), small, number),
    st.builds(
        LegRequest,
        st.just("dense"),
        small,
        number,
        st.fixed_dictionaries({}, optional={"ef_search": small, "dimensions": small, "oversample": number}),
    ),
    st.builds(
        LegRequest,
        st.just("seal"),
        small,
        number,
        st.fixed_dictionaries(
            {},
            optional={
                "beams": small,
                "scoring": st.sampled_from(["lm", "lm_fm", "intersective", "balanced"]),
                "titles": st.booleans(),
                "groups": small,
                "diversity": number,
                "max_count": small,
            },
        ),
    ),
)
retrievals = st.builds(
    RetrievalRequest,
    text,
    st.lists(legs, max_size=3).map(tuple),
    st.sampled_from(["rrf", "convex", "learned"]),
    small,
    st.frozensets(text, max_size=3),
)


@given(retrievals)
def test_retrieval_requests(request: RetrievalRequest) -> None:
    assert retrieve_request_of(retrieve_request(request)) == request


plans = st.builds(
    RankPlan,
    ranker=text,
    depth=small,
    cheap=text,
    strong_depth=st.none() | small,
    margin=st.none() | number,
    block=small,
    reserve=st.none() | number,
    explain=st.booleans(),
)


@given(
    retrievals,
    plans,
    small,
    st.none() | number,
    small,
    number,
    small,
    st.lists(text, max_size=3),
    contexts,
    beam_plans,
)
def test_answer_requests(
    retrieval: RetrievalRequest,
    plan: RankPlan,
    count: int,
    confidence: float | None,
    tokens: int,
    temperature: float,
    seed: int,
    stop: list[str],
    context: ContextPlan,
    beams: BeamPlan,
) -> None:
    request = AnswerRequest(
        retrieval.query,
        retrieval,
        plan,
        count,
        confidence,
        tokens,
        temperature,
        seed,
        tuple(stop),
        context,
        beams,
    )
    defaults = {
        "retrieve_limit": 1,
        "rank_depth": 1,
        "passages": 1,
        "max_tokens": 1,
        "min_confidence": None,
    }
    options = answer_options(request, "")
    assert answer_request_of(request.question, options, defaults, WHOLE_LIST) == request


def test_absent_knobs_take_the_defaults() -> None:
    defaults = {
        "retrieve_limit": 7,
        "rank_depth": 6,
        "passages": 5,
        "max_tokens": 4,
        "min_confidence": 0.25,
    }
    plan = RankPlan(ranker="a", cheap="b", strong_depth=3, margin=0.5, block=2, reserve=0.25, explain=True)
    request = answer_request_of("q", answer_pb2.AnswerOptions(), defaults, plan)
    assert request.ranking == replace(plan, depth=6)
    assert (request.retrieval.limit, request.passages) == (7, 5)
    assert (request.max_tokens, request.min_confidence) == (4, 0.25)
    zero = answer_pb2.AnswerOptions(rank_depth=0, min_confidence=0.0)
    zero.cascade.margin = 0.0
    zero.explain = False
    request = answer_request_of("q", zero, defaults, plan)
    assert (request.ranking.depth, request.ranking.margin, request.ranking.explain) == (0, 0.0, False)
    assert request.min_confidence == 0.0
