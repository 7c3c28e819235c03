"""What the client returns where the domain has no word for it."""

from __future__ import annotations

from dataclasses import dataclass

from skerry.core.errors import SkerryError
from skerry.generation.base import Alternative, CacheReuse, Citation, Completed
from skerry.ranking.ranked import Reading
from skerry.ranking.rerank import RankedHit
from skerry.retrieval.quotes import Quote


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: the hits behind it, best first, its citations, how it ended (with its text), how far
    the ranker read, None where none ran, and what was reused of each source (or why nothing was).
    """

    hits: tuple[RankedHit, ...]
    citations: tuple[Citation, ...]
    completed: Completed
    reading: Reading | None = None
    reuse: tuple[CacheReuse, ...] = ()
    no_reuse: str = ""

    @property
    def text(self) -> str:
        """The answer; empty when there is none."""
        return self.completed.text

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The next best answers, best first; nothing where only one was asked for."""
        return self.completed.alternatives

    @property
    def quotes(self) -> tuple[Quote, ...] | None:
        """The answer's words, looked up in the whole corpus; None where that was not checked."""
        return self.completed.quotes


@dataclass(frozen=True, slots=True)
class ServedIndexInfo:
    """An index that is being served."""

    corpus: str
    version: str
    legs: tuple[str, ...]
    passages: int
    pages: int


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says of itself; names are empty where a part is not loaded. `rankers` are those that a
    request can choose, the default first.
    """

    version: str
    message_limit: int
    services: tuple[str, ...]
    indexes: tuple[ServedIndexInfo, ...]
    ranker: str
    generator: str
    embedder: str
    workers: int
    queue: int
    rankers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """A corpus; `index_version` is empty before the first build."""

    id: str
    description: str
    documents: int
    index_version: str
    legs: tuple[str, ...]
    pages: int
    passages: int
    read_only: bool


@dataclass(frozen=True, slots=True)
class IndexVersionInfo:
    """One version of a corpus' index."""

    version: str
    legs: tuple[str, ...]
    pages: int
    passages: int
    result_hash: str
    active: bool


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """What became of one document: "created", "replaced", "unchanged" or "failed" with its error."""

    id: str
    outcome: str
    error: SkerryError | None = None


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """Long work on the server, as it was when asked.

    Attributes:
        rate: units a second in this stage.
        error: why it failed, when it did.
        index_version: of a finished build.
        counts: of a finished import: created, replaced, unchanged, skipped, failed.
    """

    name: str
    kind: str
    corpus: str
    stage: str
    finished: int
    total: int
    failed: int
    skipped: int
    rate: float
    done: bool
    error: SkerryError | None = None
    index_version: str = ""
    counts: tuple[tuple[str, int], ...] = ()
