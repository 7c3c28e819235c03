"""The search itself: both passes of several questions, one batch of hypotheses a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.retrieval.seal.decoding.beam import choose_best
from skerry.retrieval.seal.decoding.candidates import Candidates, Chosen
from skerry.retrieval.seal.decoding.diverse import choose_diverse
from skerry.retrieval.seal.decoding.key import Key
from skerry.retrieval.seal.decoding.options import DecodingOptions
from skerry.retrieval.seal.decoding.profile import Profile
from skerry.retrieval.seal.decoding.substring_index import Ranges, SubstringIndex
from skerry.retrieval.seal.decoding.titles import Titles

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel, State

Found = tuple[tuple[Key, ...], tuple[Key, ...]]
"""Body keys and title keys of a question."""


@dataclass(frozen=True, slots=True)
class Beams:
    """The live hypotheses of all lanes after a step, a row each, in order of lane.

    A lane is one pass of one question; a row is a row of the model's state too.

    Attributes:
        lanes: int64 of shape (rows,).
        groups: their groups of diverse beam search, int64 of shape (rows,).
        scores: sums of log-probabilities, float64 of shape (rows,).
        tokens: int64 of shape (rows, steps).
        ranges: their index rows, int64 of shape (rows, 2).
    """

    lanes: NDArray[np.int64]
    groups: NDArray[np.int64]
    scores: NDArray[np.float64]
    tokens: NDArray[np.int64]
    ranges: Ranges

    def only(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Beams:
        """Some of the hypotheses, `rows` a mask or row numbers."""
        return Beams(
            self.lanes[rows], self.groups[rows], self.scores[rows], self.tokens[rows], self.ranges[rows]
        )


def search(
    model: LanguageModel,
    index: SubstringIndex,
    state: State,
    options: DecodingOptions,
    profile: Profile,
    deadline: Deadline | None = None,
) -> list[Found]:
    """Body n-grams and titles of some questions, all in one batch.

    The body pass keeps the `beams` best n-grams of every length up to `length`, none holding `title_end`.
    The title pass starts where passages start; a hypothesis is complete with `title_end`, and leaves its beam
    to others then; one that can no longer become one of the `beams` best titles is dropped, for scores only
    fall. A passage without a title has none to find. The search ends when nothing is left to continue.

    Args:
        model: gives log-probabilities of next tokens.
        index: gives the continuations that occur.
        state: the prompts, as the model's `start` read them: each question's body prompt and, with titles,
            its title prompt after it. What else continues it is not disturbed.
        options: beams, lengths, groups.
        profile: where seconds are added.
        deadline: checked before every step.

    Raises:
        DeadlineExceeded, Cancelled: between steps.
    """
    return _Search(model, index, options, profile, len(state.log_probs)).run(state, deadline)


class _Search:
    def __init__(
        self,
        model: LanguageModel,
        index: SubstringIndex,
        options: DecodingOptions,
        profile: Profile,
        lanes: int,
    ) -> None:
        self._model, self._index, self._options, self._profile = model, index, options, profile
        self._passes = 2 if options.titles else 1
        self._is_title = np.arange(lanes) % self._passes == 1
        self._longest = np.where(self._is_title, options.title_length, options.length)
        self._titles = Titles(lanes, options.beams, options.title_length)

    def run(self, state: State, deadline: Deadline | None) -> list[Found]:
        bodies: list[Beams] = []
        beams = self._empty()
        log_probs = state.log_probs
        for step in range(1, int(self._longest.max(initial=0)) + 1):
            if step > 1:
                self._complete(beams, log_probs)
            parents, beams = self._continue(beams, log_probs, step)
            bodies.append(beams.only(~self._is_title[beams.lanes]))
            promising = beams.scores > self._titles.bar[beams.lanes]
            live = promising & (step < self._longest[beams.lanes])
            parents, beams = parents[live], beams.only(live)
            if not len(parents):
                break
            if deadline is not None:
                deadline.check("generating n-grams of the corpus")
            with self._profile.in_language_model(len(parents)):
                tokens = np.ascontiguousarray(beams.tokens[:, -1])
                state = self._model.next_log_probs(state, parents, tokens)
                log_probs = state.log_probs
        return _keys(bodies, self._titles, len(self._is_title) // self._passes, self._passes)

    def _empty(self) -> Beams:
        """The empty hypothesis of every lane."""
        with self._profile.in_index():
            everything, beginnings = self._index.everything(), self._index.beginnings()
        lanes = np.arange(len(self._is_title))
        return Beams(
            lanes,
            np.zeros_like(lanes),
            np.zeros(len(lanes)),
            np.zeros((len(lanes), 0), np.int64),
            np.where(self._is_title[:, None], beginnings, everything),
        )

    def _complete(self, beams: Beams, log_probs: NDArray[np.float32]) -> None:
        """Collect every hypothesis that is a title of the corpus, whatever else could follow it."""
        rows = np.flatnonzero(self._is_title[beams.lanes])
        if not len(rows):
            return
        ends = np.full(len(rows), self._model.vocabulary.title_end, np.int64)
        with self._profile.in_index():
            ranges = self._index.extend(beams.ranges[rows], ends)
        scores = beams.scores[rows] + log_probs[rows, ends]
        ended = (ranges[:, 1] > ranges[:, 0]) & np.isfinite(scores)
        rows = rows[ended]
        tokens = np.column_stack([beams.tokens[rows], ends[ended]])
        self._titles.add(beams.lanes[rows], scores[ended], tokens, ranges[ended])

    def _continue(
        self, beams: Beams, log_probs: NDArray[np.float32], step: int
    ) -> tuple[NDArray[np.int64], Beams]:
        """The next step's hypotheses, none ending in `title_end`, and the row each continues."""
        # A title's last token is title_end: a hypothesis with room for that only cannot go on.
        open_rows = ~self._is_title[beams.lanes] | (step < self._options.title_length)
        ranges = np.where(open_rows[:, None], beams.ranges, beams.ranges[:, :1])
        # Of a row's continuations only the `beams` best can be chosen, and title_end may be among them.
        with self._profile.in_index():
            top, top_ranges = self._index.allowed_top(log_probs, ranges, self._options.beams + 1)
        tokens = np.maximum(top, 0).astype(np.int64)
        scores = beams.scores[:, None] + np.take_along_axis(log_probs, tokens, 1)
        scores[(top < 0) | (top == self._model.vocabulary.title_end)] = -np.inf
        chosen = self._choose(Candidates(scores, tokens, beams.lanes, beams.groups), step)
        rows, columns = chosen.rows, chosen.columns
        return rows, Beams(
            beams.lanes[rows],
            chosen.groups,
            scores[rows, columns],
            np.column_stack([beams.tokens[rows], tokens[rows, columns]]),
            top_ranges[rows, columns],
        )

    def _choose(self, candidates: Candidates, step: int) -> Chosen:
        options = self._options
        if options.groups == 1 or step == 1:
            return choose_best(candidates, options.beams, options.groups)
        return choose_diverse(candidates, options.beams, options.groups, options.diversity)


def _keys(bodies: Sequence[Beams], titles: Titles, questions: int, passes: int) -> list[Found]:
    body_keys: list[list[Key]] = [[] for _ in range(questions)]
    title_keys: list[list[Key]] = [[] for _ in range(questions)]
    for beams in bodies:
        for lane, tokens, score, (low, high) in zip(
            beams.lanes.tolist(),
            beams.tokens.tolist(),
            beams.scores.tolist(),
            beams.ranges.tolist(),
            strict=True,
        ):
            body_keys[lane // passes].append(Key(tuple(tokens), score, low, high, "body"))
    for lane, tokens, length, score, (low, high) in zip(
        titles.lanes.tolist(),
        titles.tokens.tolist(),
        titles.lengths.tolist(),
        titles.scores.tolist(),
        titles.ranges.tolist(),
        strict=True,
    ):
        title_keys[lane // passes].append(Key(tuple(tokens[:length]), score, low, high, "title"))
    return [(tuple(body), tuple(title)) for body, title in zip(body_keys, title_keys, strict=True)]
