"""k-max pooling (Kalchbrenner et al. 2014, here by size): the strongest of the last dimension."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as nn

_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Largest:
    """The k largest values with their places, from the largest on.

    Attributes:
        values: (..., k); 0 where there are fewer than k.
        places: int64 (..., k), where they stood; 0 where there are fewer.
        there: bool (..., k).
    """

    values: Tensor
    places: Tensor
    there: Tensor


def largest(values: Tensor, mask: Tensor, k: int) -> Largest:
    """The k largest of the last dimension where the mask is true; it broadcasts to `values`.

    Of values that are equal but for rounding, the one that stands first: a repeated word has equal values,
    and where it is found must not depend on what else is in the batch.
    """
    ramp = torch.arange(values.shape[-1]) * _EQUAL
    hidden = (values - ramp).masked_fill(~mask, -torch.inf)
    ordered, places = hidden.topk(min(k, hidden.shape[-1]), dim=-1)
    missing = k - ordered.shape[-1]
    there = nn.pad(ordered > -torch.inf, (0, missing))
    places = nn.pad(places, (0, missing)).masked_fill(~there, 0)
    return Largest(values.gather(-1, places).masked_fill(~there, 0.0), places, there)


def k_max(values: Tensor, mask: Tensor, k: int) -> Tensor:
    """The k largest values alone, (..., k): 0 where there are fewer than k."""
    top = values.masked_fill(~mask, -torch.inf).topk(min(k, values.shape[-1]), dim=-1).values
    top = nn.pad(top, (0, k - top.shape[-1]), value=-torch.inf)
    return top.masked_fill(top == -torch.inf, 0.0)
