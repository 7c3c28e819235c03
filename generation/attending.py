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
    from skerry.generation.attention.state import AttentionState
    from skerry.generation.plan import ContextPlan
    from skerry.generation.prompting import Prompt

_KEPT_ENDS = 4096


class Attending:
    """Makes the states of one request's passes, and tells its selector of every token.

    Args:
        plan: with every field of it set.
        prompt: what is read.
        tokenizer: the model's.
    """

    def __init__(self, plan: ContextPlan, prompt: Prompt, tokenizer: Any) -> None:
        self._plan = plan
        self._prompt = prompt
        self._tokenizer = tokenizer
        self._selector: KeyValueSelector | None = None
        self._sentences = SentenceTracker(tokenizer)

    def begin(self) -> AttentionState:
        """The state with which the prompt is read, for the first time or once more."""
        from skerry.generation.attention.state import AttentionState

        plan = self._plan
        assert plan.selector is not None
        assert plan.budget is not None
        pattern = None if plan.prefill in (None, DENSE) else PATTERNS.load(str(plan.prefill))()
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
            ends += [at + end for end in _ends(self._tokenizer, segment)]
            at += len(segment)
        return ends


@lru_cache(maxsize=_KEPT_ENDS)
def _ends(tokenizer: Any, segment: tuple[int, ...]) -> tuple[int, ...]:
    """A segment's sentence ends, remembered: passages come again."""
    return sentence_ends(tokenizer, segment)
