"""`skerry bench elastic`: elastic embeddings, quality against cost."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skerry.services.cli.bench.options import DTYPE, GOLD, INDEX, JSON, MARKDOWN, QUIET, THREADS
from skerry.services.cli.bench.show import show_report


@click.command("elastic", short_help="Elastic embeddings: quality against cost, untrained and trained.")
@INDEX
@GOLD
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the vectors, which a next run uses again, of report.json and the plots.",
)
@click.option("--limit", type=click.IntRange(1), help="Only so many questions, the first ones.")
@click.option("--spread", is_flag=True, help="So many questions spread evenly over the file instead.")
@click.option(
    "--sts",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Graded sentence pairs: JSON lines with sentence1, sentence2 and score.",
)
@click.option(
    "--other",
    "others",
    multiple=True,
    metavar="NAME=INDEX:GOLD",
    help="Another set (repeatable): a KILT gold file, or BEIR's as NAME=INDEX:QUESTIONS:QRELS.",
)
@click.option(
    "--adapters", default="none,shipped", show_default=True, help="none, shipped, or folders, with commas."
)
@click.option("--layers", help="Numbers of layers, with commas; all by default.")
@click.option("--dimensions", help="Numbers of dimensions, with commas; from a sixteenth to all by default.")
@click.option(
    "--vectors",
    default="stretches",
    show_default=True,
    type=click.Choice(("passage", "stretches")),
    help="One vector a passage, or also one of every stretch of about 32 tokens, of which the best counts; "
    "the funnel keeps to one.",
)
@click.option("--model", default="all-MiniLM-L6-v2", show_default=True, help="The encoder.")
@DTYPE
@click.option(
    "--rounds", default=9, show_default=True, type=click.IntRange(0), help="Of the speed; 0 leaves it out."
)
@click.option("--no-funnel", is_flag=True, help="Leave the funnel out.")
@click.option("--no-plots", is_flag=True, help="Leave the plots out: they need matplotlib.")
@THREADS
@MARKDOWN
@QUIET
@JSON
def elastic(
    folder: Path,
    gold: Path,
    out: Path,
    limit: int | None,
    spread: bool,
    sts: Path | None,
    others: tuple[str, ...],
    adapters: str,
    layers: str | None,
    dimensions: str | None,
    vectors: str,
    model: str,
    dtype: str,
    rounds: int,
    no_funnel: bool,
    no_plots: bool,
    threads: int | None,
    markdown: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Quality against cost over layers and dimensions, the encoder as it is beside the trained one.

    It needs the encoder, and for each question set an index of its corpus: any legs, for its passages, which
    are encoded here, once an adapter, after every layer. Stopped at any moment, the same command goes on
    where it was.
    """
    from skerry.benchmarks.elastic.plots import plot
    from skerry.benchmarks.elastic.question_set import SetFiles
    from skerry.benchmarks.elastic.run import Spec, run
    from skerry.benchmarks.elastic.tables import tables
    from skerry.benchmarks.numbers import whole_numbers
    from skerry.benchmarks.pictures import check_matplotlib
    from skerry.benchmarks.processors import on_processors
    from skerry.core.files import naming_full_disk, write_atomically
    from skerry.core.progress import default_progress
    from skerry.services.cli.legs import leg_names

    if spread and limit is None:
        raise click.UsageError("--spread needs --limit.")
    if not no_plots:
        check_matplotlib("give --no-plots")
    spec = Spec(
        main=SetFiles(gold.name, folder, gold),
        others=[SetFiles.parse(other) for other in others],
        model=model,
        dtype=dtype,
        adapters=leg_names(adapters),
        out=out,
        limit=limit,
        spread=spread,
        layers=whole_numbers("--layers", layers, 1000) if layers else None,
        dimensions=whole_numbers("--dimensions", dimensions, 100_000) if dimensions else None,
        similar=sts,
        rounds=rounds,
        funnel=not no_funnel,
        vectors=vectors,
    )
    with on_processors(threads) as processors:
        report = run(spec, processors, default_progress(quiet))
    with naming_full_disk(out):
        write_atomically(out / "report.json", json.dumps(report.json(), indent=2).encode() + b"\n")
    plots = [] if no_plots else plot(report, out)
    show_report(report, tables(report), as_json, markdown)
    for path in plots:
        click.echo(f"Plot: {path}", err=True)
