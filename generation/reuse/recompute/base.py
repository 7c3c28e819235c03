"""What a recompute mode is, and where the modes are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from skerry.core.errors import InvalidInput
from skerry.core.registry import Registry

if TYPE_CHECKING:
    from skerry.generation.model import Run


@dataclass(frozen=True, slots=True)
class Spliced:
    """A cache that holds a prompt's prefix and passages; the question is still to be read.

    Attributes:
        run: holds them.
        tokens: of the prefix and the passages.
        starts: row of each passage's first token.
        exact: rows from the first on that are as if all had been read in one go.
    """

    run: Run
    tokens: tuple[int, ...]
    starts: tuple[int, ...]
    exact: int

    @property
    def open(self) -> tuple[range, ...]:
        """The rows of each passage that is not exact."""
        ends = (*self.starts[1:], len(self.tokens))
        return tuple(
            range(start, end) for start, end in zip(self.starts, ends, strict=True) if end > self.exact
        )


class Recompute(Protocol):
    """Chooses rows.

    Args:
        argument: what stands behind the colon in "mode:argument", "" where nothing does.

    Raises:
        InvalidInput: an argument that the mode does not take.
    """

    def __init__(self, argument: str) -> None: ...

    def rows(self, spliced: Spliced) -> Sequence[int]:
        """Rows of `spliced.open`, ascending, each once. The cache is left as it is."""
        ...


RECOMPUTES: Registry[type[Recompute]] = Registry(
    "recompute mode",
    {
        "none": "skerry.generation.reuse.recompute.none:NoRows",
        "first": "skerry.generation.reuse.recompute.first:FirstRows",
        "blend": "skerry.generation.reuse.recompute.blend:Blend",
        "full": "skerry.generation.reuse.recompute.full:AllRows",
        "last": "skerry.generation.reuse.recompute.last:LastRows",
    },
)


def make_recompute(spec: str) -> Recompute:
    """The mode of "none", "first:16", "last:16", "blend:0.15" or "full".

    Raises:
        InvalidInput: an unknown mode, or an argument that it does not take.
    """
    name, _, argument = spec.partition(":")
    if name not in RECOMPUTES:
        raise refuse(spec, f"known: {', '.join(RECOMPUTES)}")
    return RECOMPUTES.load(name)(argument)


def check_recompute(spec: str) -> None:
    """Errors as `make_recompute`."""
    make_recompute(spec)


def refuse(spec: str, what: str) -> InvalidInput:
    """The error for a mode that cannot be."""
    return InvalidInput(
        f"There is no recompute mode {spec!r}; {what}.",
        hint="Write none, first:16, last:16, blend:0.15 or full.",
        details={"field": "recompute"},
    )
