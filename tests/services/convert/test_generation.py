"""Generation's requests: what goes out comes back the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.base import (
    Alternative,
    CacheReuse,
    Citation,
    Completed,
    FinishReason,
    GenerationRequest,
    Source,
    Started,
    Support,
)
from skerry.generation.beams import NO_SEARCH, BeamPlan
from skerry.generation.plan import ContextPlan
from skerry.protos.v1 import answer_pb2, generation_pb2
from skerry.services.convert.generation import (
    citation,
    citation_of,
    completed,
    completed_of,
    generate_request,
    generate_request_of,
    started,
    started_of,
)

from .strategies import beam_plans, contexts, number, small, text


@given(
    text,
    st.lists(st.builds(Source, text, text, text, number), max_size=3),
    small,
    number,
    small,
    contexts,
    beam_plans,
)
def test_generation_requests(
    question: str,
    sources: list[Source],
    tokens: int,
    temperature: float,
    seed: int,
    context: ContextPlan,
    beams: BeamPlan,
) -> None:
    request = GenerationRequest(
        question, tuple(sources), tokens, temperature, seed, ("stop",), context, beams
    )
    assert generate_request_of(generate_request(request)) == request


@given(small, small, st.lists(st.builds(CacheReuse, text, small, small, small, text), max_size=3), text)
def test_what_was_reused(prompt: int, cached: int, reuse: list[CacheReuse], no_reuse: str) -> None:
    value = Started(prompt, cached, len(reuse), tuple(reuse), no_reuse)
    assert started_of(started(value)) == value


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1)), max_size=3))
def test_what_an_answer_rests_on(places: list[tuple[int, int, float]]) -> None:
    texts = {"p#0": "Über der See"}
    rests_on = tuple(Support("p#0", min(a, b), max(a, b), weight) for a, b, weight in places)
    end = Completed(FinishReason.STOP, "See", 10, 3, 2, rests_on=rests_on)
    message = completed(end, 1.0, 0.0, texts)
    assert completed_of(message).rests_on == rests_on
    whole = answer_pb2.AnswerResponse(reason=message.reason, rests_on=message.rests_on)
    assert completed_of(whole).rests_on == rests_on
    for support in (None, 0.0, 0.25):
        cited = Citation("p#0", 0, 3, 9, 12, "See", support)
        assert citation_of(citation(cited, "See", texts)) == cited


def test_a_request_that_says_nothing_of_beams_searches_for_nothing() -> None:
    assert generate_request_of(generation_pb2.GenerateRequest()).beams == NO_SEARCH


@given(st.none() | number, st.lists(st.tuples(text, number, st.sampled_from(FinishReason)), max_size=3))
def test_other_answers(score: float | None, others: list[tuple[str, float, FinishReason]]) -> None:
    texts = {"p#0": "Über der See"}
    cited = Citation("p#0", 0, 3, 9, 12, "See")
    alternatives = tuple(Alternative("See" + more, value, reason, (cited,)) for more, value, reason in others)
    end = Completed(FinishReason.STOP, "See", 10, 3, 2, score=score, alternatives=alternatives)
    message = completed(end, 1.0, 0.0, texts)
    whole = answer_pb2.AnswerResponse(reason=message.reason, alternatives=message.alternatives, score=score)
    for read in (completed_of(message), completed_of(whole)):
        assert (read.score, read.alternatives) == (score, alternatives)
