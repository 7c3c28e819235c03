"""What rankers learn by: one objective a file, each from scores to a number to be made small.

Scores are (queries, candidates) with the relevant candidate first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from skerry.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVES: Registry[Callable[[Tensor], Tensor]] = Registry(
    "objective",
    {
        "cross-entropy": "skerry.ranking.objectives.cross_entropy:cross_entropy",
        "hinge": "skerry.ranking.objectives.hinge:hinge",
        "list-mle": "skerry.ranking.objectives.list_mle:list_mle",
        "ranknet": "skerry.ranking.objectives.ranknet:ranknet",
        "softmax": "skerry.ranking.objectives.listwise_softmax:listwise_softmax",
    },
)
