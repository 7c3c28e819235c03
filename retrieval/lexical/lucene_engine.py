"""Lucene, through the Anserini jar that pyserini carries: any k1 and b, and the JVM in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import BackendUnavailable, IndexCorrupt, SkerryError
from skerry.core.progress import Progress
from skerry.retrieval.base import Candidates
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.lexical.engine import LexicalSettings
from skerry.retrieval.lexical.indexed_texts import indexed_texts
from skerry.retrieval.lexical.jvm import CALLS, check_installed, java
from skerry.retrieval.lexical.query_terms import query_terms
from skerry.retrieval.lexical.ties import best

_TEXT = "text"
_ORDINAL = "ordinal"
_BUFFER_MEGABYTES = 256.0
_MOST_CLAUSES = 70_000
"""Above the number of words that the longest query can have."""


class LuceneEngine:
    """See the module's text. Needs the extra `lucene`."""

    name = "lucene"
    default_k1 = 0.9
    default_b = 0.4

    def check(self, settings: LexicalSettings) -> None:
        """Every k1 and b will do; raises `BackendUnavailable` where the extra is absent."""
        check_installed()

    def count_terms(self, passages: PassageStore, start: int, stop: int, settings: LexicalSettings) -> int:
        """0: Lucene keeps its own statistics."""
        return 0

    def build(
        self,
        passages: PassageStore,
        folder: Path,
        settings: LexicalSettings,
        terms: int,
        progress: Progress,
    ) -> None:
        new = java()
        with CALLS, _reporting(_unwritable, folder), progress.task("bm25", len(passages), "passages") as task:
            configuration = new("org.apache.lucene.index.IndexWriterConfig")(_analyzer(settings))
            configuration.setSimilarity(_similarity(settings))
            configuration.setRAMBufferSizeMB(_BUFFER_MEGABYTES)
            # Only neighbours are merged, one merge after another: documents stay in corpus order.
            configuration.setMergePolicy(new("org.apache.lucene.index.LogDocMergePolicy")())
            configuration.setMergeScheduler(new("org.apache.lucene.index.SerialMergeScheduler")())
            directory = _directory(folder)
            writer = new("org.apache.lucene.index.IndexWriter")(directory, configuration)
            try:
                add = _adder(writer)
                for ordinal, text in indexed_texts(passages, settings, task):
                    add(ordinal, text)
                writer.forceMerge(1)
                writer.commit()
            finally:
                writer.close()
                directory.close()
        (folder / "write.lock").unlink(missing_ok=True)

    def open(self, folder: Path, settings: LexicalSettings) -> LuceneSearcher:
        return LuceneSearcher(folder, settings)


