"""Corpus readers: one file a format, found by name."""

from __future__ import annotations

from pathlib import Path

from skerry.core.registry import Registry
from skerry.retrieval.corpus.readers.base import CorpusReader, CorpusReaderFactory, OnError

__all__ = ["READERS", "CorpusReader", "CorpusReaderFactory", "OnError", "open_corpus"]

READERS: Registry[CorpusReaderFactory] = Registry(
    "corpus format",
    {
        "beir": "skerry.retrieval.corpus.readers.beir:BeirReader",
        "jsonl": "skerry.retrieval.corpus.readers.jsonl:JsonlReader",
        "kilt": "skerry.retrieval.corpus.readers.kilt:KiltReader",
        "pydoc": "skerry.retrieval.corpus.readers.pydoc:PydocReader",
        "text": "skerry.retrieval.corpus.readers.text:TextReader",
    },
)


def open_corpus(
    path: Path,
    format: str,  # noqa: A002 - the word that the command line uses
    *,
    on_error: OnError = "fail",
    **options: str,
) -> CorpusReader:
    """The reader of the corpus at `path`; nothing is read before it is iterated.

    Args:
        path: a file or a folder, as the format wants.
        format: a name in `READERS`.
        on_error: "fail" raises at the first record that cannot be used, "skip" counts it in `reader.skipped`.
        options: the format's own, such as `text_field` of "jsonl".

    Raises:
        NotFound: no such format, no such path.
        InvalidInput: an unknown option, a path that is no corpus of the format (naming the likely format).
    """
    return READERS.load(format)(Path(path), on_error=on_error, **options)
