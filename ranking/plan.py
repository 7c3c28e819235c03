"""How one request's list is ranked: by whom, how far, and when to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skerry.core.errors import InvalidInput

MAX_CANDIDATES = 10_000
"""Longest list that is ranked in one request."""
MAX_BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class RankPlan:
    """By default every candidate is read by the default ranker, and a deadline that passes is an error.

    Attributes:
        ranker: the name of the one whose scores count; "" is the default of those that there are.
        depth: candidates that are ranked at all, from the first stage's best on; None takes all.
        cheap: the name of a ranker that puts these into the order in which `ranker` reads them; "" leaves
            them in the first stage's.
        strong_depth: how many of them `ranker` reads at most; None reads all.
        margin: stop reading when the best candidate leads by this much, above 0, see `cascade.py`; None reads
            on.
        block: candidates between two moments at which reading can stop.
        reserve: the share of the time left, in (0, 1), that reading leaves to what comes after: it stops in
            time with what has been read. None takes all time, and a deadline that passes is an error.
        explain: whether to say of every candidate what moved it.
    """

    ranker: str = ""
    depth: int | None = None
    cheap: str = ""
    strong_depth: int | None = None
    margin: float | None = None
    block: int = 8
    reserve: float | None = None
    explain: bool = False

    @property
    def stepwise(self) -> bool:
        """Whether reading may stop before its depth, and so goes by blocks."""
        return self.margin is not None or self.reserve is not None


WHOLE_LIST = RankPlan()
FIRST_HITS = RankPlan(depth=50)
"""Of an answer: what stands behind is rarely worth the time."""


def check_plan(plan: RankPlan) -> None:
    """Raise `InvalidInput`, naming the field, for a value out of its range."""
    for field, value, most in (
        ("depth", plan.depth, MAX_CANDIDATES),
        ("strong_depth", plan.strong_depth, MAX_CANDIDATES),
        ("block", plan.block, MAX_BLOCK),
    ):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and 1 <= value <= most):
            raise _refused(field, value, f"a whole number from 1 to {most:,}")
    if plan.margin is not None and not (math.isfinite(plan.margin) and plan.margin > 0):
        raise _refused("margin", plan.margin, "above 0: a difference of log-odds")
    if plan.reserve is not None and not (math.isfinite(plan.reserve) and 0 < plan.reserve < 1):
        raise _refused("reserve", plan.reserve, "between 0 and 1: a share of the time that is left")


def _refused(field: str, value: object, what: str) -> InvalidInput:
    return InvalidInput(f"{field} is {value!r}; it must be {what}.", details={"field": field})
