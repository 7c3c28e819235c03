"""KILT's precision@k: how many of the first k places complete an evidence set."""

from __future__ import annotations

from skerry.evaluation.evidence import Rank


def precision_at(rank: Rank, k: int) -> float:
    """Hits among the first `k` places over `k` (also of shorter lists), in [0, 1]."""
    return rank.hits(k) / k
