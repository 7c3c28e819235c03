"""Five questions asked of the running services, each shown while its answer streams in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from skerry.generation.answer import AnswerRequest, References
from skerry.generation.base import Event
from skerry.services.cli.answer_view import as_object
from skerry.services.demo.measure import SPEC

MIN_CONFIDENCE = 0.1
QUESTIONS = (
    "What does str.index do when it finds nothing?",
    "How does Python rewrite the name __spam inside a class called Ham?",
    "Which debugger command prints the call stack?",
    "In what order does popitem() hand out the pairs of a dict?",
    "Who won the football world cup in 1998?",
)
"""The last one is not in the corpus: the services should say so and not make something up."""
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
        rank_depth=SPEC.rank_depth,
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
