"""The prefill patterns, each with settings from sparse to dense."""

from __future__ import annotations

from collections.abc import Iterable

from skerry.core.errors import InvalidInput
from skerry.generation.attention.a_shape import AShape
from skerry.generation.attention.base import PATTERNS, AttentionPattern
from skerry.generation.attention.block_sparse import BlockSparse
from skerry.generation.attention.flex_prefill import FlexPrefill
from skerry.generation.attention.hyper import Hyper
from skerry.generation.attention.stripe import Stripe
from skerry.generation.attention.vertical_slash import VerticalSlash

SETTINGS: dict[str, dict[str, AttentionPattern]] = {
    "a_shape": {f"window {window}": AShape(window=window) for window in (512, 1024, 2048)},
    "vertical_slash": {
        f"{vertical} + {slash}": VerticalSlash(vertical, slash)
        for vertical, slash in ((64, 256), (256, 512), (256, 1024))
    },
    "block_sparse": {f"cover {cover}": BlockSparse(cover=cover) for cover in (0.8, 0.9, 0.95)},
    "flex_prefill": {f"gamma {gamma}": FlexPrefill(gamma) for gamma in (0.8, 0.9, 0.95)},
    "stripe": {
        f"window {window}, share {share}": Stripe(window, share)
        for window, share in ((256, 1.5), (512, 4.0), (512, 1.5), (1024, 1.5))
    },
    "hyper": {"256 + 256": Hyper()},
}


def check_patterns(names: Iterable[str]) -> None:
    """Raise `NotFound` for a name that is no pattern, `InvalidInput` for one that has no settings here."""
    for name in names:
        PATTERNS.check(name)
        if name not in SETTINGS:
            raise InvalidInput(
                f"{name} is measured in any case.", hint=f"Choose among {', '.join(SETTINGS)}."
            )


def labelled(names: Iterable[str], defaults: bool) -> dict[str, AttentionPattern]:
    """The settings of the named patterns, by "name, setting"; only what they have by default, if asked."""
    return {
        f"{name}, {label}": pattern
        for name in names
        for label, pattern in SETTINGS[name].items()
        if not defaults or pattern == PATTERNS.load(name)()
    }
