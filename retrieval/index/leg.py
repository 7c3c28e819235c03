"""What a leg must do to be built by the batch job and opened from an index: one protocol, one registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from skerry.core.models.store import Model
from skerry.core.progress import Progress
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
        progress: Progress,
    ) -> BuiltLeg:
        """Make the leg's final files in the folder `out` from the shards' folders, in corpus order."""
        ...

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> Retriever:
        """The retriever over the files that `assemble` wrote; cheap: heavy parts load at the first query.

        Raises:
            IndexCorrupt: a file that is missing or does not fit the passages.
        """
        ...


LEGS: Registry[type[Leg]] = Registry(
    "leg",
    {
        "bm25": "skerry.retrieval.lexical.leg:Bm25Leg",
        "dense": "skerry.retrieval.embedding.leg:DenseLeg",
        "seal": "skerry.retrieval.seal.leg:SealLeg",
    },
)
