"""`skerry bench fm-index`: the FM-index beside sdsl-lite."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from skerry.services.cli.bench.options import JSON


@click.command("fm-index", short_help="The FM-index beside sdsl-lite: speed, size, build.")
@click.option("--corpus", type=click.Path(path_type=Path), help="Text to index; drawn tokens without one.")
@click.option("--format", "corpus_format", default="kilt", show_default=True, help="Format of the corpus.")
@click.option("--model", default="SmolLM2-135M-Instruct", show_default=True, help="Whose tokenizer.")
@click.option(
    "--synthetic",
    type=click.IntRange(1),
    metavar="TOKENS",
    help="Repeat the text up to so many tokens, a tenth of them changed.",
)
@click.option(
    "--locate-every", default=4, show_default=True, type=click.IntRange(1), help="Density that is compared."
)
@click.option("--queries", default=2_000, show_default=True, type=click.IntRange(1), help="N-grams to ask.")
@click.option("--length", default=10, show_default=True, type=click.IntRange(2, 100), help="Their tokens.")
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1), help="The best is taken.")
@click.option("--no-peer", is_flag=True, help="Leave sdsl-lite out.")
@JSON
def fm_index(
    corpus: Path | None,
    corpus_format: str,
    model: str,
    synthetic: int | None,
    locate_every: int,
    queries: int,
    length: int,
    repeats: int,
    no_peer: bool,
    as_json: bool,
) -> None:
    """The FM-index beside sdsl-lite's integer wavelet tree.

    It needs a corpus and the tokenizer of --model; with drawn tokens it needs neither. The peer is compiled
    where it is installed (on Debian: apt install g++ libsdsl-dev); it is under the GPL and no part of Skerry.
    """
    from skerry.benchmarks.fm_index.run import run
    from skerry.benchmarks.fm_index.show import lines
    from skerry.benchmarks.fm_index.text import corpus_text, drawn_text, repeated_text

    def say(what: str) -> None:
        print(f"{what} ...", file=sys.stderr, flush=True)

    say("preparing the text")
    text = drawn_text() if corpus is None else corpus_text(corpus, corpus_format, model)
    if synthetic is not None:
        text = repeated_text(text, synthetic)
    report = run(
        text,
        locate_every=locate_every,
        queries=queries,
        length=length,
        repeats=repeats,
        peer=not no_peer,
        say=say,
    )
    click.echo(json.dumps(report.json()) if as_json else "\n".join(lines(report)))
