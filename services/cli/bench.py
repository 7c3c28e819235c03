"""`skerry bench`: how fast, how large, how good single parts are, beside what they are measured against."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
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


@bench.command("title-tree", short_help="The title tree: size, build, speed; beside dicts.")
@click.option(
    "--titles", default=5_000_000, show_default=True, type=click.IntRange(1), help="Titles to generate."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the titles.")
@_JSON
def title_tree(titles: int, seed: int, as_json: bool) -> None:
    """The tree of CorpusBrain's titles on generated ones, beside a tree of Python's dicts.

    It needs Linux, and for each million of titles some 200 MB of memory and 70 MB of temporary files.
    """
    from skerry.benchmarks.title_tree.run import run
    from skerry.benchmarks.title_tree.show import lines

    report = run(titles, seed, lambda what: print(f"{what} ...", file=sys.stderr, flush=True))
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


@bench.command(short_help="Elastic embeddings: quality against cost, untrained and trained.")
@_INDEX
@_GOLD
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
@click.option("--model", default="all-MiniLM-L6-v2", show_default=True, help="The encoder.")
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "bf16", "fp32"]),
    help="How it computes.",
)
@click.option(
    "--rounds", default=9, show_default=True, type=click.IntRange(0), help="Of the speed; 0 leaves it out."
)
@click.option("--no-funnel", is_flag=True, help="Leave the funnel out.")
@click.option("--no-plots", is_flag=True, help="Leave the plots out: they need matplotlib.")
@_THREADS
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
@_QUIET
@_JSON
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
    from skerry.benchmarks.elastic.plots import check_matplotlib, plot
    from skerry.benchmarks.elastic.question_set import SetFiles
    from skerry.benchmarks.elastic.run import Spec, run
    from skerry.benchmarks.elastic.tables import tables
    from skerry.benchmarks.numbers import whole_numbers
    from skerry.benchmarks.processors import on_processors
    from skerry.core.files import naming_full_disk, write_atomically
    from skerry.core.progress import default_progress
    from skerry.services.cli.legs import leg_names

    if spread and limit is None:
        raise click.UsageError("--spread needs --limit.")
    if not no_plots:
        check_matplotlib()
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
    )
    with on_processors(threads) as processors:
        report = run(spec, processors, default_progress(quiet))
    with naming_full_disk(out):
        write_atomically(out / "report.json", json.dumps(report.json(), indent=2).encode() + b"\n")
    plots = [] if no_plots else plot(report, out)
    if as_json:
        click.echo(json.dumps(report.json()))
    elif markdown:
        click.echo("\n".join(f"{table.title}\n\n{table.markdown()}" for table in tables(report)), nl=False)
    else:
        from rich.console import Console

        console = Console(width=None if sys.stdout.isatty() else 160)
        for table in tables(report):
            console.print(table.rich())
    for path in plots:
        click.echo(f"Plot: {path}", err=True)


@bench.command("corpusbrain", short_help="CorpusBrain: page R-precision and latency beside the other legs.")
@click.option(
    "--index",
    "folders",
    required=True,
    multiple=True,
    metavar="[NAME=]DIR",
    help="Index (repeatable: others of the same corpus, to be compared).",
)
@_GOLD
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
@_THREADS
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@_QUIET
@_JSON
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


@bench.command("rank", short_help="The cross-encoder beside sentence-transformers': speed, same order.")
@_INDEX
@_GOLD
@click.option(
    "--questions", "limit", default=20, show_default=True, type=click.IntRange(1), help="Questions to ask."
)
@click.option("--spread", is_flag=True, help="Questions spread evenly over the file, not its first ones.")
@click.option("--legs", default="bm25", show_default=True, help="Whose passages are ranked, with commas.")
@click.option("--depth", default=100, show_default=True, type=click.IntRange(1, 1000), help="How many.")
@click.option("--rounds", default=2, show_default=True, type=click.IntRange(1), help="Times each is asked.")
@click.option("--ranker", type=click.Path(path_type=Path, file_okay=False), help="Folder; the shipped one.")
@click.option(
    "--dtypes", default="fp32,bf16,int8", show_default=True, help="What ours computes in, with commas."
)
@click.option("--no-peer", is_flag=True, help="Leave sentence-transformers out.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Processors to use.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@_QUIET
@_JSON
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
    from rich.console import Console

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
    if as_json:
        click.echo(json.dumps(table.json()))
    elif markdown:
        click.echo(table.markdown(), nl=False)
    else:
        Console(width=160).print(table.rich())
