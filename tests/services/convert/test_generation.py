"""Generation's requests: what goes out comes back the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.base import CacheReuse, GenerationRequest, Source, Started
from skerry.generation.plan import ContextPlan
from skerry.services.convert.generation import generate_request, generate_request_of, started, started_of

from .strategies import contexts, number, small, text


@given(
    text, st.lists(st.builds(Source, text, text, text, number), max_size=3), small, number, small, contexts
)
def test_generation_requests(
    question: str, sources: list[Source], tokens: int, temperature: float, seed: int, context: ContextPlan
) -> None:
    request = GenerationRequest(question, tuple(sources), tokens, temperature, seed, ("stop",), context)
    assert generate_request_of(generate_request(request)) == request


@given(small, small, st.lists(st.builds(CacheReuse, text, small, small, small, text), max_size=3), text)
def test_what_was_reused(prompt: int, cached: int, reuse: list[CacheReuse], no_reuse: str) -> None:
    value = Started(prompt, cached, len(reuse), tuple(reuse), no_reuse)
    assert started_of(started(value)) == value
