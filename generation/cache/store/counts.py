"""What the store did since it was opened, as a frozen snapshot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from skerry.generation.cache.passage_kv import Tier


@dataclass(frozen=True, slots=True)
class TierCounts:
    """One tier.

    Attributes:
        tier: its name.
        budget: most bytes it keeps; None where the server decides.
        entries, nbytes: values it keeps now and their bytes; None where only the server knows.
        hits: values it gave.
        stored: values it took in.
        refused: values that were not worth their place, or larger than the budget.
        evicted: values that made room.
        damaged: values that were not whole; they were deleted.
        failed: calls that failed or ran out of time.
        passed_over: calls that were not made because of an earlier failure.
        problem: what the last failure said.
    """

    tier: Tier
    budget: int | None
    entries: int | None
    nbytes: int | None
    hits: int
    stored: int
    refused: int
    evicted: int
    damaged: int
    failed: int
    passed_over: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """The whole store: values asked for, values that no tier had, writes dropped because too many waited."""

    asked: int
    missed: int
    dropped: int
    tiers: tuple[TierCounts, ...]


class Tally:
    """The numbers that a tier counts up. Guard it with the tier's lock."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.problem = ""

    def failed(self, problem: str) -> None:
        """Count a failed call and keep what it said."""
        self.counts["failed"] += 1
        self.problem = problem

    def snapshot(self, tier: Tier, budget: int | None, entries: int | None, nbytes: int | None) -> TierCounts:
        """The numbers as they stand."""
        counts = self.counts
        return TierCounts(
            tier=tier,
            budget=budget,
            entries=entries,
            nbytes=nbytes,
            hits=counts["hits"],
            stored=counts["stored"],
            refused=counts["refused"],
            evicted=counts["evicted"],
            damaged=counts["damaged"],
            failed=counts["failed"],
            passed_over=counts["passed_over"],
            problem=self.problem,
        )