class LuceneSearcher:
    """A Lucene index, memory-mapped for reading."""

    def __init__(self, folder: Path, settings: LexicalSettings) -> None:
        new = java()
        from jnius import cast

        with CALLS, _reporting(_unreadable, folder):
            self._reader = new("org.apache.lucene.index.DirectoryReader").open(_directory(folder))
            kind = new("org.apache.lucene.search.IndexSearcher")
            kind.setMaxClauseCount(_MOST_CLAUSES)
            self._searcher = kind(cast("org.apache.lucene.index.IndexReader", self._reader))
            self._searcher.setSimilarity(_similarity(settings))
            self.passage_count = int(self._reader.numDocs())
            self._analyzer = _analyzer(settings)
        self._settings = settings
        self._folder = folder

    def search(self, query: str, limit: int, within: NDArray[np.int64] | None) -> Candidates:
        """See `LexicalSearcher.search`. One query at a time: see `CALLS`."""
        with CALLS, _reporting(_unreadable, self._folder):
            return self._search(query, limit, within)

    def _search(self, query: str, limit: int, within: NDArray[np.int64] | None) -> Candidates:
        new = java()
        analyze = new("io.anserini.analysis.AnalyzerUtils").analyze
        terms = query_terms(
            query, lambda text: list(analyze(self._analyzer, text)), self._settings.drop_question_words
        )
        if not terms or self.passage_count == 0 or (within is not None and len(within) == 0):
            return Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
        occur = new("org.apache.lucene.search.BooleanClause$Occur")
        builder = new("org.apache.lucene.search.BooleanQuery$Builder")()
        term_query, term_of = new("org.apache.lucene.search.TermQuery"), new("org.apache.lucene.index.Term")
        for term in terms:
            builder.add(term_query(term_of(_TEXT, term)), occur.SHOULD)
        if within is not None:
            builder.setMinimumNumberShouldMatch(1)
            points = new("org.apache.lucene.document.IntPoint")
            builder.add(points.newSetQuery(_ORDINAL, *within.tolist()), occur.FILTER)
        wanted = builder.build()

        def fetch(count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
            hits = self._searcher.search(wanted, count).scoreDocs
            # One segment in corpus order: Lucene's document numbers are our ordinals.
            pairs = [(hit.doc, hit.score) for hit in hits]
            return np.array([doc for doc, _ in pairs], np.int64), np.array([score for _, score in pairs])

        return best(fetch, limit, self.passage_count)


@lru_cache(maxsize=4)
def _analyzer(settings: LexicalSettings) -> Any:
    """Lucene's standard words, possessives off, lower case, accents folded; then as the settings say."""
    new = java()
    none = new("java.util.HashMap")
    builder = new("org.apache.lucene.analysis.custom.CustomAnalyzer").builder()
    builder.withTokenizer("standard", none())
    names = ["englishPossessive", "lowercase", "asciiFolding"]
    names += ["stop"] if settings.stop else []
    names += ["porterStem"] if settings.stem else []
    for name in names:
        builder.addTokenFilter(name, none())
    return builder.build()


def _similarity(settings: LexicalSettings) -> Any:
    return java()("org.apache.lucene.search.similarities.BM25Similarity")(settings.k1, settings.b)


def _directory(folder: Path) -> Any:
    new = java()
    return new("org.apache.lucene.store.FSDirectory").open(new("java.io.File")(str(folder)).toPath())


def _adder(writer: Any) -> Callable[[int, str], None]:
    """A function that adds one passage; Lucene copies what it is given, so one document serves for all."""
    from jnius import cast

    new = java()
    kind = new("org.apache.lucene.document.FieldType")()
    kind.setTokenized(True)
    kind.setIndexOptions(new("org.apache.lucene.index.IndexOptions").DOCS_AND_FREQS)
    kind.freeze()
    empty = cast("java.lang.CharSequence", new("java.lang.String")(""))
    text = new("org.apache.lucene.document.Field")(_TEXT, empty, kind)
    point = new("org.apache.lucene.document.IntPoint")(_ORDINAL, 0)
    document = new("org.apache.lucene.document.Document")()
    document.add(text)
    document.add(point)

    def add(ordinal: int, content: str) -> None:
        text.setStringValue(content)
        point.setIntValue(ordinal)
        writer.addDocument(document)

    return add


def _unwritable(folder: Path, reason: str) -> SkerryError:
    return BackendUnavailable(
        f"Writing the Lucene index under {folder} failed: {reason}.",
        hint="Free space or choose another folder, then run the same command again: it resumes.",
        details={"path": str(folder)},
    )


def _unreadable(folder: Path, reason: str) -> SkerryError:
    return IndexCorrupt(
        f"The Lucene index in {folder} cannot be opened: {reason}.",
        hint="Run `skerry index verify`, or build the index again.",
        details={"path": str(folder)},
    )


@contextmanager
def _reporting(error: Callable[[Path, str], SkerryError], folder: Path) -> Iterator[None]:
    """Turn Java's exceptions into one of ours."""
    from jnius import JavaException

    try:
        yield
    except JavaException as exception:
        raise error(folder, str(exception)) from exception
