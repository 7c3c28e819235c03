"""How a prompt is read and kept: what a request may choose of it, and the defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from skerry.core.errors import InvalidInput
from skerry.generation.attention.base import PATTERNS
from skerry.generation.limits import check_number
from skerry.generation.reuse.recompute.base import check_recompute
from skerry.generation.selection.base import check_selection


@dataclass(frozen=True, slots=True)
class ContextPlan:
    """How keys and values are come by and which of them are read. None leaves a field to the generator.

    Attributes:
        reuse: whether keys and values of passages that were read before may be used again. What a mode needs
            and the store lacks is computed on the spot.
        recompute: which tokens of such passages are computed again among their new neighbours: "none",
            "first:K" (K of each passage), "last:K" (the last passage, which is the best, and K of the
            others), "blend:P" (the share P whose keys deviate most), "full" (all; only
            what stood behind the same tokens is used again).
        margin: the lead in probability, 0 to 1, that the likeliest token must have over the next one; where
            it has less, all is computed again and the answer goes on as if nothing had been reused. 0 never
            does.
        selector: which rows a decoded token reads, a name in `SELECTORS`.
        budget: most rows that it reads in a layer.
        prefill: how a long prompt is read, a name in `PATTERNS`, or "auto".
    """

    reuse: bool | None = None
    recompute: str | None = None
    margin: float | None = None
    selector: str | None = None
    budget: int | None = None
    prefill: str | None = None

    def over(self, defaults: ContextPlan) -> ContextPlan:
        """This plan, with the defaults' fields where it has none."""
        given = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(defaults, **given)


PLAIN = ContextPlan(reuse=False, recompute="full", margin=0.0, selector="full", budget=512, prefill="dense")
"""Everything is computed for every prompt, and every row is read."""

DEFAULTS = ContextPlan(reuse=True, recompute="full", margin=0.0, selector="full", budget=512, prefill="auto")
"""What a generator with a store does."""

ANY_CONTEXT = ContextPlan()
"""Whatever the generator does by default."""


def check_context(plan: ContextPlan) -> None:
    """Raise `InvalidInput`, naming the field, for a name that is not known or a number out of its range."""
    if plan.recompute is not None:
        check_recompute(plan.recompute)
    if plan.margin is not None:
        check_number("margin", plan.margin, 0.0, 1.0)
    selector, budget = plan.selector, plan.budget
    check_selection("full" if selector is None else selector, 1 if budget is None else budget)
    if plan.prefill is not None and plan.prefill not in PATTERNS:
        raise InvalidInput(
            f"There is no prefill pattern named {plan.prefill!r}; known: {', '.join(PATTERNS)}.",
            details={"field": "prefill"},
        )
