"""`skerry bench seal`: the SEAL leg's speed and memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from skerry.services.cli.bench.options import GOLD, INDEX, JSON, QUIET, THREADS


@click.command("seal", short_help="The SEAL leg: latency, profile, throughput, memory.")
@INDEX
@GOLD
@click.option(
    "--questions", "limit", default=40, show_default=True, type=click.IntRange(1), help="Questions to ask."
)
@click.option("--beams", default="5,15", show_default=True, help="Numbers of beams, with commas.")
@THREADS
@QUIET
@JSON
def seal(
    folder: Path, gold: Path, limit: int, beams: str, threads: int | None, quiet: bool, as_json: bool
) -> None:
    """Latency, profile, throughput and memory of the SEAL leg, beside their targets.

    It needs Linux, an index with the leg seal, the leg's language model, and a gold file for its questions.
    """
    from skerry.benchmarks.numbers import whole_numbers
    from skerry.benchmarks.processors import on_processors
    from skerry.benchmarks.seal.speed import speed
    from skerry.benchmarks.seal.speed_table import tables
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.seal.decoding.options import MOST_BEAMS

    numbers = whole_numbers("--beams", beams, MOST_BEAMS)
    questions = [question.input for question in read_gold(gold, limit)]
    with on_processors(threads) as processors, Index.open(folder) as index:
        measured = speed(index, questions, numbers, processors, default_progress(quiet))
    if as_json:
        print(json.dumps(measured.json(), indent=2))
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 160)
    for table in tables(measured):
        console.print(table)
