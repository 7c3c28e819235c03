"""The memory of pages on disk: slots as float16, and how questions are put, where that was learnt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skerry.core.models.store import Model
from skerry.retrieval.corpusbrain.memory.asking import Asking
from skerry.retrieval.corpusbrain.memory.config import FILES, WEIGHTS, MemoryConfig
from skerry.retrieval.corpusbrain.memory.page_memory import PageMemory

ASKING = "asking."


def asking_tensors(asking: Asking) -> dict[str, Tensor]:
    """As they are saved; the kept questions as float16."""
    return {
        f"{ASKING}weight": torch.from_numpy(asking.weight),
        f"{ASKING}bias": torch.from_numpy(asking.bias),
        f"{ASKING}asked": torch.from_numpy(asking.asked).half(),
        f"{ASKING}strength": torch.tensor(asking.strength),
    }


def asking_of(tensors: Mapping[str, Tensor], width: int) -> Asking | None:
    """What `asking_tensors` gave among saved tensors; None where there is none.

    Raises:
        ValueError: tensors that are missing, or of other shapes.
    """
    own = {name.removeprefix(ASKING): value for name, value in tensors.items() if name.startswith(ASKING)}
    if not own:
        return None
    shapes = {"weight": (width, width), "bias": (width,), "strength": ()}
    for name, shape in shapes.items():
        if name not in own or tuple(own[name].shape) != shape:
            raise ValueError(f"{ASKING}{name} does not fit")
    if "asked" not in own or tuple(own["asked"].shape[1:]) != (width,):
        raise ValueError(f"{ASKING}asked does not fit")
    weight, bias, asked = (own[name].float().numpy() for name in ("weight", "bias", "asked"))
    return Asking(weight, bias, asked, float(own["strength"]))


def save_memory(folder: Path, base: Model, memory: PageMemory) -> None:
    """Write a memory, and which encoder its vectors are of."""
    slots, width = memory.keys.shape
    tensors = {
        "keys": torch.from_numpy(memory.keys).half(),
        "starts": torch.from_numpy(memory.starts),
        "log_prior": torch.from_numpy(memory.log_prior),
    }
    if memory.asking is not None:
        tensors |= asking_tensors(memory.asking)
    config = MemoryConfig(
        base_model=base.lasting_name,
        base_weights_hash=base.weights_hash,
        base_tokenizer_hash=base.tokenizer_hash,
        slots=slots,
        pages=len(memory.starts),
        width=width,
    )
    FILES.save(folder, config, tensors)


def load_memory(folder: Path) -> PageMemory:
    """The memory in `folder`.

    Raises:
        NotFound: there is none.
        IndexCorrupt: a damaged file.
    """
    config = FILES.load_config(folder)
    tensors = FILES.load_tensors(folder, config)
    path = folder / WEIGHTS
    shapes = {"keys": (config.slots, config.width), "starts": (config.pages,), "log_prior": (config.pages,)}
    for name, shape in shapes.items():
        if name not in tensors or tuple(tensors[name].shape) != shape:
            raise FILES.damaged(path, f"{name} does not fit")
    starts = tensors["starts"].numpy().astype(np.int64)
    if starts[0] != 0 or np.diff(starts, append=config.slots).min() < 1:
        raise FILES.damaged(path, "starts does not fit")
    try:
        asking = asking_of(tensors, config.width)
    except ValueError as error:
        raise FILES.damaged(path, str(error)) from error
    return PageMemory(tensors["keys"].float().numpy(), starts, asking, tensors["log_prior"].double().numpy())
