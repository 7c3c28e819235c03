"""What a model's layers make of a passage that stands alone behind the fixed prefix."""

from __future__ import annotations

from collections.abc import Sequence

from skerry.core.deadline import Deadline
from skerry.generation.attending import dense_pattern
from skerry.generation.attention.state import AttentionState
from skerry.generation.cache.passage_kv import PassageKV
from skerry.generation.model import LoadedModel, Run
from skerry.generation.selection.sentence_ends import sentence_ends


class PassageReader:
    """Reads passages one by one, each behind the prefix."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded

    def read(self, passage: Sequence[int], deadline: Deadline) -> PassageKV:
        """Keys and values of one passage of at least one token.

        Raises:
            DeadlineExceeded, Cancelled: between chunks.
        """
        prefix = self._loaded.prefix()
        start = prefix[0].shape[2]
        end = start + len(passage)
        run = Run(self._loaded, end, AttentionState(dense_pattern(self._loaded)))
        run.cache.append(*prefix)
        run.prefill(passage, deadline)
        keys, values = run.cache.take(start, end)
        ends = sentence_ends(self._loaded.tokenizer, passage)
        return PassageKV(keys.cpu(), values.cpu(), start, ends)
