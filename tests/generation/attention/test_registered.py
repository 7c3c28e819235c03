"""The registered functions: transformers' own results without a state, the state's rows with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import (
    DynamicCache,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, Cancelled
from skerry.generation.attention.registered import attention, register
from skerry.generation.attention.state import AttentionState, RowRanges, current, using

_SIZES: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
}
_WINDOWED = {
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "sliding_window": 16,
}
_FAMILIES: dict[str, Callable[[], Any]] = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**_SIZES)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**_SIZES)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**_SIZES, head_dim=16)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**_SIZES, head_dim=8, **_WINDOWED)),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**_SIZES, head_dim=8, **_WINDOWED)),
}


def _model(family: str) -> Any:
    torch.manual_seed(3)
    return _FAMILIES[family]().eval()


def _outputs(
    model: Any, name: str, ids: torch.Tensor, mask: torch.Tensor | None = None
) -> list[torch.Tensor]:
    """Logits of a prompt in two chunks and of three more tokens, over one cache."""
    model.set_attn_implementation(name)
    cache, logits, read = DynamicCache(config=model.config), [], 0
    with torch.inference_mode():
        for tokens in (40, 21, 1, 1, 1):
            seen = read + tokens
            out = model(
                input_ids=ids[:, read:seen],
                attention_mask=None if mask is None else mask[:, :seen],
                past_key_values=cache,
                use_cache=True,
            )
            logits.append(out.logits)
            read = seen
    return logits


def _ids(batch: int = 1, tokens: int = 64) -> torch.Tensor:
    return torch.randint(0, 97, (batch, tokens), generator=torch.Generator().manual_seed(5))


@pytest.fixture(params=sorted(_FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


def _peer(family: str) -> str:
    return "eager" if family == "gemma2" else "sdpa"  # sdpa knows no soft caps


def test_without_a_state_it_is_transformers_own(family: str) -> None:
    model = _model(family)
    want, got = _outputs(model, _peer(family), _ids()), _outputs(model, "skerry", _ids())
    assert all(torch.equal(a, b) for a, b in zip(want, got, strict=True))


def test_padded_batches(family: str) -> None:
    model, ids = _model(family), _ids(batch=3)
    mask = torch.ones_like(ids)
    mask[0, :9] = 0
    mask[2, :30] = 0
    want = _outputs(model, _peer(family), ids, mask)
    for state in (AttentionState(), AttentionState(pattern=_Exact(), selector=_Everything())):
        with using(state):
            got = _outputs(model, "skerry", ids, mask)
        for a, b in zip(want, got, strict=True):
            rows = mask[:, : a.shape[1]].bool() if a.shape[1] > 1 else torch.ones(3, 1, dtype=torch.bool)
            assert torch.equal(a[rows], b[rows])


class _Exact:
    """Dense attention as a pattern; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        self.calls += 1
        group, (n, m) = queries.shape[0] // keys.shape[0], (queries.shape[1], keys.shape[1])
        scores = queries @ keys.repeat_interleave(group, 0).transpose(1, 2) * scale
        scores = scores.masked_fill(~torch.ones(n, m, dtype=torch.bool).tril(m - n), -torch.inf)
        return scores.softmax(-1) @ values.repeat_interleave(group, 0)


class _Everything:
    """Selects every row, in two ranges; keeps what it was told."""

    def __init__(self) -> None:
        self.observed: list[tuple[int, int, int]] = []
        self.selected: list[tuple[int, int]] = []

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        self.observed.append((layer, queries.shape[2], keys.shape[2]))

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges | None:
        self.selected.append((layer, keys.shape[2]))
        heads, m = keys.shape[0] * keys.shape[1], keys.shape[2]
        return RowRanges(
            torch.arange(0, 2 * heads + 1, 2, dtype=torch.int32),
            torch.tensor([[0, 7], [7, m]] * heads, dtype=torch.int32),
        )


def test_pattern_and_selector_are_asked_by_the_layers_that_see_everything(family: str) -> None:
    model, pattern, selector = _model(family), _Exact(), _Everything()
    want = _outputs(model, _peer(family), _ids())
    with using(AttentionState(pattern=pattern, selector=selector)):
        got = _outputs(model, "skerry", _ids())
    full = {"gemma2": [], "gemma3": [1]}.get(family, [0, 1, 2])
    assert pattern.calls == 2 * len(full)
    assert selector.observed == [(layer, n, m) for n, m in ((40, 40), (21, 61)) for layer in full]
    assert selector.selected == [(layer, m) for m in (62, 63, 64) for layer in full]
    for a, b in zip(want, got, strict=True):
        torch.testing.assert_close(a, b, atol=2e-4, rtol=1e-4)
    if not full:
        assert all(torch.equal(a, b) for a, b in zip(want, got, strict=True))


def test_limits_say_what_scattered_rows_see() -> None:
    """Rows 10, 3 and 50 of a prompt, computed again over its keys and values, give the same hidden states."""
    model = _model("llama")
    model.set_attn_implementation("skerry")
    ids = _ids()
    with torch.inference_mode():
        want = model(input_ids=ids).logits[0]
        rows = torch.tensor([10, 3, 50])
        cache = _rewritten(model, ids, rows)
        with using(AttentionState(limits=(rows + 1).to(torch.int32))):
            got = model(
                input_ids=ids[:, rows], position_ids=rows[None], past_key_values=cache, use_cache=True
            ).logits[0]
    torch.testing.assert_close(got, want[rows], atol=2e-4, rtol=1e-4)


def _rewritten(model: Any, ids: torch.Tensor, rows: torch.Tensor) -> Any:
    """A cache of the whole prompt that overwrites the given rows instead of growing."""
    cache = DynamicCache(config=model.config)
    model(input_ids=ids, past_key_values=cache, use_cache=True)

    def update(keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any) -> Any:
        held = cache.layers[layer]
        held.keys[:, :, rows], held.values[:, :, rows] = keys, values
        return held.keys, held.values

    cache.update = update
    return cache


def test_limits_and_a_layer_with_a_window_do_not_go_together() -> None:
    model = _model("gemma3")
    model.set_attn_implementation("skerry")
    with (
        using(AttentionState(limits=torch.arange(1, 65, dtype=torch.int32))),
        pytest.raises(ValueError, match="scattered rows"),
    ):
        model(input_ids=_ids())


def test_learnt_sinks_are_refused() -> None:
    rows = torch.zeros(1, 2, 4, 8)
    with pytest.raises(BackendUnavailable, match="sinks"):
        attention(torch.nn.Module(), rows, rows, rows, None, s_aux=torch.zeros(2))


def test_a_deadline_is_looked_at_in_every_layer() -> None:
    model, deadline = _model("llama"), Deadline(60)
    model.set_attn_implementation("skerry")

    class Leaves(_Exact):
        def attend(self, *rows: Any) -> torch.Tensor:
            deadline.cancel()
            return super().attend(*rows)

    pattern = Leaves()
    with using(AttentionState(pattern, deadline=deadline)), pytest.raises(Cancelled):
        model(input_ids=_ids())
    assert pattern.calls == 1


def test_a_state_ends_with_its_block() -> None:
    state = AttentionState(pattern=_Exact())
    before = current()
    with pytest.raises(RuntimeError), using(state):
        assert current() is state
        raise RuntimeError
    assert current() is before
