"""Ending the text at a stop string that may come in pieces, and leaving out white space at the end."""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Passes text through until one of the stop strings is complete; the stop and what follows are dropped.

    Text that may still turn out to be the beginning of a stop is held back. The stop completed first counts,
    and of those completed together the one that began first.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """The part of the text so far that is certain to belong to the answer and was not given out yet."""
        if self.stopped:
            return ""
        self._held += text
        found = [(at + len(stop), at) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            given, self._held = self._held[: min(found)[1]], ""
            return given
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        given, self._held = self._held[:cut], self._held[cut:]
        return given

    def finish(self) -> str:
        """What was held back for a stop that never came."""
        given, self._held = self._held, ""
        return given


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`, but not all of it."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0


class TrailingSpace:
    """Passes text through, holding white space back until something visible follows it."""

    def __init__(self) -> None:
        self._spaces = ""

    def push(self, text: str) -> str:
        """The text but for white space that may be the end's."""
        text = self._spaces + text
        body = text.rstrip()
        self._spaces = text[len(body) :]
        return body
