"""Memories with random slots, and what they must agree with: a sum over pages and slots one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.memory.asking import Asking
from skerry.retrieval.corpusbrain.memory.page_memory import TEMPERATURE, PageMemory
from skerry.retrieval.corpusbrain.memory.slots import unit


def vectors(count: int, width: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors."""
    return unit(np.random.default_rng(seed).normal(size=(count, width)).astype("f4"))


def memory(pages: int, width: int, seed: int = 0) -> PageMemory:
    """One to four slots a page."""
    sizes = np.random.default_rng(seed).integers(1, 5, pages)
    return PageMemory.of(vectors(int(sizes.sum()), width, seed + 1), np.cumsum(sizes) - sizes)


def asking(width: int, seed: int = 0, strength: float = 1.0) -> Asking:
    """A map that turns vectors visibly, and a hundred questions."""
    random = np.random.default_rng(seed)
    weight, bias = (0.3 * random.normal(size=shape).astype("f4") for shape in ((width, width), width))
    return Asking(weight, bias, vectors(100, width, seed + 7), strength)


def slow(found: PageMemory, vector: NDArray[np.float32]) -> list[float]:
    """The log-probability of every page."""
    if found.asking is not None:
        vector = vector + vector @ found.asking.weight + found.asking.bias
        vector = vector / np.linalg.norm(vector)
    stops = [*found.starts[1:].tolist(), len(found.keys)]
    scores = []
    for page, (start, stop) in enumerate(zip(found.starts.tolist(), stops, strict=True)):
        masses = [np.exp(float(vector @ key) / TEMPERATURE) for key in found.keys[start:stop]]
        scores.append(np.log(sum(masses)) - found.log_prior[page])
    whole = np.log(sum(np.exp(score) for score in scores))
    return [float(score - whole) for score in scores]
