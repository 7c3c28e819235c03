"""`skerry bench rank`: the cross-encoder beside sentence-transformers'."""

from __future__ import annotations

from pathlib import Path

import click

from skerry.services.cli.bench.options import GOLD, INDEX, JSON, MARKDOWN, QUIET, SPREAD
from skerry.services.cli.bench.show import show_table


@click.command("rank", short_help="The cross-encoder beside sentence-transformers': speed, same order.")
@INDEX
@GOLD
@click.option(
    "--questions", "limit", default=20, show_default=True, type=click.IntRange(1), help="Questions to ask."
)
@SPREAD
@click.option("--legs", default="bm25", show_default=True, help="Whose passages are ranked, with commas.")
@click.option("--depth", default=100, show_default=True, type=click.IntRange(1, 1000), help="How many.")
@click.option("--rounds", default=2, show_default=True, type=click.IntRange(1), help="Times each is asked.")
@click.option("--ranker", type=click.Path(path_type=Path, file_okay=False), help="Folder; the shipped one.")
@click.option(
    "--dtypes", default="fp32,bf16,int8", show_default=True, help="What ours computes in, with commas."
)
@click.option("--no-peer", is_flag=True, help="Leave sentence-transformers out.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Processors to use.")
@MARKDOWN
@QUIET
@JSON
def rank(
    folder: Path,
    gold: Path,
    limit: int,
    spread: bool,
    legs: str,
    depth: int,
    rounds: int,
    ranker: Path | None,
    dtypes: str,
    no_peer: bool,
    threads: int,
    markdown: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """The cross-encoder beside sentence-transformers' CrossEncoder.predict on the same weights, in turns.

    It needs an index with the legs of --legs, a gold file for its questions, the ranker's base model, and
    sentence-transformers (the extra `bench`). Both go from texts to scores. "tau" is Kendall's, of the scores
    with those of the first row; "times less work" compares processors' time, which tells more on a busy
    machine.
    """
    from skerry.benchmarks.processors import on_processors
    from skerry.benchmarks.questions import spread_evenly
    from skerry.benchmarks.ranking.candidates import found
    from skerry.benchmarks.ranking.run import run
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.services.cli.legs import leg_names

    if not no_peer:
        from skerry.benchmarks.ranking.peer import check_installed

        check_installed()
    records = spread_evenly(read_gold(gold), limit) if spread else read_gold(gold, limit)
    questions = [record.input for record in records]
    progress, models = default_progress(quiet), ModelStore()
    with on_processors(threads) as processors:
        requests = found(folder, questions, leg_names(legs), depth, models, progress)
        table = run(requests, models, ranker, leg_names(dtypes), not no_peer, rounds, processors, progress)
    show_table(table, as_json, markdown)
