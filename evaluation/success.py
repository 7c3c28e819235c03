"""KILT's success rate@k: whether any evidence set is complete within the first k places."""

from __future__ import annotations

from skerry.evaluation.evidence import Rank


def success_at(rank: Rank, k: int) -> float:
    """1 or 0."""
    return float(rank.hits(k) > 0)
