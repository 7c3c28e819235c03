"""The rankers of a server, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.ranking.base import RANKERS, Ranker, RankRequest
from skerry.ranking.cascade import Cascade
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Ranked, RankingChain
from skerry.services.parts import Part


class ServedRankers(RankingChain, Protocol):
    """The rankers among which a server's requests choose: its own, or another server's."""

    def chain(self, name: str) -> RankingChain | None:
        """All of them; None where no ranker is asked for by name and the default one's model is missing."""
        ...

    def loaded(self) -> tuple[list[str], str]:
        """The names of those that are there, and the default one's, "" where it is not there."""
        ...


class Rankers:
    """`ServedRankers` of this process.

    Args:
        parts: by name, the default first.
    """

    def __init__(self, parts: Mapping[str, Part[Ranker]]) -> None:
        self._parts = dict(parts)
        self._default = next(iter(self._parts))

    def warm(self) -> None:
        """Load them all now; failures are logged."""
        for part in self._parts.values():
            part.warm()

    def get(self, name: str) -> Ranker:
        """The ranker of this name, the default one for "".

        Raises:
            NotFound: this server has none of that name.
            BackendUnavailable: its model is missing, and what else `Part.get` raises.
        """
        part = self._parts.get(name or self._default)
        if part is None:
            RANKERS.check(name)
            raise NotFound(
                f"This server ranks with {', '.join(map(repr, self._parts))}, not with {name!r}.",
                hint="Leave the ranker out, or ask another server.",
                details={"kind": "ranker", "name": name},
            )
        return part.get()

    def rank(self, requests: Sequence[RankRequest], plan: RankPlan, deadline: Deadline) -> list[Ranked]:
        """See `RankingChain.rank`."""
        return Cascade(self.get).rank(requests, plan, deadline)

    def chain(self, name: str) -> RankingChain | None:
        """See `ServedRankers.chain`."""
        return self if name or self._parts[self._default].if_there() is not None else None

    def loaded(self) -> tuple[list[str], str]:
        """See `ServedRankers.loaded`."""
        names = [name for name, part in self._parts.items() if part.if_there() is not None]
        return names, self._default if self._default in names else ""


def named_folder(text: str) -> tuple[str, Path | None]:
    """A ranker's name and its folder, from "NAME" or "NAME=FOLDER"."""
    name, _, folder = (part.strip() for part in text.partition("="))
    return name, Path(folder) if folder else None


def named_rankers(text: str, models: ModelStore) -> Rankers:
    """From "NAME" or "NAME=FOLDER", several with commas, the default first; loaded when they are asked for.

    Raises:
        InvalidInput: no name, or one twice.
        NotFound: a name that is no ranker's.
    """
    parts: dict[str, Part[Ranker]] = {}
    for item in text.split(","):
        name, folder = named_folder(item)
        if not name or name in parts:
            what = f"names {name!r} twice" if name else "lacks a name"
            raise InvalidInput(
                f"{text!r} {what}: the rankers are NAME or NAME=FOLDER, with commas.",
                details={"field": "ranking.ranker"},
            )
        RANKERS.check(name)
        parts[name] = _part(name, folder, models)
    return Rankers(parts)


def _part(name: str, folder: Path | None, models: ModelStore) -> Part[Ranker]:
    def load() -> Ranker:
        from skerry.ranking import load_ranker

        return load_ranker(name, models, folder)

    return Part(f"ranker {name}", load)
