"""A trained SEAL adapter on disk: low-rank factors in eight bits, and the base model they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.files import sha256_file, write_atomically

if TYPE_CHECKING:
    from torch import Tensor

    from skerry.core.models.store import Model

_FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "adapter.safetensors"
SHIPPED = Path(__file__).parent / "weights" / "smollm2"
_SCALE = ".scale"


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """What the adapter belongs to.

    Attributes:
        base_model, base_weights_hash, base_tokenizer_hash: the model it was trained on.
        rank: of the low-rank factors.
        weights_sha256: of the weights file.
    """

    base_model: str
    base_weights_hash: str
    base_tokenizer_hash: str
    rank: int
    weights_sha256: str = ""

    def is_of(self, model: Model) -> bool:
        """Whether this very copy of the model is the one that it was trained on."""
        return (self.base_weights_hash, self.base_tokenizer_hash) == (
            model.weights_hash,
            model.tokenizer_hash,
        )


def save(folder: Path, config: AdapterConfig, factors: Mapping[str, Tensor]) -> None:
    """Write the adapter: every factor as int8 with one float32 scale a row of rank (A's rows, B's columns).

    One rank's direction may be a thousand times as strong as another's; with a scale each, rounding costs
    every direction about 0.4% of its largest entry.
    """
    import torch
    from safetensors.torch import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, factor in factors.items():
        along = _other_axis(name)
        scale = factor.float().abs().amax(dim=along, keepdim=True).clamp_min(1e-12) / 127
        tensors[name] = (factor.float() / scale).round().to(torch.int8).contiguous()
        tensors[name + _SCALE] = scale.contiguous()
    write_atomically(folder / WEIGHTS, to_bytes(tensors))
    fields = asdict(config) | {"format": _FORMAT, "weights_sha256": sha256_file(folder / WEIGHTS)}
    write_atomically(folder / CONFIG, json.dumps(fields, indent=2, sort_keys=True).encode() + b"\n")


def check_base(folder: Path, config: AdapterConfig, model: Model) -> None:
    """Raise `IndexCorrupt`, which names both, where the adapter in `folder` is not for `model`.

    An adapter is for one copy of one model, told by its hashes; the one that comes with Skerry is for every
    copy of its catalogue model: copies differ in rounding only (one source has four bits a weight, another
    sixteen).
    """
    if folder == SHIPPED and model.name == config.base_model:
        return
    model.check_is(
        config.base_model,
        config.base_weights_hash,
        config.base_tokenizer_hash,
        made=f"The SEAL adapter in {folder} was trained on",
        hint="Give the adapter of this model, or seal.adapter=none, or train one for this model.",
    )


def load_config(folder: Path) -> AdapterConfig:
    """What the adapter in `folder` belongs to.

    Raises:
        NotFound: no adapter there.
        IndexCorrupt: a configuration that is damaged or of another format.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise NotFound(
            f"There is no SEAL adapter in {folder}: {CONFIG} is missing.", details={"path": str(folder)}
        )
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if fields.pop("format") != _FORMAT:
            raise _damaged(path, f"it is of another format than {_FORMAT}")
        return AdapterConfig(**fields)
    except KeyError as error:
        raise _damaged(path, f"the key {error} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, str(error)) from error


def load(folder: Path) -> tuple[AdapterConfig, dict[str, Tensor]]:
    """Configuration and factors by layer, float32, as `core.models.low_rank.merge` takes them.

    Raises:
        NotFound: no adapter there.
        IndexCorrupt: a file that is damaged or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = load_config(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise _damaged(path, "it is missing")
    if sha256_file(path) != config.weights_sha256:
        raise _damaged(path, "its checksum is not the one in config.json")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise _damaged(path, str(error)) from error
    names = [name for name in tensors if not name.endswith(_SCALE)]
    if lonely := [name for name in names if name + _SCALE not in tensors]:
        raise _damaged(path, f"the scale of {lonely[0]} is missing")
    return config, {name: tensors[name].float() * tensors[name + _SCALE] for name in names}


def _other_axis(name: str) -> int:
    """The axis that is not the rank: A is (rank, in), B (out, rank)."""
    return 1 if name.endswith("_a") else 0


def _damaged(path: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"The SEAL adapter's file {path} cannot be used: {why}.",
        hint="Restore it, or train the adapter again with `skerry train seal`.",
        details={"file": str(path)},
    )
