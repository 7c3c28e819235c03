"""KILT's R-precision: the best over gold outputs of how many of the first R keys are among its R keys."""

from __future__ import annotations

from collections.abc import Sequence

from skerry.evaluation.evidence import ranked_keys
from skerry.evaluation.gold import Record


def r_precision(ranked: Sequence[str], gold: Record, rank_keys: Sequence[str]) -> float:
    """In [0, 1]; 0 for a gold question without provenance.

    Args:
        ranked: the guess's distinct keys, best first.
        gold: with at least one output.
        rank_keys: see `key_of`; gold provenance without these fields is left out.
    """
    scores = [0.0]
    for output in gold.outputs:
        keys = set(ranked_keys(output, rank_keys))
        if keys:
            scores.append(sum(key in keys for key in ranked[: len(keys)]) / len(keys))
    return max(scores)
