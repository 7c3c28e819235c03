"""Short runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skerry.core.progress import Progress, SilentProgress
from skerry.retrieval.corpusbrain.model.config import WEIGHTS
from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.training.settings import Settings
from skerry.retrieval.corpusbrain.training.trainer import Report, TitleTrainer

from .conftest import Titled

QUICK = Settings(batch=8, epochs=4, held_out=2, patience=100, evaluate_every=3, checkpoint_every=2)


def train(
    titled: Titled,
    pairs: Sequence[Pair],
    out: Path,
    settings: Settings = QUICK,
    progress: Progress | None = None,
    **more: Any,
) -> Report:
    trainer = TitleTrainer(titled.base, titled.names, titled.tree, out, settings, **more)
    return trainer.train(pairs, progress or SilentProgress())


def weights(folder: Path) -> bytes:
    return (folder / WEIGHTS).read_bytes()
