"""`skerry bench`: how fast, how large, how good single parts are, beside what they are measured against."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

_INDEX = click.option(
    "--index", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the index."
)
_GOLD = click.option(
    "--gold", required=True, type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file."
)
_THREADS = click.option("--threads", type=click.IntRange(1), help="Processors to use; all by default.")
_QUIET = click.option("--quiet", is_flag=True, help="No progress.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def bench() -> None:
    """Measure single parts, each beside its peer or its targets.

    `skerry bench COMMAND --help` says what each needs.
    """


@bench.command("fm-index", short_help="The FM-index beside sdsl-lite: speed, size, build.")
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
@_JSON
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


@bench.command(short_help="The SEAL leg: latency, profile, throughput, memory.")
@_INDEX
@_GOLD
@click.option(
    "--questions", "limit", default=40, show_default=True, type=click.IntRange(1), help="Questions to ask."
)
@click.option("--beams", default="5,15", show_default=True, help="Numbers of beams, with commas.")
@_THREADS
@_QUIET
@_JSON
def seal(
    folder: Path, gold: Path, limit: int, beams: str, threads: int | None, quiet: bool, as_json: bool
) -> None:
    """Latency, profile, throughput and memory of the SEAL leg, beside their targets.

    It needs Linux, an index with the leg seal, the leg's language model, and a gold file for its questions.
    """
    from skerry.benchmarks.seal.numbers import whole_numbers
    from skerry.benchmarks.seal.processors import on_processors
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


@bench.command("seal-quality", short_help="The SEAL leg: hits alone and fused with other legs.")
@_INDEX
@_GOLD
@click.option(
    "--questions", "limit", default=500, show_default=True, type=click.IntRange(1), help="Questions to ask."
)
@click.option("--spread", is_flag=True, help="Questions spread evenly over the file, not its first ones.")
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
@_THREADS
@_QUIET
@_JSON
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
    from skerry.benchmarks.seal.lists import ListStore
    from skerry.benchmarks.seal.numbers import positive_numbers, whole_numbers
    from skerry.benchmarks.seal.processors import on_processors
    from skerry.benchmarks.seal.quality import facts, find_lists, make_spec
    from skerry.benchmarks.seal.quality_table import lines, quality_table
    from skerry.benchmarks.seal.questions import spread_evenly
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
