"""Kept passages over the wire: what a request may say, what the server says of it, what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skerry.core.errors import InvalidInput
from skerry.generation.base import Completed, GenerationRequest, Source, Started
from skerry.generation.plan import ContextPlan
from skerry.services.client import Client

from ..generation.conftest import make_tiny_model  # noqa: TID252 -- the room's model

_SOURCES = (
    Source("light#0", "Skerryvore", "It was built by Alan Stevenson, and lit in 1844."),
    Source("bell#0", "Bell Rock", "It was built by Robert Stevenson between 1807 and 1810."),
    Source("heather#0", "Heather", "A low shrub of moors."),
)
_REQUEST = GenerationRequest("Who built Skerryvore?", _SOURCES, max_tokens=8)


@pytest.fixture(scope="module")
def client(start: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A generation server over a tiny model, whose settings come from its environment."""
    folder: Path = tmp_path_factory.mktemp("tiny-model")
    make_tiny_model(folder)
    server = start(
        "generation",
        SKERRY_GENERATION_MODEL=str(folder),
        SKERRY_GENERATION_DTYPE="fp32",
        SKERRY_GENERATION_RECOMPUTE="first:2",
    )
    with Client(server.address, deadline=60) as client:
        yield client


def _ends(client: Client, context: ContextPlan) -> tuple[Started, Completed]:
    events = list(client.generate(replace(_REQUEST, context=context)))
    started, done = events[0], events[-1]
    assert isinstance(started, Started) and isinstance(done, Completed)
    return started, done


def test_the_servers_settings_hold_where_a_request_says_nothing(client: Client) -> None:
    first, _ = _ends(client, ContextPlan())
    again, done = _ends(client, ContextPlan())
    assert [part.source_id for part in again.reuse] == [source.id for source in _SOURCES]
    assert [part.recomputed_tokens for part in again.reuse] == [2, 2, 0]
    assert {part.tier for part in again.reuse} == {"memory"}
    assert again.cached_tokens == done.cached_tokens > first.cached_tokens


def test_a_request_chooses(client: Client) -> None:
    plain, without = _ends(client, ContextPlan(reuse=False))
    assert (plain.reuse, plain.no_reuse) == ((), "")
    sure, with_reuse = _ends(client, ContextPlan(recompute="none", margin=1.0))
    assert with_reuse.text == without.text
    assert sum(part.recomputed_tokens for part in sure.reuse) > 4
    for context in (
        ContextPlan(selector="sentence", budget=64, prefill="auto", reuse=False),
        ContextPlan(recompute="blend:0.5"),
        ContextPlan(recompute="last:3"),
    ):
        _, done = _ends(client, context)
        assert done.prompt_tokens == without.prompt_tokens


@pytest.mark.parametrize(
    ("field", "value"),
    [("recompute", "some"), ("margin", 2.0), ("selector", "none"), ("budget", 0), ("prefill", "fast")],
)
def test_what_cannot_be_is_refused_by_name(client: Client, field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        _ends(client, ContextPlan(**{field: value}))  # type: ignore[arg-type]
    assert caught.value.details["field"] == field
