"""BM25 over title, section and text: the lexical leg, on either engine."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput
from skerry.core.files import write_atomically
from skerry.core.models.store import Model
from skerry.retrieval.base import Candidates, Option
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.lexical.engine import ENGINES, LexicalSearcher, LexicalSettings
from skerry.retrieval.options import check_option_names

_COUNT_FILE = "terms.json"
_ENGINE_FOLDER = "index"
_PROBES = 64
_PROBE_WORDS = 12
_PROBE_DEPTH = 10


class Bm25Leg:
    """Finds passages that share words with the query.

    Args:
        engine: "tantivy" (embedded) or "lucene" (needs the extra `lucene`).
        k1: saturation of term frequency; None takes the engine's default (tantivy: 1.2, the only one it has;
            lucene: 0.9).
        b: length normalisation; None takes the engine's default (0.4).
        stem: reduce English words to their stems, in passages and queries.
        stop: leave the commonest English words out of both.
        title: index the page's title with each passage.
        section: index the heading path with each passage.
        drop_question_words: leave "what", "who", "how" and their like out of queries.

    Raises:
        NotFound: an unknown engine.
        InvalidInput: a value that the engine cannot honour.
        BackendUnavailable: an engine that is not installed.
    """

    name = "bm25"

    def __init__(
        self,
        engine: str = "tantivy",
        k1: float | None = None,
        b: float | None = None,
        stem: bool = True,
        stop: bool = False,
        title: bool = True,
        section: bool = True,
        drop_question_words: bool = True,
    ) -> None:
        self._engine = ENGINES.load(engine)()
        self._settings = LexicalSettings(
            k1=_number("k1", self._engine.default_k1 if k1 is None else k1, 100.0),
            b=_number("b", self._engine.default_b if b is None else b, 1.0),
            stem=_flag("stem", stem),
            stop=_flag("stop", stop),
            title=_flag("title", title),
            section=_flag("section", section),
            drop_question_words=_flag("drop_question_words", drop_question_words),
        )
        self._engine.check(self._settings)

    def model(self) -> str | None:
        """None: words are matched as they are."""
        return None

    def build_shard(
        self, passages: PassageStore, start: int, stop: int, out: Path, model: Model | None, threads: int
    ) -> None:
        """Count the shard's terms, of which the engine needs to know the mean per passage."""
        out.mkdir(parents=True, exist_ok=True)
        terms = self._engine.count_terms(passages, start, stop, self._settings)
        write_atomically(out / _COUNT_FILE, json.dumps({"terms": terms}).encode())

    def assemble(
        self,
        passages: PassageStore,
        shards: Sequence[Path],
        out: Path,
        model: Model | None,
        workshop: Workshop,
    ) -> BuiltLeg:
        """Index all passages, in corpus order, with one writer."""
        terms = sum(json.loads((shard / _COUNT_FILE).read_bytes())["terms"] for shard in shards)
        folder = out / _ENGINE_FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._engine.build(passages, folder, self._settings, terms, workshop.progress)
        parameters: dict[str, Option] = {"engine": self._engine.name, **asdict(self._settings)}
        return BuiltLeg(parameters, _digest(parameters, passages, self._engine.open(folder, self._settings)))

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> Bm25Retriever:
        """The retriever over the engine's files. Raises `IndexCorrupt` where they do not fit the passages."""
        path = folder / _ENGINE_FOLDER
        if not path.is_dir():
            raise IndexCorrupt(
                f"The BM25 index folder {path} is missing.",
                hint="Build the index again.",
                details={"path": str(path)},
            )
        searcher = self._engine.open(path, self._settings)
        if searcher.passage_count != len(passages):
            raise IndexCorrupt(
                f"The BM25 index in {path} has {searcher.passage_count} passages, the passage store"
                f" {len(passages)}.",
                hint="Build the index again.",
                details={"path": str(path)},
            )
        return Bm25Retriever(searcher)


class Bm25Retriever:
    """The opened leg; a batch's queries run on as many threads as there are processors."""

    name = "bm25"

    def __init__(self, searcher: LexicalSearcher) -> None:
        self._searcher: LexicalSearcher | None = searcher
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "bm25")

    def retrieve(
        self,
        queries: Sequence[str],
        limit: int,
        options: Mapping[str, Option],
        deadline: Deadline,
        within: NDArray[np.int64] | None = None,
    ) -> list[Candidates]:
        """See `Retriever.retrieve`. A query without any word finds nothing; there are no options."""
        check_option_names(self.name, options, {})
        searcher = self._searcher
        if searcher is None:
            raise IndexNotReady("The BM25 leg was closed.", hint="Open the index again.")

        def search(query: str) -> Candidates:
            deadline.check("searching the BM25 index")
            return searcher.search(query, limit, within)

        if len(queries) == 1:
            return [search(queries[0])]
        return list(self._threads.map(search, queries))

    def close(self) -> None:
        """Let the files go, once the searches that run now have ended."""
        self._searcher = None
        self._threads.shutdown()


def _number(name: str, value: object, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidInput(f"bm25.{name} must be a number; got {value!r}.", details={"parameter": name})
    if not 0.0 <= value <= high:
        raise InvalidInput(
            f"bm25.{name} must be from 0 to {high:g}; got {value}.", details={"parameter": name}
        )
    return float(value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"bm25.{name} must be true or false; got {value!r}.", details={"parameter": name})
    return value


def _digest(parameters: Mapping[str, Option], passages: PassageStore, searcher: LexicalSearcher) -> str:
    """Hash of what the index is and finds: an engine's files carry random names, its answers do not."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    digest.update(passages.digest().encode())
    count = len(passages)
    for ordinal in range(0, count, max(1, count // _PROBES)):
        probe = " ".join(passages[ordinal].text.split()[:_PROBE_WORDS])
        found = searcher.search(probe, _PROBE_DEPTH, None)
        digest.update(found.ordinals.astype("<i8").tobytes())
        digest.update(np.round(found.scores.astype(np.float64), 2).astype("<f4").tobytes())
    return digest.hexdigest()
