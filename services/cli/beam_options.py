"""What `skerry answer` is told of a search for several answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--beams", default=1, show_default=True, help="Answers that are pursued side by side, 1 to 16."
    ),
    click.option("--beam-groups", default=1, show_default=True, help="Groups that they are divided into."),
    click.option(
        "--diversity",
        default=2.0,
        show_default=True,
        help="What a token that an earlier group takes costs the later ones, in log-probability.",
    ),
    click.option(
        "--answers", default=1, show_default=True, help="Answers to give, at most as many as beams."
    ),
    click.option(
        "--length-penalty",
        default=0.0,
        show_default=True,
        help="0 compares log-probabilities of answers, 1 the means of their tokens'.",
    ),
)


def beam_options(command: F) -> F:
    """Adds `beams`, `beam_groups`, `diversity`, `answers` and `length_penalty`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
