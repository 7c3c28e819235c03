"""Whether a model's keys can be moved to other positions: asked of its configuration and of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skerry.generation.reuse.rotation import Rotation, rotary_module

if TYPE_CHECKING:
    import torch

    from skerry.generation.model import LoadedModel

_DEPENDS_ON_LENGTH = ("dynamic", "longrope")
_TOKENS = 8
_NEAR, _FAR = 7, 411
_TOLERANCE = 0.02
"""Of the length of a key: four times what bfloat16 rounds away."""


def movable(loaded: LoadedModel) -> tuple[Rotation | None, str]:
    """How the model's keys are moved; or None and why they cannot be.

    A lone token sees itself only, so that all its keys depend on its position by their rotation alone: a few
    tokens are read at two positions, and one's keys, moved, must be the other's, in every layer.
    """
    config = loaded.weights.config.get_text_config()
    if windowed(config):
        return None, "layers of the model attend to a window of tokens only"
    module = rotary_module(loaded.weights)
    if module is None:
        return None, "the model does not rotate its keys by their positions"
    if getattr(module, "rope_type", "default") in _DEPENDS_ON_LENGTH:
        return None, "the model rotates its keys by the length of the prompt"
    rotation = Rotation(module.inv_freq)
    far = min(_FAR, loaded.context - 1)
    near_keys, near_values = _lone(loaded, min(_NEAR, far))
    far_keys, far_values = _lone(loaded, far)
    moved = rotation.turn(near_keys, far - min(_NEAR, far))
    if _differ(moved, far_keys) or _differ(near_values, far_values):
        return None, "the model's keys depend on their positions by more than a rotation"
    return rotation, ""


def windowed(config: Any) -> bool:
    """Whether a model with this text configuration has layers that see the last tokens only."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return any(kind != "full_attention" for kind in kinds)
    window = getattr(config, "sliding_window", None)
    return window is not None and getattr(config, "use_sliding_window", True)


def _lone(loaded: LoadedModel, position: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values of single tokens at a position: float32, (layers, tokens, KV heads, head size)."""
    import torch
    from transformers import DynamicCache

    cache = DynamicCache()
    size = loaded.weights.config.get_text_config().vocab_size
    tokens = torch.arange(1, 1 + _TOKENS, device=loaded.device)[:, None] * size // (_TOKENS + 2)
    with torch.inference_mode():
        loaded.weights(
            input_ids=tokens,
            position_ids=torch.full_like(tokens, position),
            use_cache=True,
            **{loaded.cache_argument: cache},
        )
    keys = torch.stack([layer.keys[:, :, 0].float() for layer in cache.layers])
    return keys, torch.stack([layer.values[:, :, 0].float() for layer in cache.layers])


def _differ(some: torch.Tensor, others: torch.Tensor) -> bool:
    apart = (some - others).norm(dim=-1)
    return bool((apart > _TOLERANCE * others.norm(dim=-1).clamp(min=1e-6)).any())
