"""The long jobs of the corpus service: importing documents and building an index version."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from google.longrunning.operations_pb2 import Operation

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, IndexNotReady, InvalidInput
from skerry.core.models.store import ModelStore
from skerry.protos.v1 import corpus_pb2
from skerry.retrieval.base import Option
from skerry.retrieval.corpus.chunking import Chunking
from skerry.retrieval.corpus.readers import READERS, open_corpus
from skerry.retrieval.corpus.records import Page
from skerry.retrieval.index.build import BuildSpec, run_build
from skerry.retrieval.index.engine import Engine
from skerry.retrieval.index.leg import LEGS
from skerry.services.catalogue import Catalogue, CorpusEntry
from skerry.services.config import CorpusSettings
from skerry.services.convert.fields import duration
from skerry.services.documents import Outcome
from skerry.services.operations import OperationStore, Tracker

_BATCH = 500
_FORMATS = {
    corpus_pb2.CORPUS_FORMAT_KILT: "kilt",
    corpus_pb2.CORPUS_FORMAT_BEIR: "beir",
    corpus_pb2.CORPUS_FORMAT_JSONL: "jsonl",
    corpus_pb2.CORPUS_FORMAT_TEXT: "text",
}
_SNAPSHOT = "corpus.jsonl"


class Jobs:
    """Checks a request at once, and starts its work as an operation."""

    def __init__(
        self,
        catalogue: Catalogue,
        operations: OperationStore,
        settings: CorpusSettings,
        models: ModelStore,
    ) -> None:
        self._catalogue = catalogue
        self._operations = operations
        self._settings = settings
        self._models = models

    def importing(self, request: Any) -> Operation:
        """Start `ImportDocuments`.

        Raises:
            InvalidInput: a path outside the import folder, an unknown format, a corpus without documents.
            NotFound: no such corpus or file.
            BackendUnavailable: importing is turned off.
        """
        entry = self._catalogue.entry(request.corpus)
        documents = entry.documents()
        path = self._import_path(request.path)
        if request.format not in _FORMATS:
            raise InvalidInput(
                "The request does not say in which format the documents are.",
                hint=f"Choose one of {', '.join(_FORMATS.values())}.",
                details={"field": "format"},
            )
        reader = READERS.load(_FORMATS[request.format])(path, on_error="skip" if request.skip_bad else "fail")

        def work(tracker: Tracker, deadline: Deadline) -> Any:
            start = time.monotonic()
            counts = dict.fromkeys(Outcome, 0)
            failed = 0
            with tracker.task("read"):
                pages: Iterator[Page] = iter(reader)
                while batch := list(islice(pages, _BATCH)):
                    deadline.check("importing documents")
                    for result in documents.put(batch, request.replace_existing):
                        if isinstance(result, Outcome):
                            counts[result] += 1
                        elif request.skip_bad:
                            failed += 1
                            tracker.count(failed=1)
                        else:
                            raise result
                    tracker.advance(len(batch))
            skipped = sum(reader.skipped.values())
            tracker.count(skipped=skipped)
            return corpus_pb2.ImportDocumentsResult(
                created=counts[Outcome.CREATED],
                replaced=counts[Outcome.REPLACED],
                unchanged=counts[Outcome.UNCHANGED],
                skipped=skipped,
                failed=failed,
                duration=duration(time.monotonic() - start),
            )

        # The format's own complaint about the path comes now, not in the operation.
        open_corpus(path, _FORMATS[request.format])
        return self._operations.start(entry.id, "import", work)

    def building(self, request: Any) -> Operation:
        """Start `BuildIndex`.

        Raises:
            InvalidInput: a leg that is not said, or twice; a bad parameter; a corpus without documents.
            NotFound: no such corpus or leg. IndexNotReady: the corpus is empty.
        """
        entry = self._catalogue.entry(request.corpus)
        if not len(entry.documents()):
            raise IndexNotReady(
                f"The corpus {entry.id!r} has no documents.", hint="Ingest or import some before building."
            )
        legs = _legs(request)
        spec = BuildSpec(
            corpus=entry.folder / _SNAPSHOT,
            format="kilt",
            legs=tuple(legs),
            parameters=legs,
            chunking=Chunking(words=request.passage_words)
            if request.HasField("passage_words")
            else Chunking(),
        )
        engine = self._engine(
            request.workers if request.HasField("workers") else self._settings.workers or None
        )

        def work(tracker: Tracker, deadline: Deadline) -> Any:
            return self._build(entry, spec, engine, tracker, deadline)

        return self._operations.start(entry.id, "build", work)

    def _build(
        self, entry: CorpusEntry, spec: BuildSpec, engine: Engine, tracker: Tracker, deadline: Deadline
    ) -> Any:
        start = time.monotonic()
        with tracker.task("snapshot"):
            tracker.advance(entry.documents().write_kilt(spec.corpus))
        outcome = run_build(
            spec, entry.index, engine=engine, models=self._models, progress=tracker, deadline=deadline
        )
        with tracker.task("activate"):
            self._catalogue.refresh(entry)
            self._catalogue.warm(entry)
        manifest = outcome.manifest
        return corpus_pb2.BuildIndexResult(
            index_version=manifest.version,
            pages=manifest.corpus.pages,
            passages=manifest.corpus.passages,
            legs=sorted(manifest.legs),
            result_hash=manifest.result_hash,
            duration=duration(time.monotonic() - start),
        )

    def _engine(self, workers: int | None) -> Engine:
        if self._settings.engine == "ray":
            from skerry.services.indexing.ray import RayEngine

            return RayEngine(workers)
        from skerry.services.indexing.local import LocalEngine

        return LocalEngine(workers)

    def _import_path(self, path: str) -> Path:
        if not self._settings.import_folder:
            raise BackendUnavailable(
                "This server imports nothing from its disk.",
                hint="Set corpus.import_folder, or send the documents with IngestDocuments.",
            )
        root = Path(self._settings.import_folder).resolve()
        if "\0" in path or not path:
            raise InvalidInput("The path is empty or holds a zero byte.", details={"field": "path"})
        full = (root / path).resolve()
        if not full.is_relative_to(root):
            raise InvalidInput(
                "The path leads out of the server's import folder.",
                hint="Give a path relative to that folder.",
                details={"field": "path"},
            )
        return full


def _legs(request: Any) -> dict[str, dict[str, Option]]:
    """Leg -> parameters; bm25 alone where the request names none."""
    if not request.legs:
        return {"bm25": {}}
    legs: dict[str, dict[str, Option]] = {}
    for number, item in enumerate(request.legs):
        name = item.WhichOneof("kind")
        if name is None:
            raise InvalidInput(
                f"legs[{number}] does not say which leg it is.",
                hint=f"Set one of {', '.join(LEGS)}.",
                details={"field": f"legs[{number}]"},
            )
        LEGS.check(name)
        if name in legs:
            raise InvalidInput(f"The leg {name!r} is named twice.", details={"field": f"legs[{number}]"})
        legs[name] = {field.name: value for field, value in getattr(item, name).ListFields()}
    return legs
