"""Keys moved to other positions: rotary embedding rotates, and rotations add up."""

from __future__ import annotations

from typing import Any

import torch


class Rotation:
    """Turns keys that were rotated for one position so that they stand at another (delta-RoPE).

    A key at position p is R(p) k, so that R(d) R(p) k stands at p + d. Only the angles matter: a factor that
    a model puts on sine and cosine is in the key already.

    Args:
        frequencies: float32 of shape (rotated size / 2,), of the model's own rotary module. Where they cover
            a part of the head only, the rest of a key stays as it is.
    """

    def __init__(self, frequencies: torch.Tensor) -> None:
        self._frequencies = frequencies.detach().to("cpu", torch.float32)

    def turn(self, keys: torch.Tensor, by: int) -> torch.Tensor:
        """Keys `by` positions further on; a new tensor, rounded once, unless `by` is 0.

        Args:
            keys: (..., head size), the first half of the rotated part before the second, as Llama has them.
        """
        if by == 0:
            return keys
        angles = (by * self._frequencies.double()).to(torch.float64)
        cosine, sine = angles.cos().float().to(keys.device), angles.sin().float().to(keys.device)
        half = cosine.shape[0]
        turned = torch.empty_like(keys)
        first, second = keys[..., :half].float(), keys[..., half : 2 * half].float()
        turned[..., :half] = first * cosine - second * sine
        turned[..., half : 2 * half] = second * cosine + first * sine
        if 2 * half < keys.shape[-1]:
            turned[..., 2 * half :] = keys[..., 2 * half :]
        return turned


def rotary_module(weights: Any) -> Any:
    """The model's rotary module; None where it has none of its own for all layers."""
    body = getattr(weights, "base_model", weights)
    module = getattr(body, "rotary_emb", None)
    return module if isinstance(getattr(module, "inv_freq", None), torch.Tensor) else None
