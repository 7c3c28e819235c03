"""Five questions asked of the running services, each shown while its answer streams in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from skerry.generation.answer import AnswerRequest, References
from skerry.generation.base import Event
from skerry.services.cli.answer_view import as_object
from skerry.services.demo.measure import SPEC

# Of 84 questions of the set, tried with the best 15 passages, all but one in thirty have a passage that the
# shipped ranker gives more; of 80 questions about other things, all but one in forty have none.
MIN_CONFIDENCE = 0.08
QUESTIONS = (
    "What kind of error is yield from in the body of an async def function?",
    "As what kind of descriptor is property implemented, so that an instance cannot override it?",
    "How many lines of source does the debugger's list command show?",
    "Which PEP specified the nonlocal statement?",
    "Who won the football world cup in 1998?",
)
"""Four that the corpus answers, whatever the small model makes of them (the table says how often it is
right), and one that it does not, as the services should say."""
_SECONDS = 120.0


class Answering(Protocol):
    """Streams an answer: the client of the services does."""

    def stream_answer(
        self, request: AnswerRequest, *, deadline: float | None = None
    ) -> Iterator[References | Event]:
        """References first, then the generator's events; `deadline` in seconds."""
        ...


def ask(
    client: Answering,
    question: str,
    *,
    ranked: bool,
    watch: Callable[[References | Event], None] = lambda _: None,
) -> dict[str, Any]:
    """Ask one question; `watch` sees every event as it comes.

    Returns:
        All that came back as JSON values (see `as_object`), with "wall": seconds as the client saw them.
    """
    request = AnswerRequest(
        question=question,
        retrieval=SPEC.request(question),
        ranking=SPEC.ranking,
        passages=SPEC.passages,
        max_tokens=SPEC.max_tokens,
        min_confidence=MIN_CONFIDENCE if ranked else None,
    )
    begun = time.perf_counter()

    def watched() -> Iterator[References | Event]:
        for event in client.stream_answer(request, deadline=_SECONDS):
            watch(event)
            yield event

    result = as_object(question, watched())
    return {**result, "wall": time.perf_counter() - begun}
