"""Generation's requests: what goes out comes back the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.base import GenerationRequest, Source
from skerry.services.convert.generation import generate_request, generate_request_of

from .strategies import number, small, text


@given(text, st.lists(st.builds(Source, text, text, text, number), max_size=3), small, number, small)
def test_generation_requests(
    question: str, sources: list[Source], tokens: int, temperature: float, seed: int
) -> None:
    request = GenerationRequest(question, tuple(sources), tokens, temperature, seed, ("stop",))
    assert generate_request_of(generate_request(request)) == request
