"""What the commands that rank have in common: which rankers, how far they read, when they stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from skerry.core.models.store import ModelStore
    from skerry.ranking.cascade import Cascade

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--cheap-ranker",
        metavar="NAME[=FOLDER]",
        help="A ranker that sorts the passages first, for example drmm=FOLDER.",
    ),
    click.option("--strong-depth", type=int, help="Passages that the ranker reads at most; all by default."),
    click.option(
        "--rank-margin",
        type=float,
        help="Stop reading when the best passage leads the last block by this: log-odds, for example 3.",
    ),
    click.option(
        "--rank-block", default=8, show_default=True, help="Passages between two moments to stop at."
    ),
)


def cascade_options(command: F) -> F:
    """Adds `cheap_ranker`, `strong_depth`, `rank_margin` and `rank_block`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_cascade(
    models: ModelStore, ranker: tuple[str, Path | None], cheap: tuple[str, Path | None] | None
) -> Cascade:
    """The ranker and the cheap one, each by name and folder. Raises `NotFound` for one that is none."""
    from skerry.core.errors import InvalidInput
    from skerry.ranking import load_ranker
    from skerry.ranking.cascade import Cascade

    if cheap is None:
        return Cascade.of(load_ranker(ranker[0], models, ranker[1]))
    if ranker[0] == cheap[0]:
        raise InvalidInput(
            f"The ranker and the cheap ranker are both {ranker[0]!r}.",
            hint="Let another sort the passages, or leave --cheap-ranker out.",
        )
    return Cascade.of(load_ranker(ranker[0], models, ranker[1]), load_ranker(cheap[0], models, cheap[1]))
