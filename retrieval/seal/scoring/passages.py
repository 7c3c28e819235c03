"""Passages' tokens, kept for the next query: reading them out of an FM-index is a walk of a step a token."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Extracts(Protocol):
    """An index that passages can be read from."""

    def extract(self, passages: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]: ...


class PassageTokens:
    """Reads passages, and keeps those used last. Safe from several threads.

    Args:
        index: what they are read from.
        most_tokens: tokens kept, 4 bytes each; about a tenth more for knowing whose they are.
    """

    def __init__(self, index: Extracts, most_tokens: int) -> None:
        self._index = index
        self._most_tokens = most_tokens
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, NDArray[np.uint32]] = OrderedDict()
        self._tokens = 0

    def extract(self, passages: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Tokens of passages (p,), in order: offsets int64 (p + 1,) and tokens uint32 (offsets[-1],)."""
        wanted = passages.tolist()
        with self._lock:
            found = {passage: self._kept[passage] for passage in wanted if passage in self._kept}
            for passage in found:
                self._kept.move_to_end(passage)
        missing = [passage for passage in dict.fromkeys(wanted) if passage not in found]
        if missing:
            offsets, tokens = self._index.extract(np.array(missing, np.int64))
            ends = offsets.tolist()
            read = {p: tokens[ends[i] : ends[i + 1]].copy() for i, p in enumerate(missing)}
            found |= read
            self._keep(read)
        parts = [found[passage] for passage in wanted]
        offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return offsets, np.concatenate(parts) if parts else np.zeros(0, np.uint32)

    def _keep(self, read: dict[int, NDArray[np.uint32]]) -> None:
        with self._lock:
            for passage, tokens in read.items():
                if passage not in self._kept:
                    self._kept[passage] = tokens
                    self._tokens += len(tokens)
            while self._tokens > self._most_tokens:
                _, dropped = self._kept.popitem(last=False)
                self._tokens -= len(dropped)
