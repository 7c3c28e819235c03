"""How the layers attend to one prompt and its answer: pattern, selector, and what both must be told."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from skerry.generation.attention.base import PATTERNS
from skerry.generation.reuse.digests import DENSE
from skerry.generation.selection.attribution import Attributes, SentenceWeight
from skerry.generation.selection.base import KeyValueSelector, make_selector
from skerry.generation.selection.sentence_ends import SentenceTracker, sentence_ends

if TYPE_CHECKING:
    from skerry.generation.attention.base import AttentionPattern
    from skerry.generation.attention.state import AttentionState
    from skerry.generation.model import LoadedModel
    from skerry.generation.plan import ContextPlan
    from skerry.generation.prompting import Prompt

_KEPT_ENDS = 4096


class Attending:
    """Makes the states of one request's passes, and tells its selector of every token.

    Args:
        plan: with every field of it set.
        prompt: what is read.
        loaded: the model that reads it.

    Attributes:
        prefill: the pattern's name: "auto" is "dense" where the prompt is too short for another.
    """

    def __init__(self, plan: ContextPlan, prompt: Prompt, loaded: LoadedModel) -> None:
        from skerry.generation.attention.auto import SPARSE_FROM

        self._plan = plan
        self._prompt = prompt
        self._loaded = loaded
        self._selector: KeyValueSelector | None = None
        self._sentences = SentenceTracker(loaded.tokenizer)
        short = plan.prefill == "auto" and len(prompt.tokens) < SPARSE_FROM
        self.prefill = DENSE if plan.prefill is None or short else plan.prefill

    def begin(self) -> AttentionState:
        """The state with which the prompt is read, for the first time or once more."""
        from skerry.generation.attention.state import AttentionState

        plan = self._plan
        assert plan.selector is not None
        assert plan.budget is not None
        pattern = dense_pattern(self._loaded) if self.prefill == DENSE else PATTERNS.load(self.prefill)()
        self._selector = make_selector(plan.selector, plan.budget)
        self._selector.begin([self._sentence_ends()])
        return AttentionState(pattern, self._selector)

    def advance(self, token: int) -> None:
        """Before the pass of the answer's next token."""
        if self._selector is not None:
            self._selector.advance([self._sentences.push(token)])

    def attribution(self) -> tuple[SentenceWeight, ...]:
        """What the answer's tokens looked at; nothing where the selector does not tell."""
        return self._selector.attribution() if isinstance(self._selector, Attributes) else ()

    def _sentence_ends(self) -> list[int]:
        ends, at = [], 0
        for segment in (self._prompt.prefix, *self._prompt.passages, self._prompt.tail):
            ends += [at + end for end in _ends(self._loaded.tokenizer, segment)]
            at += len(segment)
        return ends


def dense_pattern(loaded: LoadedModel) -> AttentionPattern | None:
    """How everything is attended to fastest; None leaves it to transformers' "sdpa"."""
    import torch

    from skerry.generation.attention.dense import Dense
    from skerry.kernels.attention import available

    ours = loaded.device == "cpu" and loaded.weights.dtype == torch.bfloat16 and available()
    return Dense() if ours else None


@lru_cache(maxsize=_KEPT_ENDS)
def _ends(tokenizer: Any, segment: tuple[int, ...]) -> tuple[int, ...]:
    """A segment's sentence ends, remembered: passages come again."""
    return sentence_ends(tokenizer, segment)
