"""Answers from retrieved passages, with and without what is kept: the same ones, how good, how soon."""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from skerry.benchmarks.ttft.kept import KeptPassages
from skerry.core.deadline import Deadline
from skerry.core.progress import Progress
from skerry.evaluation.answers import best
from skerry.evaluation.exact_match import exact_match
from skerry.evaluation.f1 import f1
from skerry.evaluation.table import Row, ScoreTable
from skerry.generation.base import Completed, GenerationRequest, Source, Started
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan

PLAIN, REPEATED = "nothing reused", "the same passages again"
_COLUMNS = {
    "same answers": ".3f",
    "em": ".3f",
    "f1": ".3f",
    "s to the first token": ".3f",
    "times faster": ".1f",
    "computed again": ".3f",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its gold answers, and the passages that were found for it, best first."""

    question: str
    golds: Collection[str]
    sources: tuple[Source, ...]


@dataclass(slots=True)
class _Way:
    """What one way gave, question by question."""

    answers: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)


def answers(
    generator: TransformersGenerator,
    kept: KeptPassages,
    asked: Sequence[Asked],
    plans: Sequence[tuple[str, ContextPlan]],
    max_tokens: int,
    progress: Progress,
) -> ScoreTable:
    """One row a way, over the same questions: nothing reused; each plan with all passages kept as they were
    read alone; and the default where the same passages stood together before.

    "same answers" are those of the first row, to the letter; "computed again" is the share of questions in
    which a plan's margin asked for it.
    """
    ways = {name: _Way() for name in (PLAIN, *(name for name, _ in plans), REPEATED)}
    with progress.task("answers", len(asked), "questions") as task:
        for one in asked:
            _answer(generator, one, ContextPlan(reuse=False), max_tokens, ways[PLAIN])
            kept.read(generator, one.sources)
            for name, plan in plans:
                kept.show(one.sources)
                _answer(generator, one, plan, max_tokens, ways[name])
            kept.show(one.sources, kept.read_together(generator, one.sources, one.question))
            _answer(generator, one, ContextPlan(recompute="full"), max_tokens, ways[REPEATED])
            kept.keep_only(())
            task.advance()
    plain = ways[PLAIN]
    rows = [Row(name, _scores(way, plain, [one.golds for one in asked])) for name, way in ways.items()]
    return ScoreTable(f"{len(asked)} questions", list(_COLUMNS), rows, _COLUMNS)


def _answer(
    generator: TransformersGenerator, asked: Asked, plan: ContextPlan, max_tokens: int, way: _Way
) -> None:
    request = GenerationRequest(asked.question, asked.sources, max_tokens, context=plan)
    begun = time.perf_counter()
    for event in generator.generate(request, Deadline(None)):
        if isinstance(event, Started):
            way.seconds.append(time.perf_counter() - begun)
        elif isinstance(event, Completed):
            way.answers.append(event.text)
            way.again.append("again" in event.timings)


def _scores(way: _Way, plain: _Way, golds: Sequence[Collection[str]]) -> dict[str, float]:
    pairs = list(zip(way.answers, golds, strict=True))
    ratios = [theirs / ours for theirs, ours in zip(plain.seconds, way.seconds, strict=True)]
    same = [a == b for a, b in zip(way.answers, plain.answers, strict=True)]
    return {
        "same answers": statistics.fmean(same),
        "em": statistics.fmean(best(exact_match, text, gold) for text, gold in pairs),
        "f1": statistics.fmean(best(f1, text, gold) for text, gold in pairs),
        "s to the first token": statistics.median(way.seconds),
        "times faster": statistics.median(ratios),
        "computed again": statistics.fmean(way.again),
    }
