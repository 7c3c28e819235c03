"""What a leg must do to be built by the batch job and opened from an index: one protocol, one registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from skerry.core.deadline import Deadline
from skerry.core.models.store import Model
from skerry.core.progress import Progress, SilentProgress
from skerry.core.registry import Registry
from skerry.retrieval.base import Option, Retriever

if TYPE_CHECKING:
    from skerry.retrieval.corpus.store import PassageStore


@dataclass(frozen=True, slots=True)
class BuiltLeg:
    """What the manifest keeps of a leg.

    Attributes:
        parameters: every parameter, defaults included, as the leg was built; JSON values.
        digest: hex digest of the leg's logical content (the same after any sequence of kills and reruns, even
            where an engine's files carry random names).
    """

    parameters: Mapping[str, Option]
    digest: str


@dataclass(frozen=True, slots=True)
class Workshop:
    """With what a leg is assembled.

    Attributes:
        index: the index folder that is being built.
        work: a folder that stays as it is when the build is killed, so that long work can go on from what it
            left there; it is deleted when the leg is finished.
        threads: how many the work may use: all that the build may.
        deadline: long work checks it between its steps.
    """

    index: Path
    work: Path
    threads: int = 1
    progress: Progress = field(default_factory=SilentProgress)
    deadline: Deadline = field(default_factory=Deadline)


class Leg(Protocol):
    """A kind of retriever, configured by keyword parameters that it validates in its constructor.

    A build calls `build_shard` for every shard (in worker processes, any order), then `assemble` once.
    """

    name: str

    def model(self) -> str | None:
        """Catalogue name or folder of the model that the leg needs, None without one."""
        ...

    def build_shard(
        self, passages: PassageStore, start: int, stop: int, out: Path, model: Model | None, threads: int
    ) -> None:
        """Do the per-passage work of ordinals [start, stop) and leave its result in the folder `out`."""
        ...

    def assemble(
        self,
        passages: PassageStore,
        shards: Sequence[Path],
        out: Path,
        model: Model | None,
        workshop: Workshop,
    ) -> BuiltLeg:
        """Make the leg's final files in the folder `out` from the shards' folders, in corpus order.

        Killed and called again, it makes the same content.
        """
        ...

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> Retriever:
        """The retriever over the files that `assemble` wrote; cheap: heavy parts load at the first query.

        Raises:
            IndexCorrupt: a file that is missing or does not fit the passages.
        """
        ...


@runtime_checkable
class ReadsFiles(Protocol):
    """A leg that is built from files beside its corpus and its model: trained weights, for instance."""

    def files_hash(self) -> str:
        """Hex digest of those files; what was built from others is not used again.

        Raises:
            NotFound, IndexCorrupt: they are not there, or damaged.
        """
        ...


@runtime_checkable
class RestsOnLegs(Protocol):
    """A retriever that asks other legs of its index too. What it rests on must not rest on it."""

    def rest_on(self, legs: Mapping[str, Callable[[], Retriever]]) -> None:
        """Told once, before the first query: the other legs by name, each opened when it is called for."""
        ...


@runtime_checkable
class HasWeights(Protocol):
    """A retriever whose model has learnt weights that the index's digest does not cover.

    Attributes:
        weights_sha256: hex digest of them, "" for none.
    """

    weights_sha256: str


LEGS: Registry[type[Leg]] = Registry(
    "leg",
    {
        "bm25": "skerry.retrieval.lexical.leg:Bm25Leg",
        "corpusbrain": "skerry.retrieval.corpusbrain.leg:CorpusBrainLeg",
        "dense": "skerry.retrieval.embedding.leg:DenseLeg",
        "seal": "skerry.retrieval.seal.leg:SealLeg",
    },
)
