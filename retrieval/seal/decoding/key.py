"""What decoding finds: token sequences of the corpus with the probability the language model gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.decoding.profile import Profile

KeyKind = Literal["body", "title", "query"]


@dataclass(frozen=True, slots=True)
class Key:
    """A token sequence that stands in the corpus.

    Attributes:
        tokens: the language model's token ids; a title's last one is `title_end`.
        log_prob: the sum of the tokens' log-probabilities under the key's prompt, before any masking and
            without any penalty.
        low, high: its rows in the FM-index, [low, high). A title's are of the passages that begin with it.
        kind: "body" (generated n-gram), "title" (generated title), or "query" (n-gram of the question).
    """

    tokens: tuple[int, ...]
    log_prob: float
    low: int
    high: int
    kind: KeyKind

    @property
    def count(self) -> int:
        """How often it occurs in the corpus; a title: how many passages begin with it."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding found for one question.

    Attributes:
        body: every hypothesis of every step of the body pass: shorter ones first, of one length best first.
        titles: the complete titles, best first.
        query: n-grams of the question that occur in the corpus, in its order.
        first_log_probs: the model's first step under the body prompt, float32 of shape (logit columns,).
    """

    body: tuple[Key, ...]
    titles: tuple[Key, ...]
    query: tuple[Key, ...]
    first_log_probs: NDArray[np.float32]

    @property
    def keys(self) -> list[Key]:
        """All of them: body n-grams, titles, n-grams of the question."""
        return [*self.body, *self.titles, *self.query]


@dataclass(frozen=True, slots=True)
class Decoding:
    """What decoding found for several questions, in their order, and where the time went."""

    questions: tuple[Decoded, ...]
    profile: Profile
