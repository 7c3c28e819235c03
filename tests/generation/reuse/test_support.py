"""Which models' keys can be moved, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.generation.base import Completed, GenerationRequest, Source, Started
from skerry.generation.engine import NO_STORE, TransformersGenerator
from skerry.generation.model import LoadedModel
from skerry.generation.plan import ContextPlan
from skerry.generation.reuse.support import movable

from .conftest import Shelf, make_model

SOURCES = (Source("p#0", "Skerryvore", "It was lit in 1844."), Source("p#1", "Bell Rock", "It is older."))


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["llama", "llama3-rope", "yarn", "qwen3", "phi"])
def test_rotated_keys_can_be_moved(tmp_path: Path, kind: str, dtype: str) -> None:
    rotation, obstacle = movable(LoadedModel(make_model(tmp_path, kind), dtype))
    assert rotation is not None
    assert obstacle == ""


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("gpt2", "does not rotate"),
        ("mistral", "window"),
        ("gemma3", "window"),
        ("dynamic", "length of the prompt"),
    ],
)
def test_a_model_that_cannot_answers_plainly_and_says_so(tmp_path: Path, kind: str, why: str) -> None:
    model = make_model(tmp_path, kind)
    shelf = Shelf()
    generator = TransformersGenerator(model, "fp32", store=shelf)
    plain = TransformersGenerator(model, "fp32")
    request = GenerationRequest("When was it lit?", SOURCES, max_tokens=6)
    events = list(generator.generate(request, Deadline(60)))
    started, done = events[0], events[-1]
    assert isinstance(started, Started) and isinstance(done, Completed)
    assert why in started.no_reuse
    assert started.reuse == ()
    last = list(plain.generate(request, Deadline(60)))[-1]
    assert isinstance(last, Completed) and last.text == done.text
    assert not shelf.values


def test_rotations_that_lie_are_found_out(tmp_path: Path) -> None:
    """A module that says other frequencies than those that are used."""
    loaded = LoadedModel(make_model(tmp_path, "llama"), "fp32")
    module = loaded.weights.base_model.rotary_emb
    forward = module.forward
    module.forward = lambda x, position_ids: forward(x, position_ids * 2)
    assert movable(loaded)[0] is None


def test_without_a_store_nothing_is_reused_and_it_is_said(tmp_path: Path) -> None:
    generator = TransformersGenerator(make_model(tmp_path, "llama"), "fp32")
    request = GenerationRequest("When?", SOURCES, max_tokens=2, context=ContextPlan(reuse=True))
    started = next(iter(generator.generate(request, Deadline(60))))
    assert isinstance(started, Started) and started.no_reuse == NO_STORE
