"""Distillation: on texts of other domains the trained encoder scores as the untrained one does."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.scores import Scores

_WORDS = (4, 16)


def distil(students: Scores, teacher: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Mean over the (layers, dimensions) pairs of the KL of their scores from the teacher's, detached.

    Args:
        students: of the encoder in training.
        teacher: scores of the whole untrained encoder on the same texts, of shape (rows, columns).
    """
    return torch.stack([score_kl(students(*pair), teacher) for pair in pairs]).mean()


def stretch(text: str, rng: random.Random) -> str:
    """A run of 4 to 16 of the text's words, in the place of a question about it."""
    words = text.split()
    count = rng.randint(*_WORDS)
    start = rng.randrange(max(1, len(words) - count + 1))
    return " ".join(words[start : start + count])
