"""Names to lazily imported classes: how a room finds its methods without importing them all."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar, cast

from skerry.core.errors import NotFound

T = TypeVar("T")


class Registry(Generic[T]):
    """A mapping of names to `module:attribute` strings, imported at first use.

    Args:
        kind: what is registered, as an error message names it ("leg", "ranker").
        entries: name -> "package.module:attribute".
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def register(self, name: str, target: str) -> None:
        """Add or replace one entry; `target` is "package.module:attribute"."""
        self._entries[name] = target

    def load(self, name: str) -> T:
        """The object behind `name`. Raises `NotFound` that lists the known names."""
        self.check(name)
        module, _, attribute = self._entries[name].partition(":")
        return cast(T, getattr(import_module(module), attribute))

    def check(self, name: str) -> None:
        """Raise `NotFound`, with the nearest known name, unless `name` is registered."""
        if name in self._entries:
            return
        near = difflib.get_close_matches(name, self._entries, n=1)
        raise NotFound(
            f"There is no {self.kind} named {name!r}; known: {', '.join(self) or 'none'}.",
            hint=f"Did you mean {near[0]!r}?" if near else "",
            details={"kind": self.kind, "name": name},
        )
