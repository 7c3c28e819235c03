"""A trained SEAL adapter on disk, and which language model it fits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.models.adapter_files import CONFIG, WEIGHTS, Adapter, AdapterFiles, BaseConfig

if TYPE_CHECKING:
    from skerry.core.models.store import Model

__all__ = [
    "CONFIG",
    "SHIPPED",
    "WEIGHTS",
    "AdapterConfig",
    "check_base",
    "chosen_adapter",
    "load",
    "load_config",
    "save",
]

SHIPPED = Path(__file__).parent / "weights" / "smollm2"


@dataclass(frozen=True, slots=True)
class AdapterConfig(BaseConfig):
    """What the adapter belongs to; `rank` is that of the low-rank factors."""

    rank: int


_FILES = AdapterFiles("SEAL adapter", "seal.adapter", "skerry train seal", AdapterConfig)
save, load_config, load = _FILES.save, _FILES.load_config, _FILES.load


def check_base(folder: Path, config: AdapterConfig, model: Model) -> None:
    """See `AdapterFiles.check_base`."""
    _FILES.check_base(folder, config, model, SHIPPED)


def chosen_adapter(choice: str, model: Model) -> Adapter | None:
    """See `AdapterFiles.choose`."""
    return _FILES.choose(choice, model, SHIPPED)
