"""What the commands that answer have in common: how the prompt is read and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from skerry.core.models.store import Model
    from skerry.generation.engine import TransformersGenerator

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--reuse/--no-reuse",
        default=None,
        help="Whether what is kept of passages that were read before is used again; by default it is.",
    ),
    click.option(
        "--recompute",
        metavar="MODE",
        help="Which tokens of such passages are computed again: none, first:16, blend:0.15 or full.",
    ),
    click.option(
        "--recompute-margin",
        type=float,
        help="Compute all again where the next token leads the second by less than this probability.",
    ),
    click.option("--selector", help="Which cached tokens an answer's token reads, for example sentence."),
    click.option("--kv-budget", type=int, help="Most tokens that it reads in a layer."),
    click.option("--prefill", help="How a long prompt is read: dense, auto, or a sparse pattern's name."),
)


def context_options(command: F) -> F:
    """Adds `reuse`, `recompute`, `recompute_margin`, `selector`, `kv_budget` and `prefill`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def load_generator(model: Model, *, many: bool) -> TransformersGenerator:
    """The generator as the settings have it ([generation] of $SKERRY_CONFIG, and the environment).

    Args:
        many: whether one process answers several questions; for a single one nothing is kept in memory.
    """
    from dataclasses import replace

    from skerry.generation.cache.store.open import open_store
    from skerry.generation.engine import TransformersGenerator
    from skerry.services.config import load_settings

    settings = load_settings().settings.generation
    cache = settings.cache if many else replace(settings.cache, memory_bytes=0)
    return TransformersGenerator(
        model, settings.dtype, settings.threads or None, open_store(cache), settings.context()
    )
