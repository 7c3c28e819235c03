"""How vectors are stored and searched: what is asked for at the build, and a search's options."""

from __future__ import annotations

from dataclasses import dataclass, replace

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.choose import choose_kind, choose_lists, choose_storage

KINDS = ("auto", "flat", "hnsw", "ivf")
STORAGES = ("auto", "fp32", "fp16", "int8")


@dataclass(frozen=True, slots=True)
class VectorSpec:
    """What to build.

    Attributes:
        kind: "flat" (exact), "hnsw" (a graph), "ivf" (lists), or "auto": as `choose_kind` says.
        storage: "fp32", "fp16", "int8", or "auto": as `choose_storage` says.
        m: links a node of a graph.
        ef_construction: candidates for each new node's links.
        lists: of an inverted file; 0 for as many as `choose_lists` says.
        prefix: leading dimensions that get an index of their own, for shortlists; None for a quarter of the
            width, 0 for none.
        memory: bytes that a search may hold, which "auto" stays within. A number, not this machine's: the
            same corpus gives the same index everywhere.

    Raises:
        InvalidInput: an unknown kind or storage.
    """

    kind: str = "auto"
    storage: str = "auto"
    m: int = 32
    ef_construction: int = 200
    lists: int = 0
    prefix: int | None = None
    memory: int = 4 * 2**30

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, KINDS), ("storage", self.storage, STORAGES)):
            if value not in known:
                raise InvalidInput(f"{name} must be one of {', '.join(known)}; got {value!r}.")

    def chosen(self, count: int, width: int) -> VectorSpec:
        """The same with every "auto" resolved, for `count` vectors of `width` dimensions.

        Raises:
            InvalidInput: a prefix longer than the vectors.
        """
        storage, kind = self.storage, self.kind
        if storage == "auto":
            storage = choose_storage(count, width, self.memory)
        if count == 0:
            kind, storage = "flat", "fp32"
        elif kind == "auto":
            kind = choose_kind(count, width, storage, self.m, self.memory)
        prefix = width // 4 if self.prefix is None else self.prefix
        if not 0 <= prefix <= width:
            raise InvalidInput(f"The prefix must be from 0 to {width} dimensions; got {prefix}.")
        lists = 0
        if kind == "ivf":
            lists = min(self.lists or choose_lists(count), count)
        return replace(
            self, kind=kind, storage=storage, lists=lists, prefix=prefix if count and prefix < width else 0
        )


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """One search.

    Attributes:
        dimensions: search by cosine on so many leading dimensions; None for all.
        rescore_dimensions: score the best `limit * oversample` again by cosine on so many; None for no second
            scoring.
        oversample: at least 1.
        ef_search: candidates that a graph's search keeps; raised to the number of results.
        nprobe: lists that an inverted file's search reads; None for one in eight, and at least 8.
        exact: score every vector, whatever the kind of index.
    """

    dimensions: int | None = None
    rescore_dimensions: int | None = None
    oversample: float = 4.0
    ef_search: int = 128
    nprobe: int | None = None
    exact: bool = False
