"""The embedded engine: tantivy, memory-mapped, no other process and no JVM.

tantivy fixes BM25 at k1 = 1.2 and b = 0.75. A smaller b is reached exactly by giving every passage
the same number p of filler tokens, which no query can match: with a mean length of L the normaliser's slope
becomes 0.75 * L / (L + p), so p = L * (0.75 / b - 1) makes it b. k1 cannot be moved; any other is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray

from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput
from skerry.core.progress import Progress
from skerry.retrieval.base import Candidates
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.lexical.engine import LexicalSettings
from skerry.retrieval.lexical.indexed_texts import indexed_texts
from skerry.retrieval.lexical.query_terms import query_terms
from skerry.retrieval.lexical.ties import best

_K1 = 1.2
_B = 0.75
_LEAST_B = 0.1
_FILLER = "\x01"
_ANALYZER = "passage"
_TEXT = "text"
_ORDINAL = "ordinal"
_LONGEST_TERM = 40
_HEAP_BYTES = 1 << 30
"""A corpus whose postings fit here makes one segment; a larger one makes several, with the same results."""


class TantivyEngine:
    """See the module's text."""

    name = "tantivy"
    default_k1 = _K1
    default_b = 0.4

    def check(self, settings: LexicalSettings) -> None:
        if settings.k1 != _K1:
            raise InvalidInput(
                f"The tantivy engine scores with k1 = {_K1}, fixed; k1 = {settings.k1} cannot be had.",
                hint="Leave k1 out, or use the lucene engine.",
                details={"parameter": "k1"},
            )
        if not _LEAST_B <= settings.b <= _B:
            raise InvalidInput(
                f"The tantivy engine takes b from {_LEAST_B} to {_B}; got {settings.b}.",
                hint="Choose another b, or use the lucene engine.",
                details={"parameter": "b"},
            )

    def count_terms(self, passages: PassageStore, start: int, stop: int, settings: LexicalSettings) -> int:
        analyzer = _analyzer(settings.stem, settings.stop)
        return sum(len(analyzer.analyze(settings.text(*fields))) for fields in passages.texts(start, stop))

    def build(
        self,
        passages: PassageStore,
        folder: Path,
        settings: LexicalSettings,
        terms: int,
        progress: Progress,
    ) -> None:
        count = len(passages)
        filler = _filler(round(terms / max(count, 1) * (_B / settings.b - 1)))
        schema = (
            tantivy.SchemaBuilder()
            .add_text_field(_TEXT, tokenizer_name=_ANALYZER, index_option="freq")
            .add_unsigned_field(_ORDINAL, indexed=True, fast=True)
            .build()
        )
        with _writing(folder), progress.task("bm25", count, "passages") as task:
            index = tantivy.Index(schema, str(folder), sort_by_field=_ORDINAL)
            index.register_tokenizer(_ANALYZER, _analyzer(settings.stem, settings.stop))
            writer = index.writer(_HEAP_BYTES, 1)
            for ordinal, text in indexed_texts(passages, settings, task):
                document = tantivy.Document()
                document.add_text(_TEXT, text)
                document.add_unsigned(_ORDINAL, ordinal)
                if filler is not None:
                    document.add_pre_tokenized_text(_TEXT, filler)
                writer.add_document(document)
            writer.commit()
            writer.wait_merging_threads()
        (folder / ".tantivy-writer.lock").unlink(missing_ok=True)

    def open(self, folder: Path, settings: LexicalSettings) -> TantivySearcher:
        return TantivySearcher(folder, settings)


class TantivySearcher:
    """A tantivy index, opened for reading."""

    def __init__(self, folder: Path, settings: LexicalSettings) -> None:
        try:
            index = tantivy.Index.open(str(folder))
            index.register_tokenizer(_ANALYZER, _analyzer(settings.stem, settings.stop))
            index.config_reader("manual")
            self._searcher = index.searcher()
            self._schema = index.schema
            self.passage_count = int(self._searcher.num_docs)
        except (ValueError, OSError) as error:
            raise IndexCorrupt(
                f"The tantivy index in {folder} cannot be opened: {error}.",
                hint="Run `skerry index verify`, or build the index again.",
                details={"path": str(folder)},
            ) from error
        self._settings = settings

    def search(self, query: str, limit: int, within: NDArray[np.int64] | None) -> Candidates:
        analyze = _analyzer(self._settings.stem, self._settings.stop).analyze
        terms = query_terms(query, analyze, self._settings.drop_question_words)
        if not terms or self.passage_count == 0 or (within is not None and len(within) == 0):
            return Candidates(np.empty(0, np.int64), np.empty(0, np.float32))
        should, must, make = tantivy.Occur.Should, tantivy.Occur.Must, tantivy.Query
        wanted = make.boolean_query(
            [(should, make.term_query(self._schema, _TEXT, term, "freq")) for term in terms]
        )
        if within is not None:
            allowed = make.const_score_query(
                make.term_set_query(self._schema, _ORDINAL, within.tolist()), 0.0
            )
            wanted = make.boolean_query([(must, wanted), (must, allowed)])

        def fetch(count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
            hits = self._searcher.search(wanted, count, count=False).hits
            scores = np.fromiter((score for score, _ in hits), np.float64, len(hits))
            ordinals = self._searcher.fast_field_values(_ORDINAL, [address for _, address in hits])
            return np.array(ordinals, np.int64), scores

        return best(fetch, limit, self.passage_count)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """tantivy reports a full disk, and anything else that stops a write, as a ValueError."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise BackendUnavailable(
            f"Writing the tantivy index under {folder} failed: {error}.",
            hint="Free space or choose another folder, then run the same command again: it resumes.",
            details={"path": str(folder)},
        ) from error


@cache
def _analyzer(stem: bool, stop: bool) -> Any:
    """Runs of letters and digits, lower case, accents folded; common words and endings removed as asked."""
    builder = (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_LONGEST_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
    )
    if stop:
        builder = builder.filter(tantivy.Filter.stopword("english"))
    if stem:
        builder = builder.filter(tantivy.Filter.stemmer("english"))
    return builder.build()


def _filler(count: int) -> Any | None:
    """A token list of `count` fillers; the analyzer drops the character, so that no query holds this term."""
    if count == 0:
        return None
    whitespace = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    return whitespace.pre_tokenize(" ".join([_FILLER] * count))
