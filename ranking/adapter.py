"""A trained cross-encoder on disk: low-rank factors, head, calibration, and the base model they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skerry.core.models.trained_files import CONFIG, BaseConfig, TrainedFiles
from skerry.ranking.calibration import PlattScaling

__all__ = ["CONFIG", "WEIGHTS", "AdapterConfig", "load", "save"]

WEIGHTS = "adapter.safetensors"


@dataclass(frozen=True, slots=True)
class AdapterConfig(BaseConfig):
    """What the adapter belongs to and how it is read.

    Attributes:
        rank: of the low-rank factors.
        max_tokens: length of a pair.
        first_stage_weight: of the first stage's order beside the score (see `interpolation.py`).
        calibration: raw score to probability.
    """

    rank: int
    max_tokens: int
    first_stage_weight: float
    calibration: PlattScaling

    def __post_init__(self) -> None:
        given: Any = self.calibration
        if not isinstance(given, PlattScaling):
            object.__setattr__(self, "calibration", PlattScaling(**given))


_FILES = TrainedFiles("ranker", WEIGHTS, AdapterConfig, "Restore it, or train the ranker again.")


def save(
    folder: Path, config: AdapterConfig, factors: Mapping[str, Tensor], head: Mapping[str, Tensor]
) -> None:
    """Write the adapter; factors in bfloat16, the head in float32."""
    tensors = {f"encoder.{name}": value.to(torch.bfloat16).contiguous() for name, value in factors.items()}
    tensors |= {f"head.{name}": value.float().contiguous() for name, value in head.items()}
    _FILES.save(folder, config, tensors)


def load(folder: Path) -> tuple[AdapterConfig, dict[str, Tensor], dict[str, Tensor]]:
    """Configuration, factors by layer, and the head's tensors.

    Raises:
        NotFound: no adapter there.
        IndexCorrupt: a file that is damaged or of another format.
    """
    config = _FILES.load_config(folder)
    tensors = _FILES.load_tensors(folder, config)
    head = _below(tensors, "head.")
    if missing := {"weight", "bias"} - head.keys():
        raise _FILES.damaged(folder / WEIGHTS, f"the head's {' and '.join(sorted(missing))} is missing")
    return config, _below(tensors, "encoder."), head


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
