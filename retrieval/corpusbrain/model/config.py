"""What a trained title network belongs to, and how it lies on disk; read without loading any model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.models.trained_files import BaseConfig, TrainedFiles

if TYPE_CHECKING:
    from skerry.core.models.store import Model

WEIGHTS = "network.safetensors"


@dataclass(frozen=True, slots=True)
class NetworkConfig(BaseConfig):
    """What a trained network belongs to: its encoder, and its sizes.

    Attributes:
        layers, heads, positions: the decoder's shape.
    """

    layers: int
    heads: int
    positions: int

    def __post_init__(self) -> None:
        sizes = (self.layers, self.heads, self.positions)
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise ValueError("layers, heads and positions are not all whole numbers above 0")


FILES = TrainedFiles("title model", WEIGHTS, NetworkConfig, "Restore it, or build the index again.")
load_config = FILES.load_config


def checked_config(folder: Path, base: Model) -> NetworkConfig:
    """What the network in `folder` belongs to, whose encoder is `base`.

    Raises:
        NotFound: there is none.
        IndexCorrupt: a damaged configuration, or an encoder other than `base`; names both.
    """
    config = load_config(folder)
    config.check_base(
        base,
        made=f"The title model in {folder} was trained on",
        hint="Name the encoder that it was trained on, or train it again.",
    )
    return config
