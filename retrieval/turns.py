"""Calls for one worker that does many at the price of a few: those that gather as it works share a turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, InvalidInput

K = TypeVar("K")
A = TypeVar("A")
R = TypeVar("R")

_POLL = 0.05


class JointDeadline(Deadline):
    """The deadline of work that several callers share: it has passed when it has passed for all of them."""

    __slots__ = ("_deadlines",)

    def __init__(self, deadlines: Sequence[Deadline]) -> None:
        super().__init__()
        self._deadlines = tuple(deadlines)

    def remaining(self) -> float | None:
        """The most that any of them has left."""
        left = [deadline.remaining() for deadline in self._deadlines]
        known = [seconds for seconds in left if seconds is not None]
        return None if len(known) < len(left) else max(known)

    def check(self, doing: str = "working") -> None:
        """As `Deadline.check`, when every one of them would raise."""
        for deadline in self._deadlines[1:]:
            try:
                deadline.check(doing)
            except (Cancelled, DeadlineExceeded):
                continue
            return
        self._deadlines[0].check(doing)


@dataclass(slots=True, eq=False)
class _Call(Generic[K, A, R]):
    kind: K
    asks: Sequence[A]
    cost: int
    deadline: Deadline
    answers: list[R] | None = None


class Turns(Generic[K, A, R]):
    """Hands calls from many threads to one worker, those of one kind together.

    Args:
        turn: held while the worker works; several `Turns` may share it.
        work: answers asks of one kind, in order. Its errors go to the caller whose turn it is; the calls that
            shared the turn get another. After `InvalidInput` the caller's own asks are tried alone: what was
            wrong may have been another's.
        most: what the calls of one turn may cost together; a call that costs more has a turn of its own.
    """

    def __init__(
        self, turn: threading.Lock, work: Callable[[K, list[A], Deadline], list[R]], most: int
    ) -> None:
        self._turn = turn
        self._work = work
        self._most = most
        self._waiting: list[_Call[K, A, R]] = []
        self._lock = threading.Lock()

    def call(self, kind: K, asks: Sequence[A], cost: int, deadline: Deadline) -> list[R]:
        """The answers to `asks`.

        Args:
            kind: what the worker is told beside the asks; compared with `==`.
            cost: of the asks together.

        Raises:
            DeadlineExceeded, Cancelled: while waiting, or in the work when no other caller wants it either.
        """
        call: _Call[K, A, R] = _Call(kind, asks, cost, deadline)
        with self._lock:
            self._waiting.append(call)
        try:
            while call.answers is None:
                if not self._turn.acquire(timeout=_POLL):
                    deadline.check("waiting for the model")
                    continue
                try:
                    if call.answers is None:
                        self._take_turn(call)
                finally:
                    self._turn.release()
        finally:
            with self._lock:
                self._waiting.remove(call)
        return call.answers

    def _take_turn(self, first: _Call[K, A, R]) -> None:
        together = [first]
        room = self._most - first.cost
        with self._lock:
            for call in self._waiting:
                fits = call.kind == first.kind and call.cost <= room
                if call is not first and call.answers is None and fits:
                    together.append(call)
                    room -= call.cost
        try:
            self._answer(together)
        except InvalidInput:
            if len(together) == 1:
                raise
            self._answer([first])

    def _answer(self, calls: Sequence[_Call[K, A, R]]) -> None:
        asks = [ask for call in calls for ask in call.asks]
        deadline = JointDeadline([call.deadline for call in calls])
        answers = iter(self._work(calls[0].kind, asks, deadline))
        for call in calls:
            call.answers = [next(answers) for _ in call.asks]
