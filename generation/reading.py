"""A prompt that is read, plainly or with what is kept of its passages, and the passes of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skerry.core.deadline import Deadline
from skerry.core.timing import Timings
from skerry.generation.attending import Attending
from skerry.generation.base import Source, Started
from skerry.generation.branching import Branches
from skerry.generation.model import LoadedModel, Run
from skerry.generation.reuse.recompute.base import make_recompute
from skerry.generation.supports import Supports

if TYPE_CHECKING:
    import torch

    from skerry.generation.plan import ContextPlan
    from skerry.generation.prompting import Prompt
    from skerry.generation.reuse.splice import PassageReuse, SplicedPrompt


class Reading:
    """One request's pass through the model.

    Args:
        loaded: the model.
        prompt: to be read.
        plan: with every field of it set.
        capacity: most tokens of prompt and answer.
        reuse: what is kept; None reads the prompt plainly.
        timings: gets "prefill", what `PassageReuse.read` says, and "again": where the answer was in doubt and
            all that was not exact was computed again.

    Attributes:
        logits: of shape (vocabulary,), after the last token that was read.

    Raises:
        DeadlineExceeded, Cancelled: between chunks.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        prompt: Prompt,
        plan: ContextPlan,
        capacity: int,
        reuse: PassageReuse | None,
        deadline: Deadline,
        timings: Timings,
    ) -> None:
        self._prompt = prompt
        self._margin = plan.margin or 0.0
        self._timings = timings
        self._attending = Attending(plan, prompt, loaded)
        self._run = Run(loaded, capacity, self._attending.begin())
        self._spliced: SplicedPrompt | None = None
        if reuse is None:
            with timings.measure("prefill"):
                # In the parts in which it is read where something is kept: the same bits.
                self._run.cache.append(*loaded.prefix())
                self._run.prefill([token for passage in prompt.passages for token in passage], deadline)
                self.logits = self._run.prefill(prompt.tail, deadline)
        else:
            recompute = make_recompute(plan.recompute or "full")
            self._spliced = reuse.read(
                prompt, self._run, recompute, deadline, timings, self._attending.prefill
            )
            self.logits = self._spliced.logits
            self._make_sure((), deadline)

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that were not computed for this prompt."""
        return len(self._prompt.prefix) if self._spliced is None else self._spliced.cached_tokens

    def started(self, sources: Sequence[Source], no_reuse: str) -> Started:
        """What the stream says of it; `sources` are those that the prompt holds."""
        return Started(
            prompt_tokens=len(self._prompt.tokens),
            cached_tokens=self.cached_tokens,
            sources=self._prompt.sources,
            reuse=() if self._spliced is None else self._spliced.by_source(sources),
            no_reuse=no_reuse,
        )

    def step(self, answered: Sequence[int], deadline: Deadline) -> None:
        """Read the last of the answer's tokens so far."""
        self._attending.advance(answered[-1])
        self.logits = self._run.step(answered[-1:])
        self._make_sure(answered, deadline)

    def branches(self) -> Branches:
        """Several answers from here on, instead of steps."""
        return Branches(self._run)

    def supports(self, sources: Sequence[Source]) -> Supports:
        """What the answer rests on; `sources` are those that the prompt holds."""
        weights = self._attending.attribution()
        return Supports(self._prompt, sources, self._run.loaded.tokenizer, weights)

    def keep(self, reuse: PassageReuse) -> bool:
        """Offer the store what it lacked; whether there was anything."""
        return self._spliced is not None and reuse.keep(self._spliced)

    def _make_sure(self, answered: Sequence[int], deadline: Deadline) -> None:
        """Compute all that is not exact again where the next token is in doubt."""
        spliced = self._spliced
        if spliced is None or spliced.exact or self._margin <= 0 or lead(self.logits) >= self._margin:
            return
        with self._timings.measure("again"):
            self._run.attention = self._attending.begin()
            self.logits = spliced.read_exactly(answered, deadline)


def lead(logits: torch.Tensor) -> float:
    """By how much the likeliest token's probability leads the next one's; logits of shape (vocabulary,)."""
    best = logits.float().softmax(-1).topk(2).values
    return float(best[0] - best[1])
