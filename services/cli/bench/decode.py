"""`skerry bench decode`: what a decoded token costs, with every selector."""

from __future__ import annotations

from pathlib import Path

import click

from skerry.services.cli.bench.options import DTYPE, JSON, MARKDOWN, MODEL, PLOT, QUIET, THREADS
from skerry.services.cli.bench.show import show_report

_MOST_TOKENS = 2**20


@click.command("decode", short_help="A decoded token by context: time and answers with every selector.")
@click.option(
    "--knowledge",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="KILT pages: contexts are made of their paragraphs.",
)
@click.option(
    "--gold", required=True, type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file for them."
)
@click.option(
    "--lengths", default="512,1024,2048,4096,8000", show_default=True, help="Contexts to time, with commas."
)
@click.option(
    "--tokens", default=64, show_default=True, type=click.IntRange(0), help="To decode at each; 0: none."
)
@click.option(
    "--selectors", default="sentence,quest,actqkv,recycled,routing", show_default=True, help="With commas."
)
@click.option("--budgets", default="512", show_default=True, help="Rows a token may read, with commas.")
@click.option(
    "--size", default=8192, show_default=True, type=click.IntRange(256), help="Tokens of the contexts asked."
)
@click.option(
    "--contexts", default=8, show_default=True, type=click.IntRange(0), help="To ask on; 0: no answers."
)
@click.option("--questions", default=8, show_default=True, type=click.IntRange(1), help="On each context.")
@click.option(
    "--through",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Of them, how many are also read through the selectors.",
)
@click.option("--ruler", type=click.Path(path_type=Path, file_okay=False), help="Folder of RULER's prompts.")
@click.option("--ruler-lengths", default="4096,8192", show_default=True, help="With commas.")
@click.option("--prompts", default=10, show_default=True, type=click.IntRange(1), help="Of each RULER task.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the contexts.")
@MODEL
@DTYPE
@PLOT
@THREADS
@MARKDOWN
@QUIET
@JSON
def decode(
    knowledge: Path,
    gold: Path,
    lengths: str,
    tokens: int,
    selectors: str,
    budgets: str,
    size: int,
    contexts: int,
    questions: int,
    through: int,
    ruler: Path | None,
    ruler_lengths: str,
    prompts: int,
    seed: int,
    model: str,
    dtype: str,
    picture: Path | None,
    threads: int | None,
    markdown: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Time of a decoded token by context, beside the library's default, and what gold answers cost.

    Each context is read once and asked several questions; a selector never takes anything out of it. The
    change in -log p of gold answers is beside full attention on the same cache.
    """
    from skerry.benchmarks.decode.answers import Method
    from skerry.benchmarks.decode.plot import plot
    from skerry.benchmarks.decode.run import Spec, run
    from skerry.benchmarks.decode.tables import tables
    from skerry.benchmarks.numbers import whole_numbers
    from skerry.benchmarks.pictures import check_matplotlib
    from skerry.benchmarks.processors import on_processors
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.generation.selection.base import MOST_BUDGET, check_selection
    from skerry.services.cli.legs import leg_names

    names = leg_names(selectors)
    rows = whole_numbers("--budgets", budgets, MOST_BUDGET)
    for name in names:
        check_selection(name, rows[0])
    if picture is not None:
        check_matplotlib()
    spec = Spec(
        lengths=whole_numbers("--lengths", lengths, _MOST_TOKENS) if tokens else (),
        count=tokens,
        methods=tuple(Method(name, budget) for name in names for budget in rows),
        knowledge=knowledge,
        gold=gold,
        size=size,
        contexts=contexts,
        questions=questions,
        through=through,
        ruler=ruler,
        ruler_lengths=whole_numbers("--ruler-lengths", ruler_lengths, _MOST_TOKENS),
        ruler_prompts=prompts,
        seed=seed,
    )
    found = ModelStore().resolve(model)
    with on_processors(threads) as processors:
        report = run(spec, found, dtype, processors, default_progress(quiet))
    if picture is not None:
        plot(report, picture)
    show_report(report, tables(report), as_json, markdown)
