"""Rows whose keys lie together, wherever they stand (Routing Transformer, Roy et al., arXiv:2003.05997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.indifferent import Indifferent
from skerry.generation.selection.ranges import all_rows, row_ranges
from skerry.generation.selection.units import UnitOrder, summed_groups, with_ends

SINKS, RECENT = 32, 32
ROWS_A_CLUSTER = 32
"""On average."""
SAMPLE = 2048
"""Keys that k-means runs over; every key is assigned in the end."""
ROUNDS = 4
_TOGETHER = 64
"""New rows that are assigned at once, after they have left the tail."""


@dataclass(slots=True)
class _Clusters:
    """Of one layer.

    Attributes:
        centres: float32 (batch * KV heads, clusters, head size), of length 1.
        labels: int64 (batch * KV heads, assigned rows): the cluster of every row from the sinks on.
    """

    centres: torch.Tensor
    labels: NDArray[np.int64]


class Routing(Indifferent):
    """k-means over the normalised keys of each KV head, without training; a token reads the clusters whose
    centres its query meets best, in order, while they fit the budget.

    Args:
        budget: see `KeyValueSelector`.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._clusters: dict[int, _Clusters] = {}

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges:
        """See `RowSelector`."""
        batch, heads, rows, _ = keys.shape
        if rows <= self._budget or rows - RECENT <= SINKS:
            return all_rows(keys)
        clusters = self._up_to_date(layer, keys)
        probe = summed_groups(queries, heads).cpu().numpy().reshape(batch * heads, -1, 1)
        scores = (clusters.centres.cpu().numpy() @ probe)[:, :, 0]
        assigned = clusters.labels.shape[1]
        room = np.full(batch * heads, self._budget - rows + assigned, dtype=np.int32)
        chosen = UnitOrder.of(scores, _sizes(clusters.labels, scores.shape[1])).best(room)
        marked = with_ends(np.take_along_axis(chosen, clusters.labels, 1))
        bounds = np.concatenate(([0], np.arange(SINKS, SINKS + assigned + 1), [rows])).astype(np.int32)
        return row_ranges(marked, np.broadcast_to(bounds, (batch * heads, len(bounds))), keys.device)

    def _up_to_date(self, layer: int, keys: torch.Tensor) -> _Clusters:
        clusters = self._clusters.get(layer)
        rows = keys.shape[2] - RECENT
        assigned = SINKS + (clusters.labels.shape[1] if clusters else 0)
        if clusters is not None and rows - assigned < _TOGETHER:
            return clusters
        new = torch.nn.functional.normalize(keys[:, :, assigned:rows].flatten(0, 1).float(), dim=-1)
        centres = _centres(new) if clusters is None else clusters.centres
        labels = torch.bmm(new, centres.transpose(1, 2)).argmax(-1).cpu().numpy()
        if clusters is not None:
            labels = np.concatenate([clusters.labels, labels], axis=1)
        self._clusters[layer] = _Clusters(centres, labels)
        return self._clusters[layer]


def _centres(keys: torch.Tensor) -> torch.Tensor:
    """Spherical k-means from evenly spread keys on: (heads, clusters, head size), of length 1.

    Args:
        keys: (heads, rows, head size), of length 1.
    """
    _, rows, size = keys.shape
    sample = keys[:, :: max(1, rows // SAMPLE)]
    count = max(1, rows // ROWS_A_CLUSTER)
    at = torch.arange(count) * sample.shape[1] // count
    centres = sample[:, at].clone()
    for _ in range(ROUNDS):
        labels = torch.bmm(sample, centres.transpose(1, 2)).argmax(-1)
        sums = torch.zeros_like(centres)
        sums.scatter_add_(1, labels[..., None].expand(-1, -1, size), sample)
        # A cluster that no key is nearest to stays where it is.
        lonely = (sums == 0).all(-1, keepdim=True)
        centres = torch.nn.functional.normalize(torch.where(lonely, centres, sums), dim=-1)
    return centres


def _sizes(labels: NDArray[np.int64], clusters: int) -> NDArray[np.int32]:
    """Rows in every cluster, (heads, clusters)."""
    heads = len(labels)
    flat = (labels + np.arange(heads)[:, None] * clusters).ravel()
    counts = np.bincount(flat, minlength=heads * clusters)
    return counts.reshape(heads, clusters).astype(np.int32)
