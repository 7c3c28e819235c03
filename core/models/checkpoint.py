"""Checkpoints of a training run: one file, replaced whole, that knows which run it belongs to."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from skerry.core.errors import IndexCorrupt, InvalidInput

CHECKPOINT = "checkpoint.pt"


def write_checkpoint(folder: Path, run: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Replace the checkpoint in `folder`: `run` says what the run is made of, `state` is torch's to save."""
    partial = folder / f".{CHECKPOINT}.part"
    torch.save({"run": dict(run), "state": dict(state)}, partial)
    partial.replace(folder / CHECKPOINT)


def read_checkpoint(folder: Path, run: Mapping[str, Any]) -> dict[str, Any] | None:
    """The state that was kept last, or None where there is no checkpoint.

    Raises:
        IndexCorrupt: a checkpoint that cannot be read.
        InvalidInput: a checkpoint of another run.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        made_of: dict[str, Any] = kept["run"]
        state: dict[str, Any] = kept["state"]
    except (
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        pickle.UnpicklingError,
    ) as error:
        raise IndexCorrupt(
            f"The checkpoint {path} cannot be read ({type(error).__name__}).",
            hint="Remove it to start anew.",
            details={"file": str(path)},
        ) from error
    if made_of != dict(run):
        raise InvalidInput(
            f"{path} is of another run (other settings, examples or base model).",
            hint="Give the same options to go on with it, or remove it to start anew.",
        )
    return state


def remove_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a run that has ended, if there is one."""
    (folder / CHECKPOINT).unlink(missing_ok=True)
