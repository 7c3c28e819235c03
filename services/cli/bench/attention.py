"""`skerry bench attention`: what a prompt costs, with every prefill pattern."""

from __future__ import annotations

from pathlib import Path

import click

from skerry.services.cli.bench.options import DTYPE, JSON, MARKDOWN, MODEL, PLOT, QUIET, THREADS
from skerry.services.cli.bench.show import show_report

_MOST_TOKENS = 2**20


@click.command("attention", short_help="A prompt's attention by density: time, recovered mass, error.")
@click.option(
    "--knowledge",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="KILT pages: prompts are their text.",
)
@click.option(
    "--lengths", default="1024,2048,4096,8192,16384", show_default=True, help="Of prompts, with commas."
)
@click.option(
    "--patterns",
    default="a_shape,vertical_slash,block_sparse,flex_prefill,stripe,hyper",
    show_default=True,
    help="With commas.",
)
@click.option("--defaults", is_flag=True, help="Only each pattern's default setting.")
@click.option(
    "--layers", default=6, show_default=True, type=click.IntRange(1), help="So many, spread over the model."
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Of a layer's times.")
@click.option("--flex", is_flag=True, help="Time compiled flex_attention too, on the same blocks.")
@click.option("--prefill", "prefills", help="Lengths of prompts to read with the whole model, with commas.")
@click.option(
    "--readings", default=3, show_default=True, type=click.IntRange(1), help="Of each of those prompts."
)
@MODEL
@DTYPE
@PLOT
@THREADS
@MARKDOWN
@QUIET
@JSON
def attention(
    knowledge: Path,
    lengths: str,
    patterns: str,
    defaults: bool,
    layers: int,
    rounds: int,
    flex: bool,
    prefills: str | None,
    readings: int,
    model: str,
    dtype: str,
    picture: Path | None,
    threads: int | None,
    markdown: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Each prefill pattern on the model's own queries, keys and values, beside dense attention.

    Recovered mass is the share of the softmax over all keys that the seen ones have. --prefill reads whole
    prompts, beside the library's default, and says what the text's last tokens then cost.
    """
    from skerry.benchmarks.attention.patterns import check_patterns
    from skerry.benchmarks.attention.plot import plot
    from skerry.benchmarks.attention.run import Spec, run
    from skerry.benchmarks.attention.tables import tables
    from skerry.benchmarks.numbers import whole_numbers
    from skerry.benchmarks.pictures import check_matplotlib
    from skerry.benchmarks.processors import on_processors
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.services.cli.legs import leg_names

    names = tuple(leg_names(patterns))
    check_patterns(names)
    if picture is not None:
        check_matplotlib()
    spec = Spec(
        knowledge=knowledge,
        lengths=whole_numbers("--lengths", lengths, _MOST_TOKENS),
        patterns=names,
        defaults=defaults,
        layers=layers,
        rounds=rounds,
        flex=flex,
        prefills=whole_numbers("--prefill", prefills, _MOST_TOKENS) if prefills else (),
        readings=readings,
    )
    found = ModelStore().resolve(model)
    with on_processors(threads) as processors:
        report = run(spec, found, dtype, processors, default_progress(quiet))
    if picture is not None:
        plot(report, picture)
    show_report(report, tables(report), as_json, markdown)
