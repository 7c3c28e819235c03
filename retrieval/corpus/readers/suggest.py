"""Which format a corpus seems to have, for the error that says it was given as another."""

from __future__ import annotations

import json
from pathlib import Path

from skerry.core.errors import SkerryError
from skerry.retrieval.corpus.readers.lines import LineSource

CORPUS_NAMES = ("corpus.jsonl", "corpus.jsonl.gz", "corpus.jsonl.zst")
TEXT_SUFFIXES = frozenset({".txt", ".md", ".markdown"})


def guess_format(path: Path) -> str | None:
    """The name of the format that `path` looks like, or None."""
    if path.is_dir():
        if any((path / name).is_file() for name in CORPUS_NAMES):
            return "beir"
        return "text" if any(file.suffix.lower() in TEXT_SUFFIXES for file in path.iterdir()) else None
    if path.suffix.lower() in TEXT_SUFFIXES:
        return "text"
    try:
        with LineSource(path) as source:
            _, line = next(iter(source))
        record = json.loads(line)
    except (SkerryError, StopIteration, ValueError, RecursionError):
        return None
    return guess_record(record)


def guess_record(record: object) -> str | None:
    """The format that a parsed line looks like, or None."""
    if not isinstance(record, dict):
        return None
    if "wikipedia_title" in record:
        return "kilt"
    if "_id" in record and "text" in record:
        return "beir"
    return "jsonl" if "id" in record and "text" in record else None


def suggestion(path: Path, given: str) -> str:
    """A sentence that names the right `--format`, or "" when the given one may well be right."""
    guess = guess_format(path)
    return f"It looks like --format {guess}." if guess is not None and guess != given else ""
