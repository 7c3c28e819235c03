"""How the map of questions is learnt: slots stay as they are, for learnt ones fit the pages asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from skerry.core.progress import Progress
from skerry.retrieval.corpusbrain.memory.page_memory import TEMPERATURE, PageMemory

_SHARPNESS = 0.7
"""Of the pages' probabilities while it learns: whole, the map would fit how sure the slots are already."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to learn.

    Attributes:
        passes: over the questions, at most.
        learning_rate: of AdamW.
        batch: questions a step.
        seed: of the order.
    """

    passes: int = 3
    learning_rate: float = 5e-4
    batch: int = 128
    seed: int = 0


def fitted(
    memory: PageMemory,
    vectors: NDArray[np.float32],
    pages: NDArray[np.int64],
    settings: FitSettings,
    progress: Progress,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The map, float32 (width, width), and its bias, float32 (width,), after every pass.

    Args:
        memory: whose slots are asked.
        vectors: of questions, unit vectors, float32 (n, width).
        pages: the page of each, int64 (n,).
    """
    keys = torch.from_numpy(memory.keys)
    sizes = torch.from_numpy(np.diff(memory.starts, append=len(memory.keys)))
    owners = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
    asked, answers = torch.from_numpy(vectors), torch.from_numpy(pages)
    width = keys.shape[1]
    weight, bias = (torch.zeros(*shape, requires_grad=True) for shape in ((width, width), (width,)))
    optimizer = torch.optim.AdamW([weight, bias], lr=settings.learning_rate, weight_decay=0.0)
    order = torch.Generator().manual_seed(settings.seed)
    with progress.task("questions", settings.passes * len(asked), "questions") as task:
        for _ in range(settings.passes):
            for rows in torch.randperm(len(asked), generator=order).split(settings.batch):  # type: ignore[no-untyped-call]
                put = functional.normalize(asked[rows] + asked[rows] @ weight + bias, dim=1)
                logits = _page_scores(put @ keys.T / TEMPERATURE, owners, len(sizes))
                loss = functional.cross_entropy(_SHARPNESS * logits, answers[rows])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                task.advance(len(rows))
                task.note(f"loss {float(loss.detach()):.3f}")
            yield weight.detach().numpy().copy(), bias.detach().numpy().copy()


def _page_scores(scores: Tensor, owners: Tensor, pages: int) -> Tensor:
    """Log-sum-exp of the slots' scores (n, slots) page by page: (n, pages)."""
    highest = scores.detach().amax(1, keepdim=True)
    masses = scores.new_zeros(len(scores), pages).index_add(1, owners, torch.exp(scores - highest))
    return torch.log(masses + 1e-20) + highest
