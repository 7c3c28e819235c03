"""What a source is, and how it says that it cannot give a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skerry.core.errors import BackendUnavailable
from skerry.core.models.catalogue import Entry
from skerry.core.progress import Progress


class SourceUnavailable(BackendUnavailable):
    """This source cannot give the model now; another one may."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source gave.

    Attributes:
        folder: the model files as the source has them; the converter only reads it.
        origin: the exact place and version, for the record.
    """

    folder: Path
    origin: str


class Source(Protocol):
    """One place that models come from."""

    name: str

    def fetch(self, entry: Entry, into: Path, progress: Progress) -> Fetched:
        """Bring the model's files.

        Args:
            entry: the model.
            into: an empty folder that may be written to; the caller deletes it.
            progress: counts bytes.

        Raises:
            SourceUnavailable: not reachable, or it does not have the model.
            IndexCorrupt: what came is not what the catalogue pins.
        """
        ...
