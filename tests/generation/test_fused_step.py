"""The fused step gives the bits of the library's forward pass."""

from __future__ import annotations

import pytest
import torch

from skerry.core.models.store import Model
from skerry.generation.attention.state import AttentionState, using
from skerry.generation.cache.preallocated import PreallocatedCache
from skerry.generation.fused_step import FusedStep
from skerry.generation.model import LoadedModel
from skerry.generation.selection.base import make_selector


def _compare(loaded: LoadedModel, batch: int, selector: str | None, prompt: int = 90) -> None:
    weights = loaded.weights
    random = torch.Generator().manual_seed(3)
    tokens = torch.randint(3, 320, (batch, prompt + 12), generator=random)

    def read(cache: PreallocatedCache, chunk: torch.Tensor) -> torch.Tensor:
        past = cache.get_seq_length()
        positions = torch.arange(past, past + chunk.shape[1])[None]
        out = weights(
            input_ids=chunk, position_ids=positions, use_cache=True, **{loaded.cache_argument: cache}
        )
        logits: torch.Tensor = out.logits[:, -1]
        return logits

    def decode(step: FusedStep | None) -> tuple[list[torch.Tensor], PreallocatedCache]:
        cache = PreallocatedCache(loaded.layers, prompt + 12)
        chosen = None if selector is None else make_selector(selector, 80)
        with torch.inference_mode(), using(AttentionState(selector=chosen)):
            logits = [read(cache, tokens[:, :prompt])]
            for at in range(prompt, prompt + 12):
                one = tokens[:, at]
                logits.append(read(cache, one[:, None]) if step is None else step(one, cache))
        return logits, cache

    theirs, their_cache = decode(None)
    assert FusedStep.fits(weights)
    for step in (FusedStep(weights), None):  # and the library's pass is what it was
        ours, our_cache = decode(step)
        assert all(map(torch.equal, ours, theirs))
        for one, two in zip(our_cache.layers, their_cache.layers, strict=True):
            assert torch.equal(one.keys, two.keys) and torch.equal(one.values, two.values)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("selector", [None, "sentence"])
def test_bits_are_the_librarys(tiny_model: Model, dtype: str, batch: int, selector: str | None) -> None:
    _compare(LoadedModel(tiny_model, dtype), batch, selector)


@pytest.mark.models
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_bits_are_the_librarys_on_a_real_model(smol_model: Model, dtype: str) -> None:
    _compare(LoadedModel(smol_model, dtype), 1, "sentence")


def test_the_model_keeps_its_weights_and_no_memory_is_taken(tiny_model: Model) -> None:
    weights = LoadedModel(tiny_model, "bf16").weights
    before = {name: value.clone() for name, value in weights.state_dict().items()}
    step = FusedStep(weights)
    after = weights.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    attention = weights.model.layers[0].self_attn
    (joined,) = step._layers[0].query_key_value
    assert attention.q_proj.weight.data_ptr() == joined.data_ptr()
    assert attention.v_proj.weight.untyped_storage().data_ptr() == joined.untyped_storage().data_ptr()


def test_other_models_do_not_fit() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    small = {
        "vocab_size": 40,
        "hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "attn_implementation": "skerry",
    }
    assert FusedStep.fits(LlamaForCausalLM(LlamaConfig(**small)))
    assert not FusedStep.fits(Qwen2ForCausalLM(Qwen2Config(**small)))
    assert not FusedStep.fits(LlamaForCausalLM(LlamaConfig(**small, attention_bias=True)))
    assert not FusedStep.fits(LlamaForCausalLM(LlamaConfig(**small, hidden_act="gelu")))
    assert not FusedStep.fits(LlamaForCausalLM(LlamaConfig(**(small | {"attn_implementation": "sdpa"}))))
    adapted = LlamaForCausalLM(LlamaConfig(**small))
    adapted.model.layers[1].mlp.up_proj = torch.nn.Sequential(adapted.model.layers[1].mlp.up_proj)
    assert not FusedStep.fits(adapted)
