"""Hypotheses that share a prompt: a tree of tokens whose rows stand in one cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput

if TYPE_CHECKING:
    import torch

    from skerry.generation.model import LoadedModel, Run


class Branches:
    """Branches that grow from the end of what a run has read.

    A token takes one row of the cache, wherever it stands in the tree, and a branch is a list of ranges: the
    trunk, which all share, and the rows of its own tokens. So nothing is copied and nothing is moved: what a
    branch that is left behind wrote is simply read no more. The range kernel gives the same bits however rows
    are cut into ranges.

    Args:
        run: with room for the tokens of all branches; nothing else feeds it from now on.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._place = run.cache.get_seq_length()
        self._kv_heads = run.cache.layers[0].keys.shape[1]
        self._tips = [np.array([[0, self._place]], dtype=np.int32)]

    def step(self, parents: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """One token on each of some branches; those that are no parent are dropped.

        Args:
            parents: n numbers of branches of the last step, any as often as wanted; at first 0, the trunk.
            tokens: n, one for each.

        Returns:
            Logits of shape (n, vocabulary).
        """
        from skerry.generation.selection.ranges import branch_ranges

        first = self._run.cache.get_seq_length()
        self._tips = [_with_row(self._tips[parent], first + n) for n, parent in enumerate(parents)]
        rows = branch_ranges(self._tips, self._kv_heads, self._run.loaded.device)
        logits = self._run.branch(tokens, self._place, rows)
        self._place += 1
        return logits


def check_can_branch(loaded: LoadedModel) -> None:
    """Raise `InvalidInput` for a model with layers that the range kernel cannot serve."""
    from skerry.generation.reuse.support import windowed

    config = loaded.weights.config.get_text_config()
    capped = getattr(config, "attn_logit_softcapping", None) is not None
    if capped or windowed(config):
        what = "cap their scores" if capped else "attend to a window of tokens only"
        raise InvalidInput(
            f"This model cannot search with beams: layers of it {what}.",
            hint="Leave out beams, or use another generator.",
            details={"field": "beams"},
        )


def _with_row(ranges: NDArray[np.int32], row: int) -> NDArray[np.int32]:
    """The ranges and a row behind them."""
    if ranges[-1, 1] == row:
        longer = ranges.copy()
        longer[-1, 1] += 1
        return longer
    return np.concatenate([ranges, np.array([[row, row + 1]], dtype=np.int32)])
