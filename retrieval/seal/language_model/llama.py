"""Llama-family networks (Touvron et al. 2023) without a framework around them.

With some tens of new tokens a pass, a small model's time is reading its weights; what a general
implementation does between two products shows. Here a layer is five products on packed weights, with
activation, gate and residual fused into them, and one attention call for all hypotheses of all prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skerry.retrieval.seal.language_model.cache import TreeCache
from skerry.retrieval.seal.language_model.linear import PackedLinear
from skerry.retrieval.seal.language_model.network import Step

_MODELS = ("llama", "qwen2")
_ROPES = ("default", "linear", "llama3")


def fits(config: Any) -> bool:
    """Whether a model with this config.json is one that `LlamaNetwork` computes."""
    rope = getattr(config, "rope_parameters", None) or {}
    return (
        config.model_type in _MODELS
        and config.hidden_act == "silu"
        and rope.get("rope_type", "default") in _ROPES
        and not getattr(config, "use_sliding_window", False)
    )


class LlamaNetwork:
    """See `Network`.

    Args:
        model: a causal model of transformers whose config `fits`; its weights are copied, and it may be
            dropped afterwards.
        dtype: what to compute in.
        prefix: tokens in front of every prompt (a beginning-of-text token).
    """

    def __init__(self, model: Any, dtype: torch.dtype, prefix: Sequence[int] = ()) -> None:
        config = model.config
        self.device = str(model.device)
        self.dtype = dtype
        self.room: int = config.max_position_embeddings
        self.context = self.room - len(prefix)
        self._prefix = list(prefix)
        self._heads: int = config.num_attention_heads
        self._kv_heads: int = config.num_key_value_heads
        self._size: int = getattr(config, "head_dim", None) or config.hidden_size // self._heads
        self._epsilon: float = config.rms_norm_eps
        self._embedding = _own(model.get_input_embeddings().weight, dtype)
        self._layers = [_Layer(layer, self._heads // self._kv_heads, dtype) for layer in model.model.layers]
        self._norm = _own(model.model.norm.weight, dtype)
        head = model.get_output_embeddings().weight.detach().to(dtype)
        self.logits: int = len(head)
        self._head = PackedLinear(head)
        self._cosines, self._sines = self._rotations(model.model.rotary_emb)

    def _rotations(self, rotary: Any) -> tuple[Tensor, Tensor]:
        """Cosines (room, head size) and sines, the first half of which is negated."""
        cosines, sines = rotary(
            torch.zeros(1, dtype=torch.float32, device=self.device),
            torch.arange(self.room, device=self.device)[None],
        )
        sines = sines[0].clone()
        sines[:, : self._size // 2] *= -1
        return cosines[0].to(self.dtype), sines.to(self.dtype)

    def read(self, prompts: Sequence[Sequence[int]]) -> tuple[None, list[list[int]]]:
        """See `Network.read`."""
        return None, [[*self._prefix, *prompt] for prompt in prompts]

    def forward(self, step: Step, cache: TreeCache, keep: Tensor) -> Tensor:
        """See `Network.forward`."""
        rows, size, kv_heads = len(step.tokens), self._size, self._kv_heads
        group = self._heads // kv_heads
        rotated = self._heads + kv_heads
        turned = rotated * size
        # Of every head: elementwise products are several times as fast without broadcasting.
        cosines = self._cosines[step.positions].repeat(1, rotated)
        sines = self._sines[step.positions].repeat(1, rotated)
        grid = (step.prompts, step.width)
        # All query heads of a key head become queries of that head: they share its keys and the mask.
        mask = step.mask.repeat_interleave(group, 1)[:, None]
        filled = None
        if not step.full:  # a cell without a token repeats the first one, unseen
            filled = step.grid(torch.arange(rows, device=self.device)).flatten()
        x = self._embedding[step.tokens]
        for number, layer in enumerate(self._layers):
            h = layer.qkv(nn.functional.rms_norm(x, x.shape[-1:], layer.norm, self._epsilon))
            heads = h.view(rows, rotated + kv_heads, size)[:, :rotated]
            halves = torch.cat((heads[..., size // 2 :], heads[..., : size // 2]), -1).view(rows, turned)
            h[:, :turned].mul_(cosines).addcmul_(halves, sines)
            if filled is not None:
                h = h[filled]
            h = h.view(*grid, rotated + kv_heads, size)
            queries, keys, values = torch.split(h, [self._heads, kv_heads, kv_heads], 2)
            all_keys, all_values = cache.write(number, keys.transpose(1, 2), values.transpose(1, 2))
            queries = queries.view(*grid, kv_heads, group, size).permute(0, 2, 1, 3, 4).flatten(2, 3)
            mixed = nn.functional.scaled_dot_product_attention(queries, all_keys, all_values, mask)
            # Heads now go by place in the group, then by key head: so do the columns of the next weights.
            mixed = mixed.transpose(1, 2).reshape(-1, self._heads * size)
            if filled is not None:
                mixed = mixed[step.cells]
            x = layer.out.plus(mixed, x)
            h = nn.functional.rms_norm(x, x.shape[-1:], layer.mlp_norm, self._epsilon)
            x = layer.down.plus(layer.up.times(h, layer.gate.silu(h)), x)
        return self._head(nn.functional.rms_norm(x[keep], x.shape[-1:], self._norm, self._epsilon))


class _Layer:
    """The weights of one layer, packed."""

    def __init__(self, layer: Any, group: int, dtype: torch.dtype) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.norm = _own(layer.input_layernorm.weight, dtype)
        self.mlp_norm = _own(layer.post_attention_layernorm.weight, dtype)
        self.qkv = _joined((attention.q_proj, attention.k_proj, attention.v_proj), dtype)
        out = attention.o_proj.weight.detach().to(dtype)
        size = attention.head_dim
        out = out.view(len(out), -1, group, size).transpose(1, 2).reshape(len(out), -1)
        self.out = PackedLinear(out, _bias(attention.o_proj, dtype))
        self.gate, self.up, self.down = (
            _joined((part,), dtype) for part in (mlp.gate_proj, mlp.up_proj, mlp.down_proj)
        )


def _own(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy: a view of any weight would keep the whole file in memory beside the packed ones."""
    return weight.detach().to(dtype, copy=True)


def _joined(parts: Sequence[nn.Linear], dtype: torch.dtype) -> PackedLinear:
    weight = torch.cat([part.weight.detach().to(dtype) for part in parts])
    biases = [_bias(part, dtype) for part in parts]
    given = [bias for bias in biases if bias is not None]
    return PackedLinear(weight, torch.cat(given) if len(given) == len(parts) else None)


def _bias(part: nn.Linear, dtype: torch.dtype) -> Tensor | None:
    return None if part.bias is None else part.bias.detach().to(dtype)
