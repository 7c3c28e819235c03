"""KILT's recall@k: how many of the distinct evidence sets are complete within the first k places."""

from __future__ import annotations

from skerry.evaluation.evidence import Rank


def recall_at(rank: Rank, k: int) -> float:
    """Share of the evidence sets found, in [0, 1]; 0 where there are none."""
    return rank.hits(k) / rank.sets if rank.sets else 0.0
