"""How wide an answer is searched for: what a request may choose of it, and what goes together."""

from __future__ import annotations

from dataclasses import dataclass

from skerry.core.errors import InvalidInput
from skerry.generation.limits import check_number, check_whole
from skerry.generation.plan import ContextPlan

MOST_BEAMS = 16
MOST_ROWS = 16_384
"""Rows of the cache that all beams of an answer may take together."""


@dataclass(frozen=True, slots=True)
class BeamPlan:
    """Beam search in groups that avoid each other's tokens; see `decoding/diverse_beams.py`.

    Attributes:
        beams: hypotheses that are kept at every token, 1 to 16; with 1 there is no search.
        groups: into how many groups they are divided, evenly.
        penalty: what a token costs, in log-probability, for every beam of an earlier group that takes it at
            the same place; 0 to 100. Without an effect where there is one group.
        answers: how many are given back, best first: at most `beams`.
        length_penalty: an answer's score is the log-probability of its tokens, divided by their number to
            this power, 0 to 4: 0 is the log-probability of the answer, 1 the mean of a token's, by which long
            copies of a passage win.
    """

    beams: int = 1
    groups: int = 1
    penalty: float = 2.0
    answers: int = 1
    length_penalty: float = 0.0


NO_SEARCH = BeamPlan()
"""A single answer, token after token."""


def check_beams(plan: BeamPlan, max_tokens: int, temperature: float, context: ContextPlan) -> None:
    """Raise `InvalidInput`, naming the field, for a number out of its range or what beams do not go with.

    Args:
        max_tokens, temperature: of the request.
        context: of the request, or with the generator's defaults: what is None is not looked at.
    """
    check_whole("beams", plan.beams, 1, MOST_BEAMS)
    check_whole("beam_groups", plan.groups, 1, plan.beams)
    check_number("diversity_penalty", plan.penalty, 0.0, 100.0)
    check_whole("answers", plan.answers, 1, plan.beams)
    check_number("length_penalty", plan.length_penalty, 0.0, 4.0)
    if plan.beams % plan.groups:
        raise _refuse(
            "beam_groups", f"{plan.beams} beams cannot be divided into {plan.groups} groups of one size."
        )
    if plan.beams == 1:
        return
    if plan.beams * max_tokens > MOST_ROWS:
        raise _refuse(
            "beams", f"{plan.beams} beams of {max_tokens} tokens are too many: at most {MOST_ROWS:,} in all."
        )
    if temperature > 0:
        raise _refuse("temperature", "Beams are searched, not drawn.", "Leave out temperature or beams.")
    if context.selector not in (None, "full"):
        raise _refuse(
            "selector", f"Beams read everything, not what {context.selector!r} selects.", "Use 'full'."
        )
    if context.margin:
        raise _refuse(
            "recompute_margin",
            "Beams go on with several tokens at once: there is no lead to be looked at.",
            "Set recompute_margin to 0, or use recompute 'full', which is exact.",
        )


def _refuse(field: str, message: str, hint: str = "") -> InvalidInput:
    return InvalidInput(message, hint=hint, details={"field": field})
