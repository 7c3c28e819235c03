"""The small title model on disk: the encoder's low-rank update, the decoder, and whose encoder it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skerry.core.dtype import torch_dtype
from skerry.core.errors import IndexCorrupt
from skerry.core.models import low_rank
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model
from skerry.core.models.trained_files import CONFIG
from skerry.retrieval.corpusbrain.model.config import FILES, WEIGHTS, NetworkConfig, checked_config
from skerry.retrieval.corpusbrain.model.network import DecoderShape, TitleNetwork

_ENCODER = "encoder."


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
    config = NetworkConfig(
        base_model=base.lasting_name,
        base_weights_hash=base.weights_hash,
        base_tokenizer_hash=base.tokenizer_hash,
        rank=rank,
        layers=network.shape.layers,
        heads=network.shape.heads,
        positions=network.shape.positions,
    )
    FILES.save(folder, config, trained_tensors(network))


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
    config = checked_config(folder, base)
    return config, FILES.load_tensors(folder, config)


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
            raise FILES.damaged(folder / WEIGHTS, f"{CONFIG} describes another network: {name} does not fit")
