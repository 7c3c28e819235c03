"""What every corpus reader does, and what they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from skerry.core.errors import InvalidInput, NotFound
from skerry.retrieval.corpus.records import Page

OnError: TypeAlias = Literal["fail", "skip"]


class CorpusReader(Protocol):
    """An iterable of the pages of one corpus; every iteration reads the source anew, as a stream.

    Attributes:
        format: the name under which the reader is registered.
        path: the source.
        skipped: reason -> number of records left out by the latest iteration (empty under `on_error="fail"`).
    """

    format: str
    path: Path
    skipped: Counter[str]

    def __iter__(self) -> Iterator[Page]:
        """The pages in source order.

        Raises:
            InvalidInput: a record that cannot be used, naming `file:line`, under `on_error="fail"`; a source
                that holds no pages.
        """
        ...

    def fingerprint(self) -> str:
        """Hex SHA-256 over the source's bytes, the format and the options that shape the pages."""
        ...

    def source_bytes(self) -> int:
        """Size of the source on disk, in bytes: the total for a progress bar."""
        ...

    def read_bytes(self) -> int:
        """How many of `source_bytes()` the iteration under way has consumed."""
        ...


class CorpusReaderFactory(Protocol):
    """How a registered reader is made; `options` are the format's own."""

    def __call__(self, path: Path, *, on_error: OnError = "fail", **options: str) -> CorpusReader: ...


def check_source(path: Path, name: str) -> None:
    """Raise `NotFound` unless the source exists."""
    if not path.exists():
        raise NotFound(
            f"There is no corpus at {path}.",
            hint=f"Give the path of a {name} corpus that exists.",
            details={"path": str(path)},
        )


def check_on_error(on_error: str) -> None:
    """Raise `InvalidInput` unless `on_error` is "fail" or "skip"."""
    if on_error not in ("fail", "skip"):
        raise InvalidInput(f"on_error cannot be {on_error!r}.", hint="Choose 'fail' or 'skip'.")


def check_options(reader: str, options: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The defaults `known` overridden by `options`. Raises `InvalidInput` for one that the format lacks."""
    for name in options:
        if name not in known:
            raise InvalidInput(
                f"The {reader} reader has no option {name!r}.",
                hint=f"Its options are: {', '.join(sorted(known)) or 'none'}.",
                details={"option": name},
            )
    return {**known, **options}


def bad_record(where: str, reason: str, what: str, hint: str) -> InvalidInput:
    """The error for one record.

    Args:
        where: `file:line`.
        reason: a few words that stay the same from record to record, by which skipped records are counted.
        what: what was found and what was expected.
        hint: what to do.
    """
    return InvalidInput(f"{where}: {what}", hint=hint, details={"where": where, "reason": reason})
