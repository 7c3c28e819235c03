"""The whole measurement: speed by context, what answers cost, RULER."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from skerry.benchmarks.decode.answers import Method, Surprise, surprises
from skerry.benchmarks.decode.contexts import squad_contexts
from skerry.benchmarks.decode.ruler import TASKS, Found, ruler
from skerry.benchmarks.decode.speed import Speed, speeds
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.generation.model import LoadedModel

FULL = Method("full", 1)
"""What answers are measured against."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What to measure.

    Attributes:
        lengths: contexts of the speed measurement, in tokens; empty leaves it out.
        count: tokens that are decoded at each.
        methods: selectors with their budgets; full attention is always measured too.
        knowledge, gold: KILT pages and questions on them.
        size: tokens of the contexts that questions are put to.
        contexts, questions: how many (0 leaves them out), and questions on each.
        through: of each context's questions, how many are read through the selectors too.
        ruler: folder of RULER's prompts; None leaves them out.
        ruler_lengths: 4096, 8192.
        ruler_prompts: of each task and length.
        seed: of the contexts.
    """

    lengths: tuple[int, ...]
    count: int
    methods: tuple[Method, ...]
    knowledge: Path
    gold: Path
    size: int
    contexts: int
    questions: int
    through: int
    ruler: Path | None
    ruler_lengths: tuple[int, ...]
    ruler_prompts: int
    seed: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a method makes of gold answers.

    Attributes:
        nats: -log p, a token.
        change: of the sum over all answers, as a share of full attention's.
        error: standard error of `change`, over the contexts.
        questions: answers that were measured.
    """

    method: str
    nats: float
    change: float
    error: float
    questions: int


@dataclass(frozen=True, slots=True)
class Score:
    """Of a method on a RULER task: the share found, that as a share of full attention's, change of -log p."""

    task: str
    length: int
    method: str
    share: float
    relative: float
    change: float
    prompts: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured; `size` is that of the answers' contexts."""

    model: str
    dtype: str
    threads: int
    size: int
    speeds: tuple[Speed, ...]
    answers: tuple[Cost, ...]
    through: tuple[Cost, ...]
    ruler: tuple[Score, ...]

    def json(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)


def run(spec: Spec, model: Model, dtype: str, threads: int, progress: Progress) -> Report:
    """Measure. Errors as those of the parts."""
    loaded = LoadedModel(model, dtype)
    methods = [FULL, *(method for method in spec.methods if method != FULL)]
    fast: list[Speed] = []
    plain: list[Surprise] = []
    through: list[Surprise] = []
    draw = partial(squad_contexts, spec.knowledge, spec.gold, loaded.tokenizer, seed=spec.seed)
    if spec.lengths:
        [text] = draw(size=max(spec.lengths) + spec.count + 1024, contexts=1, questions=1)
        with progress.task("speed", len(spec.lengths) + 1, "lengths") as task:
            fast = list(speeds(loaded, text.tokens, spec.lengths, methods, spec.count, task))
    if spec.contexts:
        contexts = list(draw(size=spec.size, contexts=spec.contexts, questions=spec.questions))
        with progress.task("answers", spec.contexts * spec.questions, "questions") as task:
            for one in surprises(loaded, contexts, methods, spec.through, task):
                (through if one.through else plain).append(one)
    found: list[Found] = []
    if spec.ruler is not None:
        total = len(TASKS) * len(spec.ruler_lengths) * spec.ruler_prompts
        with progress.task("ruler", total, "prompts") as task:
            for length in spec.ruler_lengths:
                found += ruler(loaded, spec.ruler, length, methods, spec.ruler_prompts, task)
    return Report(
        model=model.name,
        dtype=str(loaded.weights.dtype).removeprefix("torch."),
        threads=threads,
        size=spec.size,
        speeds=tuple(fast),
        answers=tuple(costs(plain)),
        through=tuple(costs(through)),
        ruler=tuple(scores(found)),
    )


def costs(measured: Sequence[Surprise]) -> list[Cost]:
    """Each method beside full attention, in the order of their first measurements."""
    by_method: dict[str, list[Surprise]] = defaultdict(list)
    for one in measured:
        by_method[one.method].append(one)
    full = by_method.get(FULL.name, [])
    whole = sum(one.nats for one in full)
    rows = []
    for method, of_method in by_method.items():
        by_context: dict[int, float] = defaultdict(float)
        for one, base in zip(of_method, full, strict=True):
            by_context[one.context] += one.nats - base.nats
        rows.append(
            Cost(
                method=method,
                nats=sum(one.nats for one in of_method) / sum(one.tokens for one in of_method),
                change=sum(by_context.values()) / whole,
                error=_error_of_sum(by_context.values()) / whole,
                questions=len(of_method),
            )
        )
    return rows


def _error_of_sum(parts: Iterable[float]) -> float:
    """Standard error of the sum of independent parts; NaN for one."""
    parts = list(parts)
    if len(parts) < 2:
        return math.nan
    mean = sum(parts) / len(parts)
    return math.sqrt(sum((part - mean) ** 2 for part in parts) * len(parts) / (len(parts) - 1))


def scores(found: Sequence[Found]) -> list[Score]:
    """Each method on each task, beside full attention."""
    groups: dict[tuple[str, int, str], list[Found]] = defaultdict(list)
    for one in found:
        groups[one.task, one.length, one.method].append(one)
    rows = []
    for (task, length, method), of_method in groups.items():
        full = groups[task, length, FULL.name]
        share, base = (sum(one.share for one in part) / len(part) for part in (of_method, full))
        nats, whole = (sum(one.nats for one in part) for part in (of_method, full))
        rows.append(
            Score(
                task=task,
                length=length,
                method=method,
                share=share,
                relative=share / base if base else math.nan,
                change=nats / whole - 1,
                prompts=len(of_method),
            )
        )
    return rows
