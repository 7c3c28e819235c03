"""Cross-entropy through a frozen output layer, without ever holding all logits.

A vocabulary of 50,000 makes the logits the largest thing in training. As the layer is frozen, the gradient of
its input is all that is needed: it is formed at once, a few places at a time, while their logits are at hand.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_PLACES = 64


def cross_entropy(states: Tensor, output: Tensor, place: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum of `-log softmax(states[place] @ output.T)[target]`, differentiable in `states` only.

    Args:
        states: (p, width), the output layer's input at p places.
        output: (vocabulary, width), frozen.
        place, targets: int64 (t,); a place may have several targets.
        weights: float32 (t,).
    """
    loss: Tensor = _FrozenOutput.apply(states, output, place, targets, weights)  # type: ignore[no-untyped-call]
    return loss


class _FrozenOutput(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, states: Tensor, output: Tensor, place: Tensor, targets: Tensor, weights: Tensor
    ) -> Tensor:
        needed = context.needs_input_grad[0]
        of_place = torch.zeros(len(states)).index_add_(0, place, weights)
        gradient = torch.empty_like(states) if needed else None
        loss = torch.zeros(())
        for start in range(0, len(states), _PLACES):
            logits = (states[start : start + _PLACES] @ output.T).float()
            inside = (place >= start) & (place < start + _PLACES)
            rows, columns, shares = place[inside] - start, targets[inside], weights[inside]
            normaliser = torch.logsumexp(logits, dim=-1, keepdim=True)
            loss += (shares * (normaliser[rows, 0] - logits[rows, columns])).sum()
            if gradient is not None:
                share = of_place[start : start + _PLACES, None]
                slope = logits.sub_(normaliser).exp_().mul_(share)
                slope.index_put_((rows, columns), -shares, accumulate=True)
                gradient[start : start + _PLACES] = slope.to(states.dtype) @ output
        context.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        [gradient] = context.saved_tensors
        return gradient * slope.to(gradient.dtype), None, None, None, None
