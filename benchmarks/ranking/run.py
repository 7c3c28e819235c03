"""`skerry bench rank`: our cross-encoder in every way it can read here, beside sentence-transformers'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from skerry.benchmarks.ranking.speed import System, speeds
from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.evaluation.table import Row, ScoreTable
from skerry.ranking.base import RankRequest
from skerry.ranking.cross_encoder import SHIPPED, CrossEncoder, trained_network

COLUMNS = {
    "milliseconds": ("ms a query", ".0f"),
    "pairs_a_second": ("pairs/s", ".1f"),
    "faster": ("times faster", ".2f"),
    "processor_milliseconds": ("processor ms", ".0f"),
    "processor_faster": ("times less work", ".2f"),
    "tau": ("tau", ".4f"),
    "least_tau": ("least tau", ".4f"),
    "same_first": ("same first", ".3f"),
}


def run(
    requests: Sequence[RankRequest],
    models: ModelStore,
    folder: Path | None,
    dtypes: Sequence[str],
    peer: bool,
    rounds: int,
    processors: int,
    progress: Progress,
) -> ScoreTable:
    """One row a system; the first is what the others are compared with.

    Args:
        folder: the ranker; the shipped one for None.
        dtypes: ours.
        peer: without it, the first of `dtypes` stands first.

    Raises:
        InvalidInput: a dtype that cannot be here.
        NotFound, IndexCorrupt: the ranker or its base model.
    """
    folder = SHIPPED if folder is None else folder
    systems: dict[str, System] = {}
    with TemporaryDirectory() as temporary:
        if peer:
            systems |= _peers(models, folder, Path(temporary))
        for dtype in dtypes:
            ranker = CrossEncoder(models, folder, dtype)
            systems[f"Skerry, {ranker.dtype}"] = _ours(ranker)
        measured = speeds(systems, requests, rounds, progress)
    rows = [
        Row(name, {COLUMNS[key][0]: value for key, value in asdict(speed).items()})
        for name, speed in measured.items()
    ]
    most = max(len(request.candidates) for request in requests)
    title = f"{len(requests)} queries with up to {most} passages, {rounds} rounds, processors: {processors}"
    return ScoreTable(title, [name for name, _ in COLUMNS.values()], rows, dict(COLUMNS.values()))


def _peers(models: ModelStore, folder: Path, temporary: Path) -> dict[str, System]:
    import torch

    from skerry.benchmarks.ranking.peer import Peer, write_folder

    network, base, config = trained_network(models, folder)
    write_folder(network, base, temporary)
    return {
        f"sentence-transformers, {name}": Peer(temporary, dtype, config.max_tokens).logits
        for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))
    }


def _ours(ranker: CrossEncoder) -> System:
    def system(request: RankRequest) -> NDArray[np.float32]:
        [scores] = ranker.score([request], Deadline())
        return scores.raw

    return system
