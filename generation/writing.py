"""From a prompt that has been read to an answer's words: token after token, or by a search with beams."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from skerry.core.deadline import Deadline
from skerry.core.timing import Timings
from skerry.generation.base import Delta, FinishReason, GenerationRequest
from skerry.generation.decoding.base import CHOOSERS
from skerry.generation.decoding.diverse_beams import search
from skerry.generation.decoding.text import AnswerText
from skerry.generation.model import LoadedModel
from skerry.generation.prompting import ANSWER_ENDS
from skerry.generation.reading import Reading


@dataclass(frozen=True, slots=True)
class Written:
    """An answer.

    Attributes:
        text: of it, whole.
        held: the end of the text, which was not given out yet.
        tokens: how many it has.
        score: see `BeamPlan.length_penalty`; None where it was not searched for.
    """

    text: str
    held: str
    tokens: int
    reason: FinishReason
    score: float | None = None


def write(
    request: GenerationRequest, loaded: LoadedModel, reading: Reading, deadline: Deadline, timings: Timings
) -> Generator[Delta, None, Written]:
    """One answer, given out as it comes.

    Raises:
        DeadlineExceeded, Cancelled: between tokens.
    """
    method = "sampling" if request.temperature > 0 else "greedy"
    chooser = CHOOSERS.load(method)(request.temperature, request.seed)
    answer = _no_text(request, loaded)
    reason, tokens = FinishReason.LENGTH, list[int]()
    while len(tokens) < request.max_tokens:
        deadline.check("answering")
        with timings.measure("decode"):
            if tokens:
                reading.step(tokens, deadline)
            token = chooser.choose(reading.logits)
            ended = token in loaded.ends
            piece = "" if ended else answer.push(token)
        if not ended:
            tokens.append(token)
        if piece:
            yield Delta(piece)
        if ended or answer.stopped:
            reason = FinishReason.STOP
            break
    held = answer.finish()
    return Written(answer.text, held, len(tokens), reason)


def find(
    request: GenerationRequest, loaded: LoadedModel, reading: Reading, deadline: Deadline, timings: Timings
) -> list[Written]:
    """The best answers, of different texts, best first: as many as are asked for, or as were found.

    Raises:
        DeadlineExceeded, Cancelled: between tokens.
    """
    with timings.measure("decode"):
        found = search(
            reading.logits,
            reading.branches(),
            request.beams,
            request.max_tokens,
            loaded.ends,
            _no_text(request, loaded),
            deadline,
        )
    distinct: dict[str, Written] = {}
    for one in found:
        text = one.text()
        reason = FinishReason.STOP if one.ended else FinishReason.LENGTH
        score = one.score(request.beams.length_penalty)
        distinct.setdefault(text, Written(text, text, len(one.tokens), reason, score))
    return list(distinct.values())[: request.beams.answers]


def _no_text(request: GenerationRequest, loaded: LoadedModel) -> AnswerText:
    return AnswerText(loaded.decode, (*ANSWER_ENDS, *request.stop))
