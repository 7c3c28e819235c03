"""One token through a Llama's own weights, with a third of the library's calls and the same bits.

A small model's token takes nearly as long for the calls around its products as for the products. Here what a
layer needs is looked up once; the query, key and value projections are one product where that changes no bit,
and so are the two of the gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import Linear, functional

from skerry.generation.attention.registered import NAME, attention

if TYPE_CHECKING:
    from transformers import Cache


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Weights of one layer: one of several projections, or one that has them joined.

    `attention` is the library's module, for what the attention function asks of it.
    """

    attention: Any
    scale: float
    before_attention: torch.Tensor
    query_key_value: tuple[torch.Tensor, ...]
    out: torch.Tensor
    before_gate: torch.Tensor
    gate_up: tuple[torch.Tensor, ...]
    down: torch.Tensor


class FusedStep:
    """Reads one token of each sequence of a batch, or of each branch of one sequence.

    Projections that are joined share their memory with the model's: its parameters become views.

    Args:
        weights: a model that `fits`.
    """

    def __init__(self, weights: Any) -> None:
        self._model, self._head = weights.model, weights.lm_head
        config = weights.config
        self._size: int = self._model.layers[0].self_attn.head_dim
        self._heads: int = config.num_attention_heads
        self._kv_heads: int = config.num_key_value_heads
        self._epsilon: float = config.rms_norm_eps
        with torch.no_grad():
            self._layers = [_layer(one) for one in self._model.layers]

    @staticmethod
    def fits(weights: Any) -> bool:
        """Whether the model is a plain Llama: no biases, no adapters, loaded with Skerry's attention."""
        from transformers import LlamaForCausalLM

        config = weights.config
        if type(weights) is not LlamaForCausalLM or config._attn_implementation != NAME:
            return False
        linear = [
            one for name, one in weights.model.layers.named_modules() if name.endswith(("_proj", "act_fn"))
        ]
        return (
            config.hidden_act == "silu"
            and all(type(one) is not Linear or one.bias is None for one in linear)
            and sum(type(one) is Linear for one in linear) == 7 * config.num_hidden_layers
        )

    def __call__(self, tokens: torch.Tensor, cache: Cache, branching: int | None = None) -> torch.Tensor:
        """Logits after the token, (batch, vocabulary); its keys and values are in the cache then.

        Args:
            tokens: int64 (batch,).
            cache: transformers' or Skerry's, with room for one more.
            branching: None where each token is of a sequence of its own. Where they are of branches of one
                sequence, the position of all: they take `batch` rows of it, and the state says what they see.
        """
        batch, heads, kv_heads, size = len(tokens), self._heads, self._kv_heads, self._size
        rotated = heads + kv_heads
        states = self._model.embed_tokens(tokens)
        at = cache.get_seq_length() if branching is None else branching
        position = torch.full((1, 1), at, device=tokens.device)
        cos, sin = (part[0] for part in self._model.rotary_emb(states, position_ids=position))
        for number, layer in enumerate(self._layers):
            normed = self._norm(states, layer.before_attention)
            mixed = _project(normed, layer.query_key_value).view(batch, rotated + kv_heads, size)
            turning = mixed[:, :rotated]
            half = size // 2
            turned = torch.cat((-turning[..., half:], turning[..., :half]), dim=-1)
            turned = turning * cos + turned * sin
            query, key, value = turned[:, :heads], turned[:, heads:], mixed[:, rotated:]
            if branching is None:
                query, key, value = query[:, :, None], key[:, :, None], value[:, :, None]
            else:
                query, key, value = (rows.transpose(0, 1)[None] for rows in (query, key, value))
            keys, values = cache.update(key, value, number)
            attended, _ = attention(layer.attention, query, keys, values, None, scaling=layer.scale)
            states = states + functional.linear(attended.reshape(batch, heads * size), layer.out)
            normed = self._norm(states, layer.before_gate)
            gate, up = _project(normed, layer.gate_up).chunk(2, dim=-1)
            states = states + functional.linear(functional.silu(gate) * up, layer.down)
        logits: torch.Tensor = self._head(self._norm(states, self._model.norm.weight))
        return logits

    def _norm(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The library's root mean square norm, in its order of roundings."""
        wide = states.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self._epsilon)
        return weight * wide.to(states.dtype)


def _layer(layer: Any) -> _Layer:
    module, gated = layer.self_attn, layer.mlp
    return _Layer(
        attention=module,
        scale=module.scaling,
        before_attention=layer.input_layernorm.weight,
        query_key_value=_joined(module.q_proj, module.k_proj, module.v_proj),
        out=module.o_proj.weight,
        before_gate=layer.post_attention_layernorm.weight,
        gate_up=_joined(gated.gate_proj, gated.up_proj),
        down=gated.down_proj.weight,
    )


def _project(states: torch.Tensor, weights: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The projections side by side."""
    if len(weights) == 1:
        return functional.linear(states, weights[0])
    return torch.cat([functional.linear(states, one) for one in weights], dim=-1)


def _joined(*projections: Linear) -> tuple[torch.Tensor, ...]:
    """The weights one below the other, or as they are where their product has other bits then."""
    weights = tuple(one.weight for one in projections)
    if weights[0].dtype == torch.float32:
        # Its bits depend on where in memory a matrix begins.
        return weights
    joined = torch.cat(weights)
    if not all(_same(rows, weights, joined) for rows in (1, 4)):
        return weights
    start = 0
    for one in projections:
        one.weight.data = joined[start : start + one.out_features]
        start += one.out_features
    return (joined,)


def _same(rows: int, weights: tuple[torch.Tensor, ...], joined: torch.Tensor) -> bool:
    generator = torch.Generator().manual_seed(rows)
    probe = torch.randn((rows, joined.shape[1]), generator=generator).to(joined)
    return torch.equal(_project(probe, weights), _project(probe, (joined,)))
