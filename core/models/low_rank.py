"""Low-rank adapters (Hu et al. 2021, LoRA) on the linear layers of a frozen model.

An adapter holds, for every adapted weight W of shape (out, in), two factors A (rank, in) and B (out, rank);
the layer computes with W + B A. Training goes through `torch.nn.utils.parametrize`, which forms W + B A
once a step as one small matrix product: on a CPU that is faster than two thin products for every token. For
inference the product is added to the weights once and the factors are gone.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from skerry.core.errors import InvalidInput

_A, _B = ".low_rank_a", ".low_rank_b"


class _LowRankUpdate(nn.Module):
    def __init__(self, out_features: int, in_features: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(rank, in_features, generator=generator) / in_features**0.5)
        self.b = nn.Parameter(torch.zeros(out_features, rank))

    def forward(self, weight: Tensor) -> Tensor:
        return torch.addmm(weight, self.b.to(weight.dtype), self.a.to(weight.dtype))


def attach(model: nn.Module, rank: int, seed: int) -> list[nn.Parameter]:
    """Freeze `model` and give every linear layer a trainable low-rank update; returns the new parameters.

    The update starts at zero, so the model's outputs are unchanged. Factors are float32 whatever the model's
    dtype is.
    """
    generator = torch.Generator().manual_seed(seed)
    model.requires_grad_(False)
    trainable: list[nn.Parameter] = []
    for layer in [m for m in model.modules() if isinstance(m, nn.Linear)]:
        update = _LowRankUpdate(layer.out_features, layer.in_features, rank, generator)
        update.to(layer.weight.device)
        parametrize.register_parametrization(layer, "weight", update, unsafe=True)
        trainable += [update.a, update.b]
    return trainable


def state(model: nn.Module) -> dict[str, Tensor]:
    """The attached factors as `{layer}.low_rank_a` (rank, in) and `{layer}.low_rank_b` (out, rank)."""
    factors: dict[str, Tensor] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear) and parametrize.is_parametrized(layer, "weight"):
            [update] = layer.parametrizations["weight"]  # type: ignore[index]
            assert isinstance(update, _LowRankUpdate)
            factors[name + _A] = update.a.detach()
            factors[name + _B] = update.b.detach()
    return factors


@torch.no_grad()
def merge(model: nn.Module, factors: Mapping[str, Tensor]) -> None:
    """Add an adapter to the weights of `model`: in float32, rounded once to the stored precision.

    Raises:
        InvalidInput: a layer that the model does not have, or factors of another shape: the adapter belongs
            to another model.
    """
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
    for key, a in factors.items():
        if not key.endswith(_A):
            continue
        name = key.removesuffix(_A)
        layer, b = layers.get(name), factors.get(name + _B)
        if layer is None or b is None or layer.weight.shape != (b.shape[0], a.shape[1]):
            raise InvalidInput(
                f"The adapter's layer {name!r} does not fit the model {type(model).__name__}.",
                hint="Use the base model that the adapter was trained on.",
                details={"layer": name},
            )
        layer.weight.copy_(layer.weight.float() + b.float() @ a.float())
