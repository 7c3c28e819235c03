"""The small title model on disk: the decoder, what was learnt from questions, and whose encoder it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skerry.core.dtype import torch_dtype
from skerry.core.errors import IndexCorrupt
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model
from skerry.core.models.trained_files import CONFIG
from skerry.retrieval.corpusbrain.memory.asking import Asking
from skerry.retrieval.corpusbrain.memory.files import ASKING, asking_of, asking_tensors
from skerry.retrieval.corpusbrain.model.config import FILES, WEIGHTS, NetworkConfig, checked_config
from skerry.retrieval.corpusbrain.model.network import DecoderShape, TitleNetwork


def new_network(base: Model, shape: DecoderShape | None, dropout: float, seed: int) -> TitleNetwork:
    """An untrained network whose encoder is `base`.

    Args:
        shape: of the decoder; None for the usual one of the encoder's width.
    """
    encoder = load_encoder(base)
    torch.manual_seed(seed)
    return TitleNetwork(encoder, shape or DecoderShape.of_width(encoder.config.hidden_size), dropout)


def load_encoder(base: Model) -> Any:
    """The base model's encoder, without a gradient.

    Raises:
        IndexCorrupt: a folder that cannot be loaded.
    """
    from transformers import AutoModel

    try:
        encoder = load_weights(AutoModel, base.folder, dtype=torch_dtype("auto"), attn_implementation="sdpa")
    except (OSError, ValueError) as error:
        raise IndexCorrupt(
            f"The model in {base.folder} cannot be loaded: {error}.",
            hint=f"Fetch it again with `skerry models pull {base.name}`.",
            details={"model": base.name, "path": str(base.folder)},
        ) from error
    return encoder.eval().requires_grad_(False)


def trained_tensors(network: TitleNetwork) -> dict[str, Tensor]:
    """The decoder's parameters, as they are saved."""
    return {name: value.detach().float().contiguous() for name, value in _decoder(network).items()}


def restore(network: TitleNetwork, tensors: Mapping[str, Tensor]) -> None:
    """Put saved tensors into a network made by `new_network`, to train it further."""
    network.load_state_dict(tensors, strict=False)


def save_network(folder: Path, base: Model, network: TitleNetwork, asking: Asking | None = None) -> None:
    """Write the trained part of a network and what it belongs to; `asking` is what the memory is asked by."""
    config = NetworkConfig(
        base_model=base.lasting_name,
        base_weights_hash=base.weights_hash,
        base_tokenizer_hash=base.tokenizer_hash,
        layers=network.shape.layers,
        heads=network.shape.heads,
        positions=network.shape.positions,
    )
    tensors = trained_tensors(network)
    FILES.save(folder, config, tensors if asking is None else tensors | asking_tensors(asking))


def save_with_asking(folder: Path, base: Model, asking: Asking, out: Path) -> None:
    """Write the network of `folder` to `out`, with `asking`.

    Raises: see `load_tensors`.
    """
    config, tensors = load_tensors(folder, base)
    FILES.save(out, config, _without_asking(tensors) | asking_tensors(asking))


def load_asking(folder: Path, base: Model) -> Asking | None:
    """What was learnt from questions, beside the network in `folder`; None where there is none.

    Raises: see `load_tensors`.
    """
    _, tensors = load_tensors(folder, base)
    try:
        return asking_of(tensors, tensors["last.weight"].shape[-1])
    except (KeyError, ValueError) as error:
        raise FILES.damaged(folder / WEIGHTS, str(error)) from error


def load_trainable(
    folder: Path, base: Model, dropout: float, seed: int
) -> tuple[NetworkConfig, TitleNetwork]:
    """The network in `folder`, to train it further.

    Raises: see `load_tensors`.
    """
    config, tensors = load_tensors(folder, base)
    network = new_network(base, _shape(config), dropout, seed)
    own = _without_asking(tensors)
    _check_fits(folder, trained_tensors(network), own)
    restore(network, own)
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
    """The network in `folder`, ready to decode.

    Raises: see `load_tensors`.
    """
    config, tensors = load_tensors(folder, base)
    network = TitleNetwork(load_encoder(base), _shape(config))
    own = _without_asking(tensors)
    _check_fits(folder, trained_tensors(network), own)
    restore(network, own)
    return network.eval()


def _shape(config: NetworkConfig) -> DecoderShape:
    return DecoderShape(config.layers, config.heads, config.positions)


def _decoder(network: TitleNetwork) -> dict[str, Tensor]:
    return {name: value for name, value in network.state_dict().items() if not name.startswith("encoder.")}


def _without_asking(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if not name.startswith(ASKING)}


def _check_fits(folder: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    for name in sorted(wanted.keys() | found.keys()):
        if name not in wanted or name not in found or wanted[name].shape != found[name].shape:
            raise FILES.damaged(folder / WEIGHTS, f"{CONFIG} describes another network: {name} does not fit")
