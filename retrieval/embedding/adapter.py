"""A trained embedding adapter on disk: the encoder that it fits, and the sizes it was trained at.

An adapter of early exits may stand over one that made the whole size better; that lies in its folder `whole`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.errors import IndexCorrupt
from skerry.core.files import write_atomically
from skerry.core.models.adapter_files import CONFIG, WEIGHTS, Adapter, AdapterFiles, BaseConfig

if TYPE_CHECKING:
    from torch import Tensor

    from skerry.core.models.store import Model

__all__ = [
    "CONFIG",
    "EARLY_LAYERS",
    "EXITS",
    "SHIPPED",
    "WEIGHTS",
    "AdapterConfig",
    "check_base",
    "chosen_adapter",
    "early_factors",
    "early_layers",
    "keeps_whole",
    "load",
    "load_config",
    "save",
    "whole_factors",
]

SHIPPED = Path(__file__).parent / "weights" / "all-MiniLM-L6-v2"
_A = ".low_rank_a"
_BELOW = "whole"
_WHOLE = "whole."
EXITS = "exits."
"""What the names of an adapter's exits begin with."""
EARLY_LAYERS = "early_layers"
"""Name of the tensor that says on which of the model's layers the depths before the last run."""


@dataclass(frozen=True, slots=True)
class AdapterConfig(BaseConfig):
    """What the adapter belongs to.

    Attributes:
        ranks: of the low-rank factors, by the name of the linear layer in the whole network.
        pairs: (layers, dimensions) that it was trained at.
        whole_sha256: weights of the adapter that it stands over, "" without one.
        early_layers: which of the model's layers, from 1, the depths before the last run on, first to last;
            empty for the first ones.
    """

    ranks: Mapping[str, int]
    pairs: tuple[tuple[int, int], ...]
    whole_sha256: str = ""
    early_layers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranks", {str(name): int(rank) for name, rank in self.ranks.items()})
        object.__setattr__(self, "pairs", tuple((int(layers), int(size)) for layers, size in self.pairs))
        object.__setattr__(self, "early_layers", tuple(int(layer) for layer in self.early_layers))

    @classmethod
    def of(
        cls, model: Model, factors: Mapping[str, Tensor], pairs: Iterable[tuple[int, int]]
    ) -> AdapterConfig:
        """The configuration of factors (`core.models.low_rank.state`) that were trained on `model`.

        Args:
            factors: exits (`retrieval.embedding.exits`) may be among them.
            pairs: (layers, dimensions) that they were trained at.
        """
        own = early_factors(factors)
        ranks = {name.removesuffix(_A): len(a) for name, a in own.items() if name.endswith(_A)}
        return cls(
            model.lasting_name,
            model.weights_hash,
            model.tokenizer_hash,
            ranks,
            tuple(pairs),
            early_layers=early_layers(factors),
        )


def early_factors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An adapter's factors and exits without those of the one that it stands over."""
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(_WHOLE) and name != EARLY_LAYERS
    }


def early_layers(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """As `AdapterConfig.early_layers`."""
    return tuple(tensors[EARLY_LAYERS].tolist()) if EARLY_LAYERS in tensors else ()


def whole_factors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Factors of the adapter that another stands over, by layer; empty for most."""
    return {name.removeprefix(_WHOLE): tensor for name, tensor in tensors.items() if name.startswith(_WHOLE)}


def keeps_whole(tensors: Mapping[str, Tensor], layers: int) -> bool:
    """Whether factors are of the layers before the last alone: then the whole depth does without them.

    Args:
        tensors: of an adapter.
        layers: of the whole network.
    """
    adapted = [name for name in early_factors(tensors) if name.endswith(_A)]
    return bool(adapted) and not any(name.startswith(f"encoder.layer.{layers - 1}.") for name in adapted)


_FILES = AdapterFiles("embedding adapter", "dense.adapter", "skerry train embedding", AdapterConfig)
load_config = _FILES.load_config


def save(
    folder: Path, config: AdapterConfig, tensors: Mapping[str, Tensor], below: Path | None = None
) -> None:
    """Write an adapter.

    Args:
        tensors: of `whole_factors` nothing is written: they are those of `below`.
        below: folder of the adapter that it stands over, which is copied into it.
    """
    if below is not None:
        config = replace(config, whole_sha256=load_config(below).weights_sha256)
        copy_to = folder / _BELOW
        copy_to.mkdir(parents=True, exist_ok=True)
        for name in (WEIGHTS, CONFIG):
            write_atomically(copy_to / name, (below / name).read_bytes())
    _FILES.save(folder, config, early_factors(tensors))


def load(folder: Path) -> tuple[AdapterConfig, dict[str, Tensor]]:
    """See `AdapterFiles.load`; `whole_factors` of the tensors are of the adapter that it stands over.

    `early_layers` of the tensors are those of the configuration.

    Raises:
        NotFound: no adapter there, or not the one below it.
        IndexCorrupt: a file that is damaged or of another format, or another adapter below than it was
            trained over.
    """
    import torch

    config, tensors = _FILES.load(folder)
    if config.early_layers:
        tensors[EARLY_LAYERS] = torch.tensor(config.early_layers)
    if not config.whole_sha256:
        return config, tensors
    below, factors = _FILES.load(folder / _BELOW)
    if below.weights_sha256 != config.whole_sha256:
        raise IndexCorrupt(
            f"The embedding adapter in {folder} stands over another adapter of the whole size "
            f"({config.whole_sha256[:12]}) than lies in {folder / _BELOW} ({below.weights_sha256[:12]}).",
            hint="Restore both, or train them again with `skerry train embedding`.",
            details={"path": str(folder / _BELOW)},
        )
    whole = {_WHOLE + name: tensor for name, tensor in factors.items() if not name.startswith(EXITS)}
    return config, tensors | whole


def check_base(folder: Path, config: AdapterConfig, model: Model) -> None:
    """See `AdapterFiles.check_base`."""
    _FILES.check_base(folder, config, model, SHIPPED)


def chosen_adapter(choice: str, model: Model) -> Adapter | None:
    """See `AdapterFiles.choose`."""
    return _FILES.choose(choice, model, SHIPPED)
