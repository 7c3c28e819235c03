"""What a model's layers make of a passage that stands alone behind the fixed prefix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skerry.core.deadline import Deadline
from skerry.generation.cache.passage_kv import PassageKV
from skerry.generation.model import LoadedModel, Run
from skerry.generation.selection.sentence_ends import sentence_ends

if TYPE_CHECKING:
    import torch


class PassageReader:
    """Reads passages one by one, each behind the prefix, which is read once.

    Args:
        loaded: the model.
        prefix: at least one token.
    """

    def __init__(self, loaded: LoadedModel, prefix: Sequence[int]) -> None:
        self._loaded = loaded
        run = Run(loaded, len(prefix))
        run.step(prefix)
        self.prefix: tuple[torch.Tensor, torch.Tensor] = run.cache.take(0, len(prefix))
        """Keys and values of shape (layers, KV heads, prefix tokens, head size)."""

    def read(self, passage: Sequence[int], deadline: Deadline) -> PassageKV:
        """Keys and values of one passage of at least one token.

        Raises:
            DeadlineExceeded, Cancelled: between chunks.
        """
        start = self.prefix[0].shape[2]
        end = start + len(passage)
        run = Run(self._loaded, end)
        run.cache.append(*self.prefix)
        run.prefill(passage, deadline)
        keys, values = run.cache.take(start, end)
        ends = sentence_ends(self._loaded.tokenizer, passage)
        return PassageKV(keys.cpu(), values.cpu(), start, ends)
