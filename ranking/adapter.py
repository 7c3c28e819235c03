"""A trained cross-encoder on disk: low-rank factors, head, calibration, and the base model they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.files import sha256_file, write_atomically
from skerry.ranking.calibration import PlattScaling

_FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "adapter.safetensors"


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """What the adapter belongs to and how it is read.

    Attributes:
        base_model, base_weights_hash, base_tokenizer_hash: the model it was trained on.
        rank: of the low-rank factors.
        max_tokens: length of a pair.
        first_stage_weight: of the first stage's order beside the score (see `interpolation.py`).
        calibration: raw score to probability.
        weights_sha256: of the weights file.
    """

    base_model: str
    base_weights_hash: str
    base_tokenizer_hash: str
    rank: int
    max_tokens: int
    first_stage_weight: float
    calibration: PlattScaling
    weights_sha256: str = ""


def save(
    folder: Path, config: AdapterConfig, factors: Mapping[str, Tensor], head: Mapping[str, Tensor]
) -> None:
    """Write the adapter; factors in bfloat16, the head in float32."""
    from safetensors.torch import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"encoder.{name}": value.to(torch.bfloat16).contiguous() for name, value in factors.items()}
    tensors |= {f"head.{name}": value.float().contiguous() for name, value in head.items()}
    write_atomically(folder / WEIGHTS, to_bytes(tensors))
    fields = asdict(config) | {"format": _FORMAT, "weights_sha256": sha256_file(folder / WEIGHTS)}
    write_atomically(folder / CONFIG, json.dumps(fields, indent=2, sort_keys=True).encode() + b"\n")


def load(folder: Path) -> tuple[AdapterConfig, dict[str, Tensor], dict[str, Tensor]]:
    """Configuration, factors by layer, and the head's tensors.

    Raises:
        NotFound: no adapter there.
        IndexCorrupt: a file that is damaged or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / CONFIG).is_file():
        raise NotFound(f"There is no ranker in {folder}: {CONFIG} is missing.", details={"path": str(folder)})
    try:
        fields: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if fields.pop("format") != _FORMAT:
            raise _damaged(folder / CONFIG, f"it is of another format than {_FORMAT}")
        config = AdapterConfig(**(fields | {"calibration": PlattScaling(**fields["calibration"])}))
    except KeyError as error:
        raise _damaged(folder / CONFIG, f"the key {error} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(folder / CONFIG, str(error)) from error
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise _damaged(weights, "it is missing")
    if sha256_file(weights) != config.weights_sha256:
        raise _damaged(weights, "its checksum is not the one in config.json")
    try:
        tensors = load_file(weights)
    except SafetensorError as error:
        raise _damaged(weights, str(error)) from error
    head = _below(tensors, "head.")
    if missing := {"weight", "bias"} - head.keys():
        raise _damaged(weights, f"the head's {' and '.join(sorted(missing))} is missing")
    return config, _below(tensors, "encoder."), head


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _damaged(path: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"The ranker's file {path} cannot be used: {why}.",
        hint="Restore it, or train the ranker again.",
        details={"file": str(path)},
    )
