"""How many parameters a trained ranker has."""

from __future__ import annotations

import math
from pathlib import Path

from skerry.core.models.store import ModelStore
from skerry.ranking import adapter
from skerry.ranking.neural import files


def parameter_count(name: str, folder: Path, models: ModelStore) -> int:
    """Of the ranker in `folder`: of its base model with its head for the cross-encoder, else its own.

    Word vectors are looked up and do not count. Raises as the ranker's own loading does.
    """
    if name != "cross-encoder":
        files.load_config(folder, name)
        return _count(folder / files.WEIGHTS, "model.")
    config, _, head = adapter.load(folder)
    base = models.resolve(config.base_model)
    return _count(base.folder / "model.safetensors", "") + sum(value.numel() for value in head.values())


def _count(path: Path, prefix: str) -> int:
    from safetensors import safe_open

    with safe_open(path, "pt") as tensors:
        return sum(
            math.prod(tensors.get_slice(name).get_shape())
            for name in tensors.keys()  # noqa: SIM118
            if name.startswith(prefix)
        )
