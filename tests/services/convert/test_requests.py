"""Requests to retrieve and to answer: what goes out comes back the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.answer import AnswerRequest
from skerry.protos.v1 import answer_pb2
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.services.convert.answer import answer_options, answer_request_of
from skerry.services.convert.retrieval import retrieve_request, retrieve_request_of

from .strategies import number, small, text

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


@given(retrievals, small, small, st.none() | number, small, number, small, st.lists(text, max_size=3))
def test_answer_requests(
    retrieval: RetrievalRequest,
    depth: int,
    count: int,
    confidence: float | None,
    tokens: int,
    temperature: float,
    seed: int,
    stop: list[str],
) -> None:
    request = AnswerRequest(
        retrieval.query, retrieval, depth, count, confidence, tokens, temperature, seed, tuple(stop)
    )
    defaults = {
        "retrieve_limit": 1,
        "rank_depth": 1,
        "passages": 1,
        "max_tokens": 1,
        "min_confidence": None,
    }
    options = answer_options(request, "")
    assert answer_request_of(request.question, options, defaults) == request


def test_absent_knobs_take_the_defaults() -> None:
    defaults = {
        "retrieve_limit": 7,
        "rank_depth": 6,
        "passages": 5,
        "max_tokens": 4,
        "min_confidence": 0.25,
    }
    request = answer_request_of("q", answer_pb2.AnswerOptions(), defaults)
    assert (request.retrieval.limit, request.rank_depth, request.passages) == (7, 6, 5)
    assert (request.max_tokens, request.min_confidence) == (4, 0.25)
    zero = answer_pb2.AnswerOptions(rank_depth=0, min_confidence=0.0)
    request = answer_request_of("q", zero, defaults)
    assert (request.rank_depth, request.min_confidence) == (0, 0.0)
