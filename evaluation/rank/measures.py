"""One question's metrics by the order of its candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.evaluation import beir
from skerry.evaluation.rank.pools import Pool

PARAGRAPHS = ("hit@1", "hit@5", "MRR")
JUDGED = ("nDCG@10", "MAP", "P@10")


def measures(pool: Pool, pages: Sequence[str], order: NDArray[np.int64]) -> dict[str, float]:
    """`PARAGRAPHS`; or `JUDGED` where pages were judged, which stand where their first passages do.

    Args:
        pages: of each passage of the pool; not looked at where nothing was judged.
        order: places in the pool, best first.
    """
    judgements = pool.question.judgements
    if judgements:
        ranked = list(dict.fromkeys(pages[place] for place in order))
        values = beir.question_values(ranked, judgements, (10,))
        return {name: values[name] for name in JUDGED}
    places = np.flatnonzero(pool.gains[order])
    first = int(places[0]) + 1 if len(places) else 0
    return {
        "hit@1": float(first == 1),
        "hit@5": float(0 < first <= 5),
        "MRR": 1.0 / first if first else 0.0,
    }


def main_measure(judged: bool) -> str:
    """The one that significance is worked out of."""
    return JUDGED[0] if judged else PARAGRAPHS[0]
