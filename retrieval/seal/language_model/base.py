"""What SEAL asks of a language model: next-token log-probabilities along a tree of hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.vocabulary import Vocabulary


class State(Protocol):
    """Hypotheses ("rows") that a model has read, each a prompt and the tokens chosen after it.

    A state is never changed: it may be continued any number of times, in any way, by one thread at a time.
    Dropping it frees what it alone holds.

    Attributes:
        log_probs: float32 of shape (rows, logits), contiguous: for each row, the natural logarithm of the
            probability of each next token.
        prompt_of: int64 of shape (rows,): the number of the prompt that each row continues.
    """

    @property
    def log_probs(self) -> NDArray[np.float32]: ...

    @property
    def prompt_of(self) -> NDArray[np.int64]: ...


class LanguageModel(Protocol):
    """A causal or sequence-to-sequence model. Safe to call from several threads, on different states.

    Attributes:
        vocabulary: its tokenizer.
        logits: columns of `State.log_probs`: at least `vocabulary.size`.
        context: most tokens of a prompt (and, for a causal model, of what follows it) that it can read.
    """

    vocabulary: Vocabulary
    logits: int
    context: int

    def start(self, prompts: Sequence[Sequence[int]]) -> State:
        """Read the prompts, once each; the state's rows are the prompts, in order.

        Args:
            prompts: token ids, without the model's special tokens.

        Raises:
            InvalidInput: no prompt, an empty one, an unknown token, or one longer than the context.
        """
        ...

    def next_log_probs(self, state: State, parents: NDArray[np.int64], tokens: NDArray[np.int64]) -> State:
        """Continue hypotheses by one token each.

        Args:
            state: what `start` or this method returned.
            parents: int64 of shape (n,): the rows of `state` that are continued, in any order, each any
                number of times or not at all.
            tokens: int64 of shape (n,): row i of the result is row parents[i] followed by tokens[i].

        Raises:
            InvalidInput: a row or a token that does not exist, or no room left in the model's context.
        """
        ...

    def sequence_log_probs(
        self,
        prompts: Sequence[Sequence[int]] | State,
        prompt_of: NDArray[np.int64],
        sequences: Sequence[Sequence[int]],
    ) -> list[NDArray[np.float32]]:
        """The log-probability of every token of given sequences.

        Common beginnings of sequences under one prompt are read once.

        Args:
            prompts: token ids of the prompts, or a state whose rows take the prompts' place (as `start`
                returned it, say), so that they are not read again.
            prompt_of: int64 of shape (n,): the prompt (or row) before each sequence.
            sequences: n token sequences; an empty one gives an empty array.

        Returns:
            For each sequence, float32 of its length: log P(token | prompt, tokens before it).

        Raises:
            InvalidInput: as above.
        """
        ...
