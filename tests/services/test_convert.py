"""Between the wire and the domain: what goes out comes back the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput, NotFound
from skerry.generation.answer import AnswerRequest, References
from skerry.generation.base import (
    Citation,
    Completed,
    Delta,
    FinishReason,
    GenerationRequest,
    Source,
    Started,
)
from skerry.protos.v1 import answer_pb2, embedding_pb2, generation_pb2, types_pb2
from skerry.ranking.base import Candidate, RankRequest, RankScores
from skerry.ranking.rerank import RankedHit
from skerry.retrieval.base import Evidence, Hit, LegRequest, LegScore, RetrievalRequest
from skerry.retrieval.corpus.records import Anchor, Page, Passage, Span
from skerry.services import convert

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
small = st.integers(0, 2**31 - 1)
number = st.floats(allow_nan=False, allow_infinity=False)
spans = st.builds(Span, small, small, small, small)
passages = st.builds(Passage, small, text, text, text, text, text, spans)


@st.composite
def hits(draw: st.DrawFn) -> Hit:
    passage = draw(passages)
    length = len(passage.text)
    pairs = st.tuples(st.integers(0, length), st.integers(0, length)).map(lambda p: (min(p), max(p)))
    evidence = st.builds(Evidence, text, small, number, st.lists(pairs, max_size=3).map(tuple))
    return Hit(
        passage,
        draw(number),
        tuple(draw(st.lists(st.builds(LegScore, text, small, number), max_size=3))),
        tuple(draw(st.lists(evidence, max_size=3))),
    )


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
            optional={"beams": small, "scoring": st.sampled_from(["lm", "lm_fm", "intersective"])},
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


@given(hits())
def test_hits(hit: Hit) -> None:
    assert convert.hit_of(convert.hit(hit)) == hit


@given(retrievals)
def test_retrieval_requests(request: RetrievalRequest) -> None:
    assert convert.retrieve_request_of(convert.retrieve_request(request)) == request


@given(text, st.data())
def test_byte_ranges(whole: str, data: st.DataObject) -> None:
    start, end = sorted((data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, len(whole)))))
    run = convert.text_range(whole, start, end)
    assert whole.encode()[run.start_byte : run.end_byte].decode() == whole[start:end]


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
    options = convert.answer_options(request, "")
    assert convert.answer_request_of(request.question, options, defaults) == request


def test_absent_knobs_take_the_defaults() -> None:
    defaults = {
        "retrieve_limit": 7,
        "rank_depth": 6,
        "passages": 5,
        "max_tokens": 4,
        "min_confidence": 0.25,
    }
    request = convert.answer_request_of("q", answer_pb2.AnswerOptions(), defaults)
    assert (request.retrieval.limit, request.rank_depth, request.passages) == (7, 6, 5)
    assert (request.max_tokens, request.min_confidence) == (4, 0.25)
    zero = answer_pb2.AnswerOptions(rank_depth=0, min_confidence=0.0)
    request = convert.answer_request_of("q", zero, defaults)
    assert (request.rank_depth, request.min_confidence) == (0, 0.0)


@given(text, st.lists(st.builds(Source, text, text, text, number), max_size=3), small, number, small)
def test_generation_requests(
    question: str, sources: list[Source], tokens: int, temperature: float, seed: int
) -> None:
    request = GenerationRequest(question, tuple(sources), tokens, temperature, seed, ("stop",))
    assert convert.generate_request_of(convert.generate_request(request)) == request


def test_events() -> None:
    passage = Passage(0, "p#0", "p", "T", "", "Ünder the sea.", Span(1, 0, 1, 14))
    hit = RankedHit(Hit(passage, 1.0), 2.0, 0.5)
    unranked = RankedHit(Hit(passage, 1.0), 1.0, math.nan)
    citation = Citation("p#0", 0, 5, 0, 5, "Ünder")
    events = [
        References((hit,), 1),
        Started(10, 3, 1),
        Delta("Ünder "),
        Delta("it"),
        citation,
        Completed(FinishReason.ABSTAINED, "Ünder it", 10, 3, 2, "why", {"decode": 0.5}),
    ]
    writer = convert.EventWriter(answer_pb2.StreamAnswerResponse)
    messages = [writer.message(event, 1.5, 0.25) for event in events]
    assert messages[4].citation.source_range.end_byte == 6
    back = [convert.event_of(message) for message in messages]
    assert back[:5] == events[:5]
    end = back[5]
    assert isinstance(end, Completed)
    assert (end.reason, end.text, end.abstention) == (FinishReason.ABSTAINED, "Ünder it", "why")
    assert end.timings == {"decode": 0.5, "queue": 0.25, "total": 1.5}
    [again] = convert.ranked_hits_of([convert.reference(unranked)])
    assert math.isnan(again.calibrated)


@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20), st.data())
def test_ranking(raw: list[float], data: st.DataObject) -> None:
    scores = RankScores(np.array(raw, np.float32), np.linspace(0, 1, len(raw), dtype=np.float32))
    message = convert.rank_request(RankRequest("q", tuple(Candidate("t", str(v), v) for v in raw)))
    assert [c.text for c in convert.rank_request_of(message).candidates] == [str(v) for v in raw]
    ordered = convert.ranked(message, scores, None)
    assert [item.score for item in ordered] == sorted((float(s) for s in scores.raw), reverse=True)
    limit = data.draw(st.integers(1, len(raw)))
    assert convert.ranked(message, scores, limit) == ordered[:limit]


@pytest.mark.parametrize("name", ["VECTOR_TYPE_FLOAT32", "VECTOR_TYPE_FLOAT16", "VECTOR_TYPE_UNSPECIFIED"])
def test_vectors(name: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    message = convert.vectors(values, embedding_pb2.VectorType.Value(name))
    assert (message.count, message.dimensions) == (3, 8)
    np.testing.assert_allclose(convert.vectors_of(message), values, atol=0 if "16" not in name else 1e-2)


@given(st.builds(Page, text, text, st.lists(text, max_size=3).map(tuple), st.just(()), st.just({})))
def test_documents(page: Page) -> None:
    page = Page(page.id, page.title, (page.title, *page.paragraphs), (Anchor("a", "b", 1, 0, 1),), {"k": "v"})
    assert convert.page_of(convert.document(page)) == page


@pytest.mark.parametrize(
    ("leg", "kind"),
    [
        (LegRequest("splade"), NotFound),
        (LegRequest("kind"), NotFound),
        (LegRequest("bm25", options={"k1": 1.2}), InvalidInput),
        (LegRequest("dense", options={"ef_search": "many"}), InvalidInput),
        (LegRequest("seal", options={"scoring": "best"}), InvalidInput),
    ],
)
def test_legs_that_cannot_be_said(leg: LegRequest, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        convert.leg(leg)


def test_numbers_of_nothing() -> None:
    with pytest.raises(InvalidInput):
        convert.fusion_of(answer_pb2.AnswerOptions(fusion=77))  # type: ignore[arg-type]
    assert convert.fusion_of(answer_pb2.AnswerOptions()) == "rrf"
    odd = types_pb2.Leg(seal=types_pb2.SealLeg(scoring=77))  # type: ignore[arg-type]
    assert convert.leg_of(odd, "legs[0]").options == {"scoring": 77}
    assert generation_pb2.FinishReason.Name(0) == "FINISH_REASON_UNSPECIFIED"


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 0.1, 59.999999999, 3600.0])
def test_durations(seconds: float) -> None:
    assert convert.seconds_of(convert.duration(seconds)) == pytest.approx(seconds, abs=1e-9)
    assert convert.seconds_of(convert.duration(math.nan)) == 0
    assert convert.seconds_of(convert.duration(-1)) == 0
