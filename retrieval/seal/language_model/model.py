"""A `LanguageModel` made of a vocabulary and a network."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.language_model.base import State
from skerry.retrieval.seal.language_model.log_probs import log_softmax
from skerry.retrieval.seal.language_model.network import Network
from skerry.retrieval.seal.language_model.tree import TreeReader, TreeState
from skerry.retrieval.seal.language_model.trie import Trie
from skerry.retrieval.seal.vocabulary import Vocabulary


class TreeLanguageModel:
    """See `LanguageModel`.

    Args:
        vocabulary: the network's tokenizer.
        network: the weights.
        threads: how many a call uses; by default what torch is set to in the calling thread.

    Raises:
        InvalidInput: a tokenizer with more tokens than the network has logits.
    """

    def __init__(self, vocabulary: Vocabulary, network: Network, threads: int | None = None) -> None:
        if vocabulary.size > network.logits:
            raise InvalidInput(
                f"The tokenizer has {vocabulary.size} tokens, but the model only {network.logits} logits.",
                hint="The folder mixes files of two models.",
                details={"tokens": str(vocabulary.size), "logits": str(network.logits)},
            )
        self.vocabulary = vocabulary
        self.logits = network.logits
        self.context = network.context
        self._reader = TreeReader(network)
        self._threads = threads

    def start(self, prompts: Sequence[Sequence[int]]) -> TreeState:
        """See `LanguageModel.start`."""
        self._use_threads()
        self._check_prompts(prompts)
        return self._reader.start(prompts)

    def next_log_probs(
        self, state: State, parents: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> TreeState:
        """See `LanguageModel.next_log_probs`."""
        self._use_threads()
        tree = _own(state)
        parents = np.asarray(parents, np.int64)
        tokens = np.asarray(tokens, np.int64)
        if parents.ndim != 1 or parents.shape != tokens.shape:
            raise InvalidInput(
                f"Parents {parents.shape} and tokens {tokens.shape} must be two equally long lists."
            )
        _check_range("row", parents, len(tree.prompt_of))
        _check_range("token", tokens, self.logits)
        return self._reader.next_log_probs(tree, parents, tokens)

    def sequence_log_probs(
        self,
        prompts: Sequence[Sequence[int]] | State,
        prompt_of: NDArray[np.int64],
        sequences: Sequence[Sequence[int]],
    ) -> list[NDArray[np.float32]]:
        """See `LanguageModel.sequence_log_probs`."""
        self._use_threads()
        prompt_of = np.asarray(prompt_of, np.int64)
        if prompt_of.shape != (len(sequences),):
            raise InvalidInput(f"{len(sequences)} sequences need as many prompts; got {prompt_of.shape}.")
        flat = np.array([token for sequence in sequences for token in sequence], np.int64)
        _check_range("token", flat, self.logits)
        state = prompts if isinstance(prompts, TreeState) else self.start(_sequences(prompts))
        _check_range("prompt", prompt_of, len(state.prompt_of))
        trie = Trie()
        asked = [trie.add(row, sequence) for row, sequence in zip(prompt_of.tolist(), sequences, strict=True)]
        values = np.empty(len(flat), np.float32)
        # Each token is asked of the node before it: a row of the state, or a node of the trie.
        before = np.array([node for nodes in asked for node in nodes], np.int64)
        at_row = before < 0
        values[at_row] = state.log_probs[-1 - before[at_row], flat[at_row]]
        rest = np.flatnonzero(~at_row)

        def take(nodes: NDArray[np.int64], logits: Tensor) -> None:
            log_probs = log_softmax(logits).numpy()
            line = np.full(len(trie.tokens), -1)
            line[nodes] = np.arange(len(nodes))
            of = rest[line[before[rest]] >= 0]
            values[of] = log_probs[line[before[of]], flat[of]]

        if trie.tokens:
            self._reader.score(state, trie.nodes(state.prompt_of), take)
        bounds = np.cumsum([0, *(len(sequence) for sequence in sequences)])
        return [values[start:stop] for start, stop in itertools.pairwise(bounds)]

    def _use_threads(self) -> None:
        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)  # of the calling thread only

    def _check_prompts(self, prompts: Sequence[Sequence[int]]) -> None:
        if not len(prompts):
            raise InvalidInput("There is no prompt to read.", hint="Give at least one.")
        for number, prompt in enumerate(prompts):
            if not len(prompt):
                raise InvalidInput(f"Prompt {number} is empty.", hint="Give it at least one token.")
            if len(prompt) > self.context:
                raise InvalidInput(
                    f"Prompt {number} has {len(prompt)} tokens, but the model reads at most {self.context}.",
                    hint="Ask a shorter question.",
                    details={"tokens": str(len(prompt)), "context": str(self.context)},
                )
            _check_range("token", np.asarray(prompt, np.int64), self.logits)


def _own(state: State) -> TreeState:
    if not isinstance(state, TreeState):
        raise InvalidInput(f"A {type(state).__name__} is no state of this model.", hint="Use start().")
    return state


def _check_range(what: str, values: NDArray[np.int64], bound: int) -> None:
    wrong = values[(values < 0) | (values >= bound)]
    if len(wrong):
        raise InvalidInput(
            f"There is no {what} {wrong[0]}: they are numbered from 0 to {bound - 1}.",
            details={"parameter": what, "value": str(wrong[0])},
        )


def _sequences(prompts: Sequence[Sequence[int]] | State) -> Sequence[Sequence[int]]:
    if isinstance(prompts, Sequence):
        return prompts
    raise InvalidInput(f"A {type(prompts).__name__} is no state of this model.", hint="Use start().")
