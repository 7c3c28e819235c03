"""The opened CorpusBrain leg: queries in, passages of the pages whose titles were generated out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexNotReady
from skerry.core.memory import give_back_freed_memory
from skerry.core.timing import Timings
from skerry.retrieval.base import Candidates, Option, Retriever
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.decoding import MOST_ROWS, Found, search
from skerry.retrieval.corpusbrain.evidence import FoundEvidence
from skerry.retrieval.corpusbrain.options import LEG, CorpusBrainOptions
from skerry.retrieval.corpusbrain.passages import rank_passages
from skerry.retrieval.turns import Turns

if TYPE_CHECKING:
    from skerry.retrieval.corpusbrain.model.base import TitleModel
    from skerry.retrieval.corpusbrain.title_tree import TitleTree
    from skerry.retrieval.shared_model import SharedModel

RESTS_ON = ("bm25", "dense")
"""The legs that tell a page's passages apart."""


@dataclass(frozen=True, slots=True, eq=False)
class _Among:
    """The nodes of the title tree that a search is restricted to; equal to no other, to share no turn."""

    nodes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a turn of the title model is told beside the queries."""

    beams: int
    titles: int
    memory_share: float
    among: _Among | None


@dataclass(frozen=True, slots=True)
class _Written:
    """The pages that the title model found for a query, and the seconds of the turn that it shared."""

    found: list[Found]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Loaded:
    shared: SharedModel[TitleModel]
    turns: Turns[_Kind, str, _Written]


class CorpusBrainRetriever:
    """The opened leg. For its options see `CorpusBrainLeg` in the gRPC contract.

    Titles say which pages; which of their passages, the legs `RESTS_ON` of the same index say. Queries that
    come while the model writes titles for others wait, and then share a turn.

    Args:
        tree: of the pages of `passages`.
        load: the title model.
        weights_sha256: which weights it and the memory have.
        memory: folder of the page memory, where there is one.
    """

    name = LEG

    def __init__(
        self,
        tree: TitleTree,
        passages: PassageStore,
        load: Callable[[], SharedModel[TitleModel]],
        weights_sha256: str,
        memory: Path | None = None,
    ) -> None:
        self._tree = tree
        self._passages = passages
        self._load_model = load
        self.weights_sha256 = weights_sha256
        self._memory = memory
        self._legs: tuple[Callable[[], Retriever], ...] = ()
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._closed = False

    def rest_on(self, legs: Mapping[str, Callable[[], Retriever]]) -> None:
        """See `RestsOnLegs`."""
        self._legs = tuple(legs[name] for name in RESTS_ON if name in legs)

    def retrieve(
        self,
        queries: Sequence[str],
        limit: int,
        options: Mapping[str, Option],
        deadline: Deadline,
        within: NDArray[np.int64] | None = None,
    ) -> list[Candidates]:
        """See `Retriever.retrieve`.

        Where `within` leaves no more pages than there are beams, and a sequence has one title, all of them
        are found, however improbable their titles are. Timings are "titles" and "passages".
        """
        chosen = CorpusBrainOptions.of(options)
        if within is not None and not len(within):
            return [_nothing() for _ in queries]
        loaded = self._load()
        legs = [leg() for leg in self._legs]
        kind = _Kind(chosen.beams, chosen.titles, chosen.memory_share, self._among(within))
        together = max(1, MOST_ROWS // chosen.beams)
        found = []
        for start in range(0, len(queries), together):
            deadline.check("generating titles")
            part = list(queries[start : start + together])
            written = loaded.turns.call(kind, part, len(part) * chosen.beams, deadline)
            for query, pages in zip(part, written, strict=True):
                found.append(self._candidates(query, pages, limit, chosen, legs, within, deadline))
        return found

    def close(self) -> None:
        """Let the title model go, once the searches that run now have ended."""
        with self._lock:
            self._loaded, self._closed = None, True

    def _load(self) -> _Loaded:
        with self._lock:
            if self._closed:
                raise IndexNotReady("The CorpusBrain leg was closed.", hint="Open the index again.")
            if self._loaded is None:
                shared, tree = self._load_model(), self._tree
                sharing = self._recalling(shared.model)

                def work(kind: _Kind, queries: list[str], deadline: Deadline) -> list[_Written]:
                    model = sharing(kind.memory_share)
                    return shared.thread.submit(_write, model, tree, kind, queries, deadline).result()

                self._loaded = _Loaded(shared, Turns(shared.turn, work, MOST_ROWS))
            return self._loaded

    def _recalling(self, model: TitleModel) -> Callable[[float], TitleModel]:
        """The model with the memory beside it, where there is one, by the memory's share."""
        if self._memory is None:
            return lambda share: model
        from skerry.retrieval.corpusbrain.memory.files import load_memory
        from skerry.retrieval.corpusbrain.memory.recall import RecallingTitleModel
        from skerry.retrieval.corpusbrain.model.small import SmallTitleModel

        assert isinstance(model, SmallTitleModel), "a memory is built for an encoder's title model only"
        return RecallingTitleModel(model, load_memory(self._memory), self._tree, share=1.0).sharing

    def _among(self, within: NDArray[np.int64] | None) -> _Among | None:
        if within is None:
            return None
        pages = np.unique(self._passages.columns().passages["page"][within])
        return _Among(self._tree.ways_to(pages.astype(np.int64)))

    def _candidates(
        self,
        query: str,
        written: _Written,
        limit: int,
        options: CorpusBrainOptions,
        legs: Sequence[Retriever],
        within: NDArray[np.int64] | None,
        deadline: Deadline,
    ) -> Candidates:
        timings = Timings()
        with timings.measure("passages"):
            best = sorted(written.found, key=lambda one: -_score(one, options))[: options.pages]
            passages = [self._passages_of(one.page, within) for one in best]
            scores = np.array([_score(one, options) for one in best])
            every = np.sort(np.concatenate([np.empty(0, np.int64), *passages]))
            said = []
            if len(every):
                for leg in legs:
                    said += leg.retrieve([query], len(every), {}, deadline, within=every)
            ranked = rank_passages(scores, passages, said, options.passage_weight)
        of = ranked.pages[:limit]
        evidence = FoundEvidence(
            np.array([one.page for one in best], np.int64)[of],
            np.array([one.log_prob for one in best])[of],
            self._passages,
        )
        seconds = {"titles": written.seconds, "passages": timings.seconds["passages"]}
        return Candidates(
            ranked.ordinals[:limit], ranked.scores[:limit].astype(np.float32), evidence, seconds
        )

    def _passages_of(self, page: int, within: NDArray[np.int64] | None) -> NDArray[np.int64]:
        row = self._passages.columns().pages[page]
        first, count = int(row["first_passage"]), int(row["passages"])
        if within is None:
            return np.arange(first, first + count)
        low, high = np.searchsorted(within, [first, first + count])
        return within[low:high]


def _score(found: Found, options: CorpusBrainOptions) -> float:
    return found.log_prob / max(1, found.tokens) if options.length_normalised else found.log_prob


def _nothing() -> Candidates:
    return Candidates(np.empty(0, np.int64), np.empty(0, np.float32))


def _write(
    model: TitleModel, tree: TitleTree, kind: _Kind, queries: list[str], deadline: Deadline
) -> list[_Written]:
    """One turn of the title model: the titles that it writes to all of these queries."""
    timings = Timings()
    with timings.measure("titles"):
        try:
            among = None if kind.among is None else kind.among.nodes
            found = search(
                model,
                tree,
                queries,
                kind.beams,
                kind.titles,
                among=among,
                deadline=deadline,
            )
        finally:
            give_back_freed_memory()
    return [_Written(pages, timings.seconds["titles"]) for pages in found]
