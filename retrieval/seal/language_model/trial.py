"""A trial of a network that others wrote: does it see of a tree what the mask says, and nothing else?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.language_model.network import Network
from skerry.retrieval.seal.language_model.tree import TreeReader

_TOLERANCE = 0.1
"""Of the difference that one other token makes: rounding in bf16 is a few hundredths."""
_HINT = "Use a Llama, Qwen, GPT-2, BART or T5 model."


class PlainNetwork(Network, Protocol):
    """A network that can also read one sequence the ordinary way."""

    def plain(self, prompt: Sequence[int], tokens: Sequence[int]) -> Tensor:
        """Logits (logits,) after a prompt and tokens."""
        ...


def check_tree(network: PlainNetwork) -> None:
    """Read two hypotheses of each of two prompts as a tree and one by one, and compare.

    Raises:
        InvalidInput: the log-probabilities differ by more than rounding: the model does not follow the
            positions and masks that it is given (it is recurrent, or tells distances by the order of keys).
    """
    try:
        error, spread = _compared(network)
    except (TypeError, ValueError, RuntimeError, IndexError, AttributeError) as reason:  # others' code
        raise InvalidInput(
            f"This model's hypotheses cannot share a prompt: {type(reason).__name__}: {reason}.", hint=_HINT
        ) from reason
    if not error <= _TOLERANCE * spread + 1e-6:
        raise InvalidInput(
            "This model's hypotheses cannot share a prompt: read together, their log-probabilities are "
            f"off by {error:.3g} (they differ by {spread:.3g} from one another).",
            hint=_HINT,
            details={"error": f"{error:.6g}"},
        )


def _compared(network: PlainNetwork) -> tuple[float, float]:
    """How far the two readings are apart, and how far hypotheses are from one another, in mean."""
    reader = TreeReader(network)
    prompts = [[number % network.logits for number in prompt] for prompt in ((5, 9, 7), (8, 6, 5, 9, 7))]
    state = reader.start(prompts)
    parents = np.array([1, 0, 1, 0])
    for tokens in (np.array([5, 6, 7, 8]), np.array([9, 8, 7, 6])):
        tokens = tokens % network.logits
        state = reader.next_log_probs(state, parents, tokens)
        parents = np.array([3, 0, 1, 2])
    # The rows of the second step, as (prompt, tokens).
    paths = [(0, (8, 9)), (1, (5, 8)), (0, (6, 7)), (1, (7, 6))]
    with torch.inference_mode():
        plain = np.stack(
            [
                torch.log_softmax(
                    network.plain(prompts[prompt], [token % network.logits for token in tokens]).float(), -1
                )
                .cpu()
                .numpy()
                for prompt, tokens in paths
            ]
        )
    return (
        float(np.abs(state.log_probs - plain).mean()),
        float(np.abs(plain - plain[[2, 3, 0, 1]]).mean()),
    )
