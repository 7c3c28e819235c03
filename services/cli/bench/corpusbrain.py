"""`skerry bench corpusbrain`: which page, leg by leg."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from skerry.services.cli.bench.options import GOLD, JSON, QUIET, THREADS


@click.command("corpusbrain", short_help="CorpusBrain: page R-precision and latency beside the other legs.")
@click.option(
    "--index",
    "folders",
    required=True,
    multiple=True,
    metavar="[NAME=]DIR",
    help="Index (repeatable: others of the same corpus, to be compared).",
)
@GOLD
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(1), help="Questions.")
@click.option("--spread", is_flag=True, help="Questions spread evenly over the file, not its first ones.")
@click.option("--beams", default=10, show_default=True, type=click.IntRange(1, 100), help="Hypotheses.")
@click.option(
    "--language-model",
    "adapters",
    multiple=True,
    metavar="ADAPTER",
    help="SmolLM2 names pages too, with this adapter (repeatable): shipped, none, or a folder of train seal.",
)
@THREADS
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@QUIET
@JSON
def corpusbrain(
    folders: Sequence[str],
    gold: Path,
    limit: int,
    spread: bool,
    beams: int,
    adapters: Sequence[str],
    threads: int | None,
    markdown: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Which page: every leg, CorpusBrain by its titles alone and with passages, and fusions, in one table.

    Questions are asked one at a time; "ms" is the median of the whole way from the question to the hits.
    """
    from rich.console import Console

    from skerry.benchmarks.corpusbrain.run import run
    from skerry.benchmarks.questions import spread_evenly
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    questions = spread_evenly(read_gold(gold), limit) if spread else read_gold(gold, limit)
    named = [folder.rpartition("=") for folder in folders]
    indexes = {name: Path(folder) for name, _, folder in named}
    if len(indexes) < len(folders):
        raise click.UsageError("Indexes need names that differ: --index NAME=DIR.")
    table = run(indexes, questions, beams, adapters, gold.name, default_progress(quiet))
    if as_json:
        click.echo(json.dumps(table.json()))
    elif markdown:
        click.echo(table.markdown(), nl=False)
    else:
        Console(width=160).print(table.rich())
