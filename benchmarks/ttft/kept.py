"""A store that is filled by hand and then shows what it is told to: every measurement finds the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from skerry.core.deadline import Deadline
from skerry.generation.base import GenerationRequest, Source
from skerry.generation.cache.passage_kv import Found, PassageKV, StoreKey
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan


class KeptPassages:
    """In memory; what the generator, whose store this is, offers in a measurement is not taken."""

    def __init__(self) -> None:
        self._values: dict[StoreKey, PassageKV] = {}
        self._names: dict[str, set[StoreKey]] = {}
        self._shown: set[StoreKey] = set()
        self._taking: set[StoreKey] | None = None

    def get_many(self, keys: Sequence[StoreKey]) -> list[Found | None]:
        """See `PassageKVStore`."""
        return [Found(self._values[key], "memory") if key in self._shown else None for key in keys]

    def put_many(self, items: Sequence[tuple[StoreKey, PassageKV]]) -> None:
        """See `PassageKVStore`."""
        if self._taking is not None:
            self._values.update(items)
            self._taking.update(key for key, _ in items)

    def read(self, generator: TransformersGenerator, sources: Iterable[Source]) -> None:
        """Have the generator read passages alone that are not here yet."""
        for source in sources:
            if source.id not in self._names:
                with self._take() as taken:
                    generator.prepare([source], Deadline(None))
                self._names[source.id] = taken

    def read_together(
        self, generator: TransformersGenerator, sources: Sequence[Source], question: str
    ) -> set[StoreKey]:
        """The names of passages as they stand behind one another in one prompt."""
        plan = ContextPlan(recompute="full", margin=0.0)
        with self._take() as taken:
            for _ in generator.generate(
                GenerationRequest(question, tuple(sources), 1, context=plan), Deadline()
            ):
                pass
        return taken

    def show(self, sources: Iterable[Source], more: Iterable[StoreKey] = ()) -> None:
        """Find these passages, as they were read alone, and no others but `more`."""
        self._shown = set(more).union(*(self._names[source.id] for source in sources))

    def keep_only(self, sources: Iterable[Source]) -> None:
        """Forget everything but these passages as they were read alone."""
        ids = {source.id for source in sources}
        self._names = {name: keys for name, keys in self._names.items() if name in ids}
        left = set().union(*self._names.values())
        self._values = {key: kv for key, kv in self._values.items() if key in left}
        self._shown = set()

    @contextmanager
    def _take(self) -> Iterator[set[StoreKey]]:
        """Show nothing, and take what is offered; its names."""
        self._shown, self._taking = set(), set()
        try:
            yield self._taking
        finally:
            self._taking = None
