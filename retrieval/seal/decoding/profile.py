"""Where a decoding's time goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Profile:
    """Seconds and work of one or more decodings.

    Attributes:
        lm_seconds: in the language model.
        index_seconds: in the FM-index.
        total_seconds: of the whole call.
        steps: calls of the language model, the prompts' included.
        rows: hypotheses those calls went through, prompts included.
    """

    lm_seconds: float = 0.0
    index_seconds: float = 0.0
    total_seconds: float = 0.0
    steps: int = 0
    rows: int = 0

    @property
    def other_seconds(self) -> float:
        """Neither in the model nor in the index: choosing beams and keeping keys."""
        return max(0.0, self.total_seconds - self.lm_seconds - self.index_seconds)

    @contextmanager
    def in_language_model(self, rows: int) -> Iterator[None]:
        """Count the block as one call of the language model with so many rows."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.lm_seconds += time.perf_counter() - start
            self.steps += 1
            self.rows += rows

    @contextmanager
    def in_index(self) -> Iterator[None]:
        """Count the block as time of the FM-index."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.index_seconds += time.perf_counter() - start

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Count the block as the whole call."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.total_seconds += time.perf_counter() - start
