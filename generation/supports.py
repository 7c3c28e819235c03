"""What an answer rests on, in the sources' own characters: the sentences that its tokens looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from skerry.generation.base import Citation, Source, Support
from skerry.generation.prompting import Prompt, source_text
from skerry.generation.selection.attribution import SentenceWeight, rows_of, support
from skerry.generation.selection.sentence_ends import TokenText

MOST = 8
"""Sentences that are told of."""


class Supports:
    """Between the rows of a prompt and the characters of its sources.

    Args:
        prompt: that was read.
        sources: those that it holds, best first, as in the request.
        tokenizer: the model's.
        weights: of the rows, greatest first; none where the selector chose nothing.
    """

    def __init__(
        self, prompt: Prompt, sources: Sequence[Source], tokenizer: Any, weights: Sequence[SentenceWeight]
    ) -> None:
        starts = accumulate(map(len, prompt.passages), initial=len(prompt.prefix))
        self._parts = list(zip(reversed(sources), prompt.passages, starts, strict=False))
        self._tokenizer = tokenizer
        self._weights = tuple(weights)

    def sentences(self) -> tuple[Support, ...]:
        """The sources' sentences with most weight, greatest first; at most `MOST`."""
        found: list[Support] = []
        for weight in self._weights:
            if len(found) == MOST:
                break
            found += self._in_sources(weight)
        return tuple(found[:MOST])

    def cited(self, citations: Iterable[Citation]) -> Iterator[Citation]:
        """Each with the weight of the sentences that it touches; as it is where there are no weights."""
        for citation in citations:
            yield replace(citation, support=self._of(citation)) if self._weights else citation

    def _of(self, citation: Citation) -> float:
        for source, tokens, row in self._parts:
            if source.id == citation.source_id:
                title = _title(source)
                first, last = rows_of(
                    self._tokenizer, tokens, title + citation.source_start, title + citation.source_end
                )
                return support(self._weights, row + first, row + last)
        return 0.0

    def _in_sources(self, weight: SentenceWeight) -> Iterator[Support]:
        for source, tokens, row in self._parts:
            first, last = max(weight.start - row, 0), min(weight.end - row, len(tokens))
            if first < last:
                read = TokenText(self._tokenizer)
                ends = list(accumulate((len(read.push(token)) for token in tokens), initial=0))
                start, end = (
                    min(max(ends[at] - _title(source), 0), len(source.text)) for at in (first, last)
                )
                if source.text[start:end].strip():
                    yield Support(source.id, start, end, weight.weight)


def _title(source: Source) -> int:
    """Characters before the source's text, as the model reads it."""
    return source_text(source).index(source.text, len(source.title))
