"""What a comparison has worked out so far, in a folder, so that it goes on after a stop."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.files import naming_full_disk, write_atomically
from skerry.evaluation.resuming import difference, lock_for_writing

_RUN = "run.json"


class Kept:
    """Arrays by name in one folder, all of one run; locked against a second run. Close it at the end.

    Args:
        folder: made if it is not there.
        parameters: JSON values that decide what the arrays are.
        restart: remove what is there.
        replace: remove what other parameters made, instead of refusing it.

    Raises:
        InvalidInput: the folder holds a run of other parameters, or anything that is no run.
        AlreadyExists: another process is writing there.
        BackendUnavailable: it cannot be written.
    """

    def __init__(
        self, folder: Path, parameters: Mapping[str, Any], *, restart: bool = False, replace: bool = False
    ) -> None:
        self.folder = folder
        wanted = json.loads(json.dumps(dict(parameters)))
        with naming_full_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            lock_for_writing(self._lock, folder)
            if not self._fits(wanted, restart, replace):
                with naming_full_disk(folder):
                    write_atomically(folder / _RUN, json.dumps(wanted, indent=2).encode() + b"\n")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others write there."""
        os.close(self._lock)

    def load(self, name: str) -> dict[str, NDArray[Any]] | None:
        """The arrays kept under a name, or None.

        Raises:
            IndexCorrupt: a file that cannot be read.
        """
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise IndexCorrupt(
                f"{path} cannot be read: {error}.", hint="Remove it, and run the same command again."
            ) from error

    def save(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays under a name (with slashes for folders), whole or not at all."""
        path = self.folder / f"{name}.npz"
        buffer = BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        with naming_full_disk(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, buffer.getvalue())

    def _fits(self, wanted: Mapping[str, Any], restart: bool, replace: bool) -> bool:
        """Whether the folder holds this very run; it is emptied where that is asked for."""
        others = [path for path in self.folder.iterdir() if path.name != ".lock"]
        if not others:
            return False
        path = self.folder / _RUN
        if not path.is_file():
            raise InvalidInput(
                f"{self.folder} holds other things than a comparison.", hint="Give another --work folder."
            )
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found == wanted and not restart:
            return True
        if not restart and not replace:
            raise InvalidInput(
                f"{self.folder} is of another comparison: {difference(found, wanted)}.",
                hint="Give the same options, another --work folder, or --restart.",
            )
        for other in others:
            if other.is_dir():
                shutil.rmtree(other)
            else:
                other.unlink()
        return False
