"""`skerry bench corpusbrain`: which page, leg by leg."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from skerry.services.cli.bench.options import GOLD, JSON, MARKDOWN, QUIET, SPREAD, THREADS
from skerry.services.cli.bench.show import show_table


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
@SPREAD
@click.option("--beams", default=10, show_default=True, type=click.IntRange(1, 100), help="Hypotheses.")
@click.option(
    "--language-model",
    "adapters",
    multiple=True,
    metavar="ADAPTER",
    help="SmolLM2 names pages too, with this adapter (repeatable): shipped, none, or a folder of train seal.",
)
@THREADS
@MARKDOWN
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
    show_table(table, as_json, markdown)
