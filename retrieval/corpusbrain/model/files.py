"""The small title model on disk: the encoder's low-rank update, the decoder, and whose encoder it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skerry.core.dtype import torch_dtype
from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.files import sha256_file, write_atomically
from skerry.core.models import low_rank
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model
from skerry.retrieval.corpusbrain.model.network import DecoderShape, TitleNetwork

CONFIG = "config.json"
WEIGHTS = "network.safetensors"
_FORMAT = 1
_ENCODER = "encoder."


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What a trained network belongs to.

    Attributes:
        base_model, base_weights_hash, base_tokenizer_hash: its encoder.
        rank: of the encoder's low-rank update.
        layers, heads, positions: the decoder's shape.
        weights_sha256: of the weights file.
    """

    base_model: str
    base_weights_hash: str
    base_tokenizer_hash: str
    rank: int
    layers: int
    heads: int
    positions: int
    weights_sha256: str = ""


def new_network(
    base: Model, rank: int, shape: DecoderShape | None, dropout: float, seed: int
) -> TitleNetwork:
    """An untrained network whose encoder is `base`, with a trainable low-rank update.

    Args:
        shape: of the decoder; None for the usual one of the encoder's width.
    """
    torch.manual_seed(seed)
    encoder = load_encoder(base, attention="eager")
    low_rank.attach(encoder, rank, seed)
    return TitleNetwork(encoder, shape or DecoderShape.of_width(encoder.config.hidden_size), dropout)


def load_encoder(base: Model, attention: str) -> Any:
    """The base model's encoder, without a gradient.

    Raises:
        IndexCorrupt: a folder that cannot be loaded.
    """
    from transformers import AutoModel

    try:
        encoder = load_weights(
            AutoModel, base.folder, dtype=torch_dtype("auto"), attn_implementation=attention
        )
    except (OSError, ValueError) as error:
        raise IndexCorrupt(
            f"The model in {base.folder} cannot be loaded: {error}.",
            hint=f"Fetch it again with `skerry models pull {base.name}`.",
            details={"model": base.name, "path": str(base.folder)},
        ) from error
    return encoder.eval().requires_grad_(False)


def trained_tensors(network: TitleNetwork) -> dict[str, Tensor]:
    """The decoder's parameters and the encoder's low-rank factors, as they are saved."""
    factors = {_ENCODER + name: factor for name, factor in low_rank.state(network.encoder).items()}
    tensors = {**factors, **_decoder(network.state_dict())}
    return {name: value.detach().float().contiguous() for name, value in tensors.items()}


def restore(network: TitleNetwork, tensors: Mapping[str, Tensor]) -> None:
    """Put saved tensors into a network made by `new_network`, to train it further."""
    network.load_state_dict(_decoder(tensors), strict=False)
    with torch.no_grad():
        for name, factor in low_rank.state(network.encoder).items():
            factor.copy_(tensors[_ENCODER + name])


def save_network(folder: Path, base: Model, rank: int, network: TitleNetwork) -> None:
    """Write the trained part of a network and what it belongs to."""
    from safetensors.torch import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / WEIGHTS, to_bytes(trained_tensors(network)))
    config = NetworkConfig(
        base_model=base.lasting_name,
        base_weights_hash=base.weights_hash,
        base_tokenizer_hash=base.tokenizer_hash,
        rank=rank,
        layers=network.shape.layers,
        heads=network.shape.heads,
        positions=network.shape.positions,
        weights_sha256=sha256_file(folder / WEIGHTS),
    )
    fields = asdict(config) | {"format": _FORMAT}
    write_atomically(folder / CONFIG, json.dumps(fields, indent=2, sort_keys=True).encode() + b"\n")


def load_config(folder: Path) -> NetworkConfig:
    """What the network in `folder` belongs to.

    Raises:
        NotFound: there is none.
        IndexCorrupt: a configuration that is damaged or of another format.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise NotFound(
            f"There is no title model in {folder}: {CONFIG} is missing.", details={"path": str(folder)}
        )
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if fields.pop("format") != _FORMAT:
            raise _damaged(path, f"it is of another format than {_FORMAT}")
        config = NetworkConfig(**fields)
    except KeyError as error:
        raise _damaged(path, f"the key {error} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, str(error)) from error
    if not all(
        isinstance(size, int) and size > 0
        for size in (config.rank, config.layers, config.heads, config.positions)
    ):
        raise _damaged(path, "rank, layers, heads and positions are not all whole numbers above 0")
    return config


def load_trainable(
    folder: Path, base: Model, dropout: float, seed: int
) -> tuple[NetworkConfig, TitleNetwork]:
    """The network in `folder`, to train it further.

    Raises: see `load_tensors`.
    """
    config, tensors = load_tensors(folder, base)
    network = new_network(base, config.rank, _shape(config), dropout, seed)
    _check_fits(folder, trained_tensors(network), tensors)
    restore(network, tensors)
    return config, network


def load_tensors(folder: Path, base: Model) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """Configuration and saved tensors of the network in `folder`, whose encoder is `base`.

    Raises:
        NotFound: there is none.
        IndexCorrupt: a damaged file, or an encoder other than `base`; names both.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = load_config(folder)
    base.check_is(
        config.base_model,
        config.base_weights_hash,
        config.base_tokenizer_hash,
        made=f"The title model in {folder} was trained on",
        hint="Pull the encoder that it was trained on, or train it again.",
    )
    path = folder / WEIGHTS
    if not path.is_file():
        raise _damaged(path, "it is missing")
    if sha256_file(path) != config.weights_sha256:
        raise _damaged(path, f"its checksum is not the one in {CONFIG}")
    try:
        return config, load_file(path)
    except SafetensorError as error:
        raise _damaged(path, str(error)) from error


def load_network(folder: Path, base: Model) -> TitleNetwork:
    """The network in `folder`, ready to decode: the low-rank update is added to the encoder's weights.

    Raises: see `load_tensors`.
    """
    config, tensors = load_tensors(folder, base)
    encoder = load_encoder(base, attention="sdpa")
    factors = {
        name.removeprefix(_ENCODER): value for name, value in tensors.items() if name.startswith(_ENCODER)
    }
    low_rank.merge(encoder, factors)
    network = TitleNetwork(encoder, _shape(config))
    own = _decoder(tensors)
    _check_fits(folder, _decoder(network.state_dict()), own)
    network.load_state_dict(own, strict=False)
    return network.eval()


def _shape(config: NetworkConfig) -> DecoderShape:
    return DecoderShape(config.layers, config.heads, config.positions)


def _decoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if not name.startswith(_ENCODER)}


def _check_fits(folder: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    for name in sorted(wanted.keys() | found.keys()):
        if name not in wanted or name not in found or wanted[name].shape != found[name].shape:
            raise _damaged(folder / WEIGHTS, f"{CONFIG} describes another network: {name} does not fit")


def _damaged(path: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"The title model's file {path} cannot be used: {why}.",
        hint="Restore it, or build the index again.",
        details={"file": str(path)},
    )
