"""A store that is filled once and then keeps what it has: every measurement finds the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skerry.core.deadline import Deadline
from skerry.generation.base import GenerationRequest, Source
from skerry.generation.cache.passage_kv import Found, PassageKV, StoreKey
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan


class KeptPassages:
    """In memory; what is offered is taken only while it is open."""

    def __init__(self) -> None:
        self._values: dict[StoreKey, PassageKV] = {}
        self._shown: set[StoreKey] | None = None
        self._open = False
        self._names: dict[str, set[StoreKey]] = {}

    def get_many(self, keys: Sequence[StoreKey]) -> list[Found | None]:
        """See `PassageKVStore`."""
        shown = self._values if self._shown is None else self._shown
        return [Found(self._values[key], "memory") if key in shown else None for key in keys]

    def put_many(self, items: Sequence[tuple[StoreKey, PassageKV]]) -> None:
        """See `PassageKVStore`."""
        if self._open:
            self._values.update(items)

    def read(self, generator: TransformersGenerator, sources: Iterable[Source]) -> None:
        """Have the generator, whose store this is, read passages alone that are not here yet."""
        for source in sources:
            if source.id not in self._names:
                self._names[source.id] = self._offered(generator, (source,), "q")

    def read_together(
        self, generator: TransformersGenerator, sources: Sequence[Source], question: str
    ) -> set[StoreKey]:
        """The names of passages as they stand behind one another in one prompt."""
        return self._offered(generator, sources, question)

    def show(self, sources: Iterable[Source], more: Iterable[StoreKey] = ()) -> None:
        """Find these passages, as they were read alone, and no others but `more`."""
        self._shown = set(more).union(*(self._names[source.id] for source in sources))

    def keep_only(self, sources: Iterable[Source]) -> None:
        """Forget everything but these passages as they were read alone."""
        ids = {source.id for source in sources}
        self._names = {name: keys for name, keys in self._names.items() if name in ids}
        left = set().union(*self._names.values())
        self._values = {key: kv for key, kv in self._values.items() if key in left}

    def _offered(
        self, generator: TransformersGenerator, sources: Sequence[Source], question: str
    ) -> set[StoreKey]:
        before = set(self._values)
        self._shown, self._open = set(), True
        request = GenerationRequest(
            question, tuple(sources), max_tokens=1, context=ContextPlan(recompute="full", margin=0.0)
        )
        for _ in generator.generate(request, Deadline(None)):
            pass
        self._open = False
        return set(self._values) - before
