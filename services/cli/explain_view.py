"""What moved a passage, and how far its list was read, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skerry.ranking.ranked import Explanation, RankerScore, Reading, StoppedBy
from skerry.retrieval.base import LegScore

_WHY = {
    StoppedBy.DEPTH: "all that it was to read",
    StoppedBy.MARGIN: "the lead was decided",
    StoppedBy.DEADLINE: "time ran short",
}


def explanation_lines(value: Explanation, legs: Sequence[LegScore]) -> list[str]:
    """From which place to which, what each leg said, and a line for each ranker."""
    if value.before == value.after:
        moved = f"stays at place {value.after}"
    else:
        moved = f"moved from place {value.before} to {value.after}"
    return [
        f"{moved}; fused score {value.first_stage_score:.4f}"
        + "".join(f"; {leg.leg} #{leg.rank} ({leg.score:.3f})" for leg in legs),
        *(_score_line(score) for score in value.scores),
    ]


def _score_line(value: RankerScore) -> str:
    part = "" if value.first_stage is None else f", of it {value.first_stage:+z.2f} for the place before"
    return f"{value.ranker} {value.raw:+.2f}{part}; p={value.calibrated:.3f}"


def reading_line(value: Reading) -> str:
    """Who read how many, and why not more."""
    after = f", sorted by {value.cheap}" if value.cheap else ""
    return f"{value.ranker} read {value.read} passages{after}: {_WHY[value.stopped]}"


def explanation_object(value: Explanation) -> dict[str, Any]:
    return {
        "before": value.before,
        "after": value.after,
        "first_stage_score": value.first_stage_score,
        "scores": [
            {
                "ranker": score.ranker,
                "raw": score.raw,
                "calibrated": score.calibrated,
                "first_stage": score.first_stage,
            }
            for score in value.scores
        ],
    }


def reading_object(value: Reading) -> dict[str, Any]:
    return {
        "ranker": value.ranker,
        "cheap_ranker": value.cheap,
        "read": value.read,
        "stopped": value.stopped.value,
    }
