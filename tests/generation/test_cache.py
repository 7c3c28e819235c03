"""The preallocated cache gives exactly what the library's growing cache gives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DynamicCache

from skerry.core.deadline import Deadline
from skerry.core.models.store import Model
from skerry.generation.cache.preallocated import PreallocatedCache
from skerry.generation.model import LoadedModel, Run


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def loaded(request: pytest.FixtureRequest, tiny_model: Model) -> LoadedModel:
    return LoadedModel(tiny_model, request.param)


def _both(loaded: LoadedModel, chunks: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    total = sum(map(len, chunks))
    ours, theirs = Run(loaded, total), Run(loaded, total)
    theirs.cache = DynamicCache()
    a = torch.stack([ours.step(chunk) for chunk in chunks])
    b = torch.stack([theirs.step(chunk) for chunk in chunks])
    return a, b


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(3, 320), min_size=1, max_size=40), min_size=1, max_size=8))
def test_logits_are_bit_identical_for_any_chunks(loaded: LoadedModel, chunks: list[list[int]]) -> None:
    ours, theirs = _both(loaded, chunks)
    assert torch.equal(ours, theirs)


def test_memory_is_taken_once_and_views_share_it(loaded: LoadedModel) -> None:
    run = Run(loaded, 64)
    run.step(list(range(3, 20)))
    before = [layer.keys.data_ptr() for layer in run.cache.layers]
    for token in range(20, 60):
        run.step([token])
    assert before == [layer.keys.data_ptr() for layer in run.cache.layers]
    assert run.cache.get_seq_length() == 57
    assert run.cache.get_max_length() == 64


def test_cropped_tokens_are_as_if_they_had_never_been(loaded: LoadedModel) -> None:
    run, fresh = Run(loaded, 64), Run(loaded, 64)
    run.step([5, 6, 7])
    run.step([8, 9])
    run.cache.crop(2)
    fresh.step([5, 6, 7])
    assert torch.equal(run.step([30]), fresh.step([30]))
    run.cache.reset()
    again = Run(loaded, 64)
    assert torch.equal(run.step([5, 6]), again.step([5, 6]))


def test_writing_past_the_capacity_is_refused(loaded: LoadedModel) -> None:
    run = Run(loaded, 4)
    run.step([5, 6, 7])
    with pytest.raises(ValueError, match="5 tokens written to a cache of 4"):
        run.step([8, 9])


def test_a_chunked_prefill_agrees_with_a_whole_one(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skerry.generation.model._PREFILL_CHUNK", 96)
    loaded = LoadedModel(tiny_model, "fp32")
    tokens = [3 + (i * 37) % 300 for i in range(700)]
    chunked = Run(loaded, 700).prefill(tokens, Deadline(None))
    whole = Run(loaded, 700).step(tokens)
    torch.testing.assert_close(chunked, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.models
def test_real_model_is_bit_identical_to_the_dynamic_cache(smol_model: Model) -> None:
    loaded = LoadedModel(smol_model, "auto")
    tokens = loaded.tokenizer("The lighthouse was lit in 1844. " * 10).input_ids
    ours, theirs = _both(loaded, [tokens[:50], tokens[50:], [253], [4052], [28]])
    assert torch.equal(ours, theirs)


def test_the_cache_has_a_layer_for_every_layer_of_the_model() -> None:
    assert len(PreallocatedCache(5, 8).layers) == 5
