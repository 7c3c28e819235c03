"""The attention function and the mask function that transformers calls under the name "skerry".

A model is loaded with `attn_implementation="skerry"` and is not changed otherwise. What a layer does is said
by the `AttentionState` of the pass; without one it is transformers' own "sdpa". A layer that no pattern can
serve (a sliding window, a soft cap on the scores, a mask of padding) attends to all that it may see.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import causal_mask_function, sdpa_mask

from skerry.core.errors import BackendUnavailable
from skerry.generation.attention.dense import Dense
from skerry.generation.attention.on_device import attend_ranges, attend_suffix
from skerry.generation.attention.softcap import attend_with_softcap
from skerry.generation.attention.state import AttentionState, current

NAME = "skerry"
_SPECIAL = ("sliding_window", "softcap", "s_aux", "position_bias")
"""What transformers says of a layer that is more than plain causal attention."""


def register() -> str:
    """Tell transformers of both functions; the name to load a model with. May be called again."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, mask)
    return NAME


def mask(
    *,
    q_length: int,
    kv_length: int,
    q_offset: Any = 0,
    mask_function: Any = causal_mask_function,
    attention_mask: torch.Tensor | None = None,
    local_size: int | None = None,
    allow_is_causal_skip: bool = True,
    config: Any = None,
    **options: Any,
) -> torch.Tensor | None:
    """transformers' mask for "sdpa", or None where the state of the pass says what a query sees.

    Args:
        q_length, kv_length, q_offset: n, m, and where the first of the n stands among the m.
        attention_mask: padding, bool of shape (batch, tokens): True where a token counts.
        config: the model's.
        local_size, mask_function, allow_is_causal_skip, options: as transformers gives them.

    Returns:
        Bool of shape (batch, 1, n, m): True where query and key meet.
    """
    state = current()
    capped = getattr(config, "attn_logit_softcapping", None) is not None
    skip = allow_is_causal_skip and not capped
    if skip and mask_function is causal_mask_function and local_size is None:
        at_the_end = state.pattern is not None and int(q_offset) + q_length == kv_length
        if (state.scattered or at_the_end) and (attention_mask is None or bool(attention_mask.all())):
            return None
    made: torch.Tensor | None = sdpa_mask(
        q_length=q_length,
        kv_length=kv_length,
        q_offset=q_offset,
        mask_function=mask_function,
        attention_mask=attention_mask,
        local_size=local_size,
        allow_is_causal_skip=skip,
        **options,
    )
    return made


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """One layer's attention, shape (batch, n, heads, head size), and None where others give the weights.

    Args:
        query: (batch, heads, n, head size).
        key, value: (batch, KV heads, m, head size), as the cache gives them.
        attention_mask: what `mask` made.

    Raises:
        BackendUnavailable: a layer with learnt attention sinks, which "sdpa" does not know either.
        DeadlineExceeded, Cancelled: when the state has a deadline.
        ValueError: scattered rows in a layer that does not see all earlier keys.
    """
    state = current()
    if state.deadline is not None:
        state.deadline.check("reading the prompt")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    sees_all = _sees_all(module, key, value, dropout, options)
    if sees_all and state.selector is not None and query.shape[2] > 1:
        state.selector.observe(getattr(module, "layer_idx", 0), query, key)
    if attention_mask is None and sees_all:
        attended = _by_state(state, module, query, key, value, scale)
        if attended is not None:
            return attended, None
    elif state.scattered:
        raise ValueError("scattered rows need layers that see all earlier keys, without padding")
    if options.get("s_aux") is not None:
        raise BackendUnavailable(
            "The model has learnt attention sinks, which Skerry's attention does not know.",
            hint="Use a model without them.",
        )
    if attention_mask is None and state.pattern is not None and 1 < query.shape[2] < key.shape[2]:
        # `mask` left it out for the layers that a pattern serves; this one is not one of them.
        attention_mask = _at_the_end(query.shape[2], key.shape[2], query.device)
    if options.get("softcap") is not None:
        return attend_with_softcap(
            query, key, value, attention_mask, scale, options["softcap"], dropout
        ), None
    out: torch.Tensor = sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout, scaling, **options
    )[0]
    return out, None


def _sees_all(
    module: torch.nn.Module, key: torch.Tensor, value: torch.Tensor, dropout: float, options: dict[str, Any]
) -> bool:
    """Whether the layer is plain causal attention over all earlier keys."""
    causal = options.get("is_causal")
    return (
        (getattr(module, "is_causal", True) if causal is None else causal)
        and all(options.get(name) is None for name in _SPECIAL)
        and dropout == 0
        and key.shape[-1] == value.shape[-1]
    )


def _by_state(
    state: AttentionState,
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
) -> torch.Tensor | None:
    """What the state asks for; None where it asks for nothing. Shapes as in `attention`."""
    if state.limits is not None:
        rows = [attend_suffix(*one, state.limits, scale) for one in zip(query, key, value, strict=True)]
        return _joined(rows)
    if state.branches is not None:
        [tips] = query
        starts, ranges = state.branches.starts, state.branches.ranges
        return attend_ranges(tips.transpose(0, 1), key, value, starts, ranges, scale).unsqueeze(0)
    if query.shape[2] == 1:
        if state.selector is None:
            return None
        chosen = state.selector.select(getattr(module, "layer_idx", 0), query, key)
        if chosen is None:
            return None
        row = attend_ranges(query.squeeze(2), key, value, chosen.starts, chosen.ranges, scale)
        return row.unsqueeze(1)
    if state.pattern is None:
        return None
    # Plans are made on a CPU: on a GPU every query sees all.
    pattern = Dense() if query.is_cuda else state.pattern
    attended = [pattern.attend(*one, scale) for one in zip(query, key, value, strict=True)]
    return _joined(attended)


def _joined(sequences: list[torch.Tensor]) -> torch.Tensor:
    """(batch, n, heads, head size) of sequences (heads, n, head size), copied once."""
    return torch.stack([sequence.transpose(0, 1) for sequence in sequences])


def _at_the_end(n: int, m: int, device: torch.device) -> torch.Tensor:
    """Bool of shape (1, 1, n, m): the last n of m positions see what is not later than they are."""
    return torch.ones((1, 1, n, m), dtype=torch.bool, device=device).tril(m - n)
