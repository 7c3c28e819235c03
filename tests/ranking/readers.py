"""Rankers whose scores stand in the candidates: the cheap one's in titles, the strong one's in texts."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from skerry.core.deadline import Deadline
from skerry.ranking.base import Candidate, RankRequest, RankScores


class NumberRanker:
    """Reads whole numbers from 0 to 100: the raw score, and the probability in per cent."""

    def __init__(self, name: str = "number", *, title: bool = False, seconds: float = 0.0) -> None:
        self.name = name
        self.asked: list[RankRequest] = []
        self._title = title
        self._seconds = seconds

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        """Takes `seconds` for each candidate, and looks at the deadline before each."""
        self.asked += requests
        return [self._one(request, deadline) for request in requests]

    def _one(self, request: RankRequest, deadline: Deadline) -> RankScores:
        for _ in request.candidates:
            deadline.check("ranking passages")
            time.sleep(self._seconds)
        raw = np.array([float(self._number(candidate)) for candidate in request.candidates], np.float32)
        return RankScores(raw, raw / np.float32(100))

    def _number(self, candidate: Candidate) -> str:
        return candidate.title if self._title else candidate.text


def number_candidates(strong: Sequence[int], cheap: Sequence[int] | None = None) -> tuple[Candidate, ...]:
    """Candidates in the first stage's order."""
    said = strong if cheap is None else cheap
    return tuple(
        Candidate(str(title), str(text), -float(place))
        for place, (title, text) in enumerate(zip(said, strong, strict=True))
    )
