"""The windows of a document around the words of the query (DeepRank's detection)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Windows:
    """The first few occurrences of each query word.

    Attributes:
        there: bool (n, Q, H): query word i occurs for the h-th time.
        places: int64 (n, Q, H), where; 0 where it does not.
        similarity: (m, Q, W), the matrix around each of the m occurrences, in the order of `there`.
    """

    there: Tensor
    places: Tensor
    similarity: Tensor


def query_windows(similarity: Tensor, exact: Tensor, most: int, size: int) -> Windows:
    """The windows of `size` words, an odd number, around the first `most` occurrences of each query word.

    Args:
        similarity: (n, Q, D), 0 at padding.
        exact: bool (n, Q, D), false at padding.
    """
    _, terms, length = similarity.shape
    at = torch.arange(length).masked_fill(~exact, length)
    first = at.topk(min(most, length), dim=2, largest=False, sorted=True).values
    first = functional.pad(first, (0, most - first.shape[2]), value=length)
    there = first < length
    padded = functional.pad(similarity, (size // 2, size // 2))
    row = torch.nonzero(there)[:, 0]
    columns = first[there].unsqueeze(1) + torch.arange(size)
    around = padded[row.view(-1, 1, 1), torch.arange(terms).view(1, -1, 1), columns.unsqueeze(1)]
    return Windows(there, first.masked_fill(~there, 0), around)
