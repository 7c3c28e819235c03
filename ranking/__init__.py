"""From ranked passages to better ranked passages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skerry.core.models.store import ModelStore
    from skerry.ranking.base import Ranker


def load_ranker(name: str, models: ModelStore, folder: Path | None = None) -> Ranker:
    """The ranker called `name`: the shipped weights, or those of a folder that `skerry train ranker` made.

    Raises:
        NotFound: no ranker of that name (lists those there are), or its base model is not here.
        IndexCorrupt: its files, or its base model's, do not fit.
    """
    from skerry.ranking.base import RANKERS

    ranker: Ranker = RANKERS.load(name)(models, folder)
    return ranker


def shipped_weights(name: str) -> Path | None:
    """The folder of the weights that are shipped for the ranker `name`, None where none are."""
    folder = Path(__file__).parent / "weights" / name
    return folder if folder.is_dir() else None
