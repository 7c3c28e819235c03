"""Selectors inside a model: bit-equal to full attention within the budget, and at work else."""

from __future__ import annotations

import pytest
import torch

from skerry.core.models.store import Model
from skerry.generation.attention.state import AttentionState
from skerry.generation.model import LoadedModel, Run
from skerry.generation.selection.base import SELECTORS, make_selector
from skerry.generation.selection.full import Full
from skerry.generation.selection.sentence_ends import sentence_ends

_PROMPT = [3 + (number * 37) % 300 for number in range(240)]
_ANSWER = [3 + (number * 11) % 300 for number in range(12)]


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def loaded(request: pytest.FixtureRequest, tiny_model: Model) -> LoadedModel:
    return LoadedModel(tiny_model, request.param)


def _logits(loaded: LoadedModel, name: str | None, budget: int = 1) -> torch.Tensor:
    selector = None if name is None else make_selector(name, budget)
    run = Run(loaded, len(_PROMPT) + len(_ANSWER), AttentionState(selector=selector))
    if selector is not None:
        selector.begin([sentence_ends(loaded.tokenizer, _PROMPT)])
    logits = [run.step(_PROMPT)]
    for token in _ANSWER:
        if selector is not None:
            selector.advance([False])
        logits.append(run.step([token]))
    return torch.stack(logits)


@pytest.mark.parametrize("name", sorted(set(SELECTORS) - {"full"}))
def test_a_budget_that_holds_everything_changes_no_bit(loaded: LoadedModel, name: str) -> None:
    assert torch.equal(_logits(loaded, name, 4096), _logits(loaded, "full"))


def test_full_attention_is_that_of_the_library(tiny_model: Model) -> None:
    loaded = LoadedModel(tiny_model, "fp32")
    torch.testing.assert_close(_logits(loaded, "full"), _logits(loaded, None), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", sorted(set(SELECTORS) - {"full"}))
def test_a_small_budget_changes_the_answer_and_not_the_prompt(loaded: LoadedModel, name: str) -> None:
    chosen, full = _logits(loaded, name, 80), _logits(loaded, "full")
    assert torch.equal(chosen[0], full[0])
    assert not torch.equal(chosen[1:], full[1:])
    assert torch.isfinite(chosen).all()


def test_a_selector_observes_every_chunk_of_a_prompt(loaded: LoadedModel) -> None:
    class Watching(Full):
        def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
            seen.append((layer, queries.shape[2], keys.shape[2]))

    seen: list[tuple[int, int, int]] = []
    run = Run(loaded, 60, AttentionState(selector=Watching(1)))
    run.step(_PROMPT[:40])
    run.step(_PROMPT[40:50])
    run.step(_PROMPT[50:51])
    assert seen == [(layer, n, m) for n, m in ((40, 40), (10, 50)) for layer in range(loaded.layers)]
