"""From tokens to the answer's own text: whole characters, ended by stop strings, trimmed at both ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

from skerry.generation.decoding.detokenizer import IncrementalDetokenizer
from skerry.generation.decoding.stopping import StopStrings, TrailingSpace


class AnswerText:
    """The pieces that `push` and `finish` give concatenate to `text`.

    Args:
        decode: token ids to text.
        stops: strings that end the answer; they do not count before its first visible character.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str]) -> None:
        self._detokenizer = IncrementalDetokenizer(decode)
        self._stops = StopStrings(stops)
        self._trailing = TrailingSpace()
        self._begun = False
        self.text = ""

    @property
    def stopped(self) -> bool:
        """Whether a stop string has been seen: nothing more will come."""
        return self._stops.stopped

    def fork(self) -> AnswerText:
        """Another that goes on from here by itself."""
        twin = copy(self)
        twin._detokenizer = self._detokenizer.fork()
        twin._stops, twin._trailing = copy(self._stops), copy(self._trailing)
        return twin

    def push(self, token: int) -> str:
        """The text that has become certain with `token`, often empty."""
        return self._give(self._pass(self._detokenizer.push(token)))

    def finish(self) -> str:
        """What was held back, but for white space at the end."""
        return self._give(self._pass(self._detokenizer.finish()) + self._stops.finish())

    def _pass(self, raw: str) -> str:
        if not self._begun:
            raw = raw.lstrip()
            self._begun = bool(raw)
        return self._stops.push(raw)

    def _give(self, certain: str) -> str:
        piece = self._trailing.push(certain)
        self.text += piece
        return piece
