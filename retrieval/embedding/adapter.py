"""A trained embedding adapter on disk: the encoder that it fits, and the sizes it was trained at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.models.adapter_files import CONFIG, WEIGHTS, Adapter, AdapterFiles, BaseConfig

if TYPE_CHECKING:
    from torch import Tensor

    from skerry.core.models.store import Model

__all__ = [
    "CONFIG",
    "SHIPPED",
    "WEIGHTS",
    "AdapterConfig",
    "check_base",
    "chosen_adapter",
    "keeps_whole",
    "load",
    "load_config",
    "save",
]

SHIPPED = Path(__file__).parent / "weights" / "all-MiniLM-L6-v2"
_A = ".low_rank_a"


@dataclass(frozen=True, slots=True)
class AdapterConfig(BaseConfig):
    """What the adapter belongs to.

    Attributes:
        ranks: of the low-rank factors, by the name of the linear layer in the whole network.
        pairs: (layers, dimensions) that it was trained at.
    """

    ranks: Mapping[str, int]
    pairs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranks", {str(name): int(rank) for name, rank in self.ranks.items()})
        object.__setattr__(self, "pairs", tuple((int(layers), int(size)) for layers, size in self.pairs))

    @classmethod
    def of(
        cls, model: Model, factors: Mapping[str, Tensor], pairs: Iterable[tuple[int, int]]
    ) -> AdapterConfig:
        """The configuration of factors (`core.models.low_rank.state`) that were trained on `model`.

        Args:
            factors: exits (`retrieval.embedding.exits`) may be among them.
            pairs: (layers, dimensions) that they were trained at.
        """
        ranks = {name.removesuffix(_A): len(a) for name, a in factors.items() if name.endswith(_A)}
        return cls(model.lasting_name, model.weights_hash, model.tokenizer_hash, ranks, tuple(pairs))


def keeps_whole(tensors: Mapping[str, Tensor], layers: int) -> bool:
    """Whether factors are of the layers before the last alone: then the whole depth does without them.

    Args:
        tensors: of an adapter.
        layers: of the whole network.
    """
    adapted = [name for name in tensors if name.endswith(_A)]
    return bool(adapted) and not any(name.startswith(f"encoder.layer.{layers - 1}.") for name in adapted)


_FILES = AdapterFiles("embedding adapter", "dense.adapter", "skerry train embedding", AdapterConfig)
save, load_config, load = _FILES.save, _FILES.load_config, _FILES.load


def check_base(folder: Path, config: AdapterConfig, model: Model) -> None:
    """See `AdapterFiles.check_base`."""
    _FILES.check_base(folder, config, model, SHIPPED)


def chosen_adapter(choice: str, model: Model) -> Adapter | None:
    """See `AdapterFiles.choose`."""
    return _FILES.choose(choice, model, SHIPPED)
