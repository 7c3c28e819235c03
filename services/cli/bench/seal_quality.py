"""`skerry bench seal-quality`: the SEAL leg's hits."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skerry.services.cli.bench.options import GOLD, INDEX, JSON, QUIET, SPREAD, THREADS


@click.command("seal-quality", short_help="The SEAL leg: hits alone and fused with other legs.")
@INDEX
@GOLD
@click.option(
    "--questions", "limit", default=500, show_default=True, type=click.IntRange(1), help="Questions to ask."
)
@SPREAD
@click.option("--beams", default="5,10,15", show_default=True, help="Numbers of beams, with commas.")
@click.option(
    "--adapters", default="none,shipped", show_default=True, help="none, shipped, or folders, with commas."
)
@click.option("--ks", default="1,5,20,100", show_default=True, help="Ranks to score at, with commas.")
@click.option("--fuse", default="bm25,dense", show_default=True, help="Other legs, with commas; or none.")
@click.option(
    "--weights", default="1", show_default=True, help="Weights of SEAL in the fusions, with commas."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of all lists found: written as they come, and gone on with where it is there.",
)
@THREADS
@QUIET
@JSON
def seal_quality(
    folder: Path,
    gold: Path,
    limit: int,
    spread: bool,
    beams: str,
    adapters: str,
    ks: str,
    fuse: str,
    weights: str,
    out: Path | None,
    threads: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Hits of SEAL by adapter, beams and scoring, alone and fused, beside the same without it.

    It needs an index with the leg seal and those of --fuse, their models, and a gold file with provenance.

    Each question is decoded once for an adapter and a number of beams, and scored in every way. Other ranks,
    fusions and weights of the lists in --out take seconds. The table is Markdown.
    """
    from skerry.benchmarks.numbers import positive_numbers, whole_numbers
    from skerry.benchmarks.processors import on_processors
    from skerry.benchmarks.questions import spread_evenly
    from skerry.benchmarks.seal.lists import ListStore
    from skerry.benchmarks.seal.quality import facts, find_lists, make_spec
    from skerry.benchmarks.seal.quality_table import lines, quality_table
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.seal.decoding.options import MOST_BEAMS
    from skerry.services.cli.legs import leg_names

    numbers = whole_numbers("--beams", beams, MOST_BEAMS)
    ranks = whole_numbers("--ks", ks, 1000)
    shares = positive_numbers("--weights", weights)
    legs = [] if fuse.strip() == "none" else leg_names(fuse)
    depth = max(100, ranks[-1])
    questions = spread_evenly(read_gold(gold), limit) if spread else read_gold(gold, limit)
    progress = default_progress(quiet)
    with on_processors(threads), Index.open(folder) as index:
        spec = make_spec(index, leg_names(adapters), numbers, legs, depth)
        with ListStore.open(out, facts(index, depth)) as store:
            find_lists(index, questions, spec, store, progress)
        table = quality_table(
            gold.name, index.passages, questions, list(lines(spec, shares)), store, ranks, depth, progress
        )
    if as_json:
        print(json.dumps({**table.json(), "questions": len(questions)}, indent=2))
        return
    print(f"{table.title}\n\n{table.markdown()}", end="")
